//! What git knows of the work tree beyond its files: what it left out of a sparse checkout, where other repositories
//! begin, which files it would store otherwise than they lie there, and older versions of them.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use gix::ObjectId;
use gix::bstr::{BStr, ByteSlice};
use gix::index::File as Index;
use gix::index::entry::{Flags, Mode};
use gix::worktree::stack::state::attributes::Source;

use super::error::failed;
use super::plan::Edits;
use super::read::lookup;
use super::{GitError, Repository};

/// The most versions of files that are read on a search.
const VERSIONS: usize = 2_000;

/// What git tracks and did not check out.
#[derive(Clone, Debug, Default)]
pub struct LeftOut {
    files: BTreeMap<String, ObjectId>,
    /// Whole directories, with a slash at the end: a sparse index does not list what is in them.
    dirs: BTreeMap<String, ObjectId>,
}

impl LeftOut {
    /// Tells whether git left this file out.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path) || self.dir(path).is_some()
    }

    /// Tells whether git left nothing out.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.dirs.is_empty()
    }

    fn dir(&self, path: &str) -> Option<(&str, ObjectId)> {
        path.match_indices('/').find_map(|(at, _)| {
            let (dir, id) = self.dirs.get_key_value(&path[..=at])?;
            Some((dir.as_str(), *id))
        })
    }
}

/// An older version of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The full id of the newest commit that has it.
    pub commit: String,
    /// The content.
    pub content: Vec<u8>,
}

impl Repository {
    /// What stands before the paths of a directory in git's: empty for the root of the work tree, else with a final slash.
    pub fn prefix(&self, dir: &Path) -> String {
        let inside = self.work_dir().and_then(|work_dir| {
            let dir = dir.canonicalize().ok()?;
            let relative = dir.strip_prefix(work_dir).ok()?.to_str()?.replace('\\', "/");
            (!relative.is_empty()).then(|| format!("{relative}/"))
        });
        inside.unwrap_or_default()
    }

    /// Lists what git left out of a sparse checkout.
    pub fn left_out(&self) -> Result<LeftOut, GitError> {
        let index = self.read_index_quickly()?;
        let mut found = LeftOut::default();
        for entry in index.entries().iter().filter(|entry| entry.flags.contains(Flags::SKIP_WORKTREE)) {
            let Ok(path) = entry.path(&index).to_str() else { continue };
            let list = if entry.mode == Mode::DIR { &mut found.dirs } else { &mut found.files };
            list.insert(path.to_owned(), entry.id);
        }
        Ok(found)
    }

    /// Reads a file that git left out, as it would check it out; `None` when there is none, or a link.
    pub fn read_left_out(&self, left_out: &LeftOut, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let id = match (left_out.files.get(path), left_out.dir(path)) {
            (Some(id), _) => *id,
            (None, Some((dir, tree))) => {
                let tree = self.git.find_tree(tree).map_err(failed("read a directory"))?;
                match lookup(&tree, path.strip_prefix(dir).unwrap_or_default())? {
                    Some((id, kind)) if matches!(Mode::from(kind), Mode::FILE | Mode::FILE_EXECUTABLE) => id,
                    _ => return Ok(None),
                }
            }
            (None, None) => return Ok(None),
        };
        let blob = self.git.find_blob(id).map_err(failed("read a tracked file"))?;
        Ok(Some(blob.detach().data))
    }

    /// Lists the submodules by their paths.
    pub fn submodules(&self) -> Result<Vec<String>, GitError> {
        let index = self.read_index_quickly()?;
        let links = index.entries().iter().filter(|entry| entry.mode == Mode::COMMIT);
        Ok(links.map(|entry| entry.path(&index).to_string()).collect())
    }

    /// Refuses new contents of files that git would not store as they lie in the work tree: filters such as those of Git
    /// LFS, `ident`, and encodings. What we commit goes through none of them.
    pub(super) fn refuse_filters(&self, index: Option<&Index>, edits: &Edits) -> Result<(), GitError> {
        let own = if index.is_none() { Some(self.read_index()?) } else { None };
        let Some(index) = index.or(own.as_ref()) else { return Ok(()) };
        let source = Source::WorktreeThenIdMapping;
        let mut stack = self.git.attributes_only(index, source).map_err(failed("read `.gitattributes`"))?;
        let mut found = stack.selected_attribute_matches(["filter", "ident", "working-tree-encoding"]);
        for (path, edit) in edits.iter().filter(|(_, edit)| edit.new.is_some() && edit.new != edit.head) {
            let entry = stack.at_entry(*path, Some(Mode::FILE)).map_err(failed("read `.gitattributes`"))?;
            if !entry.matching_attributes(&mut found) {
                continue;
            }
            for one in found.iter_selected() {
                let name = one.assignment.name.as_str();
                let state = one.assignment.state;
                let holds_id = || edit.content.is_some_and(|blob| blob.bytes().windows(3).any(|part| part == b"$Id"));
                let converts = if name == "ident" { state.is_set() && holds_id() } else { state.as_bstr().is_some() };
                if converts {
                    let value = state.as_bstr().map(|value| format!("={value}")).unwrap_or_default();
                    return Err(GitError::Converted { path: path.to_string(), attribute: format!("{name}{value}") });
                }
            }
        }
        Ok(())
    }

    /// Whether a file is to be executable in a commit: as it lies in the work tree, or, where file systems do not tell, as
    /// the index has it. Without an index, the branch is not checked out here, and only the commit before counts. `has_modes`
    /// is what `core.fileMode` says.
    #[cfg_attr(not(unix), allow(unused_variables, reason = "only Unix has modes"))]
    pub(super) fn is_executable(&self, index: Option<&Index>, path: &str, before: bool, has_modes: bool) -> bool {
        let Some(index) = index else { return before };
        #[cfg(unix)]
        if has_modes {
            use std::os::unix::fs::PermissionsExt;
            let on_disk = self.git.workdir_path(BStr::new(path)).and_then(|file| std::fs::symlink_metadata(file).ok());
            if let Some(metadata) = on_disk.filter(std::fs::Metadata::is_file) {
                return metadata.permissions().mode() & 0o100 != 0;
            }
        }
        index.entry_by_path(BStr::new(path)).map_or(before, |entry| entry.mode == Mode::FILE_EXECUTABLE)
    }

    /// Names commits from `HEAD` backwards, the newest first, at most so many. What a shallow clone lacks is left out.
    pub fn history(&self, most: usize) -> Result<Vec<String>, GitError> {
        use gix::revision::walk::Sorting;
        let head = self.git.head().map_err(failed("read `HEAD`"))?.try_peel_to_id().map_err(failed("read `HEAD`"))?;
        let Some(head) = head else { return Ok(Vec::new()) };
        let walk = self.git.rev_walk([head.detach()]).sorting(Sorting::ByCommitTime(Default::default())).all();
        let walk = walk.map_err(failed("read the history"))?;
        // A commit that is not there ends the search, and nothing else.
        Ok(walk.map_while(Result::ok).take(most).map(|commit| commit.id.to_string()).collect())
    }

    /// Finds for each path the newest version in these commits that is accepted; bounded in what it reads.
    pub fn find_versions(
        &self,
        commits: &[String],
        paths: &[String],
        accept: impl Fn(&str, &[u8]) -> bool,
    ) -> BTreeMap<String, Version> {
        let mut found = BTreeMap::new();
        let mut seen = HashSet::new();
        for commit in commits {
            let Ok(id) = ObjectId::from_hex(commit.as_bytes()) else { continue };
            // What a partial or shallow clone lacks is not fetched.
            let Ok(tree) = self.git.find_commit(id).and_then(|commit| commit.tree()) else { continue };
            for path in paths.iter().filter(|path| !found.contains_key(*path)).collect::<Vec<_>>() {
                let Ok(Some((id, kind))) = lookup(&tree, path) else { continue };
                let is_file = matches!(Mode::from(kind), Mode::FILE | Mode::FILE_EXECUTABLE);
                if !is_file || seen.len() >= VERSIONS || !seen.insert((path, id)) {
                    continue;
                }
                let Ok(blob) = self.git.find_blob(id) else { continue };
                if accept(path, &blob.data) {
                    let version = Version { commit: commit.clone(), content: blob.detach().data };
                    found.insert(path.clone(), version);
                }
            }
            if found.len() == paths.len() || seen.len() >= VERSIONS {
                break;
            }
        }
        found
    }
}
