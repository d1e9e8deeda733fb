//! What a patch did to an object: one [`Change`] for each field, with JSON pointers into the object.
//!
//! Compares before and after of a strategic merge; operations of JSON6902 report their changes themselves.

use serde_json::Value;

use super::associate::distinct_keys;
use super::merge::child;
use super::schema::{Field, OPEN, Shape};

/// What happened to one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// A key of a map that was not there.
    Added,
    /// A value that was another one.
    Replaced,
    /// A field or item that is gone.
    Removed,
    /// An item put into a list; the items behind it moved.
    Inserted,
    /// A `test` that held.
    Tested,
    /// An operation that left everything as it was.
    Unchanged,
}

/// One field that a patch touched.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Position of the operation in a JSON6902 patch, or of the document in a strategic merge patch.
    pub op_index: usize,
    /// JSON pointer: into the object before for removals, after for everything else.
    pub path: String,
    /// What happened.
    pub kind: ChangeKind,
    /// The value before.
    pub before: Option<Value>,
    /// The value after.
    pub after: Option<Value>,
}

/// An item of a list that is merged by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListItem {
    /// JSON pointer of the list.
    pub list: String,
    /// The merge key of the item: `controller`, `80/TCP`.
    pub key: String,
}

/// The differences that a strategic merge made.
#[derive(Debug, Default)]
pub(super) struct Differences {
    pub(super) changes: Vec<Change>,
    /// Items that the merge added to lists that were there before.
    pub(super) added: Vec<ListItem>,
}

impl Differences {
    /// Compares an object before and after a merge.
    pub(super) fn between(before: &Value, after: &Value, shape: &Shape, op_index: usize) -> Self {
        let mut differences = Self::default();
        differences.value(before, after, shape, "", op_index);
        differences
    }

    fn push(&mut self, op_index: usize, path: String, before: Option<&Value>, after: Option<&Value>) {
        let kind = match (before, after) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Replaced,
        };
        self.changes.push(Change { op_index, path, kind, before: before.cloned(), after: after.cloned() });
    }

    fn value(&mut self, before: &Value, after: &Value, shape: &Shape, path: &str, op_index: usize) {
        if before == after {
            return;
        }
        let (Value::Object(old), Value::Object(new)) = (before, after) else {
            self.push(op_index, path.to_owned(), Some(before), Some(after));
            return;
        };
        for (key, value) in old {
            let path = child(path, key);
            match (new.get(key), shape.field(key)) {
                (None, _) => self.push(op_index, path, Some(value), None),
                (Some(after), Some(Field::Keyed(keys, shape))) => self.list(value, after, keys, shape, path, op_index),
                (Some(after), Some(Field::Map(shape))) => self.value(value, after, shape, &path, op_index),
                (Some(after), _) => self.value(value, after, &OPEN, &path, op_index),
            }
        }
        for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
            self.push(op_index, child(path, key), None, Some(value));
        }
    }

    /// Compares lists by key, so that an item that only moved is no change.
    fn list(
        &mut self,
        before: &Value,
        after: &Value,
        keys: &[&'static str],
        shape: &Shape,
        path: String,
        op_index: usize,
    ) {
        let items = |value: &Value| Some((value.as_array()?.clone(), distinct_keys(value.as_array()?, keys)?));
        let (Some((old, old_keys)), Some((new, new_keys))) = (items(before), items(after)) else {
            if before != after {
                self.push(op_index, path, Some(before), Some(after));
            }
            return;
        };
        for (index, _) in old_keys.iter().enumerate().filter(|(_, key)| !new_keys.contains(key)) {
            self.push(op_index, format!("{path}/{index}"), Some(&old[index]), None);
        }
        for (index, key) in new_keys.iter().enumerate() {
            let here = format!("{path}/{index}");
            match old_keys.iter().position(|known| known == key) {
                Some(at) => self.value(&old[at], &new[index], shape, &here, op_index),
                None => {
                    self.push(op_index, here, None, Some(&new[index]));
                    self.added.push(ListItem { list: path.clone(), key: key.clone() });
                }
            }
        }
    }
}
