//! What a user can get wrong, said once and well: code, place, message, next action.
//!
//! Owns the [`Diagnostic`] value, the registry of codes with their explanations, and the masking of
//! credentials in anything that is shown. Does not print: `report` does.

mod explain;
pub mod mask;
mod registry;

use std::borrow::Cow;
use std::fmt;

pub use explain::{Explanation, explanation};
pub use registry::{ALL, Code, codes};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The intent cannot be rendered as it stands.
    Error,
    /// The intent renders, but a user should know this.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// A place in a file: byte offsets, and line and column counted from 1 (columns in characters).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Span {
    /// Byte offset of the first byte.
    pub start: usize,
    /// Byte offset behind the last byte.
    pub end: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One finding about a user's input.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Diagnostic {
    /// Stable kebab-case code, the argument of `fluxwright explain`.
    pub code: Cow<'static, str>,
    /// How bad it is.
    pub severity: Severity,
    /// The file, relative to the repository, when the finding is about one.
    pub file: Option<String>,
    /// The place in the file.
    pub span: Option<Span>,
    /// The field, as in `spec.exposedPorts[0].port`.
    pub field: Option<String>,
    /// What is wrong, lower case, no final period.
    pub message: String,
    /// The next action of the user.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// Makes a finding of a registered code with the code's own severity.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code: Cow::Borrowed(code.name),
            severity: code.severity,
            file: None,
            span: None,
            field: None,
            message: message.into(),
            hint: None,
        }
    }

    /// Adds the next action.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names the file.
    pub fn file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Names the place in the file.
    pub fn span(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Names the field.
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Tells whether the finding is about a credential in plain text, so that its file must not be quoted.
    pub fn is_about_credential(&self) -> bool {
        self.code == codes::PLAINTEXT_CREDENTIAL.name || self.code == codes::PLAINTEXT_SECRET.name
    }

    /// Tells whether the finding is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Sorts findings by file, place, code and message and drops exact repetitions, so that output is the same at any parallelism.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        (&a.file, a.span, &a.code, &a.field, &a.message).cmp(&(&b.file, b.span, &b.code, &b.field, &b.message))
    });
    diagnostics.dedup();
}

/// Turns a JSON pointer into the way people write a field: `/spec/exposedPorts/0/port` is `spec.exposedPorts[0].port`.
pub fn field_path(pointer: &str) -> String {
    let mut out = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && !out.is_empty() {
            out.push_str(&format!("[{part}]"));
        } else {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(&part);
        }
    }
    out
}

/// Finds the candidate that a user most likely meant: small edit distance, or the same letters in another case.
pub fn did_you_mean<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count().min(lower.chars().count()) / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_paths_read_as_people_write_them() {
        assert_eq!(field_path("/spec/exposedPorts/0/port"), "spec.exposedPorts[0].port");
        assert_eq!(field_path("/metadata/annotations/a.b~1c"), "metadata.annotations.a.b/c");
    }

    #[test]
    fn did_you_mean_finds_typos_only() {
        assert_eq!(did_you_mean("prot", ["port", "protocol", "name"]), Some("port"));
        assert_eq!(did_you_mean("exposedports", ["exposedPorts"]), Some("exposedPorts"));
        assert_eq!(did_you_mean("zzz", ["port", "name"]), None);
    }
}
