//! Reading what one kustomization is made of: its directory, the directories and files that it names, and so on.
//!
//! Reads each file once, and nothing that no kustomization file names. Paths in the tree are those of the file system, so
//! that `..` leads where it leads on disk.

use std::collections::BTreeSet;
use std::io;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;

use super::read::{LARGEST, ReadError};
use crate::build::{KUSTOMIZATION_FILES, Mentions, Restriction, mentioned_paths};
use crate::tree::{Blob, RepoPath, Tree};

/// Reads kustomizations; returns their files, and their directories in the tree.
///
/// # Errors
/// When a directory does not exist, or a file is there but cannot be read.
pub fn kustomizations(dirs: &[PathBuf], restriction: Restriction) -> Result<(Tree, Vec<Option<RepoPath>>), ReadError> {
    let mut loader = Loader { restriction, tree: Tree::new(), seen: BTreeSet::new(), configured: BTreeSet::new() };
    let mut roots = Vec::with_capacity(dirs.len());
    let mut next = Vec::new();
    for dir in dirs {
        let fail = |source| ReadError { path: dir.clone(), source };
        let start = dir.canonicalize().map_err(fail)?;
        if !start.is_dir() {
            return Err(fail(io::Error::other("not a directory")));
        }
        if start.parent().is_some() && in_tree(&start).is_none() {
            return Err(fail(io::Error::other("its path has a part that cannot stand in a repository")));
        }
        roots.push(in_tree(&start));
        if loader.seen.insert(start.clone()) {
            next.push(start);
        }
    }
    // One step at a time, so that each step reads all its files in parallel.
    let mut all = Vec::new();
    while !next.is_empty() {
        all.extend(next.iter().cloned());
        next = loader.step(&next)?;
    }
    let configured: Vec<String> = std::mem::take(&mut loader.configured).into_iter().collect();
    let mut files = BTreeSet::new();
    for dir in &all {
        for mentioned in &configured {
            loader.file(dir, mentioned, &mut files);
        }
    }
    loader.read(files)?;
    Ok((loader.tree, roots))
}

/// Reads files once, wherever they are named.
struct Loader {
    restriction: Restriction,
    tree: Tree,
    /// Directories and files that were read.
    seen: BTreeSet<PathBuf>,
    /// Paths that generators and transformers name: from which directory is known when all are read.
    configured: BTreeSet<String>,
}

impl Loader {
    /// Reads directories, and what their kustomization files name; returns the directories that these name.
    fn step(&mut self, dirs: &[PathBuf]) -> Result<Vec<PathBuf>, ReadError> {
        let own: Vec<PathBuf> = dirs
            .par_iter()
            .flat_map_iter(|dir| KUSTOMIZATION_FILES.iter().map(|name| dir.join(name)).filter(|path| path.is_file()))
            .collect();
        let read: Vec<(PathBuf, Blob, Vec<String>, Vec<String>)> = read_all(own)?
            .into_par_iter()
            .map(|(path, blob)| {
                let Mentions { paths, of_configurations } = mentioned_paths(blob.bytes());
                (path, blob, paths, of_configurations)
            })
            .collect();
        let (mut directories, mut files) = (Vec::new(), BTreeSet::new());
        for (path, blob, paths, of_configurations) in read {
            let dir = path.parent().unwrap_or(&path);
            for mentioned in paths {
                if let Some(directory) = self.file(dir, &mentioned, &mut files) {
                    directories.push(directory);
                }
            }
            self.configured.extend(of_configurations);
            insert(&mut self.tree, &path, blob);
        }
        self.read(files)?;
        Ok(directories)
    }

    /// Notes a file that is named and was not read; returns a directory that was not.
    fn file(&mut self, dir: &Path, mentioned: &str, files: &mut BTreeSet<PathBuf>) -> Option<PathBuf> {
        let named = clean(dir, mentioned);
        if self.seen.contains(&named) {
            return None;
        }
        let target = named.canonicalize().ok()?;
        // A link may lead about inside of the directory that names it, and never out of it.
        let leads_out = self.restriction == Restriction::RootOnly && target != named && !target.starts_with(dir);
        if target.is_dir() {
            return self.seen.insert(target.clone()).then_some(target);
        }
        if target.is_file() && !leads_out && self.seen.insert(named.clone()) {
            files.insert(named);
        }
        None
    }

    fn read(&mut self, files: BTreeSet<PathBuf>) -> Result<(), ReadError> {
        for (path, blob) in read_all(files.into_iter().collect())? {
            // Generators and transformers are recognized by a word that every one of them has.
            if blob.text().is_some_and(|text| text.contains("builtin")) {
                self.configured.extend(mentioned_paths(blob.bytes()).of_configurations);
            }
            insert(&mut self.tree, &path, blob);
        }
        Ok(())
    }
}

/// A path as a kustomization file writes it, taken by its text.
fn clean(dir: &Path, mentioned: &str) -> PathBuf {
    let mut clean = dir.to_path_buf();
    for part in Path::new(mentioned).components() {
        match part {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
}

/// Reads files in parallel.
fn read_all(paths: Vec<PathBuf>) -> Result<Vec<(PathBuf, Blob)>, ReadError> {
    paths
        .into_par_iter()
        .map(|path| {
            let fail = |source| ReadError { path: path.clone(), source };
            let length = std::fs::metadata(&path).map_err(fail)?.len();
            if length > LARGEST {
                return Err(fail(io::Error::other(format!("larger than {LARGEST} bytes"))));
            }
            let bytes = std::fs::read(&path).map_err(fail)?;
            Ok((path, Blob::from(bytes)))
        })
        .collect()
}

/// A file whose path cannot stand in a tree is left out, and whoever needs it says so.
fn insert(tree: &mut Tree, path: &Path, blob: Blob) {
    if let Some(path) = in_tree(path) {
        tree.insert(path, blob);
    }
}

/// The path of a file or directory in the tree; `None` for the root of the file system.
fn in_tree(path: &Path) -> Option<RepoPath> {
    let text = path.to_str()?.replace('\\', "/");
    let text = text.trim_start_matches("//?/");
    let text = text.split_once(":/").map_or(text, |(_, rest)| rest);
    RepoPath::parse(text.trim_start_matches('/')).ok()
}
