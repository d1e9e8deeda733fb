//! `-o text`: one result line for each cluster, with `-v` its proofs. The findings themselves are drawn on the terminal.

use super::CheckReport;
use crate::report::{proofs, proofs_line, summary};

pub(super) fn write(report: &CheckReport) -> String {
    let mut out = String::new();
    for one in &report.clusters {
        let findings = summary(&one.diagnostics);
        let findings = if findings.is_empty() { "ok" } else { &findings };
        out.push_str(&format!("{}: {findings}{}\n", one.name, proofs_line(&one.proofs)));
        if report.verbose {
            out.push_str(&proofs(&one.proofs));
        }
    }
    out
}
