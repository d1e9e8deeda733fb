//! `-o json`: one versioned document. docs/diff-json.md describes it.

use serde_json::{Value, json};

use super::ClusterDiff;
use crate::diagnostic::mask;

/// Writes all clusters.
pub(super) fn write(diffs: &[ClusterDiff], _color: bool) -> String {
    let clusters: Vec<Value> = diffs.iter().map(cluster).collect();
    let document = json!({"apiVersion": "fluxwright.dev/v1alpha1", "kind": "Diff", "clusters": clusters});
    // A value made of strings, numbers and maps always prints.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn cluster(diff: &ClusterDiff) -> Value {
    let text = |blob: Option<&crate::tree::Blob>| blob.map(|blob| mask::mask(&String::from_utf8_lossy(blob.bytes())));
    json!({
        "name": diff.cluster,
        "intent": diff.intent,
        "against": diff.against,
        "changed": !diff.changes.is_empty(),
        "unchangedFiles": diff.changes.unchanged,
        "files": diff.changes.files.iter().map(|change| json!({
            "path": change.path.as_str(),
            "change": change.kind,
            "before": text(change.before.as_ref()),
            "after": text(change.after.as_ref()),
        })).collect::<Vec<_>>(),
        "objects": diff.objects,
        "proofs": diff.proofs,
    })
}
