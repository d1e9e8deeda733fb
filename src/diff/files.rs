//! Which files are to be written, which to be deleted, and which must not be touched: ours are told from those of others
//! by the inventory.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::merge::{merge, unfit};
use super::{ChangeKind, ChangeSet, FileChange, Kept, Side};
use crate::layout::Inventory;
use crate::layout::inventory::{self, Standing};
use crate::tree::{Blob, RepoPath, Tree, folded};

/// What becomes of one desired file.
enum Fate {
    Unchanged,
    Kept(Kept),
    Differs(FileChange),
}

/// Compares the desired tree with the current one, in parallel over files.
///
/// `owned` is the inventory of the current tree: it tells our files from those of others. Files of others are looked at
/// only where we want to write.
pub fn compare(desired: &Tree, current: &Tree, root: &RepoPath, owned: &Inventory) -> ChangeSet {
    let book = root.join(inventory::FILE).ok();
    let wanted: Vec<(&RepoPath, &Blob)> = desired.iter().filter(|(path, _)| Some(*path) != book.as_ref()).collect();
    let fates: Vec<Fate> = wanted
        .par_iter()
        .map(|(path, after)| {
            let before = current.get(path);
            let relative = path.strip_prefix(root).unwrap_or_default();
            let kind = match before.map(|before| (before, owned.standing(relative, before))) {
                None => ChangeKind::Created,
                Some((before, _)) if before == *after || before.with_lf() == after.bytes() => return Fate::Unchanged,
                Some((_, Standing::Rendered)) => ChangeKind::Changed,
                Some((before, Standing::Kept)) if owned.stands_for(relative, after) => {
                    let (content, rendering) = (before.clone(), (*after).clone());
                    return Fate::Kept(Kept { path: (*path).clone(), content, rendering });
                }
                Some((_, Standing::Kept | Standing::HandEdited)) => ChangeKind::HandEdited,
                Some((_, Standing::Foreign)) => ChangeKind::Foreign,
            };
            let (before, after) = (before.cloned(), Some((*after).clone()));
            Fate::Differs(FileChange { path: (*path).clone(), kind, before, after })
        })
        .collect();
    let mut set = ChangeSet::default();
    for fate in fates {
        match fate {
            Fate::Unchanged => {}
            Fate::Kept(kept) => set.kept.push(kept),
            Fate::Differs(change) => set.files.push(change),
        }
    }
    for relative in owned.paths() {
        let Ok(path) = root.join(relative) else { continue };
        if desired.contains(&path) {
            continue;
        }
        if let Some(before) = current.get(&path) {
            let is_ours = owned.standing(relative, before) == Standing::Rendered;
            let kind = if is_ours { ChangeKind::Deleted } else { ChangeKind::HandEdited };
            set.files.push(FileChange { path, kind, before: Some(before.clone()), after: None });
        }
    }
    set.settle(desired, current, root);
    set
}

impl ChangeSet {
    /// Decides for one side of a hand edit; tells whether there is one at this path.
    ///
    /// What stays of a file that is rendered no longer is the user's own from now on. What nothing could use in the place of
    /// a rendering does not stay in it, and is left undecided.
    pub fn take(&mut self, path: &RepoPath, side: Side) -> bool {
        if let Some(at) = self.kept.iter().position(|kept| kept.path == *path) {
            if side == Side::Rendering {
                let Kept { path, content, rendering } = self.kept.remove(at);
                let (before, after) = (Some(content), Some(rendering));
                self.files.push(FileChange { path, kind: ChangeKind::Changed, before, after });
            }
            return true;
        }
        let is_edit = |change: &FileChange| change.path == *path && change.kind == ChangeKind::HandEdited;
        let Some(at) = self.files.iter().position(is_edit) else { return false };
        if side == Side::Rendering {
            let change = &mut self.files[at];
            change.kind = if change.after.is_some() { ChangeKind::Changed } else { ChangeKind::Deleted };
            return true;
        }
        let FileChange { path, before, after, .. } = &self.files[at];
        if after.is_some() && before.as_ref().is_some_and(|before| unfit(path, before).is_some()) {
            return true;
        }
        match self.files.remove(at) {
            FileChange { path, before: Some(content), after: Some(rendering), .. } => {
                self.kept.push(Kept { path, content, rendering });
            }
            FileChange { path, .. } => self.released.push(path),
        }
        true
    }

    /// Merges a hand edit with the rendering, on the ground of the last rendering; a file that cannot be merged stays a
    /// hand edit.
    pub fn merge(&mut self, path: &RepoPath, base: Option<&Blob>) {
        let is_edit = |change: &FileChange| change.path == *path && change.kind == ChangeKind::HandEdited;
        let Some(at) = self.files.iter().position(is_edit) else { return };
        let change = &mut self.files[at];
        let Some(yours) = change.before.clone() else { return };
        let Ok(merged) = merge(path, base, &yours, change.after.as_ref()) else { return };
        match (merged, change.after.clone()) {
            (None, _) => drop(self.take(path, Side::Rendering)),
            (Some(merged), _) if merged == yours => drop(self.take(path, Side::HandEdit)),
            (Some(merged), Some(rendering)) => {
                change.kind = ChangeKind::Changed;
                change.after = Some(merged.clone());
                if merged != rendering {
                    self.kept.push(Kept { path: path.clone(), content: merged, rendering });
                }
            }
            (Some(_), None) => {}
        }
    }

    /// Puts the changes in order, and the inventory in line with what stays of the user's.
    pub fn settle(&mut self, desired: &Tree, current: &Tree, root: &RepoPath) {
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        self.kept.sort_by(|a, b| a.path.cmp(&b.path));
        self.released.sort();
        if let Some((path, after)) = self.book(desired, root) {
            let is_obstructed = |change: &FileChange| change.path == path && change.kind == ChangeKind::Foreign;
            self.files.retain(|change| change.path != path || is_obstructed(change));
            let before = current.get(&path).cloned();
            let is_current = before.as_ref().is_some_and(|before| before.with_lf() == after.bytes());
            if !is_current && !self.files.iter().any(is_obstructed) {
                let kind = if before.is_some() { ChangeKind::Changed } else { ChangeKind::Created };
                let at = self.files.partition_point(|change| change.path < path);
                self.files.insert(at, FileChange { path, kind, before, after: Some(after) });
            }
        }
        let told: BTreeSet<&RepoPath> =
            self.files.iter().map(|change| &change.path).chain(self.kept.iter().map(|kept| &kept.path)).collect();
        self.unchanged = desired.iter().filter(|(path, _)| !told.contains(path)).count();
    }

    /// The rendered inventory with what the user keeps.
    fn book(&self, desired: &Tree, root: &RepoPath) -> Option<(RepoPath, Blob)> {
        let path = root.join(inventory::FILE).ok()?;
        let rendered = desired.get(&path)?;
        if self.kept.is_empty() {
            return Some((path, rendered.clone()));
        }
        let mut book = Inventory::read(rendered);
        for kept in &self.kept {
            if let Some(relative) = kept.path.strip_prefix(root) {
                book.keep(relative, &kept.content, &kept.rendering);
            }
        }
        Some((path, Blob::from(book.print())))
    }

    /// Returns the tree as it will be: the desired one, with what the user keeps and an inventory that says so.
    pub fn result(&self, desired: &Tree, root: &RepoPath) -> Tree {
        let mut tree = desired.clone();
        for kept in &self.kept {
            tree.insert(kept.path.clone(), kept.content.clone());
        }
        if let Some((path, book)) = self.book(desired, root) {
            tree.insert(path, book);
        }
        tree
    }
}

/// Finds paths of a tree that other systems take for one another: files, and directories on the way to them.
pub fn clashes(desired: &Tree) -> Vec<(String, String)> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut found = Vec::new();
    for (path, _) in desired.iter() {
        let path = path.as_str();
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for name in ends.map(|end| &path[..end]) {
            match seen.insert(folded(name), name) {
                Some(other) if other != name => found.push((other.to_owned(), name.to_owned())),
                _ => {}
            }
        }
    }
    found.sort();
    found.dedup();
    found
}
