//! `-o sarif`: SARIF 2.1.0 (OASIS), with what GitHub's code scanning asks for besides: paths from the root of the git
//! repository, a location for every result, help as Markdown.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{CheckReport, Checked, message};
use crate::diagnostic::{Diagnostic, mask};

pub(super) fn write(report: &CheckReport) -> String {
    let severities: BTreeMap<&str, String> =
        report.findings().map(|(_, found)| (found.code.as_ref(), found.severity.to_string())).collect();
    let index: BTreeMap<&str, usize> = severities.keys().enumerate().map(|(at, code)| (*code, at)).collect();
    let rules: Vec<Value> = severities.iter().map(|(code, severity)| rule(report, code, severity)).collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let results: Vec<Value> = report
        .findings()
        .map(|(cluster, found)| result(report, cluster, found, index[found.code.as_ref()], &mut seen))
        .collect();
    let mut document = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "fluxwright",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "the root of the git repository"}}},
            "results": results,
        }],
    });
    if let Some(home) = Some(env!("CARGO_PKG_REPOSITORY")).filter(|home| !home.is_empty()) {
        document["runs"][0]["tool"]["driver"]["informationUri"] = json!(home);
    }
    format!("{document:#}\n")
}

fn rule(report: &CheckReport, code: &str, severity: &str) -> Value {
    let page = report.pages.get(code);
    let summary = page.map_or(code, |page| page.summary.as_str());
    let text = page.map_or(code, |page| page.text.as_str());
    // The prose of a page stands between its title and the first example.
    let prose: Vec<&str> = text
        .lines()
        .skip_while(|line| line.starts_with('#') || line.is_empty())
        .take_while(|line| !line.starts_with("Wrong") && !line.starts_with("```") && !line.starts_with('#'))
        .collect();
    let prose = prose.join("\n");
    let prose = if prose.trim().is_empty() { summary } else { prose.trim() };
    json!({
        "id": code,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": prose},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": severity},
    })
}

fn result(
    report: &CheckReport,
    cluster: Option<&Checked>,
    found: &Diagnostic,
    rule: usize,
    seen: &mut BTreeMap<String, usize>,
) -> Value {
    // A result without a place would not be shown: it is put on the intent, or on the folder of plugins.
    let file = found.file.as_deref().or(cluster.map(|one| one.intent.as_str())).unwrap_or("plugins");
    let uri = report.file(cluster, file);
    let hint = found.hint.as_deref().map(|hint| format!("\nhint: {}", mask::mask(hint))).unwrap_or_default();
    let field = found.field.as_deref().map(mask::mask);
    let mut location = json!({
        "physicalLocation": {"artifactLocation": {"uri": percent_encode(&uri), "uriBaseId": "%SRCROOT%"}},
    });
    if let Some(place) = report.place(found) {
        location["physicalLocation"]["region"] = json!({
            "startLine": place.line, "startColumn": place.column,
            "endLine": place.line, "endColumn": place.end_column,
        });
    }
    if let Some(field) = &field {
        location["logicalLocations"] = json!([{"fullyQualifiedName": field, "kind": "member"}]);
    }
    // The line is left out, so that a finding that moves stays the same one; equal findings are told apart by their order.
    let text = [found.code.as_ref(), &uri, field.as_deref().unwrap_or_default(), &message(found)].join("\u{0}");
    let digest: String = Sha256::digest(&text).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let count = seen.entry(digest.clone()).or_default();
    *count += 1;
    json!({
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": found.severity.to_string(),
        "message": {"text": format!("{}{hint}", message(found))},
        "locations": [location],
        "partialFingerprints": {"fluxwrightFinding/v1": format!("{digest}:{count}")},
    })
}

/// Writes a path as a relative URI reference (RFC 3986); a first part with a colon would be taken for a scheme.
fn percent_encode(path: &str) -> String {
    let mut out = String::new();
    for byte in path.replace('\\', "/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
