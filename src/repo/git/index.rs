//! The index: its lock, our entries in it, and the copy that hooks see.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::entry::{Flags, Mode, Stat};
use gix::index::extension::Tree;
use gix::index::{File as Index, State};
use rayon::prelude::*;

use super::error::failed;
use super::plan::Edits;
use super::{GitError, Repository};
use crate::repo::clean::UNFINISHED;
use crate::repo::journal::{self, IndexLock, Repair};

/// What the name of an index for hooks starts with.
const NEXT: &str = "fluxwright-next-index-";

impl Repository {
    pub(super) fn lock_path(&self) -> PathBuf {
        self.git.index_path().with_extension("lock")
    }

    /// Locks the index, in a way that the next run knows as ours.
    pub(super) fn lock_index(&self) -> Result<IndexLock, GitError> {
        let lock = IndexLock::acquire(&self.git.index_path()).map_err(failed("lock the index"))?;
        lock.ok_or_else(|| GitError::IndexLocked { lock: self.lock_path() })
    }

    /// Finishes or takes back the commit of a run that died. The caller holds the lock of the work tree.
    pub fn repair(&self) -> Result<Option<Repair>, GitError> {
        // A run that only reads may be writing one right now; it does without when it is gone.
        let records = std::fs::read_dir(self.git.git_dir()).into_iter().flatten().flatten();
        let is_left = |name: &str| name.starts_with(UNFINISHED) || name.starts_with(NEXT);
        for record in records.filter(|entry| is_left(&entry.file_name().to_string_lossy())) {
            let _ = std::fs::remove_file(record.path());
        }
        let value = |name: &str| Some(self.git.find_reference(name).ok()?.try_id()?.to_string());
        let references = [self.git.git_dir(), self.git.common_dir()];
        // Whatever index a program that started us works on, a commit of ours takes that of the work tree.
        let index = self.git.git_dir().join("index");
        journal::repair(&index, &references, value).map_err(failed("repair the index"))
    }

    /// Makes the entries of our paths equal to the commit and leaves all others as they are.
    /// Returns what it knew of trees, which the library would write unchanged.
    pub(super) fn update_index(&self, index: &mut Index, edits: &Edits) -> Option<Tree> {
        let work = WorkTree::of(self);
        // Git recognizes a file that changed within the second of the index's writing, and kept its
        // size, by the index not being newer. The new one will be: a size of zero tells git instead.
        let written = index.timestamp();
        let racy = |(entry, path): (&mut gix::index::Entry, &BStr)| {
            let racy = entry.stat.is_racy(written, Default::default());
            racy.then(|| (path.to_owned(), entry.stat.size, entry.id))
        };
        let racy: Vec<_> = index.entries_mut_with_paths().filter_map(racy).collect();
        let changed = |(path, size, id): &(BString, u32, ObjectId)| {
            work.file(path.as_bstr()).is_some_and(|(stat, found)| stat.size == *size && found != *id)
        };
        let changed: Vec<_> = racy.into_par_iter().filter(changed).collect();
        for (path, ..) in changed {
            if let Some(entry) =
                index.entry_mut_by_path_and_stage(path.as_bstr(), gix::index::entry::Stage::Unconflicted)
            {
                entry.stat.size = 0;
            }
        }
        let mut flags = BTreeMap::new();
        index.remove_entries(|_, path, entry| {
            let ours = path.to_str().ok().filter(|path| edits.contains_key(path));
            flags.extend(ours.map(|path| (path.to_owned(), entry.flags)));
            ours.is_some()
        });
        let found: Vec<_> = edits.par_iter().map(|(path, _)| work.file(BStr::new(path))).collect();
        for ((path, edit), found) in edits.iter().zip(found) {
            let Some((id, kind)) = edit.new else { continue };
            // Without metadata git compares contents, if the file is not what we commit after all.
            let stat = found.filter(|(_, found)| *found == id).map(|(stat, _)| stat);
            let mut flags = flags.get(*path).copied().unwrap_or(Flags::empty());
            flags &= Flags::ASSUME_VALID | Flags::SKIP_WORKTREE;
            // Of these, only the latter needs the extended format.
            flags.set(Flags::EXTENDED, flags.contains(Flags::SKIP_WORKTREE));
            index.dangerously_push_entry(stat.unwrap_or_default(), id, flags, Mode::from(kind), BStr::new(path));
        }
        index.sort_entries();
        index.remove_tree()
    }

    /// Returns the ids of the files that the work tree has in the place of ours.
    pub(super) fn on_disk(&self, edits: &Edits) -> Vec<Option<ObjectId>> {
        let work = WorkTree::of(self);
        edits.par_iter().map(|(path, _)| work.file(BStr::new(path)).map(|(_, id)| id)).collect()
    }

    /// Writes an index that has exactly the files of a tree, beside the real one, as `git commit --only` does for hooks.
    ///
    /// What `known` knows of files that are the same saves git from reading them.
    pub(super) fn index_of_tree(
        &self,
        tree: ObjectId,
        known: Option<&Index>,
    ) -> Result<(tempfile::TempPath, Index), GitError> {
        let action = "write an index for the hooks";
        let state = gix::index::State::from_tree(&tree, &self.git.objects, Default::default());
        let mut file = tempfile::Builder::new()
            .prefix(NEXT)
            .suffix(".lock")
            .tempfile_in(self.git.git_dir())
            .map_err(failed(action))?;
        let mut index = Index::from_state(state.map_err(failed(action))?, file.path().to_owned());
        for (entry, path) in index.entries_mut_with_paths() {
            let same = known.and_then(|known| known.entry_by_path(path));
            if let Some(same) = same.filter(|same| same.id == entry.id && same.mode == entry.mode) {
                entry.stat = same.stat;
            }
        }
        write(&index, None, &mut file)?;
        Ok((file.into_temp_path(), index))
    }
}

/// Writes an index into a file that takes its place later, with what it knows of trees.
pub(super) fn write(index: &Index, trees: Option<&Tree>, out: impl std::io::Write) -> Result<(), GitError> {
    let fail = |error| failed("write the index")(error);
    let mut out = gix::hash::io::Write::new(std::io::BufWriter::new(out), index.object_hash());
    State::write_to(index, &mut out, Default::default()).map_err(failed("write the index"))?;
    // The library takes no trees, only those that it has read itself; as an extension they stand behind all entries.
    trees.map_or(Ok(()), |trees| trees.write_to(&mut out)).map_err(fail)?;
    let digest = out.hash.try_finalize().map_err(failed("write the index"))?;
    out.inner.write_all(digest.as_slice()).and_then(|()| out.inner.flush()).map_err(fail)
}

/// Tells whether two indexes say the same of all files.
pub(super) fn same(one: Option<&Index>, other: Option<&Index>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.path_backing() == other.path_backing() && one.entries() == other.entries(),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// Names the paths whose contents or modes differ between two indexes.
pub(super) fn differing(one: &Index, other: &Index) -> Vec<String> {
    let content = |index: &Index| -> BTreeMap<BString, (ObjectId, Mode)> {
        index.entries().iter().map(|e| (e.path(index).to_owned(), (e.id, e.mode))).collect()
    };
    let (one, other) = (content(one), content(other));
    let gone = one.keys().filter(|path| !other.contains_key(*path));
    let changed = other.iter().filter(|(path, found)| one.get(*path) != Some(found)).map(|(path, _)| path);
    let mut paths: Vec<_> = gone.chain(changed).map(ToString::to_string).collect();
    paths.sort();
    paths
}

/// A work tree whose files several threads look at.
struct WorkTree<'r> {
    root: Option<&'r Path>,
    hash: gix::hash::Kind,
}

impl<'r> WorkTree<'r> {
    fn of(repository: &'r Repository) -> Self {
        Self { root: repository.work_dir(), hash: repository.git.object_hash() }
    }

    /// Returns metadata and id of a regular file.
    fn file(&self, path: &BStr) -> Option<(Stat, ObjectId)> {
        let file = self.root?.join(gix::path::from_bstr(path).ok()?);
        // Metadata first: if the file changes before it is read, the metadata is outdated already.
        let meta = gix::index::fs::Metadata::from_path_no_follow(&file).ok().filter(|meta| meta.is_file())?;
        let data = std::fs::read(&file).ok()?;
        let id = gix::objs::compute_hash(self.hash, gix::objs::Kind::Blob, &data).ok()?;
        Some((Stat::from_fs(&meta).ok()?, id))
    }
}
