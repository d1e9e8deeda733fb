//! Reading: intents, the files they refer to, what we own, plugin overlays, bases.
//!
//! Symbolic links are never followed below the root: a link is somebody else's file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;
use walkdir::WalkDir;

use super::{Repo, git};
use crate::layout::{Inventory, Previous, inventory};
use crate::tree::{Blob, RepoPath, Tree};

/// Largest file that is read: beyond any manifest.
pub(super) const LARGEST: u64 = 64 << 20;

/// A file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{path}`")]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// An intent file as it was found.
#[derive(Clone, Debug)]
pub struct IntentFile {
    /// The name that messages use.
    pub name: String,
    /// Its path in the repository, if it lies there.
    pub path: Option<RepoPath>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Repo {
    /// Finds the intents at `clusters/*/cluster.yaml`, sorted.
    ///
    /// # Errors
    /// When a directory or file cannot be read.
    pub fn intents(&self) -> Result<Vec<IntentFile>, ReadError> {
        let clusters = self.root.join("clusters");
        let entries = match std::fs::read_dir(&clusters) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(ReadError { path: clusters, source }),
        };
        let mut dirs = Vec::new();
        for entry in entries {
            dirs.push(entry.map_err(|source| ReadError { path: clusters.clone(), source })?.path());
        }
        dirs.sort();
        let mut found = Vec::new();
        for dir in dirs {
            let full = dir.join("cluster.yaml");
            let refuse = |why: &str| Err(ReadError { path: full.clone(), source: io::Error::other(why.to_owned()) });
            if std::fs::symlink_metadata(&full).is_err() {
                if std::fs::symlink_metadata(dir.join("cluster.yml")).is_ok() {
                    return refuse("there is a cluster.yml; an intent is called cluster.yaml");
                }
                continue;
            }
            // An intent that is there but cannot be used must never be passed over in silence.
            let name = dir.file_name().and_then(|name| name.to_str()).unwrap_or("\0");
            let Ok(path) = RepoPath::parse(&format!("clusters/{name}/cluster.yaml")) else {
                return refuse("the name of its directory cannot be that of a cluster");
            };
            match self.read(&path)? {
                Some(blob) => {
                    found.push(IntentFile { name: path.to_string(), path: Some(path), bytes: blob.bytes().to_vec() });
                }
                None => return refuse("it is not a plain file, or lies behind a symbolic link"),
            }
        }
        Ok(found)
    }

    /// Finds the clusters in whose directory we wrote, but which have no intent any more, sorted by name.
    ///
    /// # Errors
    /// When the directory of the clusters cannot be read.
    pub fn abandoned(&self) -> Result<Vec<String>, ReadError> {
        let clusters = self.root.join("clusters");
        let entries = match std::fs::read_dir(&clusters) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(ReadError { path: clusters, source }),
        };
        let mut names = Vec::new();
        for entry in entries {
            let dir = entry.map_err(|source| ReadError { path: clusters.clone(), source })?.path();
            let has = |file: &str| std::fs::symlink_metadata(dir.join(file)).is_ok();
            let name = dir.file_name().and_then(|name| name.to_str());
            let Some(name) = name.filter(|_| !has("cluster.yaml") && has(inventory::FILE)) else { continue };
            // The intent of a sparse checkout may be left out while the inventory is there.
            let intent = RepoPath::parse(&format!("clusters/{name}/cluster.yaml")).ok();
            if intent
                .map(|intent| self.is_left_out(&intent))
                .transpose()
                .map_err(|error| ReadError { path: dir.clone(), source: io::Error::other(error) })?
                != Some(true)
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Reads an intent that the user names, inside or outside the repository.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn intent(&self, file: &Path) -> Result<IntentFile, ReadError> {
        let fail = |source| ReadError { path: file.to_path_buf(), source };
        let metadata = std::fs::metadata(file).map_err(fail)?;
        if !metadata.is_file() || metadata.len() > LARGEST {
            return Err(fail(io::Error::other("it is not a plain file of a sensible size")));
        }
        let bytes = std::fs::read(file).map_err(fail)?;
        let absolute = file.canonicalize().map_err(fail)?;
        let root = self.root.canonicalize().unwrap_or_else(|_| self.root.clone());
        let inside =
            absolute.strip_prefix(root).ok().and_then(|path| RepoPath::parse(&path.to_str()?.replace('\\', "/")).ok());
        let name = inside.as_ref().map_or_else(|| file.display().to_string(), ToString::to_string);
        Ok(IntentFile { name, path: inside, bytes })
    }

    /// Returns a path relative to the root with `/`, empty for the root itself; `None` when it leads out of it.
    ///
    /// The path need not exist; symbolic links on the way to the root are followed, those below it are not.
    pub fn relative(&self, path: &Path) -> Option<String> {
        let absolute = std::path::absolute(path).ok()?;
        let mut clean = PathBuf::new();
        // `..` is taken by its text: what is gone cannot be asked where it lay.
        for part in absolute.components() {
            match part {
                Component::ParentDir => drop(clean.pop()),
                Component::CurDir => {}
                part => clean.push(part),
            }
        }
        let text = |rest: &Path| rest.to_str().map(|rest| rest.replace('\\', "/"));
        if let Some(rest) = std::path::absolute(&self.root).ok().and_then(|root| text(clean.strip_prefix(root).ok()?)) {
            return Some(rest);
        }
        let root = self.root.canonicalize().ok()?;
        // The longest beginning that is the root, whatever links lead there.
        let start = clean.ancestors().find(|start| start.canonicalize().is_ok_and(|start| start == root))?;
        text(clean.strip_prefix(start).ok()?)
    }

    /// Reads one file; `None` when there is none, or a link or directory in its place.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn read(&self, path: &RepoPath) -> Result<Option<Blob>, ReadError> {
        if self.is_open(path) { self.read_plain(path) } else { Ok(None) }
    }

    /// Reads one file to which no link leads.
    fn read_plain(&self, path: &RepoPath) -> Result<Option<Blob>, ReadError> {
        let full = self.root.join(path.as_str());
        match std::fs::symlink_metadata(&full) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Ok(metadata) if metadata.is_file() && metadata.len() <= LARGEST => match std::fs::read(&full) {
                Ok(bytes) => Ok(Some(Blob::from(bytes))),
                Err(source) => Err(ReadError { path: full, source }),
            },
            Ok(metadata) if metadata.is_file() => {
                Err(ReadError { path: full, source: io::Error::other(format!("larger than {LARGEST} bytes")) })
            }
            Ok(_) => Ok(None),
            Err(source) => Err(ReadError { path: full, source }),
        }
    }

    /// Reads several files in parallel; those that do not exist are left out.
    ///
    /// # Errors
    /// When one is there but cannot be read.
    pub fn read_all(&self, paths: &[RepoPath]) -> Result<Tree, ReadError> {
        let dirs: BTreeMap<&str, &RepoPath> = paths.iter().map(|path| (path.dir(), path)).collect();
        let open: BTreeSet<&str> =
            dirs.into_iter().filter(|(_, path)| self.is_open(path)).map(|(dir, _)| dir).collect();
        let files: Result<Vec<Option<(RepoPath, Blob)>>, ReadError> = paths
            .par_iter()
            .filter(|path| open.contains(path.dir()))
            .map(|path| Ok(self.read_plain(path)?.map(|blob| (path.clone(), blob))))
            .collect();
        Ok(files?.into_iter().flatten().collect())
    }

    /// Reads what we own in a cluster's directory.
    ///
    /// # Errors
    /// When a file is there but cannot be read.
    pub fn previous(&self, root: &RepoPath) -> Result<Previous, ReadError> {
        let Ok(path) = root.join(inventory::FILE) else { return Ok(Previous::default()) };
        // What a sparse checkout lacks is not gone.
        let blob = match self.read(&path)? {
            Some(blob) => Some(blob),
            None => self.read_left_out([&path])?.remove(&path),
        };
        let Some(blob) = blob else { return Ok(Previous::default()) };
        let inventory = Inventory::read(&blob);
        let mut paths: Vec<RepoPath> = inventory.paths().filter_map(|relative| root.join(relative).ok()).collect();
        paths.push(path);
        let mut files = self.read_all(&paths)?;
        files.extend(self.read_left_out(paths.iter().filter(|path| !files.contains(path)))?);
        Ok(Previous { files, inventory })
    }

    /// Reads the plugin overlay of the repository: `plugins/platforms/*` and `plugins/modules/*`.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn plugins(&self) -> Result<Tree, ReadError> {
        let mut tree = Tree::new();
        for dir in ["plugins/platforms", "plugins/modules"] {
            let root = self.root.join(dir);
            match std::fs::symlink_metadata(&root) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => return Err(ReadError { path: root, source: io::Error::other("it is not a directory") }),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    continue;
                }
                Err(source) => return Err(ReadError { path: root, source }),
            }
            for (relative, blob) in walk(&root, |_| true)? {
                if let Ok(path) = RepoPath::parse(&format!("{dir}/{relative}")) {
                    tree.insert(path, blob);
                }
            }
        }
        Ok(tree)
    }

    /// Reads all files of the repository that git knows or would add, as a source of Flux would have them: no symbolic
    /// links, no other repositories in it.
    ///
    /// # Errors
    /// When a file cannot be read, or git cannot be asked.
    pub fn everything(&self) -> Result<Tree, ReadError> {
        let fail = |source: io::Error| ReadError { path: self.root.clone(), source };
        let git = git::discover(&self.root).map_err(|error| fail(io::Error::other(error)))?;
        let root = self.root.canonicalize().map_err(fail)?;
        let work_dir = git.as_ref().and_then(|git| git.work_dir()?.canonicalize().ok());
        let mut ignored = match (&git, &work_dir) {
            (Some(git), Some(_)) => Some(git.ignored().map_err(|error| fail(io::Error::other(error)))?),
            _ => None,
        };
        let mut is_ours = |path: &Path, directory: bool| {
            if path != root && directory && std::fs::symlink_metadata(path.join(".git")).is_ok() {
                return false;
            }
            let inside = work_dir.as_ref().and_then(|dir| path.strip_prefix(dir).ok()).and_then(Path::to_str);
            match (&mut ignored, inside.filter(|path| !path.is_empty())) {
                (Some(ignored), Some(path)) => !ignored(&path.replace('\\', "/"), directory),
                _ => true,
            }
        };
        let mut paths = Vec::new();
        let walk = WalkDir::new(&root).sort_by_file_name().into_iter();
        for entry in
            walk.filter_entry(|entry| entry.file_name() != ".git" && is_ours(entry.path(), entry.file_type().is_dir()))
        {
            let entry = entry.map_err(unwalkable(&root))?;
            let relative = entry.path().strip_prefix(&root).ok().and_then(Path::to_str);
            // What git could not store on every system is in no repository.
            let path = relative.and_then(|path| RepoPath::parse(&path.replace('\\', "/")).ok());
            paths.extend(path.filter(|_| entry.file_type().is_file()));
        }
        self.read_all(&paths)
    }

    /// Whether something that is not a plain file, or a directory that is not one, stands where a file would be written.
    pub fn is_obstructed(&self, path: &RepoPath) -> bool {
        let is_no_file =
            || std::fs::symlink_metadata(self.root.join(path.as_str())).is_ok_and(|found| !found.is_file());
        self.any_on_the_way(path, |found| !found.is_dir()) || is_no_file()
    }

    /// Whether a directory on the way to a path is a symbolic link.
    pub(super) fn passes_link(&self, path: &RepoPath) -> bool {
        self.any_on_the_way(path, |found| found.file_type().is_symlink())
    }

    /// Whether all directories on the way to a path are there, and none is a link.
    fn is_open(&self, path: &RepoPath) -> bool {
        !self.on_the_way(path).any(|found| is_missing(&found) || found.is_ok_and(|found| found.is_symlink()))
    }

    /// Whether something on the way to a path is of a kind.
    fn any_on_the_way(&self, path: &RepoPath, is_it: impl Fn(&Metadata) -> bool) -> bool {
        // Nothing lies below what is not there.
        let is_there = |found: &io::Result<Metadata>| !is_missing(found);
        self.on_the_way(path).take_while(is_there).any(|found| found.is_ok_and(|found| is_it(&found)))
    }

    /// Walks what stands on the way to a path, from the root on.
    fn on_the_way<'p>(&'p self, path: &'p RepoPath) -> impl Iterator<Item = io::Result<Metadata>> + 'p {
        let dirs = path.as_str().match_indices('/').map(|(end, _)| &path.as_str()[..end]);
        dirs.map(|dir| std::fs::symlink_metadata(self.root.join(dir)))
    }
}

fn is_missing(found: &io::Result<Metadata>) -> bool {
    found.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Reads the manifests of a base: all YAML files and kustomization files below a directory.
///
/// # Errors
/// When the directory or a file cannot be read.
pub fn base(dir: &Path) -> Result<Tree, ReadError> {
    let metadata = std::fs::metadata(dir).map_err(|source| ReadError { path: dir.to_path_buf(), source })?;
    if !metadata.is_dir() {
        return Err(ReadError { path: dir.to_path_buf(), source: io::Error::other("not a directory") });
    }
    let files = walk(dir, |name| name.ends_with(".yaml") || name.ends_with(".yml") || name == "Kustomization")?;
    Ok(files.into_iter().filter_map(|(path, blob)| Some((RepoPath::parse(&path).ok()?, blob))).collect())
}

/// Reads the files below a directory whose names a function accepts, by relative path. `.git` is left out.
fn walk(dir: &Path, accept: impl Fn(&str) -> bool) -> Result<Vec<(String, Blob)>, ReadError> {
    let mut paths = Vec::new();
    for entry in WalkDir::new(dir).sort_by_file_name().into_iter().filter_entry(|entry| entry.file_name() != ".git") {
        let entry = entry.map_err(unwalkable(dir))?;
        let name = entry.file_name().to_str().unwrap_or_default();
        if entry.file_type().is_file()
            && accept(name)
            && let Some(relative) = entry.path().strip_prefix(dir).ok().and_then(Path::to_str)
        {
            paths.push((relative.replace('\\', "/"), entry.path().to_path_buf()));
        }
    }
    paths
        .into_par_iter()
        .map(|(relative, path)| match bounded(&path) {
            Ok(bytes) => Ok((relative, Blob::from(bytes))),
            Err(source) => Err(ReadError { path, source }),
        })
        .collect()
}

/// Reads a file, unless it is too large.
fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    if std::fs::metadata(path)?.len() > LARGEST {
        return Err(io::Error::other(format!("larger than {LARGEST} bytes")));
    }
    std::fs::read(path)
}

fn unwalkable(dir: &Path) -> impl Fn(walkdir::Error) -> ReadError {
    move |error| {
        let path = error.path().unwrap_or(dir).to_path_buf();
        // The io error alone: walkdir's own words would name the path once more.
        let source = error.into_io_error().unwrap_or_else(|| io::Error::other("the directory tree has a loop"));
        ReadError { path, source }
    }
}
