//! What stands around our files: what git left out of the work tree, other repositories, names that some file systems
//! take for ours. Asked once for each repository, and only when something is missing or to be written.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::git::{self, GitError, LeftOut};
use super::{ReadError, Repo};
use crate::tree::{Blob, RepoPath, Tree, folded};

/// What git says of the work tree.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What stands before our paths in git's.
    pub prefix: String,
    left_out: LeftOut,
    submodules: BTreeSet<String>,
}

impl Repo {
    /// Asks git about the work tree; without git there is nothing to know.
    ///
    /// # Errors
    /// When git's files cannot be read.
    pub fn facts(&self) -> Result<&Facts, GitError> {
        if let Some(known) = self.facts.get() {
            return Ok(known);
        }
        let mut facts = Facts::default();
        // A directory that is still to be made holds nothing that git could know.
        if self.root.exists()
            && let Some(repository) = git::discover(&self.root)?
            && repository.work_dir().is_some()
        {
            facts.prefix = repository.prefix(&self.root);
            facts.left_out = repository.left_out()?;
            facts.submodules = repository.submodules()?.into_iter().collect();
        }
        Ok(self.facts.get_or_init(|| facts))
    }

    /// Tells whether git is known to have left files out of the work tree.
    pub fn lacks_files(&self) -> bool {
        self.facts.get().is_some_and(|facts| !facts.left_out.is_empty())
    }

    /// Tells whether git tracks a file and did not check it out, and nothing else stands there.
    ///
    /// # Errors
    /// When git's files cannot be read.
    pub fn is_left_out(&self, path: &RepoPath) -> Result<bool, GitError> {
        let facts = self.facts()?;
        let is_there = || std::fs::symlink_metadata(self.root.join(path.as_str())).is_ok();
        Ok(facts.left_out.has(&format!("{}{path}", facts.prefix)) && !is_there())
    }

    /// Reads those of the files that git left out of the work tree, as it would check them out.
    ///
    /// # Errors
    /// When git's files cannot be read.
    pub fn read_left_out<'p>(&self, paths: impl IntoIterator<Item = &'p RepoPath>) -> Result<Tree, ReadError> {
        let fail = |error: GitError| ReadError { path: self.root.clone(), source: io::Error::other(error) };
        let mut repository = None;
        let mut tree = Tree::new();
        for path in paths {
            if self.facts().map_err(fail)?.left_out.is_empty() {
                break;
            }
            if !self.is_left_out(path).map_err(fail)? {
                continue;
            }
            if repository.is_none() {
                repository = git::discover(&self.root).map_err(fail)?;
            }
            let (Some(repository), facts) = (&repository, self.facts().map_err(fail)?) else { break };
            let name = format!("{}{path}", facts.prefix);
            if let Some(content) = repository.read_left_out(&facts.left_out, &name).map_err(fail)? {
                tree.insert(path.clone(), Blob::from(content));
            }
        }
        Ok(tree)
    }

    /// Finds the submodules and other repositories that paths lead into.
    ///
    /// # Errors
    /// When git's files cannot be read.
    pub fn other_repositories<'p>(
        &self,
        paths: impl IntoIterator<Item = &'p RepoPath>,
    ) -> Result<BTreeSet<String>, GitError> {
        let facts = self.facts()?;
        let mut dirs = BTreeSet::new();
        for path in paths {
            let mut dir = path.parent();
            while let Some(current) = dir.filter(|dir| dirs.insert(dir.clone())) {
                dir = current.parent();
            }
        }
        let is_other = |dir: &RepoPath| {
            facts.submodules.contains(&format!("{}{dir}", facts.prefix))
                || std::fs::symlink_metadata(self.root.join(dir.as_str()).join(".git")).is_ok()
        };
        Ok(dirs.iter().filter(|dir| is_other(dir)).map(ToString::to_string).collect())
    }

    /// Finds what lies beside the given paths, in directories below a root, and is the same file on file systems that
    /// take upper for lower case or letters for their other forms: our path, the other one, and whether this file system
    /// is such a one.
    pub fn lookalikes<'p>(
        &self,
        root: &RepoPath,
        paths: impl IntoIterator<Item = &'p RepoPath>,
    ) -> Vec<(RepoPath, String, bool)> {
        let mut wanted: BTreeMap<RepoPath, BTreeMap<String, RepoPath>> = BTreeMap::new();
        for path in paths {
            let mut current = path.clone();
            while current.strip_prefix(root).is_some()
                && let Some(dir) = current.parent()
            {
                wanted.entry(dir.clone()).or_default().insert(folded(current.name()), current.clone());
                current = dir;
            }
        }
        let mut found = Vec::new();
        for (dir, names) in wanted {
            // A directory that is not there, or cannot be read, is met again when it is written to.
            let Ok(entries) = std::fs::read_dir(self.root.join(dir.as_str())) else { continue };
            let there: BTreeSet<String> =
                entries.filter_map(|entry| entry.ok()?.file_name().to_str().map(str::to_owned)).collect();
            for name in &there {
                let Some(path) = names.get(&folded(name)).filter(|path| path.name() != name) else { continue };
                let exists = std::fs::symlink_metadata(self.root.join(path.as_str())).is_ok();
                found.push((path.clone(), format!("{dir}/{name}"), exists && !there.contains(path.name())));
            }
        }
        found
    }
}
