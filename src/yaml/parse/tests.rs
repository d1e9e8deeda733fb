//! Scalars, aliases and every fault with its place.

use super::*;
use serde_json::json;

fn read(text: &str) -> Value {
    let nodes = parse(text.as_bytes(), Dialect::Strict, Limits::INTENT).expect("valid YAML");
    nodes[0].to_value()
}

fn faults(text: &str) -> Vec<(String, usize, usize)> {
    parse(text.as_bytes(), Dialect::Strict, Limits::INTENT)
        .expect_err("faults")
        .into_iter()
        .map(|d| (d.code.into_owned(), d.span.map_or(0, |s| s.line), d.span.map_or(0, |s| s.column)))
        .collect()
}

#[test]
fn scalars_follow_the_core_schema() {
    assert_eq!(
        read("{a: yes, b: 1.28, c: \"1.28\", d: 0x10, e: ~, f: true, g: 1e3, h: 12:30, i: !!str 5, j: -7, k: 1.8.1}"),
        json!({"a": "yes", "b": 1.28, "c": "1.28", "d": 16, "e": null, "f": true, "g": 1000.0, "h": "12:30", "i": "5", "j": -7, "k": "1.8.1"})
    );
}

#[test]
fn aliases_and_merges_expand() {
    assert_eq!(
        read("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\nc: [*x]\n"),
        json!({"a": {"p": 1, "q": 2}, "b": {"q": 3, "p": 1}, "c": [{"p": 1, "q": 2}]})
    );
}

#[test]
fn a_block_at_the_end_of_the_file_has_the_line_breaks_of_the_file() {
    let read = |text: &str| parse(text.as_bytes(), Dialect::Kubernetes, Limits::INTENT).expect("valid")[0].to_value();
    for (text, value) in [
        ("a: |\n  x\n  y", "x\ny"),
        ("a: |\n  x\n  y\n", "x\ny\n"),
        ("a: |-\n  x\n  y", "x\ny"),
        ("a: |+\n  x\n", "x\n"),
        ("a: >\n  x\n  y", "x y"),
    ] {
        assert_eq!(read(text)["a"], value, "{text:?}");
    }
    assert_eq!(read("a: |\n  x\nb: y")["a"], "x\n");
}

#[test]
fn every_duplicate_and_odd_key_is_reported() {
    assert_eq!(
        faults("a: 1\na: 2\nb:\n  1540: x\n  c: 012\n"),
        [("duplicate-key".into(), 2, 1), ("non-string-key".into(), 4, 3), ("ambiguous-scalar".into(), 5, 6)]
    );
}

#[test]
fn large_mappings_know_their_keys() {
    let many: String = (0..200_000).map(|n| format!("k{n}: 1\n")).collect();
    let nodes = parse(many.as_bytes(), Dialect::Strict, Limits::MANIFEST).expect("valid YAML");
    assert!(matches!(&nodes[0].body, Body::Mapping(entries) if entries.len() == 200_000));
    let hundred: String = many.lines().take(100).map(|line| format!("  {line}\n")).collect();
    assert_eq!(faults(&format!("{hundred}  k7: 2\n")), [("duplicate-key".into(), 101, 3)]);
    let merged = read(&format!("a: &a\n{hundred}b: {{<<: *a, k7: 2}}\n"));
    assert_eq!((&merged["b"]["k7"], &merged["b"]["k8"]), (&json!(2), &json!(1)));
}

#[test]
fn bombs_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let row = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{row}]\n"));
    }
    assert_eq!(faults(&bomb)[0].0, "alias-explosion");
    let deep = format!("a: {}{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(faults(&deep)[0].0, "nesting-too-deep");
    let deeper = format!("a: {}", "[".repeat(100_000));
    assert!(matches!(faults(&deeper)[0].0.as_str(), "nesting-too-deep" | "yaml-syntax"));
}

#[test]
fn a_long_block_of_comments_is_no_fault() {
    assert_eq!(read(&format!("a:\n{}  - b\n", "# text\n".repeat(500))), json!({"a": ["b"]}));
}

#[test]
fn columns_count_characters() {
    assert_eq!(faults("имя: {a: 1, a: 2}\n"), [("duplicate-key".into(), 1, 13)]);
}
