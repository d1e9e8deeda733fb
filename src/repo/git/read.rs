//! Reading: the files of a revision, and what the index knows of paths.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::File as Index;
use gix::index::entry::Mode;
use gix::objs::tree::EntryKind;

use super::error::failed;
use super::{GitError, Repository};

/// What a path holds: the id and the kind of an object, or nothing.
pub(super) type Slot = Option<(ObjectId, EntryKind)>;

type Leaves = Vec<(BString, ObjectId, EntryKind)>;

impl Repository {
    /// Returns those of the given paths that the index lacks: the next commit would be without them.
    ///
    /// Inside of a hook that is the index which git is about to commit, and not the one that it leaves behind.
    pub fn untracked<'p>(&self, paths: &'p [String]) -> Result<Vec<&'p str>, GitError> {
        let index = self.read_index_at(self.index_of_hook().unwrap_or_else(|| self.git.index_path()))?;
        let known = |path: &str| index.entry_by_path(BStr::new(path)).is_some();
        Ok(paths.iter().map(String::as_str).filter(|path| !known(path)).collect())
    }

    /// Returns the index that git gives to the hooks of this repository, if this is one of them.
    fn index_of_hook(&self) -> Option<PathBuf> {
        let named = std::env::var_os("GIT_INDEX_FILE").filter(|name| !name.is_empty())?;
        // A relative path starts at the root of the work tree, where hooks start.
        let path = gix::path::realpath(self.work_dir()?.join(named)).ok()?;
        let own = gix::path::realpath(self.git.git_dir()).ok()?;
        (path.parent() == Some(own.as_path())).then_some(path)
    }

    /// Returns what tells of a path of the work tree, with `/`, and of whether it is a directory, whether git ignores it.
    ///
    /// What git tracks it does not ignore. A path that cannot be looked at counts as tracked.
    pub fn ignored(&self) -> Result<impl FnMut(&str, bool) -> bool, GitError> {
        use gix::worktree::stack::state::ignore::Source;
        let index = self.read_index()?;
        let source = Source::WorktreeThenIdMappingIfNotSkipped;
        let mut excludes = self.git.excludes(&index, None, source).map_err(failed("read what git ignores"))?;
        Ok(move |path: &str, directory: bool| {
            let tracked = match directory {
                true => index.prefixed_entries_range(format!("{path}/").as_str().into()).is_some(),
                false => index.entry_by_path(BStr::new(path)).is_some(),
            };
            let mode = Some(if directory { Mode::DIR } else { Mode::FILE });
            !tracked && excludes.at_entry(path, mode).is_ok_and(|found| found.is_excluded())
        })
    }

    /// Reads the files that `rev` has at or below the given paths, keyed by their full path.
    ///
    /// An empty path or `.` is the whole tree; a path that the revision lacks contributes nothing.
    /// `HEAD` of a branch without commits has no files. Symbolic links, submodules and paths that
    /// are not UTF-8 are skipped.
    pub fn files_at(&self, rev: &str, below: &[String]) -> Result<BTreeMap<String, Vec<u8>>, GitError> {
        let mut files = BTreeMap::new();
        for (path, id) in self.blobs_at(rev, below)? {
            let blob = self.git.find_blob(id).map_err(failed("read a committed file"))?;
            files.insert(path, blob.detach().data);
        }
        Ok(files)
    }

    /// Names the files that [`files_at`](Self::files_at) would read, without reading them.
    pub fn paths_at(&self, rev: &str, below: &[String]) -> Result<Vec<String>, GitError> {
        Ok(self.blobs_at(rev, below)?.into_keys().collect())
    }

    /// Finds the tree of a revision; `HEAD` of a branch without commits has none.
    pub(super) fn tree_at(&self, rev: &str) -> Result<Option<gix::Tree<'_>>, GitError> {
        if rev == "HEAD" && self.git.head().map_err(failed("read `HEAD`"))?.is_unborn() {
            return Ok(None);
        }
        let tree = self.git.rev_parse_single(rev).and_then(|id| id.object()?.peel_to_tree());
        tree.map(Some).map_err(|e| GitError::Revision {
            rev: rev.to_owned(),
            shallow: self.git.is_shallow().unwrap_or(false),
            source: e.into(),
        })
    }

    fn blobs_at(&self, rev: &str, below: &[String]) -> Result<BTreeMap<String, ObjectId>, GitError> {
        let mut blobs = BTreeMap::new();
        let Some(tree) = self.tree_at(rev)? else { return Ok(blobs) };
        for path in below {
            let leaves = match path.trim_start_matches("./").trim_end_matches('/') {
                "" | "." => self.leaves(tree.id, "")?,
                path => match lookup(&tree, path)? {
                    Some((id, EntryKind::Tree)) => self.leaves(id, path)?,
                    Some((id, kind)) => vec![(path.into(), id, kind)],
                    None => continue,
                },
            };
            for (path, id, kind) in leaves {
                let Ok(path) = String::from_utf8(path.into()) else { continue };
                if matches!(kind, EntryKind::Blob | EntryKind::BlobExecutable) {
                    blobs.insert(path, id);
                }
            }
        }
        Ok(blobs)
    }

    /// Lists everything below `tree` that is not a directory, with `prefix` before each path.
    pub(super) fn leaves(&self, tree: ObjectId, prefix: impl Into<BString>) -> Result<Leaves, GitError> {
        let (mut leaves, mut todo) = (Leaves::new(), vec![(prefix.into(), tree)]);
        while let Some((dir, id)) = todo.pop() {
            let tree = self.git.find_tree(id).map_err(failed("read a directory"))?;
            for entry in tree.iter() {
                let entry = entry.map_err(failed("read a directory"))?;
                let parts = [dir.as_slice(), entry.filename().as_bytes()];
                let path = BString::from(parts[usize::from(dir.is_empty())..].join(&b'/'));
                match entry.kind() {
                    EntryKind::Tree => todo.push((path, entry.object_id())),
                    kind => leaves.push((path, entry.object_id(), kind)),
                }
            }
        }
        Ok(leaves)
    }

    pub(super) fn read_index(&self) -> Result<Index, GitError> {
        self.read_index_at(self.git.index_path())
    }

    pub(super) fn read_index_at(&self, path: impl AsRef<Path>) -> Result<Index, GitError> {
        self.index_at(path.as_ref(), true)
    }

    /// Reads the index to look at it only: like git, without a look at its checksum.
    pub(super) fn read_index_quickly(&self) -> Result<Index, GitError> {
        self.index_at(&self.git.index_path(), false)
    }

    fn index_at(&self, path: &Path, verified: bool) -> Result<Index, GitError> {
        let hash = self.git.object_hash();
        Index::at_or_default(path, hash, !verified, Default::default()).map_err(failed("read the index"))
    }
}

pub(super) fn lookup(tree: &gix::Tree, path: &str) -> Result<Slot, GitError> {
    let slot = |tree: &gix::Tree, name: &str| -> Result<Slot, GitError> {
        for entry in tree.iter() {
            let entry = entry.map_err(failed("read a directory"))?;
            if entry.filename() == name.as_bytes() {
                return Ok(Some((entry.object_id(), entry.kind())));
            }
        }
        Ok(None)
    };
    let (mut tree, mut rest) = (tree.clone(), path);
    // A submodule has files in it, and none of this repository.
    while let Some((dir, below)) = rest.split_once('/') {
        let Some((id, EntryKind::Tree)) = slot(&tree, dir)? else { return Ok(None) };
        tree = tree.repo.find_tree(id).map_err(failed("read a directory"))?;
        rest = below;
    }
    slot(&tree, rest)
}
