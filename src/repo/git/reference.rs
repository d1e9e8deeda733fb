//! The moment of a commit: the branch moves, and the new index takes its place.

use std::time::Duration;

use gix::ObjectId;
use gix::lock::File as Lock;
use gix::lock::acquire::Fail;
use gix::refs::transaction::{PreviousValue, RefEdit};

use super::error::failed;
use super::hooks::Hooks;
use super::{GitError, Repository, Target};

impl Repository {
    /// Moves the branch to the commit in one transaction, and then puts the new index in place.
    ///
    /// Objects are stored, and the new index is in its lock: a full disk does not separate the two. Nothing else changes
    /// references or the index.
    pub(super) fn publish(
        &self,
        target: &Target,
        id: ObjectId,
        message: &str,
        lock: Option<Lock>,
        hooks: &Hooks,
    ) -> Result<(), GitError> {
        self.move_branch(target, id, message, hooks)?;
        match lock.map(Lock::commit).transpose() {
            Ok(_) => Ok(()),
            Err(e) => Err(GitError::IndexNotUpdated { commit: id.to_string(), source: e.into() }),
        }
    }

    fn move_branch(&self, target: &Target, id: ObjectId, message: &str, hooks: &Hooks) -> Result<(), GitError> {
        let moved = |e: gix::Error| match e.is_conflict() {
            true => GitError::BranchMoved { branch: target.branch(), source: e.into() },
            false => failed("make the commit")(e),
        };
        let expected = match target.parent.filter(|_| !target.new) {
            Some(parent) => PreviousValue::MustExistAndMatch(parent.into()),
            None => PreviousValue::MustNotExist,
        };
        // Through `HEAD`, so that its log gets a line, too.
        let name = if target.current { gix::refs::FullName::try_from("HEAD") } else { Ok(target.name.clone()) };
        let name = name.map_err(failed("make the commit"))?;
        let log = gix::reference::log::message("commit", message.into(), target.parent.iter().count());
        let edit = RefEdit::update(name, id, expected, log).with_deref(true);
        let committer = self.git.committer().transpose().map_err(failed("read the identity"))?;
        let config = self.git.config_snapshot();
        // The defaults are those of git; a negative number waits for ever.
        let wait = |key: &str, default: i64| match config.integer(key).unwrap_or(default) {
            0 => Fail::Immediately,
            time => Fail::AfterDurationWithBackoff(u64::try_from(time).map_or(Duration::MAX, Duration::from_millis)),
        };
        let prepared = self.git.refs.transaction().prepare(
            [edit],
            wait("core.filesRefLockTimeout", 100),
            wait("core.packedRefsTimeout", 1000),
        );
        let prepared = prepared.map_err(moved)?;
        let old = target.parent.filter(|_| !target.new).unwrap_or_else(|| self.git.object_hash().null());
        let line = format!("{old} {id} {}\n", target.name.as_bstr());
        if let Err(error) = hooks.transaction("prepared", &line) {
            drop(prepared);
            hooks.transaction("aborted", &line).ok();
            return Err(error);
        }
        prepared.commit(committer).map_err(moved)?;
        // The branch has moved: nothing that a hook says can change it.
        hooks.transaction("committed", &line).ok();
        Ok(())
    }
}
