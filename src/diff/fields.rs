//! What differs between two values, field by field. Knows lists by [`naming`], and documents inside of texts.
//!
//! Values are shown to nobody as they come from here: `conceal` hides credentials.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::conceal;
use super::naming::{self, Kind, Names};
use super::patches;
use super::path::{Item, Named, Path, Step};
use crate::build::{Field, OPEN, Shape, shape};
use crate::yaml::{self, Dialect, Limits};

/// What happens to one field.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// Where: in the object after the change; before it, for what is removed.
    pub path: Path,
    /// What happens.
    pub change: FieldKind,
    /// The value before; for `moved`, the names of the items in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The value after; for `moved`, the names of the items in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Whether it lies in the values of a Secret.
    #[serde(skip)]
    pub secret: bool,
}

/// What happens to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FieldKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has another value.
    Changed,
    /// The items of a list stand in another order.
    Moved,
}

/// Compares two objects; linear in their size, but for lists without names.
pub(super) fn compare(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut changes = Changes(Vec::new());
    let (old, new) = (patches::open(before, after), patches::open(after, before));
    changes.value(&old, &new, &Path::default(), Place::of_document(after));
    changes.0
}

/// What is known about a value from the place where it stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    shape: &'static Shape,
    pub(super) list: Kind,
    /// Fields that lead to the patches of a Kustomization.
    patches: &'static [&'static str],
    /// Whether the value is one of these patches.
    is_patch: bool,
    /// Whether the value lies in a document inside of a text already.
    inside: bool,
    /// Whether the value is a Secret.
    pub(super) is_secret: bool,
    /// Whether the value is one of a Secret.
    pub(super) secret: bool,
}

impl Place {
    /// The place of a whole object, or of a part of one that names its kind.
    pub(super) fn of(object: &Value) -> Self {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let shape = shape(text("apiVersion"), text("kind"));
        let is_secret = text("kind") == "Secret";
        Self { shape, list: Kind::Any, patches: &[], is_patch: false, inside: false, is_secret, secret: false }
    }

    /// The place of a whole document: a Kustomization of Flux or kustomize has patches.
    pub(super) fn of_document(document: &Value) -> Self {
        Self { patches: patches::fields(document), ..Self::of(document) }
    }

    /// The same place, in a Secret if that is so.
    pub(super) fn in_secret(self, is_secret: bool) -> Self {
        Self { is_secret: self.is_secret || is_secret, ..self }
    }

    pub(super) fn field(self, key: &str, value: &Value) -> Self {
        if self.is_patch && key == "patch" {
            return Self { list: Kind::Operations, inside: self.inside, secret: self.secret, ..Self::of(value) };
        }
        let secret = self.secret || key == "stringData" || (self.is_secret && key == "data");
        let (shape, list) = match self.shape.field(key) {
            Some(Field::Map(shape)) => (*shape, Kind::Any),
            Some(Field::Keyed(keys, shape)) => (*shape, Kind::Merged(keys)),
            Some(Field::Set) | None => (&OPEN, Kind::Any),
        };
        let (list, patches) = match self.patches {
            [only] if *only == key => (Kind::Patches, &[][..]),
            [first, rest @ ..] if *first == key => (list, rest),
            _ => (list, &[][..]),
        };
        Self { shape, list, patches, is_patch: false, inside: self.inside, is_secret: false, secret }
    }

    pub(super) fn item(self, named: Named) -> Self {
        Self { list: Kind::Any, is_patch: named == Named::Target, is_secret: false, ..self }
    }
}

struct Changes(Vec<FieldChange>);

impl Changes {
    fn push(&mut self, path: Path, place: Place, change: FieldKind, before: Option<&Value>, after: Option<&Value>) {
        let (before, after) = (before.cloned(), after.cloned());
        self.0.push(FieldChange { path, change, before, after, secret: place.secret });
    }

    fn value(&mut self, before: &Value, after: &Value, path: &Path, place: Place) {
        if before == after {
            return;
        }
        match (before, after) {
            (Value::Object(old), Value::Object(new)) => {
                let is_secret = conceal::is_secret(before) || conceal::is_secret(after);
                let place = place.in_secret(is_secret);
                for (key, value) in old {
                    match new.get(key) {
                        Some(after) => self.value(value, after, &path.key(key), place.field(key, after)),
                        None => {
                            self.push(path.key(key), place.field(key, value), FieldKind::Removed, Some(value), None)
                        }
                    }
                }
                for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
                    self.push(path.key(key), place.field(key, value), FieldKind::Added, None, Some(value));
                }
            }
            (Value::Array(old), Value::Array(new)) => match naming::names(place.list, old, new) {
                Some(names) => self.named(old, new, names, path, place),
                None => self.aligned(old, new, path, place),
            },
            (Value::String(a), Value::String(b)) if !place.inside => match (document(a), document(b)) {
                // Texts that differ in comments only are told apart as texts.
                (Some(old), Some(new)) if old != new && old.is_object() == new.is_object() => {
                    let inner = Place { inside: true, secret: place.secret, ..Place::of(&new) };
                    self.value(&old, &new, &path.then(Step::Inside), inner);
                    if layout_differs((a, old), (b, new)) {
                        self.push(path.clone(), place, FieldKind::Changed, Some(before), Some(after));
                    }
                }
                _ => self.push(path.clone(), place, FieldKind::Changed, Some(before), Some(after)),
            },
            _ => self.push(path.clone(), place, FieldKind::Changed, Some(before), Some(after)),
        }
    }

    /// Compares lists whose items have names: another order is one change.
    fn named(&mut self, old: &[Value], new: &[Value], names: Names, path: &Path, place: Place) {
        let index = |names: &[String]| -> HashMap<String, usize> {
            names.iter().cloned().enumerate().map(|(at, name)| (name, at)).collect()
        };
        let (old_at, new_at) = (index(&names.before), index(&names.after));
        let item = |label: &str| {
            path.then(Step::Item(Item {
                named: names.named,
                label: label.to_owned(),
                before: old_at.get(label).copied(),
                after: new_at.get(label).copied(),
            }))
        };
        let place = place.item(names.named);
        let mut moved = false;
        for (label, before) in names.before.iter().zip(old) {
            match new_at.get(label) {
                None => self.push(item(label), place, FieldKind::Removed, Some(before), None),
                Some(at) if names.named == Named::Operation => {
                    moved |= before.get("path") != new[*at].get("path");
                    self.value(&patches::at_path_of(before, &new[*at]), &new[*at], &item(label), place);
                }
                Some(at) => self.value(before, &new[*at], &item(label), place),
            }
        }
        for (label, after) in names.after.iter().zip(new).filter(|(label, _)| !old_at.contains_key(*label)) {
            self.push(item(label), place, FieldKind::Added, None, Some(after));
        }
        let stay: Vec<usize> = names.after.iter().filter_map(|label| old_at.get(label)).copied().collect();
        if moved || !stay.is_sorted() {
            let order = |all: &[String], items: &[Value], other: &HashMap<String, usize>| {
                let both = all.iter().zip(items).filter(|(label, _)| other.contains_key(*label));
                both.map(|(label, item)| if moved { patches::place_in_list(label, item) } else { label.clone() })
                    .collect()
            };
            let before: Value = order(&names.before, old, &new_at);
            let after: Value = order(&names.after, new, &old_at);
            self.push(path.clone(), place, FieldKind::Moved, Some(&before), Some(&after));
        }
    }

    /// Compares lists whose items have no names: one that is put in between is one change.
    fn aligned(&mut self, old: &[Value], new: &[Value], path: &Path, place: Place) {
        let place = place.item(Named::Index);
        let item = |before: Option<usize>, after: Option<usize>| {
            path.then(Step::Item(Item { named: Named::Index, label: String::new(), before, after }))
        };
        for op in capture_diff_slices(Algorithm::Myers, old, new) {
            let (removed, added) = (op.old_range(), op.new_range());
            if matches!(op, DiffOp::Equal { .. }) {
                continue;
            }
            let pairs = removed.len().min(added.len());
            for (before, after) in removed.clone().zip(added.clone()) {
                self.value(&old[before], &new[after], &item(Some(before), Some(after)), place);
            }
            for before in removed.skip(pairs) {
                self.push(item(Some(before), None), place, FieldKind::Removed, Some(&old[before]), None);
            }
            for after in added.skip(pairs) {
                self.push(item(None, Some(after)), place, FieldKind::Added, None, Some(&new[after]));
            }
        }
    }
}

/// Tells whether two texts differ in more than their values: in comments, in the last line end, or in more lines than
/// the same values do when both are written alike.
fn layout_differs((before, mut old): (&str, Value), (after, mut new): (&str, Value)) -> bool {
    old.sort_all_objects();
    new.sort_all_objects();
    yaml::comments(before) != yaml::comments(after)
        || before.ends_with('\n') != after.ends_with('\n')
        || changed_lines(before, after) > changed_lines(&yaml::emit(&old), &yaml::emit(&new))
}

/// Counts the lines that only one of two texts has; a comma behind an item of JSON is no difference.
fn changed_lines(before: &str, after: &str) -> usize {
    let lines = |text| -> Vec<&str> { str::lines(text).map(|line| line.strip_suffix(',').unwrap_or(line)).collect() };
    let ops = capture_diff_slices(Algorithm::Myers, &lines(before), &lines(after));
    let changed = ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    changed.map(|op| op.old_range().len() + op.new_range().len()).sum()
}

/// Reads the map or list that a text holds: YAML of several lines, or JSON.
pub(super) fn document(text: &str) -> Option<Value> {
    if !text.contains('\n') && !text.starts_with(['{', '[']) {
        return None;
    }
    let limits = Limits { depth: 64, ..Limits::MANIFEST };
    let nodes = yaml::parse(text.as_bytes(), Dialect::Kubernetes, limits).ok()?;
    let [node] = nodes.as_slice() else { return None };
    let value = node.to_value();
    (value.is_object() || value.is_array()).then_some(value)
}
