//! JSON6902 operations with the quirks of the library that kustomize uses.
//!
//! Each operation is translated against the current document into one that `json-patch` carries out: `-1` and the
//! index behind the last item append, `01` is 1, `replace` creates a missing key, and so on.

use json_patch::{AddOperation, PatchOperation, RemoveOperation, ReplaceOperation};
use serde_json::{Number, Value};

use super::change::{Change, ChangeKind};
use super::place::{Place, Slot, Stop, absolute, locate};

/// Most values that a document may have after a `copy`.
const MOST_VALUES: usize = 100_000;
/// Deepest nesting that operations may build up; each could otherwise go on where the last one ended.
const DEEPEST: usize = 512;

/// The name of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Add,
    Replace,
    Remove,
    Move,
    Copy,
    Test,
}

/// One operation of a JSON6902 patch.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// What to do.
    pub op: Op,
    /// Where, as written; what stands before the first `/` is ignored, as kustomize does.
    pub path: String,
    /// Where `move` and `copy` take the value from.
    pub from: Option<String>,
    /// The value; `null` where none is written.
    pub value: Value,
}

/// Why an operation cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A part of the path before the last does not exist, or is a scalar.
    #[error("its parent does not exist")]
    MissingParent,
    /// The path itself does not exist.
    #[error("it does not exist")]
    Missing,
    /// An index lies outside its list.
    #[error("the list has {length} items")]
    OutOfRange {
        /// Number of items.
        length: usize,
    },
    /// A list is addressed by something that is not a number.
    #[error("`{0}` is not an index")]
    NotAnIndex(String),
    /// The document would become larger or deeper than any object can be.
    #[error("it would make the document too large or too deep")]
    TooLarge,
    /// A `test` found another value.
    #[error("the value is another one")]
    TestFailed {
        /// What stands there; `None` when nothing does.
        found: Option<Value>,
    },
}

/// An operation that cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("operation {op_index} does not apply at `{path}`: {reason}")]
pub struct OperationFault {
    /// Position of the operation in the patch.
    pub op_index: usize,
    /// The path as written (of `from`, when that is what fails).
    pub path: String,
    /// What is wrong.
    pub reason: Reason,
    /// The longest part of the path that exists, as a JSON pointer.
    pub existing: String,
    /// The key that was probably meant, next to the one that does not exist.
    pub candidate: Option<String>,
}

/// Carries out one operation.
///
/// # Errors
/// Tells which part of the path exists; the document is unchanged then.
pub(super) fn apply(
    doc: &mut Value,
    op_index: usize,
    operation: &Operation,
) -> Result<Vec<Change>, Box<OperationFault>> {
    let fault = |path: &str, stop: Stop| {
        let Stop { reason, existing, candidate } = stop;
        Box::new(OperationFault { op_index, path: path.to_owned(), reason, existing, candidate })
    };
    let path = operation.path.as_str();
    let change = |path, kind, before, after| Change { op_index, path, kind, before, after };
    match operation.op {
        Op::Test => {
            let found = read(doc, path, true).map_err(|stop| fault(path, stop))?;
            let held = equal(found.as_ref().unwrap_or(&Value::Null), &operation.value);
            if !held {
                return Err(fault(
                    path,
                    Stop { reason: Reason::TestFailed { found }, existing: path.to_owned(), candidate: None },
                ));
            }
            Ok(vec![change(path.to_owned(), ChangeKind::Tested, found.clone(), found)])
        }
        Op::Replace if path.is_empty() => {
            let before = std::mem::replace(doc, operation.value.clone());
            Ok(vec![change(
                String::new(),
                kind_of(Some(&before), &operation.value),
                Some(before),
                Some(operation.value.clone()),
            )])
        }
        Op::Add => add(doc, op_index, path, operation.value.clone()).map(|c| vec![c]).map_err(|s| fault(path, s)),
        Op::Replace => {
            replace(doc, op_index, path, operation.value.clone()).map(|c| vec![c]).map_err(|s| fault(path, s))
        }
        Op::Remove => remove(doc, op_index, path).map(|c| vec![c]).map_err(|s| fault(path, s)),
        Op::Copy => {
            let from = operation.from.as_deref().unwrap_or_default();
            // A missing key is copied as null.
            let value = read(doc, from, true).map_err(|s| fault(from, s))?.unwrap_or(Value::Null);
            // A map copied into itself doubles; a few dozen such operations would fill any memory.
            if count(doc) + count(&value) > MOST_VALUES {
                let stop = Stop { reason: Reason::TooLarge, existing: from.to_owned(), candidate: None };
                return Err(fault(from, stop));
            }
            add(doc, op_index, path, value).map(|c| vec![c]).map_err(|s| fault(path, s))
        }
        Op::Move => {
            let from = operation.from.as_deref().unwrap_or_default();
            let mut moved = doc.clone();
            let taken = remove(&mut moved, op_index, from).map_err(|s| fault(from, s))?;
            let value = taken.before.clone().unwrap_or(Value::Null);
            let put = add(&mut moved, op_index, path, value).map_err(|s| fault(path, s))?;
            *doc = moved;
            Ok(vec![taken, put])
        }
    }
}

fn add(doc: &mut Value, op_index: usize, path: &str, value: Value) -> Result<Change, Stop> {
    let place = locate(doc, path)?;
    if place.parent.len() + depth(&value) > DEEPEST {
        return Err(place.stop(doc, Reason::TooLarge));
    }
    let (last, kind) = match place.slot {
        Slot::Key { exists: true } => (place.last.clone(), None),
        Slot::Key { exists: false } => (place.last.clone(), Some(ChangeKind::Added)),
        Slot::End { length } => (length.to_string(), Some(ChangeKind::Inserted)),
        // An insertion counts from the end of the list as it will be: `-1` appends.
        Slot::Index { index, length } => {
            let grown = length + 1;
            let at = absolute(index, grown).ok_or_else(|| place.stop(doc, Reason::OutOfRange { length }))?;
            (at.to_string(), Some(ChangeKind::Inserted))
        }
        Slot::NoIndex => return Err(place.stop(doc, Reason::NotAnIndex(place.last.clone()))),
    };
    let pointer = place.pointer(&last);
    let before = if kind.is_none() { doc.pointer(pointer.as_str()).cloned() } else { None };
    run(doc, PatchOperation::Add(AddOperation { path: pointer.clone(), value: value.clone() }), &place)?;
    let kind = kind.unwrap_or_else(|| kind_of(before.as_ref(), &value));
    Ok(Change { op_index, path: pointer.as_str().to_owned(), kind, before, after: Some(value) })
}

fn replace(doc: &mut Value, op_index: usize, path: &str, value: Value) -> Result<Change, Stop> {
    let place = locate(doc, path)?;
    // A missing key is created.
    if matches!(place.slot, Slot::Key { exists: false }) {
        return add(doc, op_index, path, value);
    }
    if place.parent.len() + depth(&value) > DEEPEST {
        return Err(place.stop(doc, Reason::TooLarge));
    }
    let pointer = place.existing(doc)?;
    let before = doc.pointer(pointer.as_str()).cloned();
    run(doc, PatchOperation::Replace(ReplaceOperation { path: pointer.clone(), value: value.clone() }), &place)?;
    let kind = kind_of(before.as_ref(), &value);
    Ok(Change { op_index, path: pointer.as_str().to_owned(), kind, before, after: Some(value) })
}

fn remove(doc: &mut Value, op_index: usize, path: &str) -> Result<Change, Stop> {
    let place = locate(doc, path)?;
    let pointer = place.existing(doc)?;
    let before = doc.pointer(pointer.as_str()).cloned();
    run(doc, PatchOperation::Remove(RemoveOperation { path: pointer.clone() }), &place)?;
    Ok(Change { op_index, path: pointer.as_str().to_owned(), kind: ChangeKind::Removed, before, after: None })
}

/// Reads the value at a path; a missing key is `None` where that is allowed.
fn read(doc: &Value, path: &str, missing_key_allowed: bool) -> Result<Option<Value>, Stop> {
    if path.is_empty() {
        return Ok(Some(doc.clone()));
    }
    let place = locate(doc, path)?;
    if missing_key_allowed && matches!(place.slot, Slot::Key { exists: false }) {
        return Ok(None);
    }
    let pointer = place.existing(doc)?;
    Ok(doc.pointer(pointer.as_str()).cloned())
}

fn run(doc: &mut Value, operation: PatchOperation, place: &Place) -> Result<(), Stop> {
    // The place was looked up in this very document, so that this cannot fail; if it does, the walk was wrong.
    match json_patch::patch(doc, &[operation]) {
        Ok(()) => Ok(()),
        Err(_) => Err(place.stop(doc, Reason::Missing)),
    }
}

fn kind_of(before: Option<&Value>, after: &Value) -> ChangeKind {
    match before {
        None => ChangeKind::Added,
        Some(before) if before == after => ChangeKind::Unchanged,
        Some(_) => ChangeKind::Replaced,
    }
}

/// Compares values; `1` and `1.0` are the same number.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => a == b,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 1,
    }
}

fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// Rounds numbers as kustomize does in every document that JSON6902 touched: all pass through 64-bit floats.
pub(super) fn through_floats(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let Some(float) = number.as_f64() else { return };
            // The shortest digits that read back as the same float, which is how Go prints them.
            let digits = float.to_string();
            let whole = digits.parse::<i64>().map(Number::from).or_else(|_| digits.parse::<u64>().map(Number::from));
            if let Ok(whole) = whole {
                *number = whole;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(through_floats),
        Value::Object(map) => map.values_mut().for_each(through_floats),
        _ => {}
    }
}
