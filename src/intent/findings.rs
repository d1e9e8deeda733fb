//! [`Findings`]: collects diagnostics about one intent file and turns JSON pointers into places.

use std::sync::Arc;

use super::document::Document;
use crate::diagnostic::{Code, Diagnostic, field_path};
use crate::yaml::Body;

/// The diagnostics about one intent.
#[derive(Clone, Debug)]
pub struct Findings {
    file: String,
    document: Option<Arc<Document>>,
    list: Vec<Diagnostic>,
}

impl Findings {
    /// Starts an empty collection for a file.
    pub fn new(file: impl Into<String>) -> Self {
        Self { file: file.into(), document: None, list: Vec::new() }
    }

    /// Gives the parsed file, merged with its bases, so that later findings know their places.
    pub fn set_document(&mut self, document: Arc<Document>) {
        self.document = Some(document);
    }

    /// Returns the parsed file, merged with its bases.
    pub fn document(&self) -> Option<&Arc<Document>> {
        self.document.as_ref()
    }

    /// Returns the text at a JSON pointer of the parsed file.
    pub fn text_at(&self, pointer: &str) -> Option<&str> {
        match &self.document.as_ref()?.node.at(pointer)?.body {
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
        let (file, span, field) = match self.document.as_ref().map(|document| document.place(pointer, at_key)) {
            Some(place) => (place.file.to_owned(), Some(place.span), place.field),
            None => (self.file.clone(), None, field_path(pointer)),
        };
        diagnostic.file = Some(file);
        diagnostic.span = span;
        diagnostic.field = Some(field).filter(|field| !field.is_empty());
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
        let place = self.document.as_ref().map(|document| document.place(pointer, false));
        let (file, field) = match &place {
            Some(place) => (place.file, place.field.clone()),
            None => (self.file.as_str(), field_path(pointer)),
        };
        let below = |found: &str| {
            found.strip_prefix(&field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let is_here = |one: &Diagnostic| one.is_error() && one.file.as_deref() == Some(file);
        self.list.iter().any(|one| is_here(one) && one.field.as_deref().is_some_and(below))
    }

    /// Names the field of a JSON pointer in a message about another one, as its own file has it.
    pub fn name_of(&self, pointer: &str, beside: &str) -> String {
        self.document.as_ref().map_or_else(|| field_path(pointer), |document| document.name_of(pointer, beside))
    }

    /// Tells whether any finding is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(Diagnostic::is_error)
    }

    /// Returns how many findings there are.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// Returns the findings.
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.list
    }

    /// Returns the file that the findings are about.
    pub fn file(&self) -> &str {
        &self.file
    }
}
