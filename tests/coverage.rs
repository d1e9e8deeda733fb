//! The table of coverage is complete, and what it names exists.

mod support;

use std::collections::BTreeMap;

use support::project;

/// How many statements each group of the vendors' documents has, by their numbers.
const GROUPS: &[(u32, &[std::ops::RangeInclusive<u32>])] =
    &[(0, &[1..=17, 20..=37, 40..=47]), (1, &[1..=14]), (2, &[1..=24]), (3, &[1..=8]), (4, &[1..=14])];

#[test]
fn every_statement_has_one_line() {
    let text = std::fs::read_to_string(project("docs/coverage.md")).expect("readable");
    let mut lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| N")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 5, "{line}");
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{line}");
        assert!(lines.insert(cells[0].to_owned(), cells).is_none(), "twice: {line}");
    }
    let expected: Vec<String> = GROUPS
        .iter()
        .flat_map(|(group, ranges)| ranges.iter().cloned().flatten().map(move |number| format!("N{group}.{number}")))
        .collect();
    for id in &expected {
        assert!(lines.contains_key(id), "no line for {id}");
    }
    assert_eq!(lines.len(), expected.len(), "lines for unknown statements");
}

#[test]
fn every_file_that_is_named_exists() {
    let text = std::fs::read_to_string(project("docs/coverage.md")).expect("readable");
    let mut missing = Vec::new();
    let mut count = 0;
    for line in text.lines().filter(|line| line.starts_with("| N")) {
        let places = line.split('|').skip(4).collect::<String>();
        for path in places.split('`').skip(1).step_by(2) {
            count += 1;
            if !project(path).is_file() {
                missing.push(format!("{}: {path}", line.split('|').nth(1).unwrap_or_default().trim()));
            }
        }
    }
    assert!(count > 200, "only {count} places");
    assert!(missing.is_empty(), "{missing:#?}");
}
