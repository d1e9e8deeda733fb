//! What must happen to the current tree to make it the desired one: files first, then the objects in them, then their
//! fields.

mod conceal;
mod effective;
mod fields;
mod naming;
mod objects;
mod patches;
mod path;
mod shown;
#[cfg(test)]
mod tests;

use rayon::prelude::*;

use crate::layout::Inventory;
use crate::layout::inventory;
use crate::tree::{Blob, RepoPath, Tree};

pub use conceal::proven;
pub use effective::{Effect, Effective, EffectiveChange, Group, NotCompared, effective};
pub use fields::{FieldChange, FieldKind};
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
}

impl ChangeSet {
    /// Tells whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Walks the files that must not be touched.
    pub fn conflicts(&self) -> impl Iterator<Item = &FileChange> {
        self.files.iter().filter(|change| matches!(change.kind, ChangeKind::HandEdited | ChangeKind::Foreign))
    }

    /// Counts the changes of a kind.
    pub fn count(&self, kind: ChangeKind) -> usize {
        self.files.iter().filter(|change| change.kind == kind).count()
    }
}

/// Compares the desired tree with the current one, in parallel over files.
///
/// `owned` is the inventory of the current tree: it tells our files from those of others. Files of others are looked at
/// only where we want to write.
pub fn compare(desired: &Tree, current: &Tree, root: &RepoPath, owned: &Inventory) -> ChangeSet {
    let wanted: Vec<(&RepoPath, &Blob)> = desired.iter().collect();
    let mut files: Vec<FileChange> = wanted
        .par_iter()
        .filter_map(|(path, after)| {
            let before = current.get(path);
            let relative = path.strip_prefix(root).unwrap_or_default();
            let kind = match before {
                None => ChangeKind::Created,
                Some(before) if before == *after || before.with_lf() == after.bytes() => return None,
                Some(_) if relative == inventory::FILE => ChangeKind::Changed,
                Some(before) if owned.is_unchanged(relative, before) => ChangeKind::Changed,
                Some(_) if owned.owns(relative) => ChangeKind::HandEdited,
                Some(_) => ChangeKind::Foreign,
            };
            Some(FileChange { path: (*path).clone(), kind, before: before.cloned(), after: Some((*after).clone()) })
        })
        .collect();
    let unchanged = desired.len() - files.len();
    for relative in owned.paths() {
        let Ok(path) = root.join(relative) else { continue };
        if desired.contains(&path) {
            continue;
        }
        if let Some(before) = current.get(&path) {
            let kind = if owned.is_unchanged(relative, before) { ChangeKind::Deleted } else { ChangeKind::HandEdited };
            files.push(FileChange { path, kind, before: Some(before.clone()), after: None });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    ChangeSet { files, unchanged }
}
