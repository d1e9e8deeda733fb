//! The index as directories: its entries by name, and the trees that it knows to be made of them, as the extension `TREE` of
//! `gitformat-index(5)` says it. Git and we need not read what is as such a tree.

use std::collections::HashMap;

use gix::ObjectId;
use gix::bstr::{BStr, ByteSlice};
use gix::index::entry::{Flags, Mode};
use gix::index::extension::Tree;
use gix::index::{Entry, File as Index};
use gix::objs::tree::EntryKind;

use super::Repository;

/// What the index has of one name in a directory.
pub(super) enum Child<'i> {
    File(&'i Entry),
    /// The entries below it. One alone may be the directory itself, of a sparse index.
    Directory(&'i [Entry]),
}

/// Groups the entries of a directory by name. `start` is how long the path of the directory is, with a final slash.
pub(super) fn children<'i>(backing: &'i [u8], start: usize, entries: &'i [Entry]) -> HashMap<&'i BStr, Child<'i>> {
    let mut found = HashMap::new();
    let mut rest = entries;
    while let Some(first) = rest.first() {
        let path = &first.path_in(backing)[start..];
        let Some(end) = path.find_byte(b'/') else {
            found.insert(path, Child::File(first));
            rest = &rest[1..];
            continue;
        };
        let inside = |entry: &Entry| entry.path_in(backing)[start..].starts_with(&path[..=end]);
        let (below, others) = rest.split_at(rest.partition_point(inside));
        found.insert(path[..end].as_bstr(), Child::Directory(below));
        rest = others;
    }
    found
}

/// Tells whether an entry is what a tree has.
pub(super) fn holds(entry: &Entry, id: ObjectId, kind: EntryKind) -> bool {
    let is_plain = entry.stage_raw() == 0 && !entry.flags.contains(Flags::INTENT_TO_ADD);
    is_plain && entry.id == id && entry.mode == Mode::from(kind)
}

impl Repository {
    /// Returns what an index knows of trees once its entries are those of a tree, as far as they are. `before` is what it knew
    /// when it was read. A sparse index knows nothing here.
    pub(super) fn trees_of(&self, index: &Index, tree: ObjectId, before: Option<&Tree>) -> Option<Tree> {
        (!index.is_sparse()).then(|| self.tree_of(index, b"", 0, index.entries(), tree, before))
    }

    fn tree_of(
        &self,
        index: &Index,
        name: &[u8],
        start: usize,
        entries: &[Entry],
        id: ObjectId,
        before: Option<&Tree>,
    ) -> Tree {
        let count = u32::try_from(entries.len()).ok();
        if let Some(known) =
            before.filter(|known| known.id == id && known.num_entries.is_some_and(|n| Some(n) == count))
        {
            return known.clone();
        }
        let mut known = Tree { name: name.into(), id, num_entries: None, children: Vec::new() };
        let Ok(tree) = self.git.find_tree(id) else { return known };
        let mut there = children(index.path_backing(), start, entries);
        let mut is_same = true;
        for entry in tree.iter() {
            let Ok(entry) = entry else { return known };
            let (name, id) = (entry.filename(), entry.object_id());
            is_same &= match (entry.kind(), there.remove(name)) {
                (EntryKind::Tree, Some(Child::Directory(below))) => {
                    let before = before.and_then(|before| child(before, name));
                    let child = self.tree_of(index, name, start + name.len() + 1, below, id, before);
                    let is_whole = child.num_entries.is_some();
                    known.children.push(child);
                    is_whole
                }
                (kind, Some(Child::File(file))) => holds(file, id, kind),
                _ => false,
            };
        }
        known.num_entries = count.filter(|_| is_same && there.is_empty());
        known
    }
}

/// Finds a directory in what an index knows of the tree around it; the library sorts by name what it reads.
pub(super) fn child<'t>(tree: &'t Tree, name: &BStr) -> Option<&'t Tree> {
    let at = tree.children.binary_search_by(|child| child.name[..].cmp(name)).ok()?;
    tree.children.get(at)
}
