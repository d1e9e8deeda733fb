//! `-o markdown`: collapsible sections, for the comment of a pull request.

use super::{ClusterDiff, count_objects, object_sign, sign};
use crate::diff::ChangeKind;

/// Writes all clusters.
pub(super) fn write(diffs: &[ClusterDiff], _color: bool) -> String {
    let mut out = String::new();
    for diff in diffs {
        out.push_str(&format!("### Cluster `{}`\n\n", diff.cluster));
        if diff.changes.is_empty() {
            out.push_str(&format!("No changes, compared with {}.\n\n", diff.against));
            continue;
        }
        out.push_str(&format!("Compared with {}: {}.\n\n", diff.against, count_objects(&diff.objects)));
        if !diff.objects.is_empty() {
            out.push_str("| | Object | File |\n|---|---|---|\n");
            for object in &diff.objects {
                out.push_str(&format!(
                    "| {} | `{}` | `{}` |\n",
                    object_sign(object.change),
                    object.object,
                    object.path
                ));
            }
            out.push('\n');
        }
        for change in &diff.changes.files {
            if matches!(change.kind, ChangeKind::HandEdited | ChangeKind::Foreign) {
                out.push_str(&format!(
                    "> **{} `{}`** is in the way and is left alone.\n\n",
                    sign(change.kind),
                    change.path
                ));
                continue;
            }
            let body = super::unified(change, false);
            let fence = fence(&body);
            out.push_str(&format!(
                "<details><summary>{} <code>{}</code></summary>\n\n{fence}diff\n{body}{fence}\n\n</details>\n\n",
                sign(change.kind),
                change.path
            ));
        }
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

/// A fence longer than any run of backticks in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}
