//! Files as values: every input and output of the pipeline is a [`Tree`].
//!
//! Owns the rule of what a path inside a repository may be ([`RepoPath`]). Reads and writes nothing.

mod path;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use path::{PathError, RepoPath, folded};

/// The bytes of one file, cheap to share between stages.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Blob(Arc<[u8]>);

impl Blob {
    /// Returns the bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the file as text, or `None` when it is not UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl Blob {
    /// Returns the file with `\n` for every `\r\n`: what git stores of a text that it checked out with CRLF.
    pub fn with_lf(&self) -> std::borrow::Cow<'_, [u8]> {
        if !self.0.contains(&b'\r') {
            return (&*self.0).into();
        }
        let mut out = Vec::with_capacity(self.0.len());
        for (index, byte) in self.0.iter().enumerate() {
            if !(*byte == b'\r' && self.0.get(index + 1) == Some(&b'\n')) {
                out.push(*byte);
            }
        }
        out.into()
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<String> for Blob {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl From<&str> for Blob {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

/// A set of files, sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<RepoPath, Blob>);

impl Tree {
    /// Returns an empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file into the tree and returns what stood there before.
    pub fn insert(&mut self, path: RepoPath, blob: impl Into<Blob>) -> Option<Blob> {
        self.0.insert(path, blob.into())
    }

    /// Takes a file out of the tree.
    pub fn remove(&mut self, path: &RepoPath) -> Option<Blob> {
        self.0.remove(path)
    }

    /// Returns the file at a path.
    pub fn get(&self, path: &RepoPath) -> Option<&Blob> {
        self.0.get(path)
    }

    /// Tells whether a file stands at a path.
    pub fn contains(&self, path: &RepoPath) -> bool {
        self.0.contains_key(path)
    }

    /// Walks all files in path order.
    pub fn iter(&self) -> impl Iterator<Item = (&RepoPath, &Blob)> {
        self.0.iter()
    }

    /// Walks the files below a directory in path order.
    pub fn below<'a>(&'a self, dir: &'a RepoPath) -> impl Iterator<Item = (&'a RepoPath, &'a Blob)> {
        self.0
            .range(dir.clone()..)
            .take_while(move |(path, _)| path.as_str().starts_with(dir.as_str()))
            .filter(move |(path, _)| path.strip_prefix(dir).is_some())
    }

    /// Returns how many files the tree holds.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether the tree holds no file.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds all files of another tree; the other tree wins.
    pub fn extend(&mut self, other: Tree) {
        self.0.extend(other.0);
    }
}

impl IntoIterator for Tree {
    type Item = (RepoPath, Blob);
    type IntoIter = std::collections::btree_map::IntoIter<RepoPath, Blob>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(RepoPath, Blob)> for Tree {
    fn from_iter<I: IntoIterator<Item = (RepoPath, Blob)>>(files: I) -> Self {
        Self(files.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::parse(text).expect("a valid path")
    }

    #[test]
    fn below_takes_whole_components_only() {
        let tree: Tree = ["a/b.yaml", "a-b/c.yaml", "a/c/d.yaml", "b/x.yaml"]
            .into_iter()
            .map(|p| (path(p), Blob::from("")))
            .collect();
        let dir = path("a");
        let found: Vec<_> = tree.below(&dir).map(|(p, _)| p.as_str()).collect();
        assert_eq!(found, ["a/b.yaml", "a/c/d.yaml"]);
    }
}
