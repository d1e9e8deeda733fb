//! A hand edit told from both sides: what it changed since the last rendering, and what the new rendering changes.

use super::{ChangeKind, ChangeSet, Clash, Conflict, FileChange, Meaning, describe, merge};
use crate::tree::{Blob, RepoPath};

/// A side of a hand edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What is rendered now.
    Rendering,
    /// What lies on disk.
    HandEdit,
}

/// The last rendering of a file.
#[derive(Clone, Debug)]
pub struct Base {
    /// Where it was found, as in `commit 1234567`.
    pub found: String,
    /// The file.
    pub blob: Blob,
}

/// One file that was changed by hand.
#[derive(Clone, Debug)]
pub struct HandEdit {
    /// Path in the repository.
    pub path: RepoPath,
    /// Where the last rendering was found; nothing when nobody knows it, and the two sides are compared with one another.
    pub base: Option<String>,
    /// From the last rendering to the file on disk; without a last rendering, from the new one.
    pub yours: ChangeSet,
    /// What that means.
    pub yours_meaning: Meaning,
    /// From the last rendering to the new one; empty when it is the same, or not known.
    pub rendering: ChangeSet,
    /// What that means.
    pub rendering_meaning: Meaning,
    /// What both sides changed, each in its way.
    pub conflicts: Vec<Conflict>,
}

impl HandEdit {
    /// Looks at a hand edit from both sides; `applied` is that of [`describe`].
    pub fn new(change: &FileChange, base: Option<&Base>, applied: impl Fn(&RepoPath) -> bool + Sync) -> Self {
        let since = |before: Option<&Blob>, after: Option<&Blob>| {
            // Line ends are those of the checkout, and no edit.
            let lf = |side: Option<&Blob>| side.map(|blob| Blob::from(blob.with_lf().into_owned()));
            let (before, after) = (lf(before), lf(after));
            let kind = if after.is_some() { ChangeKind::Changed } else { ChangeKind::Deleted };
            let differs = before != after;
            let change = FileChange { path: change.path.clone(), kind, before, after };
            let set = ChangeSet::of(differs.then_some(change).into_iter().collect());
            let meaning = describe(&set, &applied);
            (set, meaning)
        };
        let ground = base.map(|base| &base.blob);
        let (yours, yours_meaning) = since(ground.or(change.after.as_ref()), change.before.as_ref());
        let (rendering, rendering_meaning) = match ground {
            Some(ground) => since(Some(ground), change.after.as_ref()),
            None => Default::default(),
        };
        let merged = change.before.as_ref().map(|yours| merge(&change.path, ground, yours, change.after.as_ref()));
        let conflicts = merged.and_then(Result::err).unwrap_or_default();
        let base = base.map(|base| base.found.clone());
        Self { path: change.path.clone(), base, yours, yours_meaning, rendering, rendering_meaning, conflicts }
    }

    /// Tells why the file cannot stay as it is, whatever the rendering says.
    pub fn unfit(&self) -> Option<Clash> {
        let mut clashes = self.conflicts.iter().map(|conflict| conflict.clash);
        clashes.find(|clash| matches!(clash, Clash::Marks | Clash::Broken))
    }

    /// Tells whether the rendering is the last one still.
    pub fn is_current(&self) -> bool {
        self.base.is_some() && self.rendering.is_empty()
    }
}
