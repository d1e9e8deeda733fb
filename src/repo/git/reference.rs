//! The moment of a commit: the branch moves, and the new index takes its place.

use std::time::Duration;

use gix::ObjectId;
use gix::lock::acquire::Fail;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};

use super::error::failed;
use super::hooks::Hooks;
use super::{GitError, Repository, Target};
use crate::repo::journal::{IndexLock, Move};

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
        lock: Option<IndexLock>,
        hooks: &Hooks,
    ) -> Result<(), GitError> {
        let mut lock = lock;
        if let Some(lock) = &mut lock {
            // From here on the next run can tell what this one was about to do.
            let next = Move { branch: target.name.to_string(), commit: id.to_string() };
            lock.announce(&next).map_err(failed("prepare the commit"))?;
        }
        self.move_branch(target, id, message, hooks)?;
        let Some(Err(e)) = lock.map(IndexLock::commit) else { return Ok(()) };
        // Branch and index belong together: neither changes.
        Err(match self.move_back(target, id) {
            Ok(()) => failed("replace the index")(e),
            Err(_) => GitError::IndexNotUpdated { commit: id.to_string(), source: e.into() },
        })
    }

    /// Moves the branch back to where it was before the commit.
    fn move_back(&self, target: &Target, id: ObjectId) -> gix::Result<()> {
        let expected = PreviousValue::MustExistAndMatch(id.into());
        let change = match target.parent.filter(|_| !target.new) {
            Some(parent) => Change::Update {
                log: LogChange { message: "commit: taken back".into(), ..Default::default() },
                expected,
                new: parent.into(),
            },
            None => Change::Delete { expected, log: RefLog::AndReference },
        };
        let name = gix::refs::FullName::try_from("HEAD").map_err(gix::Error::from_error)?;
        self.git.edit_reference(RefEdit { change, name, deref: true }).map(drop)
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
