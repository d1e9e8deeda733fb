//! The inventory: every file that we wrote, with its digest. `sha256sum --check` understands it.
//!
//! A file that the user changed and wants to keep has the digest of what lies on disk, like any other, and behind it the
//! digest of the rendering that it stands for, in a comment: `# kept <digest>  <path>`.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::tree::{Blob, RepoPath, Tree};

/// Name of the inventory in the cluster's directory.
pub const FILE: &str = "fluxwright.inventory";

/// What stands before the digest of a rendering that a kept file stands for.
const KEPT: &str = "# kept ";

/// What we own in one cluster's directory: digests by path relative to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    entries: BTreeMap<String, Entry>,
    /// Whether git left the marks of a merge conflict in it.
    conflicted: bool,
}

/// What is known of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    /// Digests of what we left on disk; two while a run was interrupted between the old content and the new one, or after
    /// two branches were merged.
    digests: Vec<String>,
    /// Digests of the renderings that the user's file stands for; none for a file that is as it was rendered.
    kept: Vec<String>,
}

/// What an inventory says of a file as it lies on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is not ours.
    Foreign,
    /// It is as we wrote it.
    Rendered,
    /// The user changed it and keeps it.
    Kept,
    /// Somebody changed it.
    HandEdited,
}

impl Inventory {
    /// Takes stock of a rendered tree.
    pub fn of(tree: &Tree, root: &RepoPath) -> Self {
        let entry = |blob| Entry { digests: vec![digest(blob)], kept: Vec::new() };
        let entries =
            tree.below(root).filter_map(|(path, blob)| Some((path.strip_prefix(root)?.to_owned(), entry(blob))));
        Self { entries: entries.collect(), conflicted: false }
    }

    /// Records that the user's content stays where a rendering would stand.
    pub fn keep(&mut self, path: &str, content: &Blob, rendering: &Blob) {
        let entry = Entry { digests: vec![digest(content)], kept: vec![digest(rendering)] };
        self.entries.insert(path.to_owned(), entry);
    }

    /// Reads an inventory. Lines that are not entries are skipped: an unreadable inventory owns nothing, so nothing is lost.
    ///
    /// What a merge left twice, with or without marks of a conflict, counts twice: both sides were written by us.
    pub fn read(blob: &Blob) -> Self {
        let text = blob.text().unwrap_or_default();
        let mut read = Self::default();
        for line in text.lines().map(|line| line.trim_end_matches('\r')) {
            read.conflicted |= ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|mark| line.starts_with(mark));
            let (kept, line) = match line.strip_prefix(KEPT) {
                Some(rest) => (true, rest),
                None => (false, line),
            };
            let Some((digest, path)) = line.split_once("  ") else { continue };
            let is_digest = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
            if !is_digest || RepoPath::parse(path).is_err() {
                continue;
            }
            let entry = read.entries.entry(path.to_owned()).or_default();
            let list = if kept { &mut entry.kept } else { &mut entry.digests };
            if !list.iter().any(|known| known == digest) {
                list.push(digest.to_owned());
            }
        }
        // A line about a rendering alone says nothing of what lies on disk.
        read.entries.retain(|_, entry| !entry.digests.is_empty());
        read
    }

    /// Prints the inventory: sorted, the lines of a file together, so that two branches merge.
    pub fn print(&self) -> String {
        let mut text =
            format!("# Files that fluxwright {} owns here; check with: sha256sum --check\n", env!("CARGO_PKG_VERSION"));
        for (path, entry) in &self.entries {
            entry.digests.iter().for_each(|digest| text.push_str(&format!("{digest}  {path}\n")));
            entry.kept.iter().for_each(|digest| text.push_str(&format!("{KEPT}{digest}  {path}\n")));
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

    /// Tells whether git left the marks of a merge conflict in the text.
    pub fn is_conflicted(&self) -> bool {
        self.conflicted
    }

    /// Walks the paths that have more than one digest.
    pub fn listed_twice(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|(_, entry)| entry.digests.len() > 1).map(|(path, _)| path.as_str())
    }

    /// Tells what a file on disk is to us.
    ///
    /// Where any line says that a rendering was replaced by the user's content, only a known rendering is one: a merge of
    /// two inventories must not turn what the user keeps into something that is overwritten.
    pub fn standing(&self, path: &str, blob: &Blob) -> Standing {
        let Some(entry) = self.entries.get(path) else { return Standing::Foreign };
        let found = digest(blob);
        match (entry.digests.contains(&found), entry.kept.as_slice()) {
            (_, kept) if kept.contains(&found) => Standing::Rendered,
            (true, []) => Standing::Rendered,
            (true, _) => Standing::Kept,
            (false, _) => Standing::HandEdited,
        }
    }

    /// Tells whether a kept file stands for this rendering.
    pub fn stands_for(&self, path: &str, rendering: &Blob) -> bool {
        self.entries.get(path).is_some_and(|entry| entry.kept.contains(&digest(rendering)))
    }

    /// Returns the digests of the last rendering of a file: what a hand edit is compared with.
    pub fn renderings(&self, path: &str) -> &[String] {
        match self.entries.get(path) {
            Some(entry) if entry.kept.is_empty() => &entry.digests,
            Some(entry) => &entry.kept,
            None => &[],
        }
    }
}

/// Returns the SHA-256 of a file with `\n` line ends in hexadecimal digits, so that a CRLF checkout is no hand edit.
pub fn digest(blob: &Blob) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    Sha256::digest(blob.with_lf()).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Inventory {
        Inventory::read(&Blob::from(text))
    }

    #[test]
    fn comes_back_as_printed() {
        let root = RepoPath::parse("clusters/a").expect("valid");
        let mut tree = Tree::new();
        tree.insert(RepoPath::parse("clusters/a/x/y.yaml").expect("valid"), "a: 1\n");
        tree.insert(RepoPath::parse("clusters/a/z.yaml").expect("valid"), "z: 1\n");
        let mut inventory = Inventory::of(&tree, &root);
        inventory.keep("x/y.yaml", &Blob::from("a: 9\n"), &Blob::from("a: 1\n"));
        assert_eq!(read(&inventory.print()), inventory);
        let paths: Vec<String> =
            inventory.print().lines().filter_map(|line| Some(line.rsplit_once("  ")?.1.to_owned())).collect();
        assert_eq!(paths, ["x/y.yaml", "x/y.yaml", "z.yaml"]);
        assert_eq!(read("../../etc/passwd\nnot an inventory"), Inventory::default());
    }

    #[test]
    fn a_kept_file_stands_for_one_rendering() {
        let (mine, old, new) = (Blob::from("a: 9\n"), Blob::from("a: 1\n"), Blob::from("a: 2\n"));
        let mut inventory = Inventory::default();
        inventory.keep("y.yaml", &mine, &old);
        assert_eq!(inventory.standing("y.yaml", &mine), Standing::Kept);
        assert_eq!(inventory.standing("y.yaml", &Blob::from("a: 9\r\n")), Standing::Kept);
        assert_eq!(inventory.standing("y.yaml", &old), Standing::Rendered);
        assert_eq!(inventory.standing("y.yaml", &new), Standing::HandEdited);
        assert_eq!(inventory.standing("other.yaml", &mine), Standing::Foreign);
        assert!(inventory.stands_for("y.yaml", &old) && !inventory.stands_for("y.yaml", &new));
        assert_eq!(inventory.renderings("y.yaml"), [digest(&old)]);
    }

    #[test]
    fn a_merge_never_makes_a_kept_file_ours_to_overwrite() {
        let (mine, old, other) = (Blob::from("a: 9\n"), Blob::from("a: 1\n"), Blob::from("a: 2\n"));
        let (a, b, c) = (digest(&mine), digest(&old), digest(&other));
        let text = format!("<<<<<<< HEAD\n{a}  y.yaml\n# kept {b}  y.yaml\n=======\n{c}  y.yaml\n>>>>>>> side\n");
        let inventory = read(&text);
        assert!(inventory.is_conflicted());
        assert_eq!(inventory.listed_twice().collect::<Vec<_>>(), ["y.yaml"]);
        assert_eq!(inventory.standing("y.yaml", &mine), Standing::Kept);
        assert_eq!(inventory.standing("y.yaml", &other), Standing::Kept);
        assert_eq!(inventory.standing("y.yaml", &old), Standing::Rendered);
        assert_eq!(read(&format!("# kept {b}  y.yaml\n")).standing("y.yaml", &old), Standing::Foreign);
    }
}
