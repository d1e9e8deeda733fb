//! EFFECTS: the repository on disk. The only stage, with `cli`, that touches files, locks and git.

mod clean;
mod facts;
pub mod git;
mod journal;
mod kustomization;
pub mod lock;
mod read;
mod sync;
mod temporary;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub use clean::{Answer, Clean};
pub use facts::Facts;
pub use journal::Repair;
pub use kustomization::kustomizations;
pub use read::{IntentFile, ReadError, base};
pub use write::{Undo, WriteError};

/// A directory that holds clusters, usually the work tree of a git repository.
#[derive(Clone, Debug)]
pub struct Repo {
    root: PathBuf,
    /// What git says of the work tree, once somebody asked.
    facts: Arc<OnceLock<Facts>>,
}

impl Repo {
    /// Takes a directory as the root.
    pub fn new(root: PathBuf) -> Self {
        Self { root, facts: Arc::default() }
    }

    /// Returns the directory.
    pub fn root(&self) -> &Path {
        &self.root
    }
}
