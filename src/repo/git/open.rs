//! Finding a repository, and what its index, its work tree and its lock are.

use std::path::{Path, PathBuf};

use super::GitError;

/// Is an open repository, seen from one of its work trees.
#[derive(Debug)]
pub struct Repository {
    pub(super) git: gix::Repository,
}

/// A repository for several threads, each of which makes a [`Repository`] of it.
#[derive(Debug)]
pub struct Shared(gix::ThreadSafeRepository);

impl Shared {
    /// Returns the repository for the current thread.
    pub fn local(&self) -> Repository {
        Repository { git: self.0.to_thread_local() }
    }
}

/// Finds the repository that encloses `dir`, also from a linked work tree; `None` if there is none.
///
/// Only an entry `.git` makes a directory part of a repository. Tracked files can look like a bare repository, and their
/// configuration would be that of whoever committed them; so a bare one is taken only when it is `dir` itself, and lies in
/// no work tree.
///
/// `GIT_DIR` and `GIT_WORK_TREE` are ignored, and `GIT_INDEX_FILE` is unless it lies in the repository that was found.
/// What belongs to git's configuration (`GIT_CONFIG_*`, the identity and the dates) is respected, and read once, here.
pub fn discover(dir: &Path) -> Result<Option<Repository>, GitError> {
    use gix::config::section::is_trusted;
    let open = |source| GitError::Open { dir: dir.to_owned(), source };
    // A real, absolute start keeps the work tree valid when the process changes its directory.
    let start = gix::path::realpath(dir).map_err(|e| open(e.into()))?;
    std::fs::metadata(&start).map_err(|e| open(e.into()))?;
    let mut entries = start.ancestors().map(|dir| dir.join(".git"));
    let Some(found) = entries.clone().chain([start.clone()]).find(|path| gix::discover::is_git(path).is_ok()) else {
        // One that cannot be looked into is no reason to believe that there is none.
        let closed =
            |path: &PathBuf| std::fs::read_dir(path).err().filter(|e| e.kind() == std::io::ErrorKind::PermissionDenied);
        return match entries.find_map(|path| Some((closed(&path)?, path))) {
            Some((e, path)) => Err(GitError::Unreadable { path, source: e.into() }),
            None => Ok(None),
        };
    };
    // Overrides of the work tree and the index from the environment belong to another repository.
    let options = gix::open::Options::default()
        .open_path_as_is(true)
        .filter_config_section(|meta| is_trusted(meta) && meta.source != gix::config::Source::EnvOverride);
    let git = gix::open_opts(&found, options).map_err(|e| {
        let config = std::fs::read_to_string(found.join("config")).unwrap_or_default().to_lowercase();
        let has_sha256 = config.lines().any(|line| line.contains("objectformat") && line.contains("sha256"));
        if has_sha256 { GitError::Sha256 { dir: dir.to_owned() } } else { open(e.into()) }
    })?;
    // The library goes on without a configuration that it cannot read: without hooks, signatures and the right name.
    let path = git.common_dir().join("config");
    if let Err(e) = std::fs::File::open(&path)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        return Err(GitError::Unreadable { path, source: e.into() });
    }
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

    /// Returns the repository for several threads.
    pub fn shared(&self) -> Shared {
        Shared(self.git.clone().into_sync())
    }

    /// Returns the root of the work tree, which a bare repository lacks.
    pub(super) fn require_work_dir(&self) -> Result<&Path, GitError> {
        self.work_dir().ok_or_else(|| GitError::Bare { dir: self.git.git_dir().to_owned() })
    }

    /// Returns the file that is locked while fluxwright writes into the work tree.
    pub fn lock_file(&self) -> PathBuf {
        let dir = self.git.git_dir();
        dir.canonicalize().unwrap_or_else(|_| dir.to_owned()).join(crate::repo::lock::FILE)
    }
}
