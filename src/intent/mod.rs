//! The intent: from the bytes of a file to a [`Cluster`] on which later stages cannot fail for reasons of user input.
//!
//! Owns the types as written ([`manifest`]), their schema, and the rules that need nothing but the file and what it
//! refers to. Rules that need the catalog's facts live in `plan`.

mod cluster;
mod credentials;
mod document;
mod draft7;
mod extends;
mod findings;
mod function;
mod items;
pub mod manifest;
mod partial;
mod read;
mod rules;
mod schema;

pub use cluster::{Cluster, references};
pub use document::{Document, Part, Place};
pub use draft7::draft7;
pub use extends::{Library, Unreadable};
pub use findings::Findings;
pub use function::Function;
pub use items::Items;
pub use partial::partial;
pub use read::{Intent, Reading, read};
pub use schema::{Schema, SchemaError, base_schema, did_you_mean_field};

/// Returns the directory of the cluster's tree: `spec.gitops.source.path`, by default `clusters/<name>`.
pub fn root(intent: &Intent) -> Option<crate::tree::RepoPath> {
    cluster::root(intent)
}

/// Checks an intent against its rules and the files it refers to.
///
/// Returns the cluster when there is no error; findings hold all faults and warnings either way.
pub fn validate(intent: Intent, files: &crate::tree::Tree, findings: &mut Findings) -> Option<Cluster> {
    rules::check(&intent, files, findings);
    if findings.has_errors() { None } else { Some(Cluster::new(intent, files)) }
}
