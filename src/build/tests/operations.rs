//! JSON6902: every quirk of one operation, against one document.

use serde_json::json;

use super::super::{ChangeKind, PatchFault, Reason};
use super::*;

const BASE: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\nl: [1, 2, 3]\nm: {n: {o: 1}, z: null}\n";

/// Applies one operation in flow style to the base.
fn one(operation: &str) -> Result<(Value, Application), PatchFault> {
    let (objects, mut done) = patched(BASE, &format!("- {operation}\n"), Some("{}"))?;
    Ok((objects[0].body.clone(), done.remove(0)))
}

fn list(operation: &str) -> Value {
    one(operation).unwrap_or_else(|e| panic!("{operation}: {e}")).0["l"].clone()
}

fn reason(operation: &str) -> (Reason, String) {
    match one(operation) {
        Err(PatchFault::Operation { fault, .. }) => (fault.reason, fault.existing),
        other => panic!("{operation}: {other:?}"),
    }
}

#[test]
fn list_indexes_follow_the_library() {
    for (index, want) in [
        ("-", json!([1, 2, 3, 9])),
        ("3", json!([1, 2, 3, 9])),
        ("-1", json!([1, 2, 3, 9])),
        ("-2", json!([1, 2, 9, 3])),
        ("0", json!([9, 1, 2, 3])),
        ("01", json!([1, 9, 2, 3])),
        ("+1", json!([1, 9, 2, 3])),
        ("-4", json!([9, 1, 2, 3])),
    ] {
        assert_eq!(list(&format!("{{op: add, path: /l/{index}, value: 9}}")), want, "{index}");
    }
    for (index, want) in [("-1", json!([1, 2, 9])), ("-2", json!([1, 9, 3])), ("01", json!([1, 9, 3]))] {
        assert_eq!(list(&format!("{{op: replace, path: /l/{index}, value: 9}}")), want, "{index}");
    }
    assert_eq!(list("{op: remove, path: /l/-3}"), json!([2, 3]));
    assert_eq!(list("{op: copy, from: /l/0, path: /l/-}"), json!([1, 2, 3, 1]));
    assert_eq!(list("{op: move, from: /l/0, path: /l/2}"), json!([2, 3, 1]));
    assert!(one("{op: test, path: /l/-1, value: 3}").is_ok());
}

#[test]
fn indexes_outside_the_list_are_errors() {
    let out = (Reason::OutOfRange { length: 3 }, "/l".to_owned());
    for operation in [
        "{op: add, path: /l/4, value: 9}",
        "{op: add, path: /l/-5, value: 9}",
        "{op: replace, path: /l/3, value: 9}",
        "{op: replace, path: /l/-, value: 9}",
        "{op: remove, path: /l/3}",
        "{op: remove, path: /l/-4}",
        "{op: remove, path: /l/-}",
        "{op: test, path: /l/5, value: null}",
        "{op: copy, from: /l/0, path: /l/9}",
    ] {
        assert_eq!(reason(operation), out, "{operation}");
    }
    assert!(matches!(reason("{op: add, path: /l/x, value: 9}").0, Reason::NotAnIndex(_)));
    assert!(matches!(reason("{op: test, path: /l/x, value: null}").0, Reason::NotAnIndex(_)));
}

#[test]
fn missing_keys_are_created_by_replace_and_null_to_test_and_copy() {
    let (body, done) = one("{op: replace, path: /data/q, value: 9}").expect("creates");
    assert_eq!((&body["data"]["q"], done.changes[0].kind), (&json!(9), ChangeKind::Added));
    assert!(one("{op: test, path: /data/q, value: null}").is_ok());
    assert!(one("{op: test, path: /data/q}").is_ok());
    assert!(one("{op: test, path: /m/z, value: null}").is_ok());
    let (body, _) = one("{op: copy, from: /data/q, path: /m/a}").expect("copies null");
    assert_eq!(body["m"]["a"], Value::Null);
    let (body, _) = one("{op: add, path: /data/w}").expect("adds null");
    assert_eq!(body["data"]["w"], Value::Null);
}

#[test]
fn missing_places_are_errors_with_the_part_that_exists() {
    for (operation, want, existing) in [
        ("{op: remove, path: /data/q}", Reason::Missing, "/data"),
        ("{op: remove, path: /q}", Reason::Missing, ""),
        ("{op: move, from: /data/q, path: /m/a}", Reason::Missing, "/data"),
        ("{op: add, path: /data/q/r, value: 1}", Reason::MissingParent, "/data"),
        ("{op: add, path: /data/a/r, value: 1}", Reason::MissingParent, "/data/a"),
        ("{op: add, path: /m/z/q, value: 1}", Reason::MissingParent, "/m/z"),
        ("{op: replace, path: /q/r, value: 1}", Reason::MissingParent, ""),
        ("{op: remove, path: /l/0/x}", Reason::MissingParent, "/l/0"),
        ("{op: test, path: /q/r, value: null}", Reason::MissingParent, ""),
        ("{op: move, from: /m, path: /m/n}", Reason::MissingParent, ""),
        ("{op: add, path: q, value: 1}", Reason::MissingParent, ""),
        ("{op: add, path: \"\", value: 1}", Reason::MissingParent, ""),
        ("{op: remove, path: \"\"}", Reason::MissingParent, ""),
    ] {
        assert_eq!(reason(operation), (want, existing.to_owned()), "{operation}");
    }
}

#[test]
fn the_nearest_sibling_is_proposed() {
    let fault = |operation: &str| match one(operation) {
        Err(PatchFault::Operation { fault, .. }) => fault.candidate,
        other => panic!("{other:?}"),
    };
    assert_eq!(fault("{op: add, path: /dta/x, value: 1}").as_deref(), Some("data"));
    assert_eq!(fault("{op: remove, path: /metadat}").as_deref(), Some("metadata"));
    assert_eq!(fault("{op: remove, path: /spec}"), None);
}

#[test]
fn tests_compare_values_deeply_and_numbers_by_value() {
    for operation in [
        "{op: test, path: /l, value: [1, 2, 3]}",
        "{op: test, path: /l/0, value: 1.0}",
        "{op: test, path: /m, value: {z: null, \"n\": {o: 1}}}",
    ] {
        assert!(one(operation).is_ok(), "{operation}");
    }
    let (reason, _) = reason("{op: test, path: /data/a, value: c}");
    assert_eq!(reason, Reason::TestFailed { found: Some(json!("b")) });
}

#[test]
fn paths_are_decoded_and_what_precedes_the_first_slash_is_ignored() {
    let (body, done) = one("{op: add, path: /data/x~1y~0z, value: q}").expect("adds");
    assert_eq!((&body["data"]["x/y~z"], done.changes[0].path.as_str()), (&json!("q"), "/data/x~1y~0z"));
    assert_eq!(one("{op: add, path: q/r, value: 9}").expect("adds").0["r"], json!(9));
    assert_eq!(one("{op: add, path: /, value: 3}").expect("adds").0[""], json!(3));
}

#[test]
fn values_are_yaml_1_1() {
    let (body, _) = one("{op: add, path: /x, value: {a: yes, b: 'yes', c: 010, d: off}}").expect("adds");
    assert_eq!(body["x"], json!({"a": true, "b": "yes", "c": 8, "d": false}));
}

#[test]
fn the_whole_document_passes_through_floats() {
    let base = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\nbig: 9007199254740993\none: 1.0\nhalf: 0.5\n";
    let (objects, _) = patched(base, "- {op: add, path: /x, value: 1}", Some("{}")).expect("applies");
    let body = &objects[0].body;
    assert_eq!((&body["big"], &body["one"], &body["half"]), (&json!(9007199254740992i64), &json!(1), &json!(0.5)));
}

#[test]
fn an_operation_that_repeats_what_is_there_is_unchanged() {
    assert_eq!(one("{op: add, path: /data/a, value: b}").expect("applies").1.changes[0].kind, ChangeKind::Unchanged);
    assert_eq!(one("{op: replace, path: /data/a, value: c}").expect("applies").1.changes[0].kind, ChangeKind::Replaced);
}

#[test]
fn a_failing_patch_changes_nothing() {
    let mut objects = resources(BASE);
    let patch = "- {op: add, path: /x, value: 1}\n- {op: remove, path: /nothing}\n";
    let patch = Patch::parse(patch, Some(Target::default())).expect("a patch").expect("not empty");
    assert!(apply(&patch, &mut objects).is_err());
    assert_eq!(objects, resources(BASE));
}

#[test]
fn an_object_must_stay_one() {
    for path in ["/kind", "/apiVersion", "/metadata", "/metadata/name"] {
        assert!(matches!(one(&format!("{{op: remove, path: {path}}}")), Err(PatchFault::NotAnObject { .. })), "{path}");
    }
}

#[test]
fn patch_text_is_told_apart_as_kustomize_does() {
    let all = || Some(Target::default());
    assert!(Patch::parse("[{\"op\": \"remove\", \"path\": \"/x\"}]", all()).is_ok());
    assert!(matches!(Patch::parse("[{op: remove, path: /x}]", all()), Err(PatchFault::Json(_))));
    assert_eq!(Patch::parse("# nothing\n", all()), Ok(None));
    assert_eq!(Patch::parse("", None), Ok(None));
    for text in [
        "words",
        "- words",
        "- {path: /x}",
        "- {op: add}",
        "- {op: ADD, path: /x}",
        "- {op: copy, path: /x}",
        "metadata: {name: x}",
    ] {
        assert!(matches!(Patch::parse(text, all()), Err(PatchFault::Unrecognised(_))), "{text}");
    }
    let two = "- {op: add, path: /x, value: 1}\n---\n- {op: add, path: /y, value: 1}\n";
    assert!(matches!(Patch::parse(two, all()), Err(PatchFault::Unrecognised(_))));
}
