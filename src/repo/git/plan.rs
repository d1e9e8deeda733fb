//! Planning a commit: what each path becomes, and everything that can refuse it before anything is written.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::File as Index;
use gix::index::entry::{Flags, Stage};
use gix::objs::Exists as _;
use gix::objs::tree::EntryKind;
use rayon::prelude::*;

use super::error::failed;
use super::read::Slot;
use super::{FileChange, GitError, Repository, Target};
use crate::tree::Blob;

/// The files of a commit: the ids of their contents, and the contents that the repository lacks.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    list: Vec<(FileChange, Option<ObjectId>)>,
}

impl Changes {
    /// Adds the files of another list.
    pub fn extend(&mut self, other: Self) {
        self.list.extend(other.list);
    }
}

/// What becomes of one path.
pub(super) struct Edit<'a> {
    pub(super) head: Slot,
    pub(super) new: Slot,
    /// The new content, if the repository lacks it.
    pub(super) content: Option<&'a Blob>,
}

/// What becomes of all paths, in order.
pub(super) type Edits<'a> = BTreeMap<&'a str, Edit<'a>>;

/// A commit that nothing speaks against.
pub(super) struct Plan<'a> {
    /// The tree that the commit starts from.
    pub(super) tree: ObjectId,
    /// The paths that change in the tree or in the index.
    pub(super) edits: Edits<'a>,
}

impl Repository {
    /// Computes the ids of the contents, and lets go of those that the repository holds already.
    pub fn changes(&self, files: Vec<FileChange>) -> Result<Changes, GitError> {
        let kind = self.git.object_hash();
        let hashed = files.into_par_iter().map(|file| {
            let hash = |data: &[u8]| gix::objs::compute_hash(kind, gix::objs::Kind::Blob, data);
            let id = file.content.as_ref().map(|data| hash(data.bytes())).transpose().map_err(failed("hash a file"))?;
            Ok((file, id))
        });
        let mut list = hashed.collect::<Result<Vec<_>, _>>()?;
        let mut known = self.git.objects.clone();
        // Packs that appear while we look do no harm: an object may be there twice.
        known.refresh_never();
        for (file, id) in &mut list {
            file.content = file.content.take().filter(|_| id.is_some_and(|id| !known.exists(&id)));
        }
        Ok(Changes { list })
    }

    /// Checks everything that can refuse a commit, and decides what each path becomes.
    ///
    /// The index is that of the work tree which has the branch checked out, if there is one.
    pub(super) fn plan<'a>(
        &self,
        target: &Target,
        index: Option<&Index>,
        changes: &'a Changes,
    ) -> Result<Plan<'a>, GitError> {
        let tree = target.parent.map(|id| self.git.find_commit(id)?.tree_id()).transpose();
        let tree = tree.map_err(failed("read `HEAD`"))?.map_or_else(|| self.git.empty_tree().id, |id| id.detach());
        if let Some(index) = index {
            refuse_conflicts(index)?;
        }
        self.check_identity()?;

        let mut dirs = Directories::new(&self.git, tree)?;
        let has_modes = self.git.config_snapshot().boolean("core.fileMode").unwrap_or(true);
        let mut edits = Edits::new();
        for (FileChange { path, content }, id) in &changes.list {
            validate(path)?;
            // A directory is not the file of that name; `obstructions` looks at what is in it.
            let head = dirs.lookup(path)?.filter(|(_, kind)| *kind != EntryKind::Tree);
            let is_script = head.is_some_and(|(_, kind)| kind == EntryKind::BlobExecutable);
            let is_script = self.is_executable(index.filter(|_| target.is_current()), path, is_script, has_modes);
            let kind = if is_script { EntryKind::BlobExecutable } else { EntryKind::Blob };
            edits.insert(path.as_str(), Edit { head, new: id.map(|id| (id, kind)), content: content.as_ref() });
        }
        self.refuse_obstructions(&mut dirs, index, &edits)?;
        self.refuse_filters(index, &edits)?;
        let Some(index) = index else {
            edits.retain(|_, edit| edit.head != edit.new);
            return Ok(Plan { tree, edits });
        };
        let mut paths = Vec::new();
        edits.retain(|path, edit| {
            let entry = index.entry_by_path(BStr::new(path));
            // `git add --intent-to-add` announces a path and stages no content.
            let announced = entry.is_some_and(|e| e.flags.contains(Flags::INTENT_TO_ADD));
            let staged = entry.filter(|_| !announced).map(|e| (e.id, e.mode));
            if ![edit.head, edit.new].map(|s| s.map(|(id, kind)| (id, kind.into()))).contains(&staged) {
                paths.push(path.to_string());
            }
            edit.head != edit.new || announced
        });
        if paths.is_empty() { Ok(Plan { tree, edits }) } else { Err(GitError::Staged { paths }) }
    }

    /// Refuses an edit that would remove a tracked path unasked, or that one makes impossible.
    fn refuse_obstructions(
        &self,
        dirs: &mut Directories,
        index: Option<&Index>,
        edits: &Edits,
    ) -> Result<(), GitError> {
        let entry = |path: &str| index.and_then(|index| index.entry_by_path(BStr::new(path)));
        let mut seen = BTreeMap::new();
        for (path, edit) in edits {
            // Edits may trade places with each other, unless both want to exist.
            let clash = |p: &str| edits.get(p).is_none_or(|other| edit.new.is_some() && other.new.is_some());
            let mut near = Vec::new();
            for (end, _) in path.match_indices('/') {
                // A sparse index has one entry, with a trailing slash, for a whole excluded directory.
                let (parent, excluded) = (&path[..end], &path[..=end]);
                if !seen.contains_key(parent) {
                    let file = edits.contains_key(parent)
                        || dirs.lookup(parent)?.is_some_and(|(_, kind)| kind != EntryKind::Tree)
                        || entry(parent).is_some();
                    seen.insert(parent, (file, entry(excluded).is_some()));
                }
                let (file, sparse) = seen.get(parent).copied().unwrap_or_default();
                near.extend(file.then(|| parent.to_owned()));
                near.extend(sparse.then(|| excluded.to_owned()));
            }
            match dirs.lookup(path)? {
                Some((_, EntryKind::Commit)) => near.insert(0, (*path).to_owned()),
                Some((id, EntryKind::Tree)) => {
                    near.extend(self.leaves(id, *path)?.into_iter().map(|(leaf, ..)| leaf.to_string()));
                }
                _ => {}
            }
            // In the order of paths, whatever is below stands right behind `path/`.
            let below =
                index.and_then(|index| index.prefixed_entries(BStr::new(&format!("{path}/")))).unwrap_or_default();
            near.extend(index.iter().flat_map(|index| below.iter().map(|e| e.path(index).to_string())));
            let is_module = matches!(dirs.lookup(path)?, Some((_, EntryKind::Commit)));
            if let Some(by) = near.into_iter().find(|by| is_module && by == path || clash(by)) {
                return Err(GitError::Obstructed { path: path.to_string(), by });
            }
        }
        Ok(())
    }

    /// Checks who commits and when.
    fn check_identity(&self) -> Result<(), GitError> {
        let config = self.git.config_snapshot();
        for (role, who, key, variable) in [
            ("author", self.git.author(), "gitoxide.commit.authorDate", "GIT_AUTHOR_DATE"),
            ("committer", self.git.committer(), "gitoxide.commit.committerDate", "GIT_COMMITTER_DATE"),
        ] {
            let who = who.transpose().map_err(failed("read the identity"))?;
            let who = who.filter(|who| !who.name.trim().is_empty()).ok_or(GitError::NoIdentity { role })?;
            who.write_to(&mut std::io::sink()).map_err(failed("use the identity"))?;
            // The library takes the current time for a date that it cannot read; git refuses it.
            let value = config.string(key).unwrap_or_default().to_string();
            if !value.is_empty() && gix::date::parse(&value, Some(gix::date::Zoned::now())).is_err() {
                return Err(GitError::InvalidDate { variable, value });
            }
        }
        Ok(())
    }
}

fn refuse_conflicts(index: &Index) -> Result<(), GitError> {
    let conflicts = index.entries().iter().filter(|e| e.stage() != Stage::Unconflicted);
    let paths: BTreeSet<_> = conflicts.map(|e| e.path(index).to_string()).collect();
    if paths.is_empty() { Ok(()) } else { Err(GitError::Conflicts { paths: paths.into_iter().collect() }) }
}

fn validate(path: &str) -> Result<(), GitError> {
    // What only Windows reserves is a valid name elsewhere.
    let options = gix::validate::path::component::Options { protect_windows: cfg!(windows), ..Default::default() };
    path.split('/').try_for_each(|name| {
        let valid = gix::validate::path::component(BStr::new(name), None, options).map(drop);
        valid.map_err(|e| GitError::InvalidPath { path: path.to_owned(), source: e.into() })
    })
}

/// Reads each directory of a tree at most once, however many paths are looked up in it.
struct Directories<'r> {
    git: &'r gix::Repository,
    /// By path; what is no directory has no entries.
    known: HashMap<String, HashMap<BString, (ObjectId, EntryKind)>>,
}

impl<'r> Directories<'r> {
    fn new(git: &'r gix::Repository, root: ObjectId) -> Result<Self, GitError> {
        let mut dirs = Self { git, known: HashMap::new() };
        dirs.read("", Some(root))?;
        Ok(dirs)
    }

    fn lookup(&mut self, path: &str) -> Result<Slot, GitError> {
        let (dir, _) = path.rsplit_once('/').unwrap_or_default();
        if !self.known.contains_key(dir) {
            for end in dir.match_indices('/').map(|(at, _)| at).chain([dir.len()]) {
                let here = &dir[..end];
                if !self.known.contains_key(here) {
                    let tree = self.slot(here).filter(|(_, kind)| *kind == EntryKind::Tree);
                    self.read(here, tree.map(|(id, _)| id))?;
                }
            }
        }
        Ok(self.slot(path))
    }

    /// Looks a path up whose directory is known.
    fn slot(&self, path: &str) -> Slot {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.known.get(dir)?.get(name.as_bytes().as_bstr()).copied()
    }

    fn read(&mut self, dir: &str, tree: Option<ObjectId>) -> Result<(), GitError> {
        let mut entries = HashMap::new();
        if let Some(id) = tree {
            let tree = self.git.find_tree(id).map_err(failed("read a directory"))?;
            for entry in tree.iter() {
                let entry = entry.map_err(failed("read a directory"))?;
                entries.insert(entry.filename().to_owned(), (entry.object_id(), entry.kind()));
            }
        }
        self.known.insert(dir.to_owned(), entries);
        Ok(())
    }
}
