//! `-o markdown`: a table of findings for each cluster, for a summary or the comment of a pull request.

use super::{CheckReport, message};
use crate::diagnostic::mask;
use crate::report::{proofs_line, summary};

pub(super) fn write(report: &CheckReport) -> String {
    let mut out = String::new();
    if !report.faults.is_empty() {
        out.push_str(&format!("### Repository: {}\n\n", summary(&report.faults)));
        table(report, None, &mut out);
    }
    for one in &report.clusters {
        let findings = summary(&one.diagnostics);
        let findings = if findings.is_empty() { "ok" } else { &findings };
        out.push_str(&format!("### Cluster {}: {findings}{}\n\n", code(&one.name), proofs_line(&one.proofs)));
        if !one.diagnostics.is_empty() {
            table(report, Some(one), &mut out);
        }
    }
    out
}

fn table(report: &CheckReport, cluster: Option<&super::Checked>, out: &mut String) {
    out.push_str("| | Code | Place | Finding |\n|---|---|---|---|\n");
    for found in cluster.map_or(&report.faults, |one| &one.diagnostics) {
        let file = found.file.as_ref().map(|file| report.file(cluster, file)).unwrap_or_default();
        let place = match report.place(found) {
            Some(place) => format!("{file}:{}", place.line),
            None => file,
        };
        let place = if place.is_empty() { String::new() } else { code(&place) };
        let hint =
            found.hint.as_deref().map(|hint| format!("<br>hint: {}", cell(&mask::mask(hint)))).unwrap_or_default();
        out.push_str(&format!(
            "| {} | {} | {place} | {}{hint} |\n",
            found.severity,
            code(&found.code),
            cell(&message(found))
        ));
    }
    out.push('\n');
}

/// Text in a cell: code spans stay, and nothing else of it is markup.
fn cell(text: &str) -> String {
    let mut out = String::new();
    let spans = text.matches('`').count() / 2 * 2;
    let mut ticks = 0;
    for c in text.chars() {
        let inside = ticks % 2 == 1;
        match c {
            '`' => {
                ticks += 1;
                out.push_str(if ticks <= spans { "`" } else { "\\`" });
            }
            '|' => out.push_str("\\|"),
            '\n' | '\r' => out.push(' '),
            '<' | '&' if !inside => out.push_str(if c == '<' { "&lt;" } else { "&amp;" }),
            // `@name` would notify somebody, `#1` would link.
            '@' | '#' if !inside => out.push_str(if c == '@' { "&#64;" } else { "&#35;" }),
            '*' | '_' | '[' | ']' | '!' | '\\' | '~' if !inside => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// A code span in a cell or heading.
fn code(text: &str) -> String {
    format!("`{}`", text.replace(['`', '\n', '\r'], " ").replace('|', "\\|"))
}
