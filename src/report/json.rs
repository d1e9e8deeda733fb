//! `-o json`: one versioned document. docs/diff-json.md describes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{ClusterDiff, hand_edits};
use crate::diff::{FileKind, proven, shown_files};
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
    let files = diff.changes.files.iter().map(|change| {
        let (before, after) = shown_files(change.before.as_ref(), change.after.as_ref());
        let mut file = json!({
            "path": change.path.as_str(),
            "change": change.kind,
            "before": before,
            "after": after,
        });
        match what.get(&change.path) {
            Some(FileKind::Renamed(from)) => file["renamedFrom"] = json!(from.as_str()),
            Some(FileKind::Fields(fields)) => file["fields"] = json!(fields),
            _ => {}
        }
        file
    });
    let files: Vec<Value> = files.collect();
    let mut proofs = diff.proofs.clone();
    for proof in &mut proofs {
        let object = proof.object.as_deref();
        for change in Arc::make_mut(&mut proof.changes) {
            change.before = change.before.take().map(|value| proven(object, &change.path, value));
            change.after = change.after.take().map(|value| proven(object, &change.path, value));
        }
    }
    let mut cluster = json!({
        "name": diff.cluster,
        "intent": diff.intent,
        "against": diff.against,
        "changed": !diff.changes.is_empty(),
        "unchangedFiles": diff.changes.unchanged,
        "files": files,
        "objects": diff.meaning.objects,
        "proofs": proofs,
    });
    if !diff.hand_edits.is_empty() {
        cluster["handEdits"] = diff.hand_edits.iter().map(hand_edits::value).collect();
    }
    if !diff.changes.kept.is_empty() {
        cluster["kept"] = diff.changes.kept.iter().map(|kept| kept.path.as_str()).collect();
    }
    cluster
}
