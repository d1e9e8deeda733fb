//! Reports as text: one file per format, one table of formats. Prints nothing and knows no terminal.

mod diagnostics;
mod graph;
mod json;
mod markdown;
mod name_only;
mod text;

use crate::diff::{ChangeKind, ChangeSet, ObjectChange, ObjectKind};
use crate::verify::Proof;

pub use diagnostics::{diagnostics, summary};
pub use graph::{GRAPH_FORMATS, GraphFormat, graph_format};
pub use text::unified;

/// What `diff` found for one cluster.
#[derive(Clone, Debug)]
pub struct ClusterDiff {
    /// Name of the cluster.
    pub cluster: String,
    /// The intent file.
    pub intent: String,
    /// What the desired tree was compared with, as in `the working tree`.
    pub against: String,
    /// The files.
    pub changes: ChangeSet,
    /// The objects in them.
    pub objects: Vec<ObjectChange>,
    /// The proofs of the patches.
    pub proofs: Vec<Proof>,
}

/// A format of `diff`: its name for `-o` and its writer.
pub struct Format {
    /// The value of `-o`.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Writes all clusters; `color` says whether escape sequences are wanted.
    pub write: fn(&[ClusterDiff], color: bool) -> String,
}

/// The formats of `diff`.
pub const FORMATS: &[Format] = &[
    Format { name: "text", help: "unified diff with a summary of objects", write: text::write },
    Format { name: "json", help: "one versioned document, see docs/diff-json.md", write: json::write },
    Format { name: "markdown", help: "collapsible, for a pull request", write: markdown::write },
    Format { name: "name-only", help: "paths that differ, one a line", write: name_only::write },
];

/// Finds a format by name.
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// The sign of a file's change.
fn sign(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Created => "+",
        ChangeKind::Changed => "~",
        ChangeKind::Deleted => "-",
        ChangeKind::HandEdited | ChangeKind::Foreign => "!",
    }
}

/// The sign of an object's change.
fn object_sign(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Added => "+",
        ObjectKind::Changed => "~",
        ObjectKind::Removed => "-",
    }
}

/// Counts objects in words: `2 added, 1 changed`.
fn count_objects(objects: &[ObjectChange]) -> String {
    let count = |kind| objects.iter().filter(|object| object.change == kind).count();
    let parts: Vec<String> =
        [(ObjectKind::Added, "added"), (ObjectKind::Changed, "changed"), (ObjectKind::Removed, "removed")]
            .into_iter()
            .filter(|(kind, _)| count(*kind) > 0)
            .map(|(kind, word)| format!("{} {word}", count(kind)))
            .collect();
    if parts.is_empty() { "no object changes".into() } else { format!("objects: {}", parts.join(", ")) }
}

/// Sums up the proofs of a cluster: `, 2 patches proven on the contract`; empty when there is no patch.
pub fn proofs_line(proofs: &[Proof]) -> String {
    if proofs.is_empty() {
        return String::new();
    }
    let landed: Vec<&Proof> = proofs.iter().filter(|proof| proof.landed()).collect();
    let mut grounds: Vec<String> = landed.iter().map(|proof| proof.ground.to_string()).collect();
    grounds.sort();
    grounds.dedup();
    let on = if grounds.is_empty() { String::new() } else { format!(" on {}", grounds.join(" and ")) };
    format!(", {} of {} patches proven{on}", landed.len(), proofs.len())
}

/// Writes every proof with what it changes, one line a field.
pub fn proofs(proofs: &[Proof]) -> String {
    let mut out = String::new();
    for proof in proofs {
        let object = proof.object.as_deref().unwrap_or("no object");
        let state = if proof.landed() { "proven" } else { "not proven" };
        out.push_str(&format!(
            "  {state} on {}: {} patches {object} (from {}, line {})\n",
            proof.ground, proof.kustomization, proof.from, proof.line
        ));
        for change in &proof.changes {
            let existed = if change.existed { "" } else { ", did not exist" };
            out.push_str(&format!("    {} {}{existed}\n", change.change, change.path));
        }
    }
    out
}
