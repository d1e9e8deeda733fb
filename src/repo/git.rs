//! Owns every use of the git library: finding the repository, reading the files of a revision, and
//! committing rendered files without disturbing what the user has staged.
//!
//! It does not write the work tree, run hooks or filters, sign, fetch or push, and no type of the
//! git library appears in its public signatures.

mod error;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::File as Index;
use gix::index::entry::{Flags, Mode, Stage, Stat};
use gix::lock::File as Lock;
use gix::objs::tree::EntryKind;
use gix::{ObjectId, Tree};

use error::failed;
pub use error::{GitError, Source};

/// Is one file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The path from the root of the work tree, with `/` between its components.
    pub path: String,
    /// The new content, or `None` to delete the file.
    pub content: Option<Vec<u8>>,
}

/// Names a commit that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The full hexadecimal object id.
    pub id: String,
    /// The short name of the branch that now points to it.
    pub branch: String,
}

/// Is an open repository, seen from one of its work trees.
#[derive(Debug)]
pub struct Repository {
    git: gix::Repository,
}

/// Names the operations that wait for the user, by their marks; a bisection does not hinder commits.
const OPERATIONS: [(&str, &str); 7] = [
    ("rebase-merge", "rebase"),
    ("rebase-apply/applying", "`git am`"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("sequencer/todo", "cherry-pick or revert of several commits"),
];

/// What a path holds: the id and the kind of an object, or nothing.
type Slot = Option<(ObjectId, EntryKind)>;

type Leaves = Vec<(BString, ObjectId, EntryKind)>;

struct Edit<'a> {
    head: Slot,
    new: Slot,
    content: &'a [u8],
}

type Edits<'a> = BTreeMap<&'a str, Edit<'a>>;

struct Plan<'a> {
    branch: String,
    parent: Option<ObjectId>,
    tree: ObjectId,
    edits: Edits<'a>,
}

/// Finds the repository that encloses `dir`, also from a linked work tree; `None` if there is none.
///
/// Only an entry `.git` makes a directory part of a repository. Tracked files can look like a bare repository, and their
/// configuration would be that of whoever committed them; so a bare one is taken only when it is `dir` itself, and lies in
/// no work tree.
///
/// `GIT_DIR`, `GIT_WORK_TREE` and `GIT_INDEX_FILE` are ignored. What belongs to git's configuration
/// (`GIT_CONFIG_*`, the identity and the dates) is respected, and read once, here.
pub fn discover(dir: &Path) -> Result<Option<Repository>, GitError> {
    use gix::config::section::is_trusted;
    let open = |source| GitError::Open { dir: dir.to_owned(), source };
    // A real, absolute start keeps the work tree valid when the process changes its directory.
    let start = gix::path::realpath(dir).map_err(|e| open(e.into()))?;
    std::fs::metadata(&start).map_err(|e| open(e.into()))?;
    let entries = start.ancestors().map(|dir| dir.join(".git"));
    let Some(found) = entries.chain([start.clone()]).find(|path| gix::discover::is_git(path).is_ok()) else {
        return Ok(None);
    };
    // Overrides of the work tree and the index from the environment belong to another repository.
    let options = gix::open::Options::default()
        .open_path_as_is(true)
        .filter_config_section(|meta| is_trusted(meta) && meta.source != gix::config::Source::EnvOverride);
    let git = gix::open_opts(found, options).map_err(|e| open(e.into()))?;
    Ok(Some(Repository { git }))
}

impl Repository {
    /// Returns the root of the work tree, or `None` if the repository is bare.
    pub fn work_dir(&self) -> Option<&Path> {
        self.git.workdir()
    }

    /// Returns the git directory of the work tree.
    pub fn git_dir(&self) -> &Path {
        self.git.git_dir()
    }

    /// Returns those of the given paths that the index lacks: the next commit would be without them.
    pub fn untracked<'p>(&self, paths: &'p [String]) -> Result<Vec<&'p str>, GitError> {
        let index = self.read_index()?;
        let known = |path: &str| index.entry_by_path(BStr::new(path)).is_some();
        Ok(paths.iter().map(String::as_str).filter(|path| !known(path)).collect())
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

    fn blobs_at(&self, rev: &str, below: &[String]) -> Result<BTreeMap<String, ObjectId>, GitError> {
        let mut blobs = BTreeMap::new();
        if rev == "HEAD" && self.git.head().map_err(failed("read `HEAD`"))?.is_unborn() {
            return Ok(blobs);
        }
        let tree = self.git.rev_parse_single(rev).and_then(|id| id.object()?.peel_to_tree());
        let tree = tree.map_err(|e| GitError::Revision {
            rev: rev.to_owned(),
            shallow: self.git.is_shallow().unwrap_or(false),
            source: e.into(),
        })?;
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

    /// Refuses, before anything is written, what [`commit`](Self::commit) would refuse for `files`.
    ///
    /// That is a bare repository, an operation in progress, a detached `HEAD`, conflicts, a missing
    /// identity, required signatures, a locked index, and a path that the user has staged with
    /// something that is neither in `HEAD` nor about to be committed.
    pub fn preflight(&self, files: &[FileChange]) -> Result<(), GitError> {
        self.plan(&self.read_index()?, files)?;
        let lock = self.lock_path();
        if lock.exists() { Err(GitError::IndexLocked { lock }) } else { Ok(()) }
    }

    /// Commits exactly `files` on top of `HEAD`, onto the current branch.
    ///
    /// Returns `None`, and commits nothing, if all of them equal `HEAD`. The caller has already
    /// written the same contents to the work tree. They are stored as they are: no filter and no
    /// line ending conversion is applied. Existing files keep their executable bit. Hooks are not
    /// run, whether in `.git/hooks` or `core.hooksPath`, and the commit is not signed.
    ///
    /// Entries of the index for other paths stay as they are. On an error other than
    /// [`GitError::IndexNotUpdated`] neither the branch nor the index has changed.
    pub fn commit(&self, files: &[FileChange], message: &str) -> Result<Option<Commit>, GitError> {
        let message = format!("{}\n", message.trim());
        if message == "\n" || message.contains('\0') {
            return Err(GitError::InvalidMessage);
        }
        // Held until the end, so that no other git process changes the index or switches branches.
        let mut lock = self.lock_index()?;
        let mut index = self.read_index()?;
        let plan = self.plan(&index, files)?;
        let tree = self.write_tree(&plan)?;
        if tree == plan.tree {
            return Ok(None);
        }
        self.update_index(&mut index, &plan.edits);
        // The new index is on disk before the branch moves: a full disk must not separate the two.
        let mut out = std::io::BufWriter::new(&mut lock);
        index.write_to(&mut out, Default::default()).map_err(failed("write the index"))?;
        out.flush().map_err(failed("write the index"))?;
        drop(out);

        let id = self.git.commit("HEAD", message, tree, plan.parent).map_err(|e| match e.is_conflict() {
            true => GitError::BranchMoved { branch: plan.branch.clone(), source: e.into() },
            false => failed("make the commit")(e),
        })?;
        let id = id.to_string();
        match lock.commit() {
            Ok(_) => Ok(Some(Commit { id, branch: plan.branch })),
            Err(e) => Err(GitError::IndexNotUpdated { commit: id, source: e.into() }),
        }
    }

    /// Checks everything that can refuse a commit, and decides what each path becomes.
    fn plan<'a>(&self, index: &Index, files: &'a [FileChange]) -> Result<Plan<'a>, GitError> {
        if self.work_dir().is_none() {
            return Err(GitError::Bare { dir: self.git.git_dir().to_owned() });
        }
        // Before `HEAD`, because a rebase detaches it and is the better explanation.
        if let Some((_, operation)) = OPERATIONS.iter().find(|(mark, _)| self.git.git_dir().join(mark).exists()) {
            return Err(GitError::InProgress { operation });
        }
        let mut head = self.git.head().map_err(failed("read `HEAD`"))?;
        let Some(branch) = head.referent_name().map(|name| name.shorten().to_string()) else {
            return Err(GitError::DetachedHead);
        };
        let parent = head.try_peel_to_id().map_err(failed("read `HEAD`"))?;
        let tree = parent.map(|id| id.object()?.peel_to_tree()).transpose();
        let tree = tree.map_err(failed("read `HEAD`"))?.unwrap_or_else(|| self.git.empty_tree());
        let conflicts = index.entries().iter().filter(|e| e.stage() != Stage::Unconflicted);
        let mut paths: Vec<_> = conflicts.map(|e| e.path(index).to_string()).collect();
        paths.dedup();
        if !paths.is_empty() {
            return Err(GitError::Conflicts { paths });
        }
        self.check_config()?;

        let mut edits = Edits::new();
        for FileChange { path, content } in files {
            validate(path)?;
            // A directory is not the file of that name; `obstruction` looks at what is in it.
            let head = lookup(&tree, path)?.filter(|(_, kind)| *kind != EntryKind::Tree);
            let is_script = head.is_some_and(|(_, kind)| kind == EntryKind::BlobExecutable);
            let kind = if is_script { EntryKind::BlobExecutable } else { EntryKind::Blob };
            let id = content.as_deref().map(|data| self.hash(data)).transpose().map_err(failed("hash a file"))?;
            let content = content.as_deref().unwrap_or_default();
            edits.insert(path.as_str(), Edit { head, new: id.map(|id| (id, kind)), content });
        }
        let mut paths = Vec::new();
        for (path, edit) in &edits {
            if let Some(by) = self.obstruction(&tree, index, &edits, path, edit)? {
                return Err(GitError::Obstructed { path: path.to_string(), by });
            }
            let entry = index.entry_by_path(BStr::new(path));
            // `git add --intent-to-add` announces a path and stages no content.
            let entry = entry.filter(|e| !e.flags.contains(Flags::INTENT_TO_ADD));
            let staged = entry.map(|e| (e.id, e.mode));
            if ![edit.head, edit.new].map(|s| s.map(|(id, kind)| (id, kind.into()))).contains(&staged) {
                paths.push(path.to_string());
            }
        }
        if !paths.is_empty() {
            return Err(GitError::Staged { paths });
        }
        Ok(Plan { branch, parent: parent.map(|id| id.detach()), tree: tree.id, edits })
    }

    /// Finds a tracked path that an edit would remove unasked, or that makes it impossible.
    fn obstruction(
        &self,
        tree: &Tree,
        index: &Index,
        edits: &Edits,
        path: &str,
        edit: &Edit,
    ) -> Result<Option<String>, GitError> {
        let mut near = Vec::new();
        for (end, _) in path.match_indices('/') {
            // A sparse index has one entry, with a trailing slash, for a whole excluded directory.
            let (parent, excluded) = (&path[..end], &path[..=end]);
            if edits.contains_key(parent) || lookup(tree, parent)?.is_some_and(|(_, kind)| kind != EntryKind::Tree) {
                near.push(BString::from(parent));
            }
            let entries = [parent, excluded].map(|path| index.entry_by_path(BStr::new(path)));
            near.extend(entries.into_iter().flatten().map(|e| e.path(index).to_owned()));
        }
        match lookup(tree, path)? {
            Some((_, EntryKind::Commit)) => return Ok(Some(path.to_owned())),
            Some((id, EntryKind::Tree)) => near.extend(self.leaves(id, path)?.into_iter().map(|(leaf, ..)| leaf)),
            _ => {}
        }
        let below = index.prefixed_entries(BStr::new(&format!("{path}/"))).unwrap_or_default();
        near.extend(below.iter().map(|e| e.path(index).to_owned()));
        // Edits may trade places with each other, unless both want to exist.
        let clash = |p: &String| edits.get(p.as_str()).is_none_or(|other| edit.new.is_some() && other.new.is_some());
        Ok(near.into_iter().map(|path| path.to_string()).find(clash))
    }

    /// Checks who commits and when, and that no signature is needed.
    fn check_config(&self) -> Result<(), GitError> {
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
        let sign = config.try_boolean("commit.gpgSign").map_err(failed("read `commit.gpgSign`"))?;
        if sign == Some(true) { Err(GitError::SigningRequired) } else { Ok(()) }
    }

    fn lock_path(&self) -> PathBuf {
        self.git.index_path().with_extension("lock")
    }

    fn lock_index(&self) -> Result<Lock, GitError> {
        let (index, fail) = (self.git.index_path(), gix::lock::acquire::Fail::Immediately);
        let mut lock = Lock::acquire_to_update_resource(&index, fail, None, 0).map_err(|e| match e.is_retryable() {
            true => GitError::IndexLocked { lock: self.lock_path() },
            false => failed("lock the index")(e),
        })?;
        // A shared repository gives its index wider permissions than the umask would.
        if let Ok(meta) = index.metadata() {
            lock.with_mut(|file| file.set_permissions(meta.permissions())).map_err(failed("lock the index"))?;
        }
        Ok(lock)
    }

    fn read_index(&self) -> Result<Index, GitError> {
        let (path, hash) = (self.git.index_path(), self.git.object_hash());
        Index::at_or_default(path, hash, false, Default::default()).map_err(failed("read the index"))
    }

    fn write_tree(&self, plan: &Plan) -> Result<ObjectId, GitError> {
        // The detached editor does not insist that the neighbours of our files are present, which
        // they are not in a partial clone. It does not check names either: `validate` did.
        let mut editor = self.git.edit_tree(plan.tree).map_err(failed("read `HEAD`"))?.detach();
        // In the order of paths: `a` is gone, or a file, before anything below `a/` is looked at.
        for (path, edit) in &plan.edits {
            let name = path.split('/');
            if let Some((id, kind)) = edit.new {
                self.git.write_blob(edit.content).map_err(failed("store a file"))?;
                editor.upsert(name, kind, id).map_err(failed("edit a directory"))?;
            } else if edit.head.is_some() {
                editor.remove(name).map_err(failed("edit a directory"))?;
            }
        }
        let write = |tree: &_| self.git.write_object(tree).map(|id| id.detach());
        editor.write(write).map_err(failed("store a directory"))
    }

    /// Makes the entries of our paths equal to the commit and leaves all others as they are.
    fn update_index(&self, index: &mut Index, edits: &Edits) {
        // Git recognizes a file that changed within the second of the index's writing, and kept its
        // size, by the index not being newer. The new one will be: a size of zero tells git instead.
        let written = index.timestamp();
        for (entry, path) in index.entries_mut_with_paths() {
            if entry.stat.is_racy(written, Default::default())
                && let Some((stat, id)) = self.on_disk(path)
                && (stat.size == entry.stat.size && id != entry.id)
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
        for (path, edit) in edits {
            let Some((id, kind)) = edit.new else { continue };
            // Without metadata git compares contents, if the file is not what we commit after all.
            let stat = self.on_disk(BStr::new(path)).filter(|(_, found)| *found == id).map(|(stat, _)| stat);
            let mut flags = flags.get(*path).copied().unwrap_or(Flags::empty());
            flags &= Flags::ASSUME_VALID | Flags::SKIP_WORKTREE;
            // Of these, only the latter needs the extended format.
            flags.set(Flags::EXTENDED, flags.contains(Flags::SKIP_WORKTREE));
            index.dangerously_push_entry(stat.unwrap_or_default(), id, flags, Mode::from(kind), BStr::new(path));
        }
        index.sort_entries();
        // The cached trees describe the old entries, and the library would write them unchanged.
        index.remove_tree();
    }

    /// Returns metadata and id of a regular file in the work tree.
    fn on_disk(&self, path: &BStr) -> Option<(Stat, ObjectId)> {
        let file = self.git.workdir_path(path)?;
        // Metadata first: if the file changes before it is read, the metadata is outdated already.
        let meta = gix::index::fs::Metadata::from_path_no_follow(&file).ok().filter(|meta| meta.is_file())?;
        Some((Stat::from_fs(&meta).ok()?, self.hash(&std::fs::read(&file).ok()?).ok()?))
    }

    fn hash(&self, data: &[u8]) -> gix::Result<ObjectId> {
        gix::objs::compute_hash(self.git.object_hash(), gix::objs::Kind::Blob, data)
    }

    /// Lists everything below `tree` that is not a directory, with `prefix` before each path.
    fn leaves(&self, tree: ObjectId, prefix: &str) -> Result<Leaves, GitError> {
        let (mut leaves, mut todo) = (Leaves::new(), vec![(BString::from(prefix), tree)]);
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
}

fn lookup(tree: &Tree, path: &str) -> Result<Slot, GitError> {
    let entry = tree.lookup_entry(path.split('/').map(str::as_bytes));
    let entry = entry.map_err(failed("read a directory"))?;
    Ok(entry.map(|entry| (entry.object_id(), entry.mode().kind())))
}

fn validate(path: &str) -> Result<(), GitError> {
    // What only Windows reserves is a valid name elsewhere.
    let options = gix::validate::path::component::Options { protect_windows: cfg!(windows), ..Default::default() };
    path.split('/').try_for_each(|name| {
        let valid = gix::validate::path::component(BStr::new(name), None, options).map(drop);
        valid.map_err(|e| GitError::InvalidPath { path: path.to_owned(), source: e.into() })
    })
}
