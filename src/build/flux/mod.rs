//! What kustomize-controller makes of a repository.
//!
//! [`Repository::build_all`] starts at the directory of a cluster and follows every Flux Kustomization that comes out of
//! a build. One of them is built as the controller of Flux 2.9 does: its fields are merged into the kustomization file of
//! its directory ([`overlay`]), kustomize runs, variables are substituted in the text of each object ([`substitute`]),
//! and objects get their labels and their normal form ([`object`]). Values of variables come from ConfigMaps and Secrets
//! of the repository alone. What is encrypted is never decrypted, and no cluster is asked.

mod exclude;
mod fault;
mod glob;
mod kustomization;
mod mask;
mod object;
mod one;
mod overlay;
mod repository;
mod substitute;
mod variables;

pub use fault::{FluxFault, Note, RepositoryError};
pub use kustomization::{Id, IgnoreRule, Kustomization, PostBuild, Reference, SourceRef, ValuesKind};
pub use mask::is_masked;
pub use object::{Object, Policy, Stage};
pub use one::{Directory, Output};
pub use overlay::Borrowed;
pub use repository::{Built, Cluster, Elsewhere, Options, Repository};
pub use substitute::{Lookup, SubstituteFault, Substituted, substitute};

#[cfg(test)]
mod tests;
