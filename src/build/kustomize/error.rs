//! [`BuildError`]: everything that keeps a directory from being built.

use crate::build::patch::PatchFault;
use crate::diagnostic::Diagnostic;

/// Why a directory cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BuildError {
    /// A field or a form of it that kustomize knows and this engine does not.
    #[error("{file}: `{field}` is not supported")]
    Unsupported {
        /// The kustomization file.
        file: String,
        /// The field.
        field: String,
    },
    /// A field that kustomize does not know either.
    #[error("{file}: `{field}` does not exist{}", .candidate.as_ref().map(|c| format!("; did you mean `{c}`?")).unwrap_or_default())]
    UnknownField {
        /// The kustomization file.
        file: String,
        /// The field.
        field: String,
        /// The field that was probably meant.
        candidate: Option<String>,
    },
    /// A field whose value cannot be used.
    #[error("{file}: {}{reason}", if .field.is_empty() { String::new() } else { format!("`{}` ", .field) })]
    Field {
        /// The kustomization file.
        file: String,
        /// The field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that is not YAML.
    #[error("{file}:{}", first(.faults))]
    Yaml {
        /// The file.
        file: String,
        /// All faults found in it.
        faults: Vec<Diagnostic>,
    },
    /// A document that is not a Kubernetes object.
    #[error("{file}: document {document} is not a Kubernetes object: {reason}")]
    NotAnObject {
        /// The file.
        file: String,
        /// Number of the document in the file, from 1.
        document: usize,
        /// What it lacks.
        reason: String,
    },
    /// A path that leads nowhere.
    #[error("{file}: `{field}` names `{path}`, {reason}")]
    Path {
        /// The kustomization file.
        file: String,
        /// The field.
        field: String,
        /// The path as written.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A directory without the file that it should have.
    #[error("{directory}: no kustomization.yaml, kustomization.yml or Kustomization")]
    NoKustomization {
        /// The directory.
        directory: String,
    },
    /// A directory with several kustomization files.
    #[error("{directory}: several kustomization files: {}", .files.join(", "))]
    SeveralKustomizations {
        /// The directory.
        directory: String,
        /// The files.
        files: Vec<String>,
    },
    /// Two objects with one identity.
    #[error("{file}: `{id}` is there twice")]
    Duplicate {
        /// The file that brings the second one.
        file: String,
        /// The object.
        id: String,
    },
    /// A reference between objects that kustomize cannot resolve either.
    #[error("`{id}` {reason}")]
    Reference {
        /// The object that refers to another one.
        id: String,
        /// What is wrong with the reference.
        reason: String,
    },
    /// A patch that cannot be read or applied.
    #[error("{file}: `{field}`{}: {fault}", .path.as_ref().map(|path| format!(" ({path})")).unwrap_or_default())]
    Patch {
        /// The kustomization file.
        file: String,
        /// The entry: `patches[0]`.
        field: String,
        /// The file of the patch, if it stands in one.
        path: Option<String>,
        /// What is wrong.
        fault: Box<PatchFault>,
    },
    /// The directories include one another too often or too deeply.
    #[error("{file}: the build takes in too many directories")]
    TooLarge {
        /// The kustomization file at which the limit was reached.
        file: String,
    },
}

/// The first fault of a file, behind its name: `3:5: message`.
fn first(faults: &[Diagnostic]) -> String {
    match faults.first() {
        Some(Diagnostic { span: Some(span), message, .. }) => format!("{}:{}: {message}", span.line, span.column),
        Some(Diagnostic { message, .. }) => format!(" {message}"),
        None => " not YAML".to_owned(),
    }
}

impl BuildError {
    /// Writes every path in the error in another way.
    #[must_use]
    pub fn with_paths(mut self, shown: impl Fn(&str) -> String) -> Self {
        match &mut self {
            Self::Unsupported { file, .. }
            | Self::UnknownField { file, .. }
            | Self::Field { file, .. }
            | Self::Yaml { file, .. }
            | Self::NotAnObject { file, .. }
            | Self::Path { file, .. }
            | Self::Duplicate { file, .. }
            | Self::Patch { file, .. }
            | Self::TooLarge { file } => *file = shown(file),
            Self::NoKustomization { directory } => *directory = shown(directory),
            Self::SeveralKustomizations { directory, files } => {
                *directory = shown(directory);
                files.iter_mut().for_each(|file| *file = shown(file));
            }
            Self::Reference { .. } => {}
        }
        self
    }
}
