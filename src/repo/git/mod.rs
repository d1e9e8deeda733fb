//! Owns every use of the git library: finding the repository, reading the files of a revision, and
//! committing rendered files without disturbing what the user has staged.
//!
//! It does not write the work tree, merge or fetch, and no type of the git library appears in its
//! public signatures. What needs programs, keys or credentials of the user (signing, pushing, hooks)
//! is done by the programs that git itself would start.

mod branch;
mod changed;
mod commit;
mod directories;
mod error;
mod hooks;
mod index;
mod message;
mod object;
mod open;
mod pack;
mod plan;
mod program;
mod push;
mod read;
mod reference;
mod walk;
mod worktree;

pub use branch::Target;
pub use commit::{Ready, Request};
pub use error::{GitError, Source};
pub use message::Trailer;
pub use open::{Repository, Shared, discover};
pub use plan::Changes;
pub use program::LOCK_HELD;
pub use push::Pushed;
pub use worktree::{LeftOut, Version};

use crate::tree::Blob;

/// One file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The path from the root of the work tree, with `/` between its components.
    pub path: String,
    /// The new content, or `None` to delete the file.
    pub content: Option<Blob>,
}

/// Names a commit that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The full hexadecimal object id.
    pub id: String,
    /// The short name of the branch that now points to it.
    pub branch: String,
    /// The first line of the message, which a hook may have changed.
    pub subject: String,
    /// What the user should know: hooks that were passed over.
    pub notes: Vec<String>,
}
