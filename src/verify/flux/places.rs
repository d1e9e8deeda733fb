//! [`Places`]: lines of files. A file is read when a finding is about it, and once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::{Written, file_of};
use crate::build::flux::Built;
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::render::Resource;
use crate::tree::{RepoPath, Tree};
use crate::yaml::{Body, Dialect, Limits, Node, parse};

pub(super) struct Places<'t> {
    tree: &'t Tree,
    read: RefCell<HashMap<String, Rc<Vec<Node>>>>,
}

impl<'t> Places<'t> {
    pub(super) fn new(tree: &'t Tree) -> Self {
        Self { tree, read: RefCell::default() }
    }

    /// Tells whether a file is there.
    pub(super) fn exists(&self, file: &str) -> bool {
        RepoPath::parse(file).is_ok_and(|path| self.tree.contains(&path))
    }

    /// A finding about a field of the first document of a file.
    pub(super) fn in_file(&self, code: Code, file: &str, field: &str, message: impl Into<String>) -> Diagnostic {
        let mut found = Diagnostic::new(code, message).file(file);
        found.span = self.documents(file).first().map(|node| node.place_of(&pointer(field)));
        if !field.is_empty() {
            found.field = Some(field.to_owned());
        }
        found
    }

    /// A finding about a field of an object that a file holds.
    pub(super) fn in_object(
        &self,
        code: Code,
        file: Option<&str>,
        (kind, name): (&str, &str),
        field: &str,
        message: impl Into<String>,
    ) -> Diagnostic {
        let mut found = Diagnostic::new(code, message);
        if !field.is_empty() {
            found.field = Some(field.to_owned());
        }
        let Some(file) = file else { return found };
        found.file = Some(file.to_owned());
        let documents = self.documents(file);
        let mut objects = Vec::new();
        documents.iter().for_each(|node| unwrapped(node, &mut objects));
        let is = |node: &&&Node, pointer: &str, wanted: &str| matches!(node.at(pointer).map(|node| &node.body), Some(Body::Scalar(value)) if value.as_str() == Some(wanted));
        let of_kind: Vec<&Node> = objects.into_iter().filter(|node| is(&node, "/kind", kind)).collect();
        // The name in the file lacks what prefixes, suffixes and hashes add.
        let object = of_kind.iter().find(|node| is(node, "/metadata/name", name)).or(match of_kind.as_slice() {
            [only] => Some(only),
            _ => None,
        });
        found.span = object.map(|node| node.place_of(&pointer(field)));
        found
    }

    /// A finding about an object.
    pub(super) fn of_object(
        &self,
        code: Code,
        resource: &Resource,
        origin: Option<&str>,
        field: &str,
        message: impl Into<String>,
    ) -> Diagnostic {
        self.in_object(code, origin, (resource.kind(), resource.name()), field, message)
    }

    /// A finding about a field of a Flux Kustomization.
    pub(super) fn of_kustomization(
        &self,
        code: Code,
        built: &Built,
        field: &str,
        message: impl Into<String>,
    ) -> Diagnostic {
        let file = file_of(built);
        self.in_object(code, file.as_deref(), ("Kustomization", &built.id.name), field, message)
    }

    /// A finding about what is written in a kustomization file or a Flux Kustomization.
    pub(super) fn of_written(
        &self,
        code: Code,
        built: &Built,
        written: &Written,
        suffix: &str,
        message: impl Into<String>,
    ) -> Diagnostic {
        let field = format!("{}{suffix}", written.field);
        match &written.file {
            Some(file) if !written.borrowed => self.in_file(code, file, &field, message),
            _ => self.of_kustomization(code, built, &field, message),
        }
    }

    /// Finds the file that holds an object, wherever it lies.
    pub(super) fn holder(&self, kind: &str, name: &str) -> Option<&'t RepoPath> {
        let is = |node: &Node, pointer: &str, wanted: &str| matches!(node.at(pointer).map(|node| &node.body), Some(Body::Scalar(value)) if value.as_str() == Some(wanted));
        let files = self.tree.iter().filter(|(path, blob)| {
            let yaml = [".yaml", ".yml"].iter().any(|end| path.name().ends_with(end));
            yaml && blob.text().is_some_and(|text| text.contains(kind) && text.contains(name))
        });
        let holds = |path: &RepoPath| {
            self.documents(path.as_str()).iter().any(|node| is(node, "/kind", kind) && is(node, "/metadata/name", name))
        };
        files.map(|(path, _)| path).find(|path| holds(path))
    }

    /// Finds a text in a file.
    pub(super) fn text(&self, file: &str, wanted: &str) -> Option<Span> {
        let path = RepoPath::parse(file).ok()?;
        let text = self.tree.get(&path)?.text()?;
        let start = text.find(wanted)?;
        let before = text.get(..start)?;
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Some(Span { start, end: start + wanted.len(), line, column })
    }

    fn documents(&self, file: &str) -> Rc<Vec<Node>> {
        if let Some(known) = self.read.borrow().get(file) {
            return known.clone();
        }
        let path = RepoPath::parse(file).ok();
        let bytes = path.and_then(|path| self.tree.get(&path)).map(|blob| blob.bytes()).unwrap_or_default();
        // A file that cannot be read has no places; that it cannot is told by others.
        let nodes = Rc::new(parse(bytes, Dialect::Lenient, Limits::MANIFEST).unwrap_or_default());
        self.read.borrow_mut().insert(file.to_owned(), nodes.clone());
        nodes
    }
}

/// Takes lists of objects apart.
fn unwrapped<'n>(node: &'n Node, out: &mut Vec<&'n Node>) {
    match node.child("items").map(|items| &items.body) {
        Some(Body::Sequence(items)) => items.iter().for_each(|item| unwrapped(item, out)),
        _ => out.push(node),
    }
}

/// Turns a field as people write it into a JSON pointer: `patches[0].path` is `/patches/0/path`. Where a key has a point in
/// it, the pointer leads nowhere, and the parent is shown.
fn pointer(field: &str) -> String {
    let field = field.split(' ').next().unwrap_or_default();
    let mut out = String::new();
    for part in field.split(['.', '[']).filter(|part| !part.is_empty()) {
        out.push('/');
        out.push_str(&part.trim_end_matches(']').replace('~', "~0").replace('/', "~1"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_pointers() {
        assert_eq!(pointer("spec.patches[0].target"), "/spec/patches/0/target");
        assert_eq!(pointer("resources[2] (remote)"), "/resources/2");
        assert_eq!(pointer(""), "");
    }
}
