//! `-o json`: one versioned document. docs/diff-json.md describes it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ClusterDiff;
use crate::diagnostic::mask;
use crate::diff::FileKind;
use crate::tree::RepoPath;

/// Writes all clusters.
pub(super) fn write(diffs: &[ClusterDiff], _color: bool) -> String {
    let clusters: Vec<Value> = diffs.iter().map(cluster).collect();
    let document = json!({"apiVersion": "fluxwright.dev/v1alpha1", "kind": "Diff", "clusters": clusters});
    // A value made of strings, numbers and maps always prints.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn cluster(diff: &ClusterDiff) -> Value {
    let what: BTreeMap<&RepoPath, &FileKind> = diff.meaning.files.iter().map(|file| (&file.path, &file.what)).collect();
    let text = |blob: Option<&crate::tree::Blob>| blob.map(|blob| mask::mask(&String::from_utf8_lossy(blob.bytes())));
    let files = diff.changes.files.iter().map(|change| {
        let mut file = json!({
            "path": change.path.as_str(),
            "change": change.kind,
            "before": text(change.before.as_ref()),
            "after": text(change.after.as_ref()),
        });
        match what.get(&change.path) {
            Some(FileKind::Renamed(from)) => file["renamedFrom"] = json!(from.as_str()),
            Some(FileKind::Fields(fields)) => file["fields"] = json!(fields),
            _ => {}
        }
        file
    });
    let files: Vec<Value> = files.collect();
    json!({
        "name": diff.cluster,
        "intent": diff.intent,
        "against": diff.against,
        "changed": !diff.changes.is_empty(),
        "unchangedFiles": diff.changes.unchanged,
        "files": files,
        "objects": diff.meaning.objects,
        "proofs": diff.proofs,
    })
}
