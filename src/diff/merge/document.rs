//! A file taken apart into documents, each with its text, and a merged document as text again: as one of the sides wrote
//! it wherever that is possible, so that comments and style of the user stay.

use std::collections::HashSet;

use serde_json::Value;

use crate::render::Resource;
use crate::tree::Blob;
use crate::yaml::{self, Dialect, Limits};

/// One document of a file.
pub(super) struct Document {
    /// The object that it holds; empty for the only document of a file that holds none.
    pub(super) id: String,
    pub(super) value: Value,
    text: String,
    comments: Vec<String>,
}

/// Takes a file apart; `None` when its documents cannot be told apart by what they hold, or their texts not by lines.
pub(super) fn read(blob: &Blob) -> Option<Vec<Document>> {
    let bytes = blob.with_lf();
    let text = std::str::from_utf8(&bytes).ok()?;
    let mut documents: Vec<Document> = Vec::new();
    // Comments between two marks belong to what follows them.
    let mut pending = String::new();
    for part in parts(text)? {
        let text = std::mem::take(&mut pending) + &part;
        match one(&text)? {
            None => pending = text,
            Some(value) => documents.push(Document {
                id: Resource::new(value.clone()).map(|object| object.id()).unwrap_or_default(),
                comments: yaml::comments(&text),
                value,
                text,
            }),
        }
    }
    if let Some(last) = documents.last_mut().filter(|_| !pending.is_empty()) {
        last.text.push_str(&pending);
        last.comments = yaml::comments(&last.text);
    }
    let ids: HashSet<&str> = documents.iter().map(|document| document.id.as_str()).collect();
    let known = ids.len() == documents.len() && (documents.len() == 1 || !ids.contains(""));
    let nodes = yaml::parse(text.as_bytes(), Dialect::Kubernetes, Limits::MANIFEST).ok()?;
    let values = nodes.iter().map(yaml::Node::to_value).filter(|value| !value.is_null());
    (known && values.eq(documents.iter().map(|document| document.value.clone()))).then_some(documents)
}

/// Reads the text of one document; nothing when it has no value.
fn one(text: &str) -> Option<Option<Value>> {
    let nodes = yaml::parse(text.as_bytes(), Dialect::Kubernetes, Limits::MANIFEST).ok()?;
    let mut values = nodes.iter().map(yaml::Node::to_value).filter(|value| !value.is_null());
    let value = values.next();
    values.next().is_none().then_some(value)
}

/// Splits a text where a line marks the start of a document. No scalar holds such a line: it would end there.
fn parts(text: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    for line in text.lines() {
        let mark = line.strip_prefix("---").filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        match mark.map(str::trim) {
            Some("") => parts.push(String::new()),
            Some(rest) if rest.starts_with('#') => parts.push(format!("{rest}\n")),
            Some(_) => return None,
            None if line.starts_with('%') || line == "..." || line.starts_with("... ") => return None,
            None => {
                let part = parts.last_mut()?;
                part.push_str(line);
                part.push('\n');
            }
        }
    }
    Some(parts)
}

/// Writes a merged document; `None` when comments of the user would be lost.
pub(super) fn text(
    merged: &Value,
    base: Option<&Document>,
    yours: Option<&Document>,
    rendering: Option<&Document>,
) -> Option<String> {
    fn comments(side: Option<&Document>) -> &[String] {
        side.map(|side| side.comments.as_slice()).unwrap_or_default()
    }
    let own = comments(yours) != comments(base);
    if own && comments(rendering) != comments(base) && comments(yours) != comments(rendering) {
        return None;
    }
    // The side whose comments count, and the other one.
    let (first, second) = match own || comments(rendering) == comments(base) {
        true => (yours, rendering),
        false => (rendering, yours),
    };
    let whole = |side: &&Document| side.value == *merged && side.comments == comments(first);
    if let Some(side) = [first, second].into_iter().flatten().find(whole) {
        return Some(side.text.clone());
    }
    let from = first.or(second)?;
    let text = yaml::emit_with_comments(merged, &from.text, Limits::MANIFEST);
    let sorted = |mut all: Vec<String>| {
        all.sort();
        all
    };
    let kept = !own || sorted(yaml::comments(&text)) == sorted(from.comments.clone());
    // What comes out is read back: nothing may change on the way.
    (kept && one(&text)?.as_ref() == Some(merged)).then_some(text)
}
