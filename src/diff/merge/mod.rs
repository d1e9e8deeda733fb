//! Merges a hand edit and a new rendering of one file, on the ground of the last rendering. Knows objects and fields, no
//! lines: what is no YAML is merged only while one side is as it was.
//!
//! `value` merges documents, `order` puts the items of lists in order, `document` takes a file apart and puts it together
//! again with the comments of the user.

mod document;
mod order;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::fields::{FieldChange, FieldKind};
use super::path::Path;
use crate::tree::{Blob, RepoPath};
use crate::yaml::{self, Dialect, Limits};
use document::Document;

/// Something that both sides changed, each in its way.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// The object, as in `v1 ConfigMap namespace/name`; empty for a document that is none, and for the file as a whole.
    pub object: String,
    /// The field; empty for the whole.
    pub path: Path,
    /// What is wrong.
    pub clash: Clash,
    /// What the hand edit has there, without credentials; nothing when it has removed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yours: Option<Value>,
    /// What the rendering has there, without credentials; nothing when it has it no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rendering: Option<Value>,
}

/// Why two sides do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Clash {
    /// Both have another value.
    Value,
    /// Both put the items in another order.
    Order,
    /// Both changed comments, or a comment of the user has no place in what comes out.
    Comments,
    /// The rendering has the file no longer.
    Dropped,
    /// The file has no structure that both sides could be compared by.
    Whole,
    /// Nobody knows the last rendering.
    NoBase,
    /// Git left the marks of a merge conflict in the hand edit.
    Marks,
    /// The hand edit is no YAML, or empty: nothing could use the file.
    Broken,
}

impl Clash {
    /// Says it in words, behind the name of the place.
    pub fn words(self) -> &'static str {
        match self {
            Self::Value => "both sides changed it",
            Self::Order => "both sides changed the order",
            Self::Comments => "comments would be lost",
            Self::Dropped => "the intent has no need of the file any more",
            Self::Whole => "both sides changed the file, and it has no objects and fields to merge",
            Self::Marks => "git left the marks of a merge conflict in it",
            Self::Broken => "as it is, it is no YAML with content",
            Self::NoBase => "the last rendering is not found, so nobody knows what each side changed",
        }
    }
}

/// Tells why a file can be no part of a tree as somebody left it, whatever they meant to say with it.
pub fn unfit(path: &RepoPath, content: &Blob) -> Option<Clash> {
    let text = content.text();
    let has_line = |mark| text.is_some_and(|text| text.lines().any(|line| line.starts_with(mark)));
    if has_line("<<<<<<< ") && has_line(">>>>>>> ") {
        return Some(Clash::Marks);
    }
    let parsed = || yaml::parse(content.bytes(), Dialect::Kubernetes, Limits::MANIFEST);
    let holds = |nodes: Vec<yaml::Node>| nodes.iter().any(|node| node.body != yaml::Body::Scalar(Value::Null));
    (is_yaml(path) && !parsed().is_ok_and(holds)).then_some(Clash::Broken)
}

fn is_yaml(path: &RepoPath) -> bool {
    [".yaml", ".yml"].iter().any(|end| path.as_str().ends_with(end))
}

/// Merges one file: the last rendering, what lies on disk, and the new rendering, if there is one.
///
/// Returns what the file becomes; nothing when the rendering drops it and the user never changed it.
///
/// # Errors
/// Every conflict, in the order of the file.
pub fn merge(
    path: &RepoPath,
    base: Option<&Blob>,
    yours: &Blob,
    rendering: Option<&Blob>,
) -> Result<Option<Blob>, Vec<Conflict>> {
    let whole = |clash| {
        Err(vec![Conflict { object: String::new(), path: Path::default(), clash, yours: None, rendering: None }])
    };
    if let (Some(clash), Some(_)) = (unfit(path, yours), rendering) {
        return whole(clash);
    }
    let Some(base) = base else {
        return if Some(yours) == rendering { Ok(Some(yours.clone())) } else { whole(Clash::NoBase) };
    };
    if base.with_lf() == yours.with_lf() {
        return Ok(rendering.cloned());
    }
    let Some(rendering) = rendering else { return whole(Clash::Dropped) };
    if rendering.with_lf() == base.with_lf() || rendering.with_lf() == yours.with_lf() {
        return Ok(Some(yours.clone()));
    }
    let read = |blob| if is_yaml(path) { document::read(blob) } else { None };
    let (Some(base), Some(yours), Some(rendering)) = (read(base), read(yours), read(rendering)) else {
        return whole(Clash::Whole);
    };
    documents(&base, &yours, &rendering).map(|texts| Some(Blob::from(texts.join("---\n"))))
}

/// Merges the documents of a file, each known by the object that it holds.
fn documents(base: &[Document], yours: &[Document], rendering: &[Document]) -> Result<Vec<String>, Vec<Conflict>> {
    fn by_id(side: &[Document]) -> BTreeMap<&str, &Document> {
        side.iter().map(|document| (document.id.as_str(), document)).collect()
    }
    let (b, y, r) = (by_id(base), by_id(yours), by_id(rendering));
    let mut conflicts = Vec::new();
    let mut texts: HashMap<&str, String> = HashMap::new();
    let ids: BTreeSet<&str> = [&b, &y, &r].into_iter().flat_map(|side| side.keys().copied()).collect();
    for id in ids {
        let (base, yours, rendering) = (b.get(id).copied(), y.get(id).copied(), r.get(id).copied());
        let (merged, found) = value::merge([base, yours, rendering].map(|side| side.map(|side| &side.value)));
        let clean = found.is_empty();
        conflicts.extend(found.into_iter().map(|found| found.in_object(id)));
        let Some(merged) = merged.filter(|_| clean) else { continue };
        match document::text(&merged, base, yours, rendering) {
            Some(text) => drop(texts.insert(id, text)),
            None => conflicts.push(value::Found::at(Clash::Comments, Path::default(), false).in_object(id)),
        }
    }
    let labels = |side: &[Document]| -> Vec<String> { side.iter().map(|document| document.id.clone()).collect() };
    let stays = |id: &str| texts.contains_key(id);
    let order = order::merge([&labels(base), &labels(yours), &labels(rendering)], stays);
    let Some(order) = order.filter(|_| conflicts.is_empty()) else {
        if conflicts.is_empty() {
            conflicts.push(value::Found::at(Clash::Order, Path::default(), false).in_object(""));
        }
        return Err(conflicts);
    };
    Ok(order.iter().filter_map(|id| texts.remove(id.as_str())).collect())
}

impl value::Found {
    /// Makes a conflict of it that may be shown.
    fn in_object(self, object: &str) -> Conflict {
        let Self { clash, path, secret, yours, rendering } = self;
        let mut change = FieldChange { path, change: FieldKind::Changed, before: yours, after: rendering, secret };
        super::conceal::conceal(&mut change);
        Conflict { object: object.to_owned(), path: change.path, clash, yours: change.before, rendering: change.after }
    }
}
