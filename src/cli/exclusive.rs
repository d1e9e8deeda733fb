//! What a command that writes does around its work: take the lock, repair what a run that died has left, write, and bring
//! everything back when something fails.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use super::args::Global;
use super::session;
use super::ui::Ui;
use crate::diff::ChangeSet;
use crate::repo::lock::{Lock, LockError, Place};
use crate::repo::{Repair, Repo, Undo, WriteError, git};
use crate::tree::RepoPath;

/// How many seconds to wait for another run, and where to say otherwise.
const PATIENCE: u64 = 10;
const PATIENCE_VARIABLE: &str = "FLUXWRIGHT_LOCK_WAIT";

/// Locks what a command writes to: the repository, or the directory of `--out`.
///
/// # Errors
/// When another run holds it for too long, or it cannot be locked or repaired.
pub fn lock(global: &Global, out: Option<&Path>, command: &str, ui: &Ui) -> anyhow::Result<Lock> {
    if let Some(dir) = out {
        return take(Place::Directory(dir), command, ui);
    }
    let repo = session::repository(global)?;
    let repository = git::discover(repo.root())?.filter(|repository| repository.work_dir().is_some());
    let Some(repository) = repository else { return take(Place::Directory(repo.root()), command, ui) };
    let lock = take(Place::Within(repository.git_dir()), command, ui)?;
    if lock.is_own() {
        match repository.repair()? {
            Some(Repair::Finished(commit)) => {
                let short: String = commit.chars().take(10).collect();
                ui.say(&format!("note: the commit {short} of an interrupted run is complete now"));
            }
            Some(Repair::TakenBack) => ui.say("note: the commit that an interrupted run had begun is taken back"),
            None => {}
        }
    }
    Ok(lock)
}

fn take(place: Place, command: &str, ui: &Ui) -> anyhow::Result<Lock> {
    let patience = match std::env::var(PATIENCE_VARIABLE) {
        Ok(text) => text.parse().with_context(|| format!("`{PATIENCE_VARIABLE}` is not a number of seconds"))?,
        Err(_) => PATIENCE,
    };
    let held = std::env::var_os(git::LOCK_HELD);
    Lock::acquire(place, held.as_deref(), command, Duration::from_secs(patience), |text| ui.say(text)).map_err(
        |error| {
            let hint = match &error {
                LockError::Busy { .. } => {
                    format!("wait until it ends; `{PATIENCE_VARIABLE}` sets how many seconds to wait")
                }
                LockError::Io { .. } => {
                    "make the directory writable, or write elsewhere with `fluxwright render --out DIR`".to_owned()
                }
            };
            anyhow!("{:#}\nhint: {hint}", anyhow::Error::from(error))
        },
    )
}

/// Writes what has changed in clusters, after what a run that died has left in their directories is gone.
///
/// # Errors
/// When something cannot be written; all files are as they were then, as far as that is possible.
pub fn write(repo: &Repo, roots: &[RepoPath], changes: &[&ChangeSet]) -> anyhow::Result<Undo> {
    for root in roots {
        repo.sweep(root).with_context(|| format!("cannot remove what an interrupted run has left in `{root}`"))?;
    }
    repo.apply(changes).map_err(explained)
}

/// Brings everything back because of a failure, which is returned.
pub fn undo(repo: &Repo, undo: Undo, failure: anyhow::Error) -> anyhow::Error {
    match repo.undo(undo).map_err(explained) {
        Ok(()) => failure,
        Err(error) => anyhow!("{failure:#}\nthe written files could not be taken back either: {error:#}"),
    }
}

fn explained(error: WriteError) -> anyhow::Error {
    let hint = error.hint();
    let error = anyhow::Error::from(error);
    hint.map_or_else(|| anyhow!("{error:#}"), |hint| anyhow!("{error:#}\nhint: {hint}"))
}
