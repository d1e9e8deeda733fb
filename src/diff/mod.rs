//! What must happen to the current tree to make it the desired one: files first, then the objects in them, then their
//! fields.

mod conceal;
mod effective;
mod fields;
mod files;
mod hand_edit;
mod merge;
mod naming;
mod objects;
mod patches;
mod path;
mod shown;
#[cfg(test)]
mod tests;

use crate::tree::{Blob, RepoPath};

pub use conceal::proven;
pub use effective::{Effect, Effective, EffectiveChange, Group, NotCompared, effective};
pub use fields::{FieldChange, FieldKind};
pub use files::{clashes, compare};
pub use hand_edit::{Base, HandEdit, Side};
pub use merge::{Clash, Conflict, merge};
pub use objects::{FileKind, FileMeaning, Meaning, ObjectChange, ObjectKind, count_kinds, counts, describe};
pub use path::{Item, Named, Path, Step, shown};
pub use shown::files as shown_files;

/// All changes of one cluster, sorted by path.
#[derive(Clone, Debug, Default)]
pub struct ChangeSet {
    /// The files that differ, and those that are in the way.
    pub files: Vec<FileChange>,
    /// How many files are as they should be.
    pub unchanged: usize,
    /// The files of the user that stay where a rendering would stand.
    pub kept: Vec<Kept>,
    /// Files that were ours, stay as the user changed them, and stand for no rendering any more.
    pub released: Vec<RepoPath>,
}

/// A generated file that the user changed and keeps.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Path in the repository.
    pub path: RepoPath,
    /// What lies on disk, or will.
    pub content: Blob,
    /// The rendering that it stands for.
    pub rendering: Blob,
}

/// One file that is not as it should be.
#[derive(Clone, Debug)]
pub struct FileChange {
    /// Path in the repository.
    pub path: RepoPath,
    /// What is to be done.
    pub kind: ChangeKind,
    /// The file as it is.
    pub before: Option<Blob>,
    /// The file as it should be.
    pub after: Option<Blob>,
}

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeKind {
    /// Write it anew.
    Created,
    /// Replace it.
    Changed,
    /// Delete it: we wrote it and render it no longer.
    Deleted,
    /// Nothing: somebody changed what we wrote.
    HandEdited,
    /// Nothing: somebody else's file stands where we want to write.
    Foreign,
    /// Nothing: git left the file out of a sparse checkout.
    LeftOut,
}

impl ChangeKind {
    /// Tells whether the file must not be touched.
    pub fn is_conflict(self) -> bool {
        matches!(self, Self::HandEdited | Self::Foreign | Self::LeftOut)
    }
}

impl ChangeSet {
    /// Takes changes of files that follow from no inventory.
    pub fn of(files: Vec<FileChange>) -> Self {
        Self { files, ..Self::default() }
    }

    /// Tells whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Walks the files that must not be touched.
    pub fn conflicts(&self) -> impl Iterator<Item = &FileChange> {
        self.files.iter().filter(|change| change.kind.is_conflict())
    }

    /// Counts the changes of a kind.
    pub fn count(&self, kind: ChangeKind) -> usize {
        self.files.iter().filter(|change| change.kind == kind).count()
    }
}
