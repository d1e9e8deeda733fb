//! `-o markdown`: collapsible sections, for the comment of a pull request.

use super::lines::{self, Line};
use super::{ClusterDiff, count_objects, hand_edits, sign, text};
use crate::diff::{FileChange, FileKind};

/// Writes all clusters, one section for each object.
pub(super) fn write(diffs: &[ClusterDiff], _color: bool) -> String {
    clusters(diffs, |diff, out| {
        for object in diff.told_objects().filter(|object| !object.fields.is_empty()) {
            let body = body(&lines::of_fields(&object.fields));
            section(&format!("{} {}", object.change.sign(), code(&object.object)), &body, out);
        }
        for file in &diff.meaning.files {
            let change = diff.changes.files.iter().find(|change| change.path == file.path);
            let head = format!("{} {}", sign(file.kind), code(file.path.as_str()));
            match (&file.what, change) {
                (FileKind::Renamed(from), _) => {
                    out.push_str(&format!("&gt; {} renamed to {}\n\n", code(from.as_str()), code(file.path.as_str())));
                }
                (FileKind::Bookkeeping, _) => out.push_str(&format!("{head} (bookkeeping)\n\n")),
                (FileKind::Fields(fields), _) if !fields.is_empty() => {
                    section(&head, &body(&lines::of_fields(fields)), out);
                }
                (FileKind::Text, Some(change)) if change.after.is_some() => {
                    section(&head, &body(&lines::of_text(change)), out);
                }
                _ => out.push_str(&format!("{head}\n\n")),
            }
        }
        for edit in &diff.hand_edits {
            section(&format!("! {}", code(edit.path.as_str())), &body(&hand_edits::lines(edit)), out);
        }
    })
}

/// Writes all clusters, one unified diff for each file.
pub(super) fn raw(diffs: &[ClusterDiff], _color: bool) -> String {
    clusters(diffs, |diff, out| {
        for change in diff.changes.files.iter().filter(|change| !is_conflict(change)) {
            let head = format!("{} {}", sign(change.kind), code(change.path.as_str()));
            section(&head, &super::unified(change, false), out);
        }
        for edit in &diff.hand_edits {
            section(&format!("! {}", code(edit.path.as_str())), &hand_edits::raw(edit, false), out);
        }
    })
}

fn clusters(diffs: &[ClusterDiff], changes: impl Fn(&ClusterDiff, &mut String)) -> String {
    let mut out = String::new();
    for diff in diffs {
        out.push_str(&format!("### Cluster `{}`{}\n\n", diff.cluster, diff.removed()));
        if diff.changes.is_empty() {
            out.push_str(&format!("No changes, compared with {}.\n\n", diff.against));
            continue;
        }
        out.push_str(&format!("Compared with {}: {}.\n\n", diff.against, count_objects(&diff.meaning.objects)));
        if !diff.meaning.objects.is_empty() {
            out.push_str("| | Object | File |\n|---|---|---|\n");
            for object in &diff.meaning.objects {
                let from = object.from.as_ref().map(|from| format!("{} → ", cell(from))).unwrap_or_default();
                let path = cell(&object.path);
                out.push_str(&format!("| {} | {} | {from}{path} |\n", object.change.sign(), cell(&object.object)));
            }
            out.push('\n');
        }
        for change in diff.changes.conflicts() {
            out.push_str(&format!(
                "> **{} {}** is left alone: {}.\n\n",
                sign(change.kind),
                cell(change.path.as_str()),
                text::conflict(change.kind)
            ));
        }
        changes(diff, &mut out);
        if !diff.proofs.is_empty() {
            out.push_str("<details><summary>Proofs of the patches</summary>\n\n| Patch of | Object | Proven on | Changes |\n|---|---|---|---|\n");
            for proof in &diff.proofs {
                out.push_str(&format!(
                    "| `{}` | `{}` | {} | {} |\n",
                    proof.kustomization,
                    proof.object.as_deref().unwrap_or("none"),
                    proof.ground,
                    proof.changes.len()
                ));
            }
            out.push_str("\n</details>\n\n");
        }
    }
    out
}

fn is_conflict(change: &FileChange) -> bool {
    change.kind.is_conflict()
}

pub(super) fn section(head: &str, body: &str, out: &mut String) {
    let fence = fence(body);
    out.push_str(&format!("<details><summary>{head}</summary>\n\n{fence}diff\n{body}{fence}\n\n</details>\n\n"));
}

/// Lines with their sign in the first column, where `diff` highlights it.
pub(super) fn body(lines: &[Line]) -> String {
    let line = |line: &Line| format!("{} {:indent$}{}", line.sign, "", line.text, indent = 2 * line.depth);
    lines.iter().map(|one| line(one).trim_end().to_owned() + "\n").collect()
}

/// A fence longer than any run of backticks in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

/// A name in HTML.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
}

/// A name in a table.
pub(super) fn cell(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', "\\|").replace('\n', " "))
}
