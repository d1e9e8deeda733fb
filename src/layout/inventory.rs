//! The inventory: every file that we wrote, with its digest. `sha256sum --check` understands it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::tree::{Blob, RepoPath, Tree};

/// Name of the inventory in the cluster's directory.
pub const FILE: &str = "fluxwright.inventory";

/// What we own in one cluster's directory: digest by path relative to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// One digest for each path; two while a run was interrupted between the old content and the new one.
    entries: BTreeMap<String, Vec<String>>,
}

impl Inventory {
    /// Takes stock of a rendered tree.
    pub fn of(tree: &Tree, root: &RepoPath) -> Self {
        let entries =
            tree.below(root).filter_map(|(path, blob)| Some((path.strip_prefix(root)?.to_owned(), vec![digest(blob)])));
        Self { entries: entries.collect() }
    }

    /// Reads an inventory. Lines that are not entries are skipped: an unreadable inventory owns nothing, so nothing is lost.
    pub fn read(blob: &Blob) -> Self {
        let text = blob.text().unwrap_or_default();
        let lines = text.lines().filter_map(|line| {
            let (digest, path) = line.trim_end_matches('\r').split_once("  ")?;
            let is_digest = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
            (is_digest && RepoPath::parse(path).is_ok()).then(|| (path.to_owned(), digest.to_owned()))
        });
        let mut entries: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (path, digest) in lines {
            entries.entry(path).or_default().push(digest);
        }
        Self { entries }
    }

    /// Prints the inventory: sorted, one line a file, so that two branches merge.
    pub fn print(&self) -> String {
        let mut text =
            format!("# Files that fluxwright {} owns here; check with: sha256sum --check\n", env!("CARGO_PKG_VERSION"));
        for (path, digest) in self.entries.iter().flat_map(|(path, all)| all.iter().map(move |one| (path, one))) {
            text.push_str(&format!("{digest}  {path}\n"));
        }
        text
    }

    /// Walks the paths relative to the cluster's directory.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Tells whether a path is ours.
    pub fn owns(&self, path: &str) -> bool {
        self.entries.contains_key(path)
    }

    /// Tells whether a file of ours is as we wrote it.
    pub fn is_unchanged(&self, path: &str, blob: &Blob) -> bool {
        self.entries.get(path).is_some_and(|known| known.contains(&digest(blob)))
    }
}

/// Returns the SHA-256 of a file with `\n` line ends in hexadecimal digits, so that a CRLF checkout is no hand edit.
pub fn digest(blob: &Blob) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(blob.with_lf()) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_printed() {
        let root = RepoPath::parse("clusters/a").expect("valid");
        let mut tree = Tree::new();
        tree.insert(RepoPath::parse("clusters/a/x/y.yaml").expect("valid"), "a: 1\n");
        let inventory = Inventory::of(&tree, &root);
        assert_eq!(Inventory::read(&Blob::from(inventory.print())), inventory);
        assert!(inventory.is_unchanged("x/y.yaml", &Blob::from("a: 1\n")));
        assert!(!inventory.is_unchanged("x/y.yaml", &Blob::from("a: 2\n")));
        assert_eq!(Inventory::read(&Blob::from("../../etc/passwd\nnot an inventory")), Inventory::default());
    }
}
