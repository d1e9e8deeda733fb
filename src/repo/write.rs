//! Writing: every file is whole, old or new, at any moment; symbolic links are never written through.
//!
//! Everything is written under temporary names and brought to the disk first. Only then do files get their names, so that
//! a full disk changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::temporary::Temporary;
use super::{Repo, sync};
use crate::diff::{ChangeKind, ChangeSet, FileChange};
use crate::layout::{Inventory, inventory};
use crate::tree::RepoPath;

/// A file cannot be written or deleted.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{path}`")]
pub struct WriteError {
    /// What was tried.
    pub action: &'static str,
    /// The file.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

impl WriteError {
    /// Names the next action of the user, if there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self.source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some("free some space and run it again"),
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Some("make the directory writable, or write elsewhere with `fluxwright render --out DIR`")
            }
            _ => None,
        }
    }
}

/// What brings the files back that [`Repo::apply`] has changed.
#[derive(Debug, Default)]
pub struct Undo {
    sets: Vec<ChangeSet>,
    modes: Modes,
}

/// The modes of files before they were replaced or deleted.
type Modes = BTreeMap<RepoPath, u32>;

impl Repo {
    /// Writes and deletes the files of change sets, in parallel; files that must not be touched are left alone.
    ///
    /// First each inventory gets the new digests beside the old ones, last the new ones alone: after a run that dies, the
    /// next one knows both contents as ours.
    ///
    /// # Errors
    /// The first file that fails, or that somebody has changed since it was compared. All files are as they were then; if
    /// even that fails, the error says so, each file is either old or new, and the next run repairs it.
    pub fn apply(&self, sets: &[&ChangeSet]) -> Result<Undo, WriteError> {
        let modes = sets.iter().flat_map(|set| &set.files).filter(|change| change.before.is_some());
        let modes = modes.filter_map(|change| Some((change.path.clone(), self.mode(&change.path)?))).collect();
        let mut undo = Undo { sets: Vec::new(), modes };
        let staged = self.stage(sets, &undo.modes)?;
        self.refuse_changed(sets, &staged.made)?;
        undo.sets = sets.iter().map(|set| reversed(set)).collect();
        match self.switch(staged) {
            Ok(()) => Ok(undo),
            Err(error) => Err(match self.undo(undo) {
                Ok(()) => error,
                Err(again) => {
                    let text = format!("{}; some files are new already, the next run completes them", error.source);
                    let source = io::Error::new(error.source.kind(), format!("{text} ({again}: {})", again.source));
                    WriteError { source, ..error }
                }
            }),
        }
    }

    /// Refuses when a file is not what it was when it was compared: somebody has changed it since.
    fn refuse_changed(&self, sets: &[&ChangeSet], made: &Directories) -> Result<(), WriteError> {
        // In a directory that we have just made there is nothing of anybody.
        let new: HashSet<&Path> = made.0.iter().map(PathBuf::as_path).collect();
        let files = sets.par_iter().flat_map(|set| &set.files).filter(|change| !change.kind.is_conflict());
        files.try_for_each(|change| {
            let full = self.root().join(change.path.as_str());
            let is_same = match &change.before {
                Some(before) => self.read(&change.path).is_ok_and(|now| now.as_ref() == Some(before)),
                None => full.parent().is_some_and(|dir| new.contains(dir)) || full.symlink_metadata().is_err(),
            };
            if is_same {
                return Ok(());
            }
            let source = io::Error::other("it was changed while this run was at work; run it again");
            Err(WriteError { action: "write", path: full, source })
        })
    }

    /// Brings back the files that were changed.
    ///
    /// # Errors
    /// The first file that fails; each is old or new then.
    pub fn undo(&self, undo: Undo) -> Result<(), WriteError> {
        let sets: Vec<&ChangeSet> = undo.sets.iter().collect();
        self.switch(self.stage(&sets, &undo.modes)?)
    }

    /// Writes one file.
    ///
    /// # Errors
    /// When a directory on the way is a link or a file, or the disk refuses.
    pub fn write(&self, path: &RepoPath, bytes: &[u8]) -> Result<(), WriteError> {
        let full = self.root().join(path.as_str());
        let fail = |source| WriteError { action: "write", path: full.clone(), source };
        let made = self.directories(&[path])?;
        let file = Temporary::write(&full, "new", &[bytes], self.mode(path), true).map_err(fail)?;
        file.place().map_err(fail)?;
        made.keep();
        sync::directory(full.parent().unwrap_or(Path::new("."))).map_err(fail)
    }

    /// Writes everything under temporary names and brings it to the disk.
    fn stage<'a>(&self, sets: &[&'a ChangeSet], modes: &Modes) -> Result<Staged<'a>, WriteError> {
        let is_inventory = |change: &&FileChange| change.path.name() == inventory::FILE;
        let (inventories, files): (Vec<&FileChange>, Vec<_>) =
            sets.iter().flat_map(|set| &set.files).filter(|change| !change.kind.is_conflict()).partition(is_inventory);
        let mut staged = Staged::default();
        let written = inventories.iter().chain(&files).filter(|change| change.after.is_some());
        staged.made = self.directories(&written.map(|change| &change.path).collect::<Vec<_>>())?;
        let one_by_one = !sync::at_once(files.len());
        let write = |change: &FileChange, step, parts: &[&[u8]]| {
            let full = self.root().join(change.path.as_str());
            let there = change.before.as_ref().and_then(|_| self.mode(&change.path));
            let mode = there.or_else(|| modes.get(&change.path).copied());
            let made = Temporary::write(&full, step, parts, mode, one_by_one);
            made.map_err(|source| WriteError { action: "write", path: full, source })
        };
        for change in &inventories {
            let before = change.before.as_ref().map(|blob| blob.bytes()).unwrap_or_default();
            if let Some(after) = &change.after {
                staged.both.push(write(change, "both", &[before, after.bytes()])?);
                // Where there was none, both are the new one.
                if change.before.is_some() {
                    staged.last.push(write(change, "new", &[after.bytes()])?);
                }
            } else {
                staged.last_deleted.push(&change.path);
            }
            staged.emptied.extend(gone(change));
        }
        let new = files.par_iter().filter_map(|change| Some(write(change, "new", &[change.after.as_ref()?.bytes()])));
        staged.files = new.collect::<Result<_, _>>()?;
        staged.deleted = files.iter().filter(|change| change.after.is_none()).map(|change| &change.path).collect();
        if !one_by_one {
            let all = staged.files.iter().chain(&staged.both).chain(&staged.last);
            sync::file_systems(&parents(all.map(Temporary::target))).map_err(|source| self.failed(source))?;
        }
        Ok(staged)
    }

    /// Gives all files their names. From here on only names change.
    fn switch(&self, staged: Staged) -> Result<(), WriteError> {
        // The directories are named first, so that they go last when this fails.
        let Staged { made, both, files, last, deleted, last_deleted, emptied } = staged;
        self.place(both)?;
        let targets: Vec<PathBuf> = files.iter().map(|file| file.target().to_path_buf()).collect();
        place_all(files)?;
        deleted.par_iter().try_for_each(|path| self.delete(path))?;
        let removed: Vec<PathBuf> = deleted.iter().map(|path| self.root().join(path.as_str())).collect();
        let changed = targets.iter().chain(&removed).map(PathBuf::as_path);
        sync::directories(&parents(changed)).map_err(|source| self.failed(source))?;
        self.place(last)?;
        last_deleted.iter().try_for_each(|path| self.delete(path))?;
        // All that was to be written is; what is left needs no undoing.
        made.keep();
        emptied.iter().chain(deleted).chain(last_deleted).for_each(|path| self.prune(path));
        Ok(())
    }

    /// Gives files their names, and makes sure that they last.
    fn place(&self, files: Vec<Temporary>) -> Result<(), WriteError> {
        let targets: Vec<PathBuf> = files.iter().map(|file| file.target().to_path_buf()).collect();
        place_all(files)?;
        sync::directories(&parents(targets.iter().map(PathBuf::as_path))).map_err(|source| self.failed(source))
    }

    /// Makes the directories of files, unless one on the way is a link.
    fn directories(&self, paths: &[&RepoPath]) -> Result<Directories, WriteError> {
        let mut made = Directories::default();
        let mut known = BTreeSet::new();
        if !paths.is_empty() {
            made.make(self.root()).map_err(|source| self.failed(source))?;
        }
        for path in paths {
            let full = self.root().join(path.as_str());
            let fail = |source| WriteError { action: "write", path: full.clone(), source };
            let dirs = path.as_str().match_indices('/').map(|(end, _)| &path.as_str()[..end]);
            for dir in dirs.filter(|dir| known.insert(*dir)) {
                let dir = self.root().join(dir);
                match std::fs::symlink_metadata(&dir) {
                    Ok(found) if found.is_symlink() => {
                        return Err(fail(io::Error::other("a directory on the way is a symbolic link")));
                    }
                    Ok(found) if found.is_dir() => {}
                    _ => made.make(&dir).map_err(fail)?,
                }
            }
        }
        // A file is no more durable than the way to it.
        sync::directories(&parents(made.0.iter().map(PathBuf::as_path))).map_err(|source| self.failed(source))?;
        Ok(made)
    }

    /// Deletes one file.
    fn delete(&self, path: &RepoPath) -> Result<(), WriteError> {
        let full = self.root().join(path.as_str());
        let fail = |source| WriteError { action: "delete", path: full.clone(), source };
        if self.passes_link(path) {
            return Err(fail(io::Error::other("a directory on the way is a symbolic link")));
        }
        match std::fs::remove_file(&full) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fail(error)),
            _ => Ok(()),
        }
    }

    /// Deletes the directories of a file that are empty.
    fn prune(&self, path: &RepoPath) {
        let mut dir = path.parent().filter(|_| !self.passes_link(path));
        while let Some(current) = dir {
            // Fails on a directory that is not empty, which ends the climb; one that is gone does not.
            match std::fs::remove_dir(self.root().join(current.as_str())) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => break,
                _ => dir = current.parent(),
            }
        }
    }

    /// The mode of a file that is there.
    #[cfg(unix)]
    fn mode(&self, path: &RepoPath) -> Option<u32> {
        use std::os::unix::fs::PermissionsExt;
        let metadata = std::fs::symlink_metadata(self.root().join(path.as_str())).ok()?;
        Some(metadata.permissions().mode() & 0o777)
    }

    /// Only Unix has modes.
    #[cfg(not(unix))]
    fn mode(&self, _: &RepoPath) -> Option<u32> {
        None
    }

    fn failed(&self, source: io::Error) -> WriteError {
        WriteError { action: "write below", path: self.root().to_path_buf(), source }
    }
}

/// All that a batch does, written but not named.
#[derive(Default)]
struct Staged<'a> {
    /// Inventories with old and new digests.
    both: Vec<Temporary>,
    files: Vec<Temporary>,
    deleted: Vec<&'a RepoPath>,
    /// Inventories with the new digests.
    last: Vec<Temporary>,
    last_deleted: Vec<&'a RepoPath>,
    /// Files that an inventory lists no longer: a run that died may have left their directories.
    emptied: Vec<RepoPath>,
    made: Directories,
}

/// Directories that were made, outer ones first. They are removed again unless they are kept.
#[derive(Debug, Default)]
pub(super) struct Directories(Vec<PathBuf>);

impl Directories {
    /// Makes a directory and those above it.
    pub(super) fn make(&mut self, dir: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = dir.ancestors().take_while(|dir| std::fs::symlink_metadata(dir).is_err()).collect();
        let is_there = missing.is_empty();
        for dir in missing.into_iter().rev().filter(|dir| !dir.as_os_str().is_empty()) {
            match std::fs::create_dir(dir) {
                Ok(()) => self.0.push(dir.to_path_buf()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        // What stands there may be a file.
        if is_there { std::fs::create_dir_all(dir) } else { Ok(()) }
    }

    /// Keeps them.
    pub(super) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Directories {
    fn drop(&mut self) {
        // One that holds something by now stays.
        self.0.iter().rev().for_each(|dir| drop(std::fs::remove_dir(dir)));
    }
}

/// The directories of files, each once.
fn parents<'p>(paths: impl Iterator<Item = &'p Path>) -> Vec<&'p Path> {
    let mut dirs: Vec<&Path> = paths.filter_map(Path::parent).collect();
    dirs.sort_unstable_by_key(|dir| dir.as_os_str());
    dirs.dedup_by_key(|dir| dir.as_os_str());
    dirs
}

fn place_all(files: Vec<Temporary>) -> Result<(), WriteError> {
    files.into_par_iter().try_for_each(|file| {
        let path = file.target().to_path_buf();
        file.place().map_err(|source| WriteError { action: "write", path, source })
    })
}

/// The files that an inventory lists before a change and not after it.
fn gone(change: &FileChange) -> Vec<RepoPath> {
    let Some(before) = change.before.as_ref().map(Inventory::read) else { return Vec::new() };
    let after = change.after.as_ref().map(Inventory::read).unwrap_or_default();
    let root = change.path.parent();
    let gone: BTreeSet<&str> = before.paths().filter(|path| !after.owns(path)).collect();
    root.iter().flat_map(|root| gone.iter().filter_map(|path| root.join(path).ok())).collect()
}

/// The change set that leads back.
fn reversed(set: &ChangeSet) -> ChangeSet {
    let back = |change: &FileChange| FileChange {
        path: change.path.clone(),
        kind: match change.kind {
            ChangeKind::Created => ChangeKind::Deleted,
            ChangeKind::Deleted => ChangeKind::Created,
            kind => kind,
        },
        before: change.after.clone(),
        after: change.before.clone(),
    };
    ChangeSet::of(set.files.iter().map(back).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Blob;

    #[test]
    fn what_somebody_writes_meanwhile_is_not_overwritten() {
        let dir = tempfile::tempdir().expect("a directory");
        let repo = Repo::new(dir.path().to_path_buf());
        let change = |path: &str, before: Option<&str>, after: Option<&str>| FileChange {
            path: RepoPath::parse(path).expect("valid"),
            kind: match (before, after) {
                (None, _) => ChangeKind::Created,
                (_, None) => ChangeKind::Deleted,
                _ => ChangeKind::Changed,
            },
            before: before.map(Blob::from),
            after: after.map(Blob::from),
        };
        for file in ["changed", "deleted", "created"] {
            std::fs::write(dir.path().join(file), "mine").expect("writable");
        }
        for one in [
            change("changed", Some("old"), Some("new")),
            change("deleted", Some("old"), None),
            change("created", None, Some("new")),
        ] {
            let set = ChangeSet::of(vec![change("a/other", None, Some("new")), one]);
            let error = repo.apply(&[&set]).expect_err("refused");
            assert!(error.source.to_string().contains("while this run was at work"), "{error:?}");
        }
        let left = std::fs::read_dir(dir.path()).expect("readable").count();
        assert_eq!(left, 3, "nothing else is left");
        let set = ChangeSet::of(vec![change("changed", Some("mine"), Some("new")), change("b/c", None, Some("new"))]);
        repo.apply(&[&set]).expect("written");
        assert_eq!(std::fs::read_to_string(dir.path().join("changed")).expect("there"), "new");
    }
}
