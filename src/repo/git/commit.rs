//! Committing: the order in which everything is checked, stored, shown to hooks and published.

use std::path::PathBuf;
use std::time::Duration;

use gix::ObjectId;
use gix::index::File as Index;

use super::error::failed;
use super::hooks::Hooks;
use super::plan::{Changes, Plan};
use super::{Commit, GitError, Repository, Target, Trailer, index, message};

/// How long another process may hold the lock of a branch: what git itself waits for it.
const MOMENT: Duration = Duration::from_millis(100);

/// What a commit is asked to be.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The branch, and the commit that everything was compared with.
    pub target: &'a Target,
    /// The files.
    pub changes: &'a Changes,
    /// The message without trailers.
    pub message: &'a str,
    /// Lines for the end of the message.
    pub trailers: &'a [Trailer],
    /// Whether to sign; `None` is what `commit.gpgSign` says.
    pub sign: Option<bool>,
    /// Whether the hooks `pre-commit` and `commit-msg` are run.
    pub verify: bool,
}

/// A commit that nothing speaks against, while index and work tree stay as they are.
pub struct Ready<'a> {
    plan: Plan<'a>,
    /// The index that the plan was made with.
    index: Option<Index>,
    /// The tree, once it is stored.
    tree: Option<ObjectId>,
}

impl Repository {
    /// Plans a commit. Refuses, before anything is written, what [`commit`](Self::commit) would refuse.
    ///
    /// That is conflicts, a missing identity, a locked index or branch, hooks of a repository that belongs to another user, and a
    /// path that the user has staged with something that is neither in `HEAD` nor about to be committed.
    pub fn preflight<'a>(&self, request: &Request<'a>) -> Result<Ready<'a>, GitError> {
        message::compose(request.message, request.trailers)?;
        self.signs(request.sign)?;
        self.hooks(request.target.current, request.verify)?;
        let index = request.target.current.then(|| self.read_index()).transpose()?;
        let plan = self.plan(request.target, index.as_ref(), request.changes)?;
        let lock = self.lock_path();
        if request.target.current && lock.exists() {
            return Err(GitError::IndexLocked { lock });
        }
        let names = request.target.current.then(|| self.git.git_dir().join("HEAD.lock"));
        let branch = self.git.common_dir().join(format!("{}.lock", request.target.name));
        // Git holds one for a moment only.
        let stays = |lock: &PathBuf| {
            if lock.exists() {
                std::thread::sleep(MOMENT);
            }
            lock.exists()
        };
        if let Some(lock) = names.into_iter().chain([branch]).find(stays) {
            return Err(GitError::BranchLocked { branch: request.target.branch(), lock });
        }
        Ok(Ready { plan, index, tree: None })
    }

    /// Stores the files of a commit, before index, branch or work tree change: they take the most room, and nothing has to
    /// be taken back when the disk is full.
    pub fn store_ahead(&self, ready: &mut Ready) -> Result<(), GitError> {
        if ready.plan.edits.values().any(|edit| edit.head != edit.new) {
            ready.tree = Some(self.store(&ready.plan)?);
        }
        Ok(())
    }

    /// Commits exactly the files of a request that [`preflight`](Self::preflight) has planned, onto its branch.
    ///
    /// Returns `None`, and commits nothing, if all of them are in the branch already. For the current branch the caller
    /// has written the same contents to the work tree; for another one neither work tree nor index change. Contents are
    /// stored as they are: no filter and no line ending conversion is applied. Existing files keep their executable bit.
    ///
    /// Entries of the index for other paths stay as they are. On an error other than
    /// [`GitError::IndexNotUpdated`] neither the branch nor the index has changed.
    pub fn commit(&self, request: &Request, ready: Ready) -> Result<Option<Commit>, GitError> {
        let target = request.target;
        let message = message::compose(request.message, request.trailers)?;
        let sign = self.signs(request.sign)?;
        // Held until the end, so that no other git process changes the index or switches branches.
        let mut staged = None;
        if target.current {
            let lock = self.lock_index()?;
            staged = Some((lock, self.read_index()?));
        }
        let again = self.target(Some(&target.branch()))?;
        if again != *target {
            let source = "it is not what it was when the files were compared".into();
            return Err(GitError::BranchMoved { branch: target.branch(), source });
        }
        let index = staged.as_ref().map(|(_, index)| index);
        let (plan, tree) = if index::same(ready.index.as_ref(), index) {
            (ready.plan, ready.tree)
        } else {
            (self.plan(target, index, request.changes)?, None)
        };
        if plan.edits.values().all(|edit| edit.head == edit.new) {
            return Ok(None);
        }
        let tree = tree.map_or_else(|| self.store(&plan), Ok)?;
        if tree == plan.tree {
            return Ok(None);
        }
        if let Some((lock, index)) = &mut staged {
            let before = self.update_index(index, &plan.edits);
            index::write(index, self.trees_of(index, tree, before.as_ref()).as_ref(), lock.file())?;
        }
        let hooks = self.hooks(target.current, request.verify)?;
        let message = self.ask_hooks(&hooks, &plan, tree, staged.as_ref().map(|(_, index)| index), message)?;
        let id = self.write_commit(tree, target.parent, &message, sign)?;
        self.publish(target, id, &message, staged.map(|(lock, _)| lock), &hooks)?;

        let mut notes = hooks.notes.clone();
        // The commit is made. As in git, what a hook says after it changes nothing.
        for (name, arguments) in [("post-index-change", &["0", "0"][..]), ("post-commit", &[])] {
            notes.extend(hooks.run(name, arguments, None).err().map(|error| error.to_string()));
        }
        let subject = message.lines().next().unwrap_or_default().to_owned();
        Ok(Some(Commit { id: id.to_string(), branch: target.branch(), subject, notes }))
    }

    /// Shows the commit to the hooks that may refuse it; returns the message that they leave.
    fn ask_hooks(
        &self,
        hooks: &Hooks,
        plan: &Plan,
        tree: ObjectId,
        known: Option<&Index>,
        message: String,
    ) -> Result<String, GitError> {
        if !hooks.any(&["pre-commit", "prepare-commit-msg", "commit-msg"]) {
            return Ok(message);
        }
        let (path, index) = self.index_of_tree(tree, known)?;
        if hooks.any(&["pre-commit"]) {
            let before = self.on_disk(&plan.edits);
            hooks.run("pre-commit", &[], Some(&path))?;
            let mut paths = index::differing(&index, &self.read_index_at(&path)?);
            let after = self.on_disk(&plan.edits);
            let changed =
                plan.edits.keys().zip(before.iter().zip(&after)).filter(|(_, (before, after))| before != after);
            paths.extend(changed.map(|(path, _)| (*path).to_owned()));
            paths.sort();
            paths.dedup();
            if !paths.is_empty() {
                return Err(GitError::HookChanged { hook: "pre-commit", paths });
            }
        }
        let file = self.git.git_dir().join("COMMIT_EDITMSG");
        let name = file.to_string_lossy().into_owned();
        std::fs::write(&file, message).map_err(failed("write the message for the hooks"))?;
        hooks.run("prepare-commit-msg", &[&name, "message"], Some(&path))?;
        hooks.run("commit-msg", &[&name], Some(&path))?;
        let message = std::fs::read(&file).map_err(failed("read the message of the hooks"))?;
        message::clean(&String::from_utf8_lossy(&message))
    }
}
