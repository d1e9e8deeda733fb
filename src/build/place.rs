//! Places in a document: a JSON6902 path resolved against the document that it is about.
//!
//! Owns what an index may look like and what is said about a path that leads nowhere. Changes nothing.

use json_patch::jsonptr::PointerBuf;
use serde_json::Value;

use super::json6902::Reason;
use crate::diagnostic::did_you_mean;

/// A place in a document that exists or can be made.
pub(super) struct Place {
    /// Keys and indexes of the parent, all of which exist.
    pub(super) parent: Vec<String>,
    /// The last part as written, decoded.
    pub(super) last: String,
    pub(super) slot: Slot,
}

/// What the last part of a path is.
pub(super) enum Slot {
    Key {
        exists: bool,
    },
    /// An index as a number that may count from the end, and the length of the list.
    Index {
        index: i128,
        length: usize,
    },
    /// `-`.
    End {
        length: usize,
    },
    /// Neither `-` nor a number.
    NoIndex,
}

/// What stops the walk along a path.
pub(super) struct Stop {
    pub(super) reason: Reason,
    pub(super) existing: String,
    pub(super) candidate: Option<String>,
}

impl Place {
    pub(super) fn pointer(&self, last: &str) -> PointerBuf {
        PointerBuf::from_tokens(self.parent.iter().map(String::as_str).chain([last]))
    }

    /// Returns the pointer of a value that must exist.
    pub(super) fn existing(&self, doc: &Value) -> Result<PointerBuf, Stop> {
        match self.slot {
            Slot::Key { exists: true } => Ok(self.pointer(&self.last)),
            Slot::Key { exists: false } => Err(self.stop(doc, Reason::Missing)),
            Slot::Index { index, length } => match absolute(index, length) {
                Some(at) => Ok(self.pointer(&at.to_string())),
                None => Err(self.stop(doc, Reason::OutOfRange { length })),
            },
            Slot::End { length } => Err(self.stop(doc, Reason::OutOfRange { length })),
            Slot::NoIndex => Err(self.stop(doc, Reason::NotAnIndex(self.last.clone()))),
        }
    }

    pub(super) fn stop(&self, doc: &Value, reason: Reason) -> Stop {
        let existing = PointerBuf::from_tokens(self.parent.iter().map(String::as_str)).as_str().to_owned();
        let candidate = doc.pointer(&existing).and_then(|parent| sibling(parent, &self.last));
        Stop { reason, existing, candidate }
    }
}

/// Walks to the parent of a path.
pub(super) fn locate(doc: &Value, path: &str) -> Result<Place, Stop> {
    let mut parts: Vec<String> = path.split('/').skip(1).map(|p| p.replace("~1", "/").replace("~0", "~")).collect();
    let Some(last) = parts.pop() else {
        return Err(Stop { reason: Reason::MissingParent, existing: String::new(), candidate: None });
    };
    let mut current = doc;
    let mut parent: Vec<String> = Vec::with_capacity(parts.len());
    for part in parts {
        let step = match current {
            Value::Object(map) => map.get(&part).map(|child| (part.clone(), child)),
            Value::Array(items) => {
                index_of(&part).and_then(|index| absolute(index, items.len())).map(|at| (at.to_string(), &items[at]))
            }
            _ => None,
        };
        match step {
            Some((name, child)) if child.is_object() || child.is_array() => {
                parent.push(name);
                current = child;
            }
            other => {
                let candidate = if other.is_some() { None } else { sibling(current, &part) };
                parent.extend(other.map(|(name, _)| name));
                let existing = PointerBuf::from_tokens(parent.iter().map(String::as_str)).as_str().to_owned();
                return Err(Stop { reason: Reason::MissingParent, existing, candidate });
            }
        }
    }
    let slot = match current {
        Value::Object(map) => Slot::Key { exists: map.contains_key(&last) },
        Value::Array(items) => match index_of(&last) {
            _ if last == "-" => Slot::End { length: items.len() },
            Some(index) => Slot::Index { index, length: items.len() },
            None => Slot::NoIndex,
        },
        _ => return Err(Stop { reason: Reason::MissingParent, existing: String::new(), candidate: None }),
    };
    Ok(Place { parent, last, slot })
}

/// Reads an index as the library does: a sign and leading zeros are allowed.
fn index_of(text: &str) -> Option<i128> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let fits = !digits.is_empty() && digits.len() < 30 && digits.bytes().all(|b| b.is_ascii_digit());
    let value: i128 = fits.then(|| digits.parse().ok()).flatten()?;
    let value = if text.starts_with('-') { -value } else { value };
    // Beyond 64 bits it is not a number to the library.
    (i128::from(i64::MIN)..=i128::from(i64::MAX)).contains(&value).then_some(value)
}

/// Turns an index that may count from the end into one that lies in the list.
pub(super) fn absolute(index: i128, length: usize) -> Option<usize> {
    let at = if index < 0 { index + length as i128 } else { index };
    usize::try_from(at).ok().filter(|at| *at < length)
}

fn sibling(parent: &Value, wrong: &str) -> Option<String> {
    let keys = parent.as_object()?.keys().map(String::as_str).filter(|key| *key != wrong);
    did_you_mean(wrong, keys).map(str::to_owned)
}
