//! What of the work tree is certainly as the index has it: plain files that the file system says nothing new of, in
//! directories that hold nothing else. Everything else is dubious, and looked at by the library.

use std::path::Path;

use gix::bstr::BString;
use gix::index::entry::{Flags, Stat, stat};
use gix::index::fs::Metadata;
use gix::index::{Entry, File as Index};
use rayon::prelude::*;

use super::directories::{Child, children};
use super::error::failed;
use super::{GitError, Repository};

/// A walk through the work tree along the index, in parallel over directories.
pub(super) struct Walk<'i> {
    index: &'i Index,
    stat: stat::Options,
    has_symlinks: bool,
    has_modes: bool,
}

impl<'i> Walk<'i> {
    pub(super) fn new(repository: &Repository, index: &'i Index) -> Result<Self, GitError> {
        let action = "read the configuration";
        let stat = repository.git.stat_options().map_err(failed(action))?;
        let files = repository.git.filesystem_options().map_err(failed(action))?;
        Ok(Self { index, stat, has_symlinks: files.symlink, has_modes: files.executable_bit })
    }

    /// Names what is not certainly as the index has it: files, and directories for all that is in them.
    pub(super) fn dubious(&self, root: &Path) -> Vec<BString> {
        self.look(root, b"", self.index.entries())
    }

    fn look(&self, dir: &Path, prefix: &[u8], entries: &[Entry]) -> Vec<BString> {
        let mut known = children(self.index.path_backing(), prefix.len(), entries);
        let mut dubious = Vec::new();
        let mut inner = Vec::new();
        let whole = || vec![BString::from(prefix.strip_suffix(b"/").unwrap_or(prefix))];
        let Ok(found) = std::fs::read_dir(dir) else { return whole() };
        for found in found {
            let Ok((found, kind)) = found.and_then(|found| found.file_type().map(|kind| (found, kind))) else {
                return whole();
            };
            let name = found.file_name();
            let Ok(name) = gix::path::os_str_into_bstr(&name) else { return whole() };
            if name == ".git" && prefix.is_empty() {
                continue;
            }
            match known.remove(name) {
                Some(Child::Directory(below)) if kind.is_dir() => {
                    inner.push((found.path(), [prefix, name, b"/"].concat(), below));
                }
                Some(Child::File(entry)) if self.is_unchanged(entry, &found.path()) => {}
                _ => dubious.push([prefix, name].concat().into()),
            }
        }
        let is_left_out = |entry: &Entry| entry.flags.contains(Flags::SKIP_WORKTREE);
        for (name, child) in known {
            let is_fine = match child {
                Child::File(entry) => is_left_out(entry),
                Child::Directory(entries) => entries.iter().all(is_left_out),
            };
            if !is_fine {
                dubious.push([prefix, name].concat().into());
            }
        }
        let below = inner.par_iter().flat_map_iter(|(dir, prefix, below)| self.look(dir, prefix, below));
        dubious.par_extend(below);
        dubious
    }

    /// Whether a file is as the index has it, judged as git does: a file that changed when the index was written is not
    /// known by its metadata.
    fn is_unchanged(&self, entry: &Entry, file: &Path) -> bool {
        let Ok(metadata) = Metadata::from_path_no_follow(file) else { return false };
        let Ok(stat) = Stat::from_fs(&metadata) else { return false };
        entry.stage_raw() == 0
            && !entry.flags.contains(Flags::INTENT_TO_ADD)
            && entry.mode.change_to_match_fs(&metadata, self.has_symlinks, self.has_modes).is_none()
            && stat.matches(&entry.stat, self.stat)
            && (!entry.id.is_empty_blob() || entry.stat.size == 0)
            && !stat.is_racy(self.index.timestamp(), self.stat)
    }
}
