//! Which fields of which kinds the transformers change: the defaults of kustomize, `configurations`, and how they merge.
//!
//! The defaults are those that kustomize documents for its transformers; the tables write them by their pattern.

mod defaults;

use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use serde_json::Value;

use super::order;
use super::read::{self, Fault};
use crate::build::identity::Identity;

/// A field of the objects of a group, version and kind; an empty one of these stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldSpec {
    pub(super) kinds: Kinds,
    /// The path as written: `spec/template/metadata/labels`.
    pub(super) path: String,
    pub(super) steps: Vec<Step>,
    /// Whether the field is made where it is missing.
    pub(super) create: bool,
}

/// One step of a path: a key of a map. Lists on the way are walked item by item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) key: String,
    /// Whether the path says that a list follows (`containers[]`); such a key is never made.
    pub(super) list: bool,
}

/// Group, version and kind; an empty one stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Kinds {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
}

impl Kinds {
    pub(super) fn new(group: &str, version: &str, kind: &str) -> Self {
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    /// Tells whether an object is one of these.
    pub(super) fn select(&self, id: &Identity) -> bool {
        self.covers(&id.group, &id.version, &id.kind)
    }

    fn covers(&self, group: &str, version: &str, kind: &str) -> bool {
        let fits = |wanted: &str, text: &str| wanted.is_empty() || wanted == text;
        fits(&self.kind, kind) && fits(&self.group, group) && fits(&self.version, version)
    }

    /// The order in which kustomize keeps them.
    fn rank(&self) -> (i32, String) {
        (order::rank(&self.kind), order::type_text(&self.group, &self.version, &self.kind))
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Written {
    group: String,
    version: String,
    kind: String,
    path: String,
    create: bool,
}

impl<'de> Deserialize<'de> for FieldSpec {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { group, version, kind, path, create } = Written::deserialize(deserializer)?;
        Ok(Self::new(Kinds { group, version, kind }, &path, create))
    }
}

impl FieldSpec {
    pub(super) fn new(kinds: Kinds, path: &str, create: bool) -> Self {
        let step = |part: String| match part.strip_suffix("[]") {
            Some(key) => Step { key: key.to_owned(), list: true },
            None => Step { key: part, list: false },
        };
        Self { kinds, steps: split(path, '/').into_iter().map(step).collect(), path: path.to_owned(), create }
    }

    /// Tells whether another one says nothing that this one does not say.
    fn covers(&self, other: &Self) -> bool {
        self.path == other.path && other.kinds.covers(&self.kinds.group, &self.kinds.version, &self.kinds.kind)
    }
}

/// Splits a path; a separator behind a backslash belongs to its part, and one at the start counts for nothing.
pub(super) fn split(path: &str, separator: char) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let path = path.strip_prefix(separator).unwrap_or(path);
    for part in path.split(separator) {
        match out.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(separator);
                last.push_str(part);
            }
            _ => out.push(part.to_owned()),
        }
    }
    out
}

/// Which fields name the objects of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NameReference {
    pub(super) kinds: Kinds,
    pub(super) fields: Vec<FieldSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WrittenReference {
    group: String,
    version: String,
    kind: String,
    field_specs: Vec<FieldSpec>,
}

impl<'de> Deserialize<'de> for NameReference {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let WrittenReference { group, version, kind, field_specs } = WrittenReference::deserialize(deserializer)?;
        Ok(Self { kinds: Kinds { group, version, kind }, fields: field_specs })
    }
}

/// The fields of all transformers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Config {
    pub(super) name_prefix: Vec<FieldSpec>,
    pub(super) name_suffix: Vec<FieldSpec>,
    pub(super) namespace: Vec<FieldSpec>,
    pub(super) common_labels: Vec<FieldSpec>,
    pub(super) labels: Vec<FieldSpec>,
    pub(super) template_labels: Vec<FieldSpec>,
    pub(super) common_annotations: Vec<FieldSpec>,
    pub(super) name_reference: Vec<NameReference>,
    pub(super) var_reference: Vec<FieldSpec>,
    pub(super) images: Vec<FieldSpec>,
    pub(super) replicas: Vec<FieldSpec>,
}

/// Two entries for one field that disagree about making it.
#[derive(Debug, PartialEq)]
pub(super) struct Conflict {
    pub(super) path: String,
}

impl Config {
    /// Returns the defaults.
    pub(super) fn defaults() -> &'static Arc<Self> {
        static DEFAULTS: LazyLock<Arc<Config>> = LazyLock::new(|| Arc::new(defaults::all()));
        &DEFAULTS
    }

    /// Reads a file of `configurations`.
    pub(super) fn read(value: &Value) -> Result<Self, Fault> {
        read::from_value(value)
    }

    /// Adds the fields of another one.
    pub(super) fn merge(&mut self, other: &Self) -> Result<(), Conflict> {
        let pairs = [
            (&mut self.name_prefix, &other.name_prefix),
            (&mut self.name_suffix, &other.name_suffix),
            (&mut self.namespace, &other.namespace),
            (&mut self.common_labels, &other.common_labels),
            (&mut self.labels, &other.labels),
            (&mut self.template_labels, &other.template_labels),
            (&mut self.common_annotations, &other.common_annotations),
            (&mut self.var_reference, &other.var_reference),
            (&mut self.images, &other.images),
            (&mut self.replicas, &other.replicas),
        ];
        for (fields, more) in pairs {
            add_all(fields, more)?;
            fields.sort_by_cached_key(|field| field.kinds.rank());
        }
        for reference in &other.name_reference {
            match self.name_reference.iter_mut().find(|known| known.kinds == reference.kinds) {
                Some(known) => add_all(&mut known.fields, &reference.fields)?,
                None => self.name_reference.push(reference.clone()),
            }
        }
        self.name_reference.sort_by_cached_key(|reference| reference.kinds.rank());
        Ok(())
    }
}

/// Adds fields that are not there yet.
pub(super) fn add_all(fields: &mut Vec<FieldSpec>, more: &[FieldSpec]) -> Result<(), Conflict> {
    for field in more {
        match fields.iter().find(|known| known.covers(field)) {
            Some(known) if known.create != field.create => return Err(Conflict { path: field.path.clone() }),
            Some(_) => {}
            None => fields.push(field.clone()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::defaults::field;
    use super::*;

    #[test]
    fn a_path_may_hold_its_separator() {
        assert_eq!(split("metadata/annotations/a.b\\/c", '/'), ["metadata", "annotations", "a.b/c"]);
        assert_eq!(split("/a/b", '/'), ["a", "b"]);
        assert_eq!(split("a", '/'), ["a"]);
    }

    #[test]
    fn a_field_that_is_there_is_not_added_again() {
        let mut known = vec![field(("", "", "Deployment"), "a/b", true)];
        assert_eq!(add_all(&mut known, &[field(("", "", "Deployment"), "a/b", true)]), Ok(()));
        assert_eq!(known.len(), 1);
        // One for all kinds is covered by one for a single kind, as in kustomize.
        assert_eq!(add_all(&mut known, &[field(("", "", ""), "a/b", true)]), Ok(()));
        assert_eq!(known.len(), 1);
        assert_eq!(add_all(&mut known, &[field(("", "", "Job"), "a/b", true)]), Ok(()));
        assert_eq!(known.len(), 2);
        let conflict = Conflict { path: "a/b".into() };
        assert_eq!(add_all(&mut known, &[field(("", "", "Deployment"), "a/b", false)]), Err(conflict));
    }
}
