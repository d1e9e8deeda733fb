//! `-o text`: objects and their fields, then a summary of objects and proofs.

use super::lines::{self, Line};
use super::paint::{BOLD, CYAN, GREEN, RED, YELLOW, paint};
use super::{ClusterDiff, count_objects, hand_edits, proofs_line, sign, unified};
use crate::diff::{ChangeKind, FileKind, FileMeaning, ObjectChange, ObjectKind};

/// Writes all clusters.
pub(super) fn write(diffs: &[ClusterDiff], color: bool) -> String {
    let mut out = String::new();
    let has_more = |diff: &&ClusterDiff| {
        !diff.meaning.objects.is_empty() || !diff.meaning.files.is_empty() || !diff.hand_edits.is_empty()
    };
    for diff in diffs.iter().filter(has_more) {
        out.push_str(&format!("{}\n", paint(BOLD, &format!("cluster {}{}", diff.cluster, diff.removed()), color)));
        for change in diff.told_objects() {
            object(change, color, &mut out);
        }
        for change in &diff.meaning.files {
            file(diff, change, color, &mut out);
        }
        out.push_str(&hand_edits::hand_edits(&diff.hand_edits, color));
        out.push('\n');
    }
    out + &summary(diffs, color)
}

/// Writes unified diffs instead of objects.
pub(super) fn raw(diffs: &[ClusterDiff], color: bool) -> String {
    let files = diffs.iter().flat_map(|diff| &diff.changes.files);
    let ours = files.filter(|change| !change.kind.is_conflict());
    let edits = diffs.iter().flat_map(|diff| &diff.hand_edits).map(|edit| hand_edits::raw(edit, color));
    ours.map(|change| unified(change, color)).chain(edits).collect::<String>() + &summary(diffs, color)
}

fn object(change: &ObjectChange, color: bool, out: &mut String) {
    let from = change.from.as_ref().map(|from| format!("{from} -> ")).unwrap_or_default();
    let place = paint(CYAN, &format!("{from}{}", change.path), color);
    let name = paint(BOLD, &change.object, color);
    out.push_str(&format!("  {} {name}  {place}\n", signed(change.change.sign(), color)));
    write_lines(&lines::of_fields(&change.fields), color, out);
}

fn file(diff: &ClusterDiff, file: &FileMeaning, color: bool, out: &mut String) {
    let change = diff.changes.files.iter().find(|change| change.path == file.path);
    let count = change
        .and_then(|change| change.after.as_ref())
        .map(|blob| String::from_utf8_lossy(blob.bytes()).lines().count());
    let path = paint(CYAN, file.path.as_str(), color);
    let sign = signed(sign(file.kind), color);
    match (&file.what, file.kind) {
        (FileKind::Renamed(from), _) => {
            let sign = signed(ObjectKind::Moved.sign(), color);
            let from = paint(CYAN, from.as_str(), color);
            out.push_str(&format!("  {sign} {from} -> {path} (renamed)\n"));
        }
        (FileKind::Bookkeeping, _) => out.push_str(&format!("  {sign} {path} (bookkeeping)\n")),
        (FileKind::Fields(fields), _) => {
            out.push_str(&format!("  {sign} {path}\n"));
            write_lines(&lines::of_fields(fields), color, out);
        }
        (FileKind::Text, ChangeKind::Created) => {
            out.push_str(&format!("  {sign} {path} ({} lines)\n", count.unwrap_or_default()));
        }
        (FileKind::Text, ChangeKind::Deleted) => out.push_str(&format!("  {sign} {path}\n")),
        (FileKind::Text, _) => {
            out.push_str(&format!("  {sign} {path}\n"));
            write_lines(&change.map(lines::of_text).unwrap_or_default(), color, out);
        }
    }
}

pub(super) fn write_lines(lines: &[Line], color: bool, out: &mut String) {
    for line in lines {
        let text = format!("{} {:indent$}{}", line.sign, "", line.text, indent = 2 * line.depth);
        let text = text.trim_end();
        if text.is_empty() {
            out.push('\n');
            continue;
        }
        let style = style(line.sign.encode_utf8(&mut [0; 4]));
        let text = style.map_or_else(|| text.to_owned(), |style| paint(style, text, color));
        out.push_str(&format!("      {text}\n"));
    }
}

fn style(sign: &str) -> Option<&'static str> {
    match sign {
        "+" => Some(GREEN),
        "-" => Some(RED),
        "~" | ">" => Some(YELLOW),
        _ => None,
    }
}

pub(super) fn signed(sign: &str, color: bool) -> String {
    style(sign).map_or_else(|| sign.to_owned(), |style| paint(style, sign, color))
}

fn summary(diffs: &[ClusterDiff], color: bool) -> String {
    let mut out = String::new();
    for diff in diffs {
        out.push_str(&paint(BOLD, &format!("cluster {}{}", diff.cluster, diff.removed()), color));
        if diff.changes.is_empty() {
            out.push_str(&format!(", compared with {}: no changes\n", diff.against));
        } else {
            out.push_str(&format!(", compared with {}: {}\n", diff.against, count_objects(&diff.meaning.objects)));
        }
        for object in &diff.meaning.objects {
            out.push_str(&format!("  {} {}\n", object.change.sign(), object.object));
        }
        for change in diff.changes.conflicts() {
            out.push_str(&format!("  {} {} ({})\n", sign(change.kind), change.path, conflict(change.kind)));
        }
        for kept in &diff.changes.kept {
            out.push_str(&format!("  = {} (kept as changed by hand)\n", kept.path));
        }
        if !diff.proofs.is_empty() {
            out.push_str(&format!("  {}\n", proofs_line(&diff.proofs).trim_start_matches(", ")));
        }
    }
    out
}

/// Says why a file is left alone.
pub(super) fn conflict(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Foreign => "not ours",
        ChangeKind::LeftOut => "not checked out",
        _ => "changed by hand",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{ChangeSet, compare, describe};
    use crate::layout::Inventory;
    use crate::tree::{Blob, RepoPath, Tree};

    fn changes(before: &[(&str, &str)], after: &[(&str, &str)]) -> ChangeSet {
        let tree = |files: &[(&str, &str)]| -> Tree {
            files.iter().map(|(path, text)| (RepoPath::parse(path).expect("valid"), Blob::from(*text))).collect()
        };
        let (root, current) = (RepoPath::parse("c").expect("valid"), tree(before));
        compare(&tree(after), &current, &root, &Inventory::of(&current, &root))
    }

    #[test]
    fn what_moves_is_told_once() {
        let map = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
        let (a, b, c) = (map("a"), map("b"), map("c"));
        let both = format!("{a}---\n{b}");
        let changes = changes(
            &[("c/a.yaml", &a), ("c/b.yaml", &b), ("c/old.yaml", &c), ("c/note.md", "one\n"), ("c/gone.md", "x")],
            &[("c/ab.yaml", &both), ("c/new.yaml", &c), ("c/note.md", "two\n"), ("c/fresh.md", "1\n2\n")],
        );
        let diff = ClusterDiff {
            cluster: "x".into(),
            intent: "c/cluster.yaml".into(),
            against: "the working tree".into(),
            meaning: describe(&changes, |_| true),
            changes,
            hand_edits: Vec::new(),
            proofs: Vec::new(),
            diagnostics: Vec::new(),
            graph: None,
        };
        let text = write(std::slice::from_ref(&diff), false);
        let shown = "cluster x
  > v1 ConfigMap a  c/a.yaml -> c/ab.yaml
  > v1 ConfigMap b  c/b.yaml -> c/ab.yaml
  + c/fresh.md (2 lines)
  - c/gone.md
  > c/old.yaml -> c/new.yaml (renamed)
  ~ c/note.md
      - one
      + two

cluster x, compared with the working tree: objects: 3 moved
  > v1 ConfigMap a
  > v1 ConfigMap b
  > v1 ConfigMap c
";
        assert_eq!(text, shown);
        assert!(write(&[diff], true).contains("\u{1b}[31m- one\u{1b}[0m\n"));
    }
}
