//! Reports as text: one file per format, one table of formats. Prints nothing and knows no terminal.

mod check;
mod diagnostics;
mod effective;
mod graph;
mod hand_edits;
mod html;
mod inline;
mod json;
mod lines;
mod markdown;
mod name_only;
mod paint;
mod shorten;
mod text;
mod unified;

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, codes};
use crate::diff::{ChangeKind, ChangeSet, FileKind, HandEdit, Meaning, ObjectChange, ObjectKind, counts};
use crate::layout::Graph;
use crate::verify::Proof;

pub use check::{CHECK_FORMATS, CheckFormat, CheckReport, Checked, Page, check_format};
pub use diagnostics::{diagnostics, summary};
pub use effective::EffectiveDiff;
pub use graph::{GRAPH_FORMATS, GraphFormat, graph_format};
pub use hand_edits::hand_edits;
pub use shorten::{Shortened, shorten};
pub use unified::unified;

/// What `diff` found for one cluster.
#[derive(Clone, Debug, Default)]
pub struct ClusterDiff {
    /// Name of the cluster.
    pub cluster: String,
    /// The intent file.
    pub intent: String,
    /// What the desired tree was compared with, as in `the working tree`.
    pub against: String,
    /// The files.
    pub changes: ChangeSet,
    /// The objects in them, and what else is to be said of the files.
    pub meaning: Meaning,
    /// The hand edits among the files, from both sides.
    pub hand_edits: Vec<HandEdit>,
    /// The proofs of the patches.
    pub proofs: Vec<Proof>,
    /// All findings about the cluster.
    pub diagnostics: Vec<Diagnostic>,
    /// Who waits for whom; `None` when the intent has errors, so that nothing was compared.
    pub graph: Option<Graph>,
}

impl ClusterDiff {
    /// What stands behind the name of a cluster that is gone as a whole.
    fn removed(&self) -> &'static str {
        let is_removal = |found: &Diagnostic| found.code == codes::CLUSTER_REMOVED.name;
        if self.diagnostics.iter().any(is_removal) { ": removed" } else { "" }
    }

    /// Walks the objects to tell about: those that moved with their whole file are told by the file.
    fn told_objects(&self) -> impl Iterator<Item = &ObjectChange> {
        let renames = self.meaning.files.iter().filter_map(|file| match &file.what {
            FileKind::Renamed(from) => Some((from.as_str(), file.path.as_str())),
            _ => None,
        });
        let renames: BTreeSet<(&str, &str)> = renames.collect();
        let renamed = move |object: &ObjectChange| {
            let from = object.from.as_deref().unwrap_or_default();
            object.change == ObjectKind::Moved && renames.contains(&(from, object.path.as_str()))
        };
        self.meaning.objects.iter().filter(move |object| !renamed(object))
    }
}

/// A format of `diff`: its name for `-o` and its writer.
pub struct Format {
    /// The value of `-o`.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Writes all clusters; `color` says whether escape sequences are wanted.
    pub write: Writer,
    /// Writes unified diffs of files instead of objects, for `--raw`.
    pub raw: Option<Writer>,
    /// Writes what clusters apply before and after, for `--effective`.
    pub effective: EffectiveWriter,
    /// Writes the same as unified diffs of objects, for `--raw`.
    pub effective_raw: Option<EffectiveWriter>,
    /// Whether it shows findings, and so has something to show of an intent with errors.
    pub findings: bool,
}

/// Writes all clusters in a format.
pub type Writer = fn(&[ClusterDiff], color: bool) -> String;

/// Writes what all clusters apply before and after.
pub type EffectiveWriter = fn(&[EffectiveDiff], color: bool) -> String;

/// The formats of `diff`.
pub const FORMATS: &[Format] = &[
    Format {
        name: "text",
        help: "objects and their fields, then a summary",
        write: text::write,
        raw: Some(text::raw),
        effective: effective::text,
        effective_raw: Some(effective::text_raw),
        findings: false,
    },
    Format {
        name: "json",
        help: "one versioned document, see docs/diff-json.md",
        write: json::write,
        raw: None,
        effective: effective::json,
        effective_raw: None,
        findings: false,
    },
    Format {
        name: "markdown",
        help: "collapsible, for a pull request",
        write: markdown::write,
        raw: Some(markdown::raw),
        effective: effective::markdown,
        effective_raw: Some(effective::markdown_raw),
        findings: false,
    },
    Format {
        name: "html",
        help: "one page with findings, proofs and graph",
        write: html::write,
        raw: None,
        effective: html::write_effective,
        effective_raw: None,
        findings: true,
    },
    Format {
        name: "name-only",
        help: "paths that differ, one a line",
        write: name_only::write,
        raw: None,
        effective: effective::name_only,
        effective_raw: None,
        findings: false,
    },
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
        ChangeKind::HandEdited | ChangeKind::Foreign | ChangeKind::LeftOut => "!",
    }
}

/// Counts objects in words: `objects: 2 added, 1 changed`.
fn count_objects(objects: &[ObjectChange]) -> String {
    let counts = counts(objects.iter());
    if counts.is_empty() { "no object changes".into() } else { format!("objects: {counts}") }
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
            "  {state} on {}: {} patches {object} (from {}, line {}{})\n",
            proof.ground,
            proof.kustomization,
            proof.from,
            proof.line,
            proof.base.as_ref().map(|base| format!(" of {base}")).unwrap_or_default()
        ));
        for change in proof.changes.iter() {
            let existed = if change.existed { "" } else { ", did not exist" };
            out.push_str(&format!("    {} {}{existed}\n", change.change, change.path));
        }
    }
    out
}
