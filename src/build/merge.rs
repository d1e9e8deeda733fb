//! Strategic merge of one patch into one object.
//!
//! Owns maps, scalars, sets and directives; lists with keys are merged in `associate`, and which lists have keys stands
//! in `schema`. Which object a patch is for is decided in `patch`.

use serde_json::{Map, Value};

use super::change::ListItem;
use super::patch::Rules;
use super::schema::{Field, Shape};
use super::source;
use crate::render::Resource;
use crate::yaml::Body;

/// Deeper than any document that the YAML reader lets through; guards the stack against values built in code.
const DEEPEST: usize = 256;

/// What became of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Merged {
    /// The patch deletes the whole object.
    Deleted,
    /// The object with the patch merged in.
    Changed {
        /// The new body; not yet known to be an object still.
        body: Value,
        /// Items of the patch that kustomize loses without a word: their list as a pointer, and their merge key.
        dropped: Vec<ListItem>,
    },
}

/// Why a patch cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeFault {
    /// A map, a list and a scalar cannot be merged with one another.
    #[error("`{path}` is {base} in the object and {patch} in the patch")]
    KindMismatch {
        /// JSON pointer of the field.
        path: String,
        /// What the object has.
        base: &'static str,
        /// What the patch has.
        patch: &'static str,
    },
    /// A `$patch` directive that does not exist.
    #[error("`{path}` has the unknown directive `$patch: {directive}`")]
    UnknownDirective {
        /// JSON pointer of the map or list.
        path: String,
        /// The directive as written.
        directive: String,
    },
    /// An item of a list that is merged by key does not have that key; kustomize would lose items.
    #[error("item {index} of `{list}` in the {} has no `{key}`, by which the list is merged", if *.in_patch { "patch" } else { "object" })]
    ItemWithoutKey {
        /// JSON pointer of the list.
        list: String,
        /// Position of the item.
        index: usize,
        /// The merge key.
        key: &'static str,
        /// Whether the item stands in the patch or in the object.
        in_patch: bool,
    },
    /// A list of scalars holds a map or a list.
    #[error("item {index} of `{list}` is not a scalar")]
    ItemNotScalar {
        /// JSON pointer of the list.
        list: String,
        /// Position of the item in the patch.
        index: usize,
    },
    /// Two items of the patch, or of the object under a directive, differ only in whether they give the second key.
    #[error("`{list}` has items for `{key}` with and without `{second}`; what a merge makes of them is accidental")]
    AmbiguousItems {
        /// JSON pointer of the list.
        list: String,
        /// Text of the first key.
        key: String,
        /// Name of the second key.
        second: &'static str,
    },
    /// The patch or the object is nested too deeply.
    #[error("`{0}` is nested too deeply")]
    TooDeep(String),
}

/// Merges a patch into an object. Identity (`apiVersion`, `kind`, name, namespace) always stays that of the object.
///
/// # Errors
/// Names the place where patch and object do not fit, and what kustomize itself handles by accident only.
pub fn merge(resource: &Resource, patch: &Value) -> Result<Merged, MergeFault> {
    merge_as(resource, patch, Rules::default())
}

/// As [`merge`], for a patch that may change name or kind.
pub(super) fn merge_as(resource: &Resource, patch: &Value, rules: Rules) -> Result<Merged, MergeFault> {
    let (Some(base), Some(patch)) = (resource.body.as_object(), patch.as_object()) else {
        return Err(MergeFault::KindMismatch { path: String::new(), base: "a map", patch: kind_of(patch) });
    };
    match strip_directive(patch, "")? {
        Some("delete") => return Ok(Merged::Deleted),
        // kustomize does nothing at all in this case.
        Some("replace") => return Ok(Merged::Changed { body: resource.body.clone(), dropped: Vec::new() }),
        _ => {}
    }
    let mut merger = Merger { dropped: Vec::new(), depth: 0 };
    let mut body = base.clone();
    merger.map(&mut body, patch, rules.shape(resource.api_version(), resource.kind()), "")?;
    restore_identity(&mut body, base, rules);
    let mut body = Value::Object(body);
    annotations_to_text(&mut body);
    Ok(Merged::Changed { body, dropped: merger.dropped })
}

/// State of one merge.
pub(super) struct Merger {
    /// Items of the patch that got lost.
    pub(super) dropped: Vec<ListItem>,
    depth: usize,
}

impl Merger {
    /// Merges the fields of a patch into a map; directives of the patch map itself are the caller's.
    pub(super) fn map(
        &mut self,
        base: &mut Map<String, Value>,
        patch: &Map<String, Value>,
        shape: &Shape,
        path: &str,
    ) -> Result<(), MergeFault> {
        if self.depth >= DEEPEST {
            return Err(MergeFault::TooDeep(path.to_owned()));
        }
        self.depth += 1;
        for (key, value) in patch.iter().filter(|(key, _)| *key != "$patch") {
            let path = child(path, key);
            match value {
                Value::Null => {
                    base.shift_remove(key);
                }
                Value::Object(patch) => self.map_field(base, key, patch, shape.map(key), &path)?,
                Value::Array(items) => self.list_field(base, key, items, shape.field(key), &path)?,
                scalar => scalar_field(base, key, scalar, &path)?,
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Makes a map out of a patch alone: directives carried out, nulls dropped.
    pub(super) fn fresh(
        &mut self,
        patch: &Map<String, Value>,
        shape: &Shape,
        path: &str,
    ) -> Result<Map<String, Value>, MergeFault> {
        let mut map = Map::new();
        self.map(&mut map, patch, shape, path)?;
        Ok(map)
    }

    fn map_field(
        &mut self,
        base: &mut Map<String, Value>,
        key: &str,
        patch: &Map<String, Value>,
        shape: &'static Shape,
        path: &str,
    ) -> Result<(), MergeFault> {
        let directive = strip_directive(patch, path)?;
        match (base.get_mut(key), directive) {
            (Some(other @ (Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_))), _) => {
                return Err(mismatch(path, other, "a map"));
            }
            (_, Some("delete")) => {
                base.shift_remove(key);
            }
            (Some(Value::Object(map)), None | Some("merge")) => self.map(map, patch, shape, path)?,
            _ => {
                let fresh = self.fresh(patch, shape, path)?;
                base.insert(key.to_owned(), Value::Object(fresh));
            }
        }
        Ok(())
    }

    fn list_field(
        &mut self,
        base: &mut Map<String, Value>,
        key: &str,
        patch: &[Value],
        field: Option<&'static Field>,
        path: &str,
    ) -> Result<(), MergeFault> {
        let existing = match base.get_mut(key) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => std::mem::take(items),
            Some(other) => return Err(mismatch(path, other, "a list")),
        };
        let field = match field {
            Some(field @ (Field::Keyed(..) | Field::Set)) => field,
            // An atomic list is taken over as it stands, directives and nulls included.
            _ => {
                base.insert(key.to_owned(), Value::Array(patch.to_vec()));
                return Ok(());
            }
        };
        let (existing, patch) = match list_directive(patch, path)? {
            Some("delete") => {
                base.shift_remove(key);
                return Ok(());
            }
            directive => {
                let items: Vec<Value> = patch.iter().filter(|item| lone_directive(item).is_none()).cloned().collect();
                (if directive == Some("replace") { Vec::new() } else { existing }, items)
            }
        };
        let merged = match field {
            Field::Keyed(keys, shape) => self.keyed(existing, &patch, keys, shape, path)?,
            _ => set(existing, &patch, path)?,
        };
        base.insert(key.to_owned(), Value::Array(merged));
        Ok(())
    }
}

/// Merges a list of scalars as a set: the patch's first, in its order.
fn set(existing: Vec<Value>, patch: &[Value], path: &str) -> Result<Vec<Value>, MergeFault> {
    let mut out: Vec<Value> = Vec::new();
    for (index, item) in patch.iter().enumerate() {
        match item {
            Value::Null => {}
            Value::Object(_) | Value::Array(_) => {
                return Err(MergeFault::ItemNotScalar { list: path.to_owned(), index });
            }
            scalar if out.contains(scalar) => {}
            scalar => out.push(scalar.clone()),
        }
    }
    for item in existing {
        if !out.contains(&item) {
            out.push(item);
        }
    }
    Ok(out)
}

/// Puts a scalar into a map. A text that had to be quoted stays a text whatever the patch gives, because kustomize keeps
/// the quotes: `"1"` patched with `2` is `"2"`. Texts that were quoted without need would behave so too, but a value does
/// not know its quotes.
fn scalar_field(base: &mut Map<String, Value>, key: &str, scalar: &Value, path: &str) -> Result<(), MergeFault> {
    let value = match base.get(key) {
        Some(other @ (Value::Object(_) | Value::Array(_))) => return Err(mismatch(path, other, "a scalar")),
        Some(Value::String(text)) if !scalar.is_string() && reads_as_other_type(text) => {
            Value::String(scalar.to_string())
        }
        _ => scalar.clone(),
    };
    base.insert(key.to_owned(), value);
    Ok(())
}

fn reads_as_other_type(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    match source::documents(text.as_bytes()) {
        Ok(nodes) => match nodes.as_slice() {
            [] => true,
            [node] => !matches!(&node.body, Body::Scalar(Value::String(_))),
            _ => false,
        },
        Err(_) => false,
    }
}

/// Returns the directive of a map.
pub(super) fn strip_directive<'p>(patch: &'p Map<String, Value>, path: &str) -> Result<Option<&'p str>, MergeFault> {
    match patch.get("$patch") {
        None => Ok(None),
        Some(Value::String(text)) if matches!(text.as_str(), "delete" | "replace" | "merge") => Ok(Some(text)),
        Some(other) => {
            let directive = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
            Err(MergeFault::UnknownDirective { path: path.to_owned(), directive })
        }
    }
}

/// Returns the directive of an item that consists of nothing else: it is about the whole list.
fn lone_directive(item: &Value) -> Option<&Map<String, Value>> {
    item.as_object().filter(|map| map.len() == 1 && map.contains_key("$patch"))
}

fn list_directive<'p>(patch: &'p [Value], path: &str) -> Result<Option<&'p str>, MergeFault> {
    match patch.iter().find_map(lone_directive) {
        Some(item) => strip_directive(item, path),
        None => Ok(None),
    }
}

fn restore_identity(body: &mut Map<String, Value>, base: &Map<String, Value>, rules: Rules) {
    for (key, free) in [("apiVersion", false), ("kind", rules.allow_kind_change)] {
        if let Some(value) = base.get(key).filter(|_| !free) {
            body.insert(key.into(), value.clone());
        }
    }
    let metadata = body.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    let (Some(metadata), Some(before)) = (metadata.as_object_mut(), base.get("metadata")) else { return };
    for (key, free) in [("name", rules.allow_name_change), ("namespace", false)] {
        if free {
            continue;
        }
        match before.get(key) {
            Some(value) => metadata.insert(key.into(), value.clone()),
            None => metadata.shift_remove(key),
        };
    }
}

/// kustomize writes every annotation as a text.
pub(super) fn annotations_to_text(body: &mut Value) {
    if let Some(Value::Object(map)) = body.pointer_mut("/metadata/annotations") {
        for value in map.values_mut() {
            if !matches!(value, Value::String(_) | Value::Object(_) | Value::Array(_)) {
                *value = Value::String(value.to_string());
            }
        }
    }
}

/// Returns the JSON pointer of a field.
pub(super) fn child(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn mismatch(path: &str, base: &Value, patch: &'static str) -> MergeFault {
    MergeFault::KindMismatch { path: path.to_owned(), base: kind_of(base), patch }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "a map",
        Value::Array(_) => "a list",
        Value::Null => "null",
        _ => "a scalar",
    }
}
