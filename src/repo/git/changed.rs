//! What differs between a revision and the work tree, as `git diff REV` and `git status` together say it.

use std::collections::BTreeSet;

use gix::status::{Item, UntrackedFiles, tree_index::TrackRenames};

use super::Repository;
use super::error::{GitError, failed};

impl Repository {
    /// Names the files that are not as a revision has them, whether that is committed, staged, unstaged or untracked. What
    /// git ignores is left out, and so is what is not UTF-8. A submodule counts as one path, and only its commit.
    pub fn changed_since(&self, rev: &str) -> Result<BTreeSet<String>, GitError> {
        if self.work_dir().is_none() {
            return Err(GitError::Bare { dir: self.git.git_dir().to_owned() });
        }
        let tree = self.tree_at(rev)?.unwrap_or_else(|| self.git.empty_tree());
        let fail = failed("compare the work tree with a revision");
        let status = self.git.status(gix::progress::Discard).map_err(failed("look at the work tree"))?;
        // Renames are two changes here: of what a cluster loses, and of what it gets.
        let changes = status
            .head_tree(tree.id)
            .tree_index_track_renames(TrackRenames::Disabled)
            .index_worktree_rewrites(None)
            .index_worktree_submodules(None)
            .untracked_files(UntrackedFiles::Files)
            .into_iter(None)
            .map_err(fail)?;
        let mut paths = BTreeSet::new();
        for change in changes {
            let change: Item = change.map_err(failed("look at the work tree"))?;
            if let Ok(path) = String::from_utf8(change.location().to_vec()) {
                paths.insert(path);
            }
        }
        Ok(paths)
    }
}
