//! What kustomize and kustomize-controller would make of a tree.
//!
//! Two seams. [`build`] turns a directory of a [`Tree`](crate::tree::Tree) into objects. [`apply`] puts one [`Patch`] on
//! objects and tells what it did to each of them, so that a caller can prove that a patch lands.
//!
//! The stage follows the measured behaviour of kustomize 5.8.1, quirks included. What it does not implement it refuses
//! ([`BuildError::Unsupported`], [`MergeFault`]); it never guesses. It reads no disk and no network.

mod associate;
mod change;
pub mod flux;
mod identity;
mod json6902;
mod kustomize;
mod merge;
mod openapi;
mod patch;
mod place;
mod print;
mod schema;
mod selector;
mod source;
mod target;

pub use associate::distinct_keys;
pub use change::{Change, ChangeKind, ListItem};
pub use identity::is_or_was;
pub use json6902::{Op, Operation, OperationFault, Reason};
pub use kustomize::{
    BuildError, Effect, Engine, KUSTOMIZATION_FILES, Mentions, Order, Restriction, Trace, build, build_with,
    mentioned_paths, sort,
};
pub use merge::{MergeFault, Merged, merge};
pub use patch::{Application, Patch, PatchBody, PatchFault, apply, matching};
pub use print::print;
pub use schema::{Field, OPEN, Shape, is_builtin, is_cluster_scoped, shape};
pub use target::{Matcher, Target, TargetFault};

#[cfg(test)]
mod tests;
