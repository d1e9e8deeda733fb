//! Reading what one kustomization is made of: its directory, the directories and files that it names, and so on.
//!
//! Reads each file once, and nothing that no kustomization file names. Paths in the tree are those of the file system, so
//! that `..` leads where it leads on disk.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;

use super::read::{LARGEST, ReadError};
use crate::build::{KUSTOMIZATION_FILES, Restriction, mentioned_paths};
use crate::tree::{Blob, RepoPath, Tree};

/// Reads a kustomization; returns its files, and its directory in the tree.
///
/// # Errors
/// When the directory does not exist, or a file is there but cannot be read.
pub fn kustomization(dir: &Path, restriction: Restriction) -> Result<(Tree, Option<RepoPath>), ReadError> {
    let fail = |source| ReadError { path: dir.to_path_buf(), source };
    let start = dir.canonicalize().map_err(fail)?;
    if !start.is_dir() {
        return Err(fail(io::Error::other("not a directory")));
    }
    if start.parent().is_some() && in_tree(&start).is_none() {
        return Err(fail(io::Error::other("its path has a part that cannot stand in a repository")));
    }
    let mut tree = Tree::new();
    let mut seen = BTreeSet::from([start.clone()]);
    let mut queue = VecDeque::from([start.clone()]);
    while let Some(dir) = queue.pop_front() {
        let own: Vec<PathBuf> = KUSTOMIZATION_FILES.iter().map(|name| dir.join(name)).filter(|p| p.is_file()).collect();
        let mut files = BTreeSet::new();
        for (path, blob) in read_all(own)? {
            for mentioned in mentioned_paths(blob.bytes()) {
                let named = clean(&dir, &mentioned);
                let Ok(target) = named.canonicalize() else { continue };
                // A link may lead about inside of the directory that names it, and never out of it.
                let leads_out = restriction == Restriction::RootOnly && target != named && !target.starts_with(&dir);
                if target.is_dir() {
                    if seen.insert(target.clone()) {
                        queue.push_back(target);
                    }
                } else if target.is_file() && !leads_out && seen.insert(named.clone()) {
                    files.insert(named);
                }
            }
            insert(&mut tree, &path, blob);
        }
        for (path, blob) in read_all(files.into_iter().collect())? {
            insert(&mut tree, &path, blob);
        }
    }
    Ok((tree, in_tree(&start)))
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
