//! What keeps a Flux Kustomization from being built, and what is worth knowing about one that was.

use std::sync::Arc;

use super::kustomization::{Id, Reference, SourceRef};
use super::substitute::SubstituteFault;
use crate::build::{BuildError, TargetFault};
use crate::tree::RepoPath;

/// Why a Kustomization cannot be built or would not be applied.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FluxFault {
    /// A field of the Kustomization whose value cannot be used.
    #[error("`{field}` {reason}")]
    Field {
        /// The field: `spec.patches[0].patch`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The directory of the Kustomization is not in the repository.
    #[error("`spec.path` names `{path}`, which does not exist{}", if *.excluded { " in the source: its exclusions leave it out" } else { "" })]
    Path {
        /// The path as written.
        path: String,
        /// Whether it exists in the repository, and the source leaves it out.
        excluded: bool,
    },
    /// kustomize fails.
    #[error("{0}")]
    Build(Box<BuildError>),
    /// A target of `spec.ignore` cannot be used.
    #[error("`{field}`: {fault}")]
    Target {
        /// The entry.
        field: String,
        /// What is wrong with it.
        fault: TargetFault,
    },
    /// The variables of an object cannot be substituted.
    #[error("`{object}`: {fault}")]
    Substitution {
        /// The object.
        object: String,
        /// The file that it comes from, where there is one.
        origin: Option<Arc<str>>,
        /// What is wrong.
        fault: SubstituteFault,
    },
    /// A variable has a name that Flux refuses.
    #[error("the variable name {name:?} of {from} is not made of letters, digits and `_`")]
    VariableName {
        /// The name.
        name: String,
        /// What sets the variable.
        from: String,
    },
    /// A value broke the YAML of an object, or took its identity.
    #[error("`{object}` is no object any more with its variables substituted: {reason}")]
    Broken {
        /// The object before.
        object: String,
        /// What is wrong with it now.
        reason: String,
    },
    /// Two objects are the same one after their variables were substituted.
    #[error("`{object}` is there twice with its variables substituted")]
    Twice {
        /// The object.
        object: String,
    },
    /// An encrypted Secret in a Kustomization that does not decrypt.
    #[error("`{object}` is encrypted with SOPS, and the Kustomization has no `spec.decryption`")]
    Encrypted {
        /// The object.
        object: String,
    },
    /// Kustomizations wait for each other.
    #[error("it waits for itself: {}", .through.iter().map(ToString::to_string).collect::<Vec<_>>().join(" waits for "))]
    Cycle {
        /// The circle, from the Kustomization back to it.
        through: Vec<Id>,
    },
    /// Two Kustomizations bring this one with another content.
    #[error("`{second}` brings it with another content than `{first}`")]
    Contested {
        /// Who brings it first.
        first: Id,
        /// Who brings it too.
        second: Id,
    },
    /// The values of variables depend on each other in a circle.
    #[error("its variables take their values from objects that change with them, without end")]
    Unsettled,
}

impl From<BuildError> for FluxFault {
    fn from(error: BuildError) -> Self {
        Self::Build(Box::new(error))
    }
}

/// Something about a Kustomization that is no fault.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Note {
    /// It is suspended: Flux leaves it as it is.
    #[error("it is suspended: Flux does not apply this now")]
    Suspended,
    /// Its objects go to another cluster.
    #[error("`spec.kubeConfig` sends its objects to another cluster")]
    OtherCluster,
    /// A variable whose value is not in the repository.
    #[error("`{object}`: `{variable}` stays as it is; its value would come from {from}")]
    Unresolved {
        /// The object.
        object: String,
        /// The variable.
        variable: String,
        /// What would give the value.
        from: String,
    },
    /// A variable that nothing sets, before Flux 2.9.
    #[error("`{object}`: nothing sets `{variable}`, which becomes an empty text")]
    Unset {
        /// The object.
        object: String,
        /// The variable.
        variable: String,
    },
    /// It waits for something that is not here.
    #[error("it waits for `{0}`, which is not in this repository")]
    UnknownDependency(Id),
    /// The source brings more than the files of this repository.
    #[error("`spec.include` of the source `{0}` adds files that are not here")]
    Include(SourceRef),
    /// A file that goes into a generated Secret is encrypted, so that the hash in its name is not known.
    #[error("`{object}` is made of encrypted files: Flux gives it another hash, and what refers to it follows")]
    EncryptedGenerator {
        /// The object.
        object: String,
    },
    /// A Secret that kustomize-controller would decrypt; its values are masked.
    #[error("{count} encrypted objects are shown with masked values")]
    Masked {
        /// How many.
        count: usize,
    },
}

/// Why nothing of a repository can be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RepositoryError {
    /// The entry directory does not exist.
    #[error("`{0}` does not exist in the repository, or holds no file")]
    NoEntry(String),
    /// The entry directory cannot be built.
    #[error("{0}")]
    Build(Box<BuildError>),
    /// Several sources are referred to, and any of them could be the repository.
    #[error("which source is this repository is not clear: {}", .0.iter().map(|s| format!("`{s}`")).collect::<Vec<_>>().join(", "))]
    Ambiguous(Vec<SourceRef>),
}

/// Where the value of a variable would come from.
pub(super) fn shown_reference(reference: &Reference, namespace: &str, why: &str) -> String {
    format!("the {} `{namespace}/{}`{why}", reference.kind.name(), reference.name)
}

/// Names a directory of a tree.
pub(super) fn shown_dir(dir: Option<&RepoPath>) -> &str {
    dir.map_or(".", RepoPath::as_str)
}
