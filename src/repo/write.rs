//! Writing: every file is whole, old or new, at any moment; symbolic links are never written through.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::Repo;
use crate::diff::ChangeSet;
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

impl Repo {
    /// Writes and deletes the files of a change set, in parallel; files that must not be touched are left alone.
    ///
    /// A new content is written to a temporary file in the same directory and renamed. First the inventory gets the new
    /// digests beside the old ones, last the new ones alone: after a run that dies, the next one knows both contents as
    /// ours.
    ///
    /// # Errors
    /// The first file that fails; the others are written or as they were.
    pub fn apply(&self, changes: &ChangeSet) -> Result<(), WriteError> {
        let is_inventory = |path: &RepoPath| path.name() == crate::layout::inventory::FILE;
        let (last, first): (Vec<_>, Vec<_>) = changes
            .files
            .iter()
            .filter(|change| !change.kind.is_conflict())
            .partition(|change| is_inventory(&change.path));
        let one = |change: &&crate::diff::FileChange| match &change.after {
            Some(blob) => self.write(&change.path, blob.bytes()),
            None => self.delete(&change.path),
        };
        for change in &last {
            if let Some(after) = &change.after {
                let before = change.before.as_ref().map(|blob| blob.bytes().to_vec()).unwrap_or_default();
                self.write(&change.path, &[before.as_slice(), after.bytes()].concat())?;
            }
        }
        first.par_iter().try_for_each(one)?;
        last.iter().try_for_each(one)
    }

    /// Writes one file.
    ///
    /// # Errors
    /// When a directory on the way is a link or a file, or the disk refuses.
    pub fn write(&self, path: &RepoPath, bytes: &[u8]) -> Result<(), WriteError> {
        let full = self.root().join(path.as_str());
        let fail = |source| WriteError { action: "write", path: full.clone(), source };
        if self.passes_link(path) {
            return Err(fail(io::Error::other("a directory on the way is a symbolic link")));
        }
        let dir = full.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(dir).map_err(fail)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".fluxwright-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // A file keeps its own mode; a new one gets what the process's umask leaves of 0666.
            let mode = std::fs::symlink_metadata(&full).map_or(0o666, |metadata| metadata.permissions().mode() & 0o777);
            builder.permissions(std::fs::Permissions::from_mode(mode));
        }
        let mut file = builder.tempfile_in(dir).map_err(fail)?;
        file.write_all(bytes).map_err(fail)?;
        file.as_file().sync_data().map_err(fail)?;
        file.persist(&full).map_err(|error| fail(error.error))?;
        Ok(())
    }

    /// Deletes one file, and the directories that become empty.
    fn delete(&self, path: &RepoPath) -> Result<(), WriteError> {
        let full = self.root().join(path.as_str());
        let fail = |source| WriteError { action: "delete", path: full.clone(), source };
        if self.passes_link(path) {
            return Err(fail(io::Error::other("a directory on the way is a symbolic link")));
        }
        match std::fs::remove_file(&full) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fail(error)),
        }
        let mut dir = path.parent();
        while let Some(current) = dir {
            // Fails on a directory that is not empty, which ends the climb.
            if std::fs::remove_dir(self.root().join(current.as_str())).is_err() {
                break;
            }
            dir = current.parent();
        }
        Ok(())
    }
}
