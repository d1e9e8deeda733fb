//! What differs between a revision and the work tree, as `git diff REV` and `git status` together say it.
//!
//! Most of a large repository did not change, and finding that out must be cheap: directories whose tree the index knows are
//! compared by its id, and the library looks only at paths that are not certainly as the index has them.

use std::collections::BTreeSet;

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::index::Entry;
use gix::index::entry::Mode;
use gix::index::extension::Tree;
use gix::objs::tree::EntryKind;
use gix::status::UntrackedFiles;
use gix::worktree::IndexPersistedOrInMemory;

use super::directories::{Child, child, children, holds};
use super::error::failed;
use super::{GitError, Repository, walk};

/// With more dubious paths than this, looking at everything is cheaper than looking for each.
const DUBIOUS: usize = 100;

impl Repository {
    /// Names the files that are not as a revision has them, whether that is committed, staged, unstaged or untracked. What
    /// git ignores is left out, and so is what is not UTF-8. A submodule counts as one path, and only its commit.
    pub fn changed_since(&self, rev: &str) -> Result<BTreeSet<String>, GitError> {
        self.require_work_dir()?;
        // A directory of a revision is a tree, too, and would differ in everything.
        let commit = if rev.contains(':') { format!("{rev}^{{commit}}") } else { rev.to_owned() };
        let tree = self.tree_at(&commit)?.map_or_else(|| self.git.empty_tree().id, |tree| tree.id);
        let index = self.read_index_quickly()?;
        let mut paths = Vec::new();
        Trees { repository: self, backing: index.path_backing(), paths: &mut paths }.compare(
            tree,
            index.tree(),
            b"",
            index.entries(),
        )?;
        let dubious = walk::dubious(self, &index)?;
        if !dubious.is_empty() {
            let exactly = |path: BString| BString::from([b":(top,literal)", path.as_slice()].concat());
            let all = dubious.len() > DUBIOUS || dubious.iter().any(|path| path.is_empty());
            let patterns = if all { Vec::new() } else { dubious };
            let status = self.git.status(gix::progress::Discard).map_err(failed("look at the work tree"))?;
            // Renames are two changes here: of what a cluster loses, and of what it gets.
            let changes = status
                .index(IndexPersistedOrInMemory::InMemory(index))
                .index_worktree_rewrites(None)
                .index_worktree_submodules(None)
                .untracked_files(UntrackedFiles::Files)
                .into_index_worktree_iter(patterns.into_iter().map(exactly))
                .map_err(failed("look at the work tree"))?;
            for change in changes {
                paths.push(change.map_err(failed("look at the work tree"))?.rela_path().to_owned());
            }
        }
        Ok(paths.into_iter().filter_map(|path| String::from_utf8(path.into()).ok()).collect())
    }
}

/// Compares a tree with the index.
struct Trees<'a> {
    repository: &'a Repository,
    /// The paths of the index.
    backing: &'a [u8],
    /// What differs.
    paths: &'a mut Vec<BString>,
}

impl<'a> Trees<'a> {
    /// Compares one directory. `known` is what the index knows of its tree, and `dir` is empty or ends with a slash.
    fn compare(
        &mut self,
        tree: ObjectId,
        known: Option<&Tree>,
        dir: &[u8],
        entries: &'a [Entry],
    ) -> Result<(), GitError> {
        if known.is_some_and(|known| known.num_entries.is_some() && known.id == tree) {
            return Ok(());
        }
        let mut there = children(self.backing, dir.len(), entries);
        let tree = self.repository.git.find_tree(tree).map_err(failed("read a directory"))?;
        for entry in tree.iter() {
            let entry = entry.map_err(failed("read a directory"))?;
            let (name, id) = (entry.filename(), entry.object_id());
            let path = BString::from([dir, name.as_bytes()].concat());
            match (entry.kind(), there.remove(name)) {
                (EntryKind::Tree, Some(Child::Directory([whole]))) if whole.mode == Mode::DIR => {
                    let leaves = |id| Ok(self.repository.leaves(id, path.clone())?.into_iter().collect());
                    let (old, new): (BTreeSet<_>, BTreeSet<_>) = (leaves(id)?, leaves(whole.id)?);
                    self.paths.extend(old.symmetric_difference(&new).map(|(path, ..)| path.clone()));
                }
                (EntryKind::Tree, Some(Child::Directory(below))) => {
                    let known = known.and_then(|known| child(known, name));
                    self.compare(id, known, &[path.as_slice(), b"/"].concat(), below)?;
                }
                (EntryKind::Tree, other) => {
                    let lost = self.repository.leaves(id, path)?;
                    self.paths.extend(lost.into_iter().map(|(path, ..)| path));
                    self.add(other);
                }
                (kind, Some(Child::File(file))) if holds(file, id, kind) => {}
                (_, other) => {
                    self.paths.push(path);
                    self.add(other);
                }
            }
        }
        there.into_values().for_each(|child| self.add(Some(child)));
        Ok(())
    }

    /// Notes what only the index has.
    fn add(&mut self, child: Option<Child>) {
        let entries = match child {
            Some(Child::File(file)) => std::slice::from_ref(file),
            Some(Child::Directory(entries)) => entries,
            None => &[],
        };
        self.paths.extend(entries.iter().map(|entry| entry.path_in(self.backing).to_owned()));
    }
}
