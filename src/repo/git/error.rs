//! [`GitError`]: why the repository could not be read or committed onto, and what to do about it.

use std::path::PathBuf;

/// Is the error of the git library that caused a [`GitError`].
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Tells why the repository could not be read or committed onto.
#[allow(missing_docs, reason = "the message of each variant says what it is")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    #[error("cannot open the git repository around `{}`", dir.display())]
    Open { dir: PathBuf, source: Source },
    #[error("`{rev}` does not name a revision of this repository")]
    Revision { rev: String, shallow: bool, source: Source },
    #[error("the repository `{}` is bare: it has no work tree to commit from", dir.display())]
    Bare { dir: PathBuf },
    #[error("a {operation} is in progress")]
    InProgress { operation: &'static str },
    #[error("`HEAD` is detached: there is no branch to commit onto")]
    DetachedHead,
    #[error("the index has unresolved conflicts in `{}`", paths.join("`, `"))]
    Conflicts { paths: Vec<String> },
    #[error("git does not know who the {role} is")]
    NoIdentity { role: &'static str },
    #[error("the environment variable `{variable}` is not a date: `{value}`")]
    InvalidDate { variable: &'static str, value: String },
    #[error("`commit.gpgSign` asks for signed commits, which fluxwright does not create")]
    SigningRequired,
    #[error("other content is already staged for `{}`", paths.join("`, `"))]
    Staged { paths: Vec<String> },
    #[error("the index is locked by `{}`", lock.display())]
    IndexLocked { lock: PathBuf },
    #[error("`{path}` is not a path that git can store")]
    InvalidPath { path: String, source: Source },
    #[error("cannot commit `{path}`: git tracks `{by}`, which is in the way")]
    Obstructed { path: String, by: String },
    #[error("the commit message is empty or contains a NUL byte")]
    InvalidMessage,
    #[error("the branch `{branch}` moved while the commit was made")]
    BranchMoved { branch: String, source: Source },
    #[error("commit `{commit}` was made, but the index could not be updated")]
    IndexNotUpdated { commit: String, source: Source },
    #[error("cannot {action}")]
    Git { action: &'static str, source: Source },
}

impl GitError {
    /// Names the next action of the user, for the errors that a user can fix.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Revision { shallow: true, .. } => "the clone is shallow and may lack it: run `git fetch --unshallow`",
            Self::Revision { .. } => "name a branch, tag or commit that `git rev-parse` resolves",
            Self::Bare { .. } => "run it in a clone or a `git worktree` of this repository",
            Self::InProgress { .. } => "finish or abort it; `git status` names the commands",
            Self::DetachedHead => "run `git switch <branch>` first",
            Self::Conflicts { .. } => "resolve them and `git add` the result",
            Self::NoIdentity { .. } => "run `git config user.name <name>` and `git config user.email <address>`",
            Self::InvalidDate { .. } => "unset it, or write it like `2026-01-31T12:00:00+00:00`",
            Self::SigningRequired => "run `fluxwright render`, then `git commit`",
            Self::Staged { .. } => "commit it, or unstage it with `git reset -- <path>`",
            Self::IndexLocked { .. } => "wait for the other git process; if there is none, remove the file",
            Self::Obstructed { .. } => "remove it or render elsewhere",
            Self::InvalidMessage => "pass a message that describes the change",
            Self::BranchMoved { .. } => "run the command again",
            Self::IndexNotUpdated { .. } => "run `git reset --quiet -- <committed paths>`",
            Self::Open { .. } | Self::InvalidPath { .. } | Self::Git { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// Says what could not be done, for an error of the git library.
pub(super) fn failed<E: Into<Source>>(action: &'static str) -> impl FnOnce(E) -> GitError {
    move |source| GitError::Git { action, source: source.into() }
}
