//! [`Document`]: what an intent says after its bases, and in which file each part of it stands.
//!
//! Rules look at the merged values, and name places in them. Here such a place becomes file, line and field as the user
//! wrote them: an item of a list has another index in the base that it comes from.

use std::sync::Arc;

use super::credentials;
use crate::diagnostic::{Span, field_path};
use crate::tree::RepoPath;
use crate::yaml::{Body, Node, unescape};

/// One of the files that an intent is made of.
#[derive(Clone, Debug)]
pub struct Part {
    /// The file as messages name it.
    pub name: Arc<str>,
    /// The file in the repository, when it lies there.
    pub path: Option<RepoPath>,
    /// The file as it was parsed, without credentials.
    pub node: Arc<Node>,
}

/// An intent, merged with its bases.
#[derive(Clone, Debug)]
pub struct Document {
    /// The merged values; `file` of a node is its index in `parts`.
    pub node: Arc<Node>,
    /// The intent's own file, then its bases in the order in which they were merged.
    pub parts: Vec<Part>,
}

/// A place in one of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'d> {
    /// The file as messages name it.
    pub file: &'d str,
    /// Where in the file.
    pub span: Span,
    /// The field, with the indexes that it has in that file.
    pub field: String,
}

impl Document {
    /// Makes the document of a file without bases.
    pub fn single(name: &str, path: Option<RepoPath>, node: Arc<Node>) -> Self {
        Self { node: node.clone(), parts: vec![Part { name: name.into(), path, node }] }
    }

    /// Returns the bases in the order in which they were merged.
    pub fn bases(&self) -> &[Part] {
        self.parts.get(1..).unwrap_or_default()
    }

    /// Returns the merged values for somebody to read: no credential stands in them, though nothing may have refused it yet.
    pub fn shown(&self) -> Node {
        let mut node = (*self.node).clone();
        credentials::hide_all(&mut node);
        node
    }

    /// Returns where a JSON pointer leads: to its value, or to its key.
    pub fn place(&self, pointer: &str, at_key: bool) -> Place<'_> {
        let span = if at_key { self.node.key_span_at(pointer) } else { self.node.place_of(pointer) };
        let part = self.parts.get(usize::from(self.node.nearest(pointer).file)).or(self.parts.first());
        let file = part.map(|part| &*part.name).unwrap_or_default();
        Place { file, span, field: self.field(pointer) }
    }

    /// Returns the line of a JSON pointer in the file that holds its value, from 1.
    pub fn line(&self, pointer: &str) -> usize {
        self.node.span_at(pointer).line
    }

    /// Returns the field of a JSON pointer as its own file has it.
    fn field(&self, pointer: &str) -> String {
        let found = self.node.nearest(pointer);
        let Some(part) = self.parts.get(usize::from(found.file)).filter(|_| self.parts.len() > 1) else {
            return field_path(pointer);
        };
        let parts: Vec<&str> = pointer.split('/').skip(1).collect();
        // What is missing has no place; its parent has.
        let known = (0..=parts.len()).rev().find(|count| self.node.at(&joined(&parts[..*count])).is_some());
        let (above, below) = parts.split_at(known.unwrap_or_default());
        match locate(&part.node, above, found.span) {
            Some(own) => {
                field_path(&joined(&own.iter().map(String::as_str).chain(below.iter().copied()).collect::<Vec<_>>()))
            }
            None => field_path(pointer),
        }
    }

    /// Returns the text at a JSON pointer as its own file has it: a reference to a file is rewritten while merging.
    pub fn written(&self, pointer: &str) -> Option<&str> {
        let found = self.node.at(pointer)?;
        let part = self.parts.get(usize::from(found.file))?;
        let parts: Vec<&str> = pointer.split('/').skip(1).collect();
        let own = locate(&part.node, &parts, found.span)?;
        match &part.node.at(&joined(&own.iter().map(String::as_str).collect::<Vec<_>>()))?.body {
            Body::Scalar(value) => value.as_str(),
            _ => None,
        }
    }

    /// Names the field of a JSON pointer for a message about another one: with its file, when that is another one, too.
    pub fn name_of(&self, pointer: &str, beside: &str) -> String {
        let [one, other] = [self.place(pointer, false), self.place(beside, false)];
        if one.file == other.file { one.field } else { format!("{} of `{}`", one.field, one.file) }
    }
}

fn joined(parts: &[&str]) -> String {
    parts.iter().flat_map(|part| ["/", part]).collect()
}

/// Finds the value that stands at a span, below the same keys, but perhaps at other indexes.
fn locate(node: &Node, parts: &[&str], span: Span) -> Option<Vec<String>> {
    let Some((part, rest)) = parts.split_first() else { return (node.span == span).then(Vec::new) };
    let (step, mut found) = match &node.body {
        Body::Scalar(_) => return None,
        Body::Mapping(_) => ((*part).to_owned(), locate(node.child(&unescape(part))?, rest, span)?),
        Body::Sequence(items) => {
            items.iter().enumerate().find_map(|(index, item)| Some((index.to_string(), locate(item, rest, span)?)))?
        }
    };
    found.insert(0, step);
    Some(found)
}
