//! Findings that try to break out of every format.

use super::*;
use crate::diagnostic::{Span, codes};

/// Findings whose texts try to break out of every format.
fn hostile() -> CheckReport {
    let text = "spec:\n  имя: \"значение\"\n".to_owned();
    let start = text.find("\"").unwrap_or_default();
    let span = Span { start, end: start + "\"значение\"".len(), line: 2, column: 8 };
    let evil = "a\nb\r\n::error::c, 100% <details> | `x` @team #1 \u{1f308}";
    let one = Diagnostic::new(codes::INVALID_VALUE, evil)
        .hint("do\n::warning::this")
        .file("clusters/a b,c:d/cluster.yaml")
        .span(span)
        .field("spec.имя");
    let checked = |inside: bool, intent: &str, diagnostics: Vec<Diagnostic>| Checked {
        name: "demo".into(),
        intent: intent.into(),
        inside,
        directory: false,
        diagnostics,
        proofs: Vec::new(),
    };
    let long = Diagnostic::new(codes::BASE_UNKNOWN, "x".repeat(100_000));
    let outside = Diagnostic::new(codes::YAML_SYNTAX, "no").file("/home/somebody/intent.yaml");
    CheckReport {
        faults: Vec::new(),
        clusters: vec![
            checked(true, "clusters/a b,c:d/cluster.yaml", vec![one.clone(), one, long]),
            checked(false, "/home/somebody/intent.yaml", vec![outside]),
        ],
        prefix: "gitops/".into(),
        sources: BTreeMap::from([("clusters/a b,c:d/cluster.yaml".to_owned(), text)]),
        pages: BTreeMap::new(),
        verbose: false,
    }
}

fn write(name: &str, report: &CheckReport) -> String {
    (check_format(name).expect("a format").write)(report)
}

#[test]
fn a_workflow_command_is_one_line_whatever_it_says() {
    let text = write("github", &hostile());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert_eq!(
        lines[0],
        "::error file=gitops/clusters/a b%2Cc%3Ad/cluster.yaml,line=2,endLine=2,col=8,endColumn=18,title=invalid-value\
         ::spec.имя: a%0Ab%0D%0A::error::c, 100%25 <details> | `x` @team #1 \u{1f308}%0Ahint: do%0A::warning::this"
    );
    assert!(lines[2].starts_with("::error file=gitops/clusters/a b%2Cc%3Ad/cluster.yaml,title=base-unknown::xxx"));
    assert_eq!(lines[3], "::error file=intent.yaml,title=yaml-syntax::no");
}

#[test]
fn sarif_counts_characters_encodes_paths_and_tells_equal_findings_apart() {
    let document: serde_json::Value = serde_json::from_str(&write("sarif", &hostile())).expect("JSON");
    let results = document["runs"][0]["results"].as_array().expect("results");
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "gitops/clusters/a%20b%2Cc%3Ad/cluster.yaml");
    assert_eq!((&place["region"]["startColumn"], &place["region"]["endColumn"]), (&8.into(), &18.into()));
    assert_eq!(results[0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], "spec.имя");
    let print = |at: usize| results[at]["partialFingerprints"]["fluxwrightFinding/v1"].as_str().expect("a text");
    assert_eq!(print(0).split(':').next(), print(1).split(':').next());
    assert!(print(0).ends_with(":1") && print(1).ends_with(":2") && print(2) != print(3));
    // A finding without a file is put on the intent.
    assert_eq!(
        results[2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        place["artifactLocation"]["uri"]
    );
    let rules = document["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    for result in results {
        let at = usize::try_from(result["ruleIndex"].as_u64().expect("a number")).expect("small");
        assert_eq!(rules[at]["id"], result["ruleId"]);
    }
}

#[test]
fn fingerprints_do_not_change_when_lines_move() {
    let prints = |report: &CheckReport| -> Vec<serde_json::Value> {
        let document: serde_json::Value = serde_json::from_str(&write("sarif", report)).expect("JSON");
        let results = document["runs"][0]["results"].as_array().expect("results").clone();
        results.into_iter().map(|result| result["partialFingerprints"].clone()).collect()
    };
    let before = hostile();
    let mut after = hostile();
    for found in &mut after.clusters[0].diagnostics {
        found.span = found.span.map(|span| Span { line: span.line + 40, ..span });
    }
    assert_eq!(prints(&before), prints(&after));
}

#[test]
fn a_row_of_the_table_stays_a_row() {
    let text = write("markdown", &hostile());
    let row = text.lines().find(|line| line.contains("invalid-value")).expect("a row");
    assert_eq!(
        row,
        "| error | `invalid-value` | `gitops/clusters/a b,c:d/cluster.yaml:2` | spec.имя: a b  ::error::c, 100% \
         &lt;details> \\| `x` &#64;team &#35;1 \u{1f308}<br>hint: do ::warning::this |"
    );
    assert!(!text.contains("<details>"));
}

#[test]
fn no_format_names_a_directory_of_the_machine() {
    for format in CHECK_FORMATS {
        let text = (format.write)(&hostile());
        assert!(!text.contains("/home/somebody"), "{}: {text}", format.name);
        assert!(text.ends_with('\n'), "{}", format.name);
    }
}
