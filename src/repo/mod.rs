//! EFFECTS: the repository on disk. The only stage, with `cli`, that touches files, locks and git.

mod clean;
pub mod git;
mod kustomization;
mod read;
mod write;

use std::path::{Path, PathBuf};

pub use clean::{Answer, Clean};
pub use kustomization::kustomizations;
pub use read::{IntentFile, ReadError, base};
pub use write::WriteError;

/// A directory that holds clusters, usually the work tree of a git repository.
#[derive(Clone, Debug)]
pub struct Repo {
    root: PathBuf,
}

impl Repo {
    /// Takes a directory as the root.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Returns the directory.
    pub fn root(&self) -> &Path {
        &self.root
    }
}
