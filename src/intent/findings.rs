//! [`Findings`]: collects diagnostics about one intent file and turns JSON pointers into places.

use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, field_path};
use crate::yaml::{Body, Node};

/// The diagnostics about one intent.
#[derive(Clone, Debug)]
pub struct Findings {
    file: String,
    node: Option<Arc<Node>>,
    list: Vec<Diagnostic>,
}

impl Findings {
    /// Starts an empty collection for a file.
    pub fn new(file: impl Into<String>) -> Self {
        Self { file: file.into(), node: None, list: Vec::new() }
    }

    /// Gives the parsed file, so that later findings know their places.
    pub fn set_node(&mut self, node: Arc<Node>) {
        self.node = Some(node);
    }

    /// Returns the text at a JSON pointer of the parsed file.
    pub fn text_at(&self, pointer: &str) -> Option<&str> {
        match &self.node.as_ref()?.at(pointer)?.body {
            Body::Scalar(value) => value.as_str(),
            _ => None,
        }
    }

    /// Adds a finding about the value at a JSON pointer; hint and severity can be set on what is returned.
    pub fn add(&mut self, code: Code, pointer: &str, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Diagnostic::new(code, message), pointer, false)
    }

    /// Adds a finding about the key that a JSON pointer ends in.
    pub fn add_at_key(&mut self, code: Code, pointer: &str, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Diagnostic::new(code, message), pointer, true)
    }

    /// Adds a finding that was made elsewhere, at a JSON pointer.
    pub fn push(&mut self, mut diagnostic: Diagnostic, pointer: &str, at_key: bool) -> &mut Diagnostic {
        diagnostic.file = Some(self.file.clone());
        diagnostic.field = Some(field_path(pointer)).filter(|field| !field.is_empty());
        diagnostic.span =
            self.node.as_ref().map(|node| if at_key { node.key_span_at(pointer) } else { node.place_of(pointer) });
        self.list.push(diagnostic);
        self.list.last_mut().expect("just pushed")
    }

    /// Adds findings that carry their own places, naming this file where they name none.
    pub fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        for mut diagnostic in diagnostics {
            diagnostic.file.get_or_insert_with(|| self.file.clone());
            self.list.push(diagnostic);
        }
    }

    /// Tells whether there is an error about the field at a JSON pointer, or one below it.
    pub fn has_errors_at(&self, pointer: &str) -> bool {
        let field = field_path(pointer);
        let below = |found: &str| {
            found.strip_prefix(&field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.list.iter().any(|one| one.is_error() && one.field.as_deref().is_some_and(below))
    }

    /// Tells whether any finding is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(Diagnostic::is_error)
    }

    /// Returns the findings.
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.list
    }

    /// Returns the file that the findings are about.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the line of the value at a JSON pointer, from 1.
    pub fn line(&self, pointer: &str) -> Option<usize> {
        self.node.as_ref().map(|node| node.span_at(pointer).line)
    }
}
