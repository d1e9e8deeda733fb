//! What of the work tree is certainly as the index has it: plain files that the file system says nothing new of, in
//! directories that hold nothing else. Everything else is dubious, and looked at by the library.

use gix::bstr::BString;
use gix::index::File as Index;

use super::{GitError, Repository};

/// Other systems than Unix are left to the library, which knows their ways.
#[cfg(not(unix))]
pub(super) fn dubious(_: &Repository, _: &Index) -> Result<Vec<BString>, GitError> {
    Ok(vec![BString::default()])
}

/// Names what is not certainly as the index has it: files, and directories for all that is in them; the empty path is all.
#[cfg(unix)]
pub(super) fn dubious(repository: &Repository, index: &Index) -> Result<Vec<BString>, GitError> {
    use super::error::failed;
    let action = "read the configuration";
    let stat = repository.git.stat_options().map_err(failed(action))?;
    let files = repository.git.filesystem_options().map_err(failed(action))?;
    let walk = unix::Walk { index, stat, has_symlinks: files.symlink, has_modes: files.executable_bit };
    Ok(walk.look(rustix::fs::CWD, repository.require_work_dir()?, b"", index.entries()))
}

#[cfg(unix)]
mod unix {
    use std::ffi::CStr;
    use std::os::fd::BorrowedFd;

    use gix::bstr::{BStr, BString};
    use gix::index::entry::stat::Time;
    use gix::index::entry::{Flags, Stat, stat};
    use gix::index::{Entry, File as Index};
    use rayon::prelude::*;
    use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

    use crate::repo::git::directories::{Child, children};

    /// A walk through the work tree along the index, in parallel over directories.
    pub(super) struct Walk<'i> {
        pub(super) index: &'i Index,
        pub(super) stat: stat::Options,
        pub(super) has_symlinks: bool,
        pub(super) has_modes: bool,
    }

    impl Walk<'_> {
        /// Looks at a directory, seen from another one; `prefix` is its path in the work tree, with a final slash.
        pub(super) fn look(
            &self,
            parent: BorrowedFd<'_>,
            dir: impl rustix::path::Arg,
            prefix: &[u8],
            entries: &[Entry],
        ) -> Vec<BString> {
            self.try_look(parent, dir, prefix, entries)
                .unwrap_or_else(|_| vec![prefix.strip_suffix(b"/").unwrap_or(prefix).into()])
        }

        fn try_look(
            &self,
            parent: BorrowedFd<'_>,
            dir: impl rustix::path::Arg,
            prefix: &[u8],
            entries: &[Entry],
        ) -> rustix::io::Result<Vec<BString>> {
            // The root may be reached through a link.
            let links = if prefix.is_empty() { OFlags::empty() } else { OFlags::NOFOLLOW };
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | links;
            let mut found = Vec::new();
            let mut listing = Dir::new(rustix::fs::openat(parent, dir, flags, Mode::empty())?)?;
            while let Some(entry) = listing.read() {
                found.push(entry?);
            }
            let here = listing.fd()?;
            let mut known = children(self.index.path_backing(), prefix.len(), entries);
            let (mut dubious, mut inner) = (Vec::new(), Vec::new());
            for entry in &found {
                let name: &BStr = entry.file_name().to_bytes().into();
                if name == "." || name == ".." || name == ".git" && prefix.is_empty() {
                    continue;
                }
                match known.remove(name) {
                    Some(Child::Directory(below)) if entry.file_type() == FileType::Directory => {
                        inner.push((entry.file_name(), [prefix, name, b"/"].concat(), below));
                    }
                    Some(Child::File(file)) if self.is_unchanged(file, here, entry.file_name()) => {}
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
            let look = |(dir, prefix, below): &(&CStr, Vec<u8>, &[Entry])| self.look(here, *dir, prefix, below);
            dubious.par_extend(inner.par_iter().flat_map_iter(look));
            Ok(dubious)
        }

        /// Whether a file is as the index has it, judged as git does: a file that changed when the index was written is not
        /// known by its metadata.
        fn is_unchanged(&self, entry: &Entry, dir: BorrowedFd<'_>, name: &CStr) -> bool {
            let Ok(found) = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) else { return false };
            let kind = FileType::from_raw_mode(found.st_mode);
            let is_executable = kind.is_file() && found.st_mode & 0o100 != 0;
            let mode = entry.mode.change_to_match_fs_with_values(
                kind.is_file(),
                kind.is_dir(),
                kind.is_symlink(),
                is_executable,
                self.has_symlinks,
                self.has_modes,
            );
            // An index has the lower 32 bits of each number.
            let stat = Stat {
                mtime: Time { secs: found.st_mtime as u32, nsecs: found.st_mtime_nsec as u32 },
                ctime: Time { secs: found.st_ctime as u32, nsecs: found.st_ctime_nsec as u32 },
                dev: found.st_dev as u32,
                ino: found.st_ino as u32,
                uid: found.st_uid,
                gid: found.st_gid,
                size: found.st_size as u32,
            };
            entry.stage_raw() == 0
                && !entry.flags.contains(Flags::INTENT_TO_ADD)
                && mode.is_none()
                && stat.matches(&entry.stat, self.stat)
                && (!entry.id.is_empty_blob() || entry.stat.size == 0)
                && !stat.is_racy(self.index.timestamp(), self.stat)
        }
    }
}
