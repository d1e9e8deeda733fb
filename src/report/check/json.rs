//! `-o json`: one versioned document. docs/ci.md describes it.

use serde_json::{Value, json};

use super::{CheckReport, Checked};
use crate::diagnostic::{Diagnostic, mask};

pub(super) fn write(report: &CheckReport) -> String {
    let clusters: Vec<Value> = report.clusters.iter().map(|one| cluster(report, one)).collect();
    let findings: Vec<Value> = report.faults.iter().map(|fault| finding(report, None, fault)).collect();
    let document = json!({
        "apiVersion": "fluxwright.dev/v1alpha1",
        "kind": "Check",
        "findings": findings,
        "clusters": clusters,
    });
    format!("{document:#}\n")
}

fn cluster(report: &CheckReport, one: &Checked) -> Value {
    let errors = one.diagnostics.iter().filter(|found| found.is_error()).count();
    json!({
        "name": mask::mask(&one.name),
        (if one.directory { "directory" } else { "intent" }): report.file(Some(one), &one.intent),
        "errors": errors,
        "warnings": one.diagnostics.len() - errors,
        "findings": one.diagnostics.iter().map(|found| finding(report, Some(one), found)).collect::<Vec<_>>(),
        "proofs": one.proofs.iter().map(|proof| json!({
            "kustomization": proof.kustomization,
            "source": proof.source,
            "from": proof.from,
            "file": report.file(Some(one), proof.base.as_deref().unwrap_or(&one.intent)),
            "line": proof.line,
            "object": proof.object,
            "proven": proof.landed(),
        })).collect::<Vec<_>>(),
    })
}

fn finding(report: &CheckReport, one: Option<&Checked>, found: &Diagnostic) -> Value {
    let place = report.place(found);
    json!({
        "code": found.code,
        "severity": found.severity,
        "file": found.file.as_ref().map(|file| report.file(one, file)),
        "line": place.as_ref().map(|place| place.line),
        "column": place.as_ref().map(|place| place.column),
        "endColumn": place.as_ref().map(|place| place.end_column),
        "field": found.field.as_deref().map(mask::mask),
        "message": mask::mask(&found.message),
        "hint": found.hint.as_deref().map(mask::mask),
    })
}
