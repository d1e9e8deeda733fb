//! `-o text`: a unified diff of files with a summary of objects and proofs.

use similar::{Algorithm, ChangeTag, TextDiff};

use super::{ClusterDiff, count_objects, object_sign, proofs_line, sign};
use crate::diagnostic::mask;
use crate::diff::{ChangeKind, FileChange};

const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const CYAN: &str = "\x1b[36m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

/// Writes all clusters.
pub(super) fn write(diffs: &[ClusterDiff], color: bool) -> String {
    let mut out = String::new();
    for diff in diffs.iter().filter(|diff| !diff.changes.is_empty()) {
        for change in &diff.changes.files {
            match change.kind {
                ChangeKind::HandEdited | ChangeKind::Foreign => {}
                _ => out.push_str(&unified(change, color)),
            }
        }
    }
    for diff in diffs {
        out.push_str(&paint(BOLD, &format!("cluster {}", diff.cluster), color));
        if diff.changes.is_empty() {
            out.push_str(&format!(", compared with {}: no changes\n", diff.against));
        } else {
            out.push_str(&format!(", compared with {}: {}\n", diff.against, count_objects(&diff.objects)));
        }
        for object in &diff.objects {
            out.push_str(&format!("  {} {}\n", object_sign(object.change), object.object));
        }
        for change in diff.changes.conflicts() {
            out.push_str(&format!("  {} {} ({})\n", sign(change.kind), change.path, conflict(change.kind)));
        }
        if !diff.proofs.is_empty() {
            out.push_str(&format!("  {}\n", proofs_line(&diff.proofs).trim_start_matches(", ")));
        }
    }
    out
}

fn conflict(kind: ChangeKind) -> &'static str {
    if kind == ChangeKind::Foreign { "not ours" } else { "changed by hand" }
}

/// Writes the unified diff of one file, with three lines of context, masked.
pub fn unified(change: &FileChange, color: bool) -> String {
    let text = |blob: Option<&crate::tree::Blob>| blob.map(|blob| String::from_utf8_lossy(blob.bytes()).into_owned());
    let (before, after) = (text(change.before.as_ref()), text(change.after.as_ref()));
    let name =
        |side: &str, present: bool| if present { format!("{side}/{}", change.path) } else { "/dev/null".to_owned() };
    let mut out = paint(BOLD, &format!("--- {}", name("a", before.is_some())), color) + "\n";
    out.push_str(&(paint(BOLD, &format!("+++ {}", name("b", after.is_some())), color) + "\n"));
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(before.as_str(), after.as_str());
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        out.push_str(&(paint(CYAN, hunk.header().to_string().trim_end(), color) + "\n"));
        for line in hunk.iter_changes() {
            let text = line.to_string();
            let masked = mask::mask(text.trim_end_matches('\n'));
            let painted = match line.tag() {
                ChangeTag::Delete => paint(RED, &format!("-{masked}"), color),
                ChangeTag::Insert => paint(GREEN, &format!("+{masked}"), color),
                ChangeTag::Equal => format!(" {masked}"),
            };
            out.push_str(&painted);
            out.push('\n');
            if line.missing_newline() {
                out.push_str("\\ No newline at end of file\n");
            }
        }
    }
    out
}

fn paint(style: &str, text: &str, color: bool) -> String {
    if color { format!("{style}{text}{RESET}") } else { text.to_owned() }
}
