//! [`GitError`]: why the repository could not be read or committed onto, and what to do about it.

use std::path::PathBuf;

/// The error of the git library that caused a [`GitError`].
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
    #[error("the index has unresolved conflicts in {}", few(paths))]
    Conflicts { paths: Vec<String> },
    #[error("git does not know who the {role} is")]
    NoIdentity { role: &'static str },
    #[error("the environment variable `{variable}` is not a date: `{value}`")]
    InvalidDate { variable: &'static str, value: String },
    #[error("`{branch}` is not a name that git takes for a branch")]
    InvalidBranch { branch: String },
    #[error("the branch `{branch}` is checked out in the work tree `{}`", dir.display())]
    CheckedOut { branch: String, dir: PathBuf },
    #[error("the branch `{branch}` is another name of `{leads}`")]
    SymbolicBranch { branch: String, leads: String },
    #[error(
        "there can be no branch `{branch}` beside the branch `{other}`: one name would be a directory of the other"
    )]
    BranchInTheWay { branch: String, other: String },
    #[error("the branch `{branch}` is locked by `{}`", lock.display())]
    BranchLocked { branch: String, lock: PathBuf },
    #[error("`{}` cannot be read, so that nobody knows what git is to do", path.display())]
    Unreadable { path: PathBuf, source: Source },
    #[error("the repository around `{}` has SHA-256 objects, which are not supported", dir.display())]
    Sha256 { dir: PathBuf },
    #[error("`git` cannot be started")]
    NoProgram { source: Source },
    #[error("git could not sign the commit: {said}")]
    SigningFailed { said: String },
    #[error("the repository `{}` belongs to another user, so that its hooks are not run", dir.display())]
    UntrustedHooks { dir: PathBuf },
    #[error("the hook `{hook}` failed ({status})")]
    HookFailed { hook: &'static str, status: String },
    #[error("the hook `{hook}` cannot be started")]
    HookNotStarted { hook: &'static str, source: Source },
    #[error("the hook `{hook}` changed what was about to be committed: {}", few(paths))]
    HookChanged { hook: &'static str, paths: Vec<String> },
    #[error("there is no remote to push to")]
    NoRemote,
    #[error("`{branch}` was not pushed to `{remote}`: {}", first(reason, said))]
    PushFailed { branch: String, remote: String, reason: String, said: String },
    #[error("other content is already staged for {}", few(paths))]
    Staged { paths: Vec<String> },
    #[error("the index is locked by `{}`", lock.display())]
    IndexLocked { lock: PathBuf },
    #[error("`{path}` is not a path that git can store")]
    InvalidPath { path: String, source: Source },
    #[error("cannot commit `{path}`: git tracks `{by}`, which is in the way")]
    Obstructed { path: String, by: String },
    #[error("cannot commit `{path}`: `.gitattributes` sets `{attribute}`, and fluxwright runs no filters of git")]
    Converted { path: String, attribute: String },
    #[error("the commit message holds a credential, which would stay in the history for ever")]
    SecretMessage,
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
            Self::InvalidBranch { .. } => "pass a short name such as `render/prod`, without `refs/heads/`",
            Self::SymbolicBranch { leads, .. } => return Some(format!("name the branch itself: `--branch {leads}`")),
            Self::BranchInTheWay { .. } => "choose another name",
            Self::Unreadable { .. } => "make it readable for yourself",
            Self::Sha256 { .. } => "use a repository with SHA-1 objects, the default of git",
            Self::CheckedOut { .. } => "run it there, or name another branch",
            Self::NoProgram { .. } => "install git: signing and pushing are done by it, with your keys and credentials",
            Self::SigningFailed { .. } => {
                "look at `user.signingKey`, `gpg.format` and the program that they need, or pass `--no-sign`"
            }
            Self::UntrustedHooks { .. } => {
                "if you trust it, run `git config --global --add safe.directory <directory>`"
            }
            Self::HookFailed { hook: "pre-commit" | "commit-msg", .. } => {
                "do what it says, or pass `--no-verify`; nothing was committed"
            }
            Self::HookFailed { .. } => "do what it says; nothing was committed",
            Self::HookNotStarted { .. } => "look at its first line (`#!`) and its permissions; nothing was committed",
            Self::HookChanged { .. } => {
                "let the hook leave generated files alone; if it changed an intent, run the command again"
            }
            Self::NoRemote => "name one with `--push=REMOTE`; `git remote add origin <url>` makes one",
            Self::PushFailed { reason, .. }
                if reason.contains("fetch first") || reason.contains("non-fast-forward") =>
            {
                "the remote has commits that are missing here: run `git pull --rebase`, then the command again"
            }
            Self::PushFailed { reason, .. } if !reason.is_empty() => {
                "the commit is made; the remote does not take it on this branch: try another one with `--branch`"
            }
            Self::PushFailed { .. } => "the commit is made; run the command again, or `git push`, when this is mended",
            Self::Staged { .. } => "commit it, or unstage it with `git reset -- <path>`",
            Self::BranchLocked { .. } | Self::IndexLocked { .. } => {
                "wait for the other git process; if there is none, remove the file"
            }
            Self::Obstructed { .. } => "remove it or render elsewhere",
            Self::Converted { .. } => {
                "take the attribute off this path, or run `fluxwright render`, then `git add` and `git commit`"
            }
            Self::SecretMessage => "leave it out, and change it wherever it was used",
            Self::InvalidMessage => "pass a message that describes the change",
            Self::BranchMoved { .. } => "run the command again",
            Self::IndexNotUpdated { .. } => "run `git reset --quiet -- <committed paths>`",
            Self::Open { .. } | Self::InvalidPath { .. } | Self::Git { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// Lists the first paths.
fn few(paths: &[String]) -> String {
    let shown: Vec<String> = paths.iter().take(5).map(|path| format!("`{path}`")).collect();
    let more = paths.len() - shown.len();
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// Tells why a push failed: what became of the branch, and what git and the remote said, without git's own hints.
fn first(reason: &str, said: &str) -> String {
    let said = said.lines().filter(|line| !line.starts_with("hint:"));
    [reason].into_iter().chain(said).filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n  ")
}

/// Says what could not be done, for an error of the git library.
pub(super) fn failed<E: Into<Source>>(action: &'static str) -> impl FnOnce(E) -> GitError {
    move |source| GitError::Git { action, source: source.into() }
}
