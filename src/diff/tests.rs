//! Each rule of the semantic diff, and its properties on random objects.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::compare as compare_trees;
use super::fields::{FieldChange, FieldKind, compare, document};
use super::path::{Item, Path, Step};
use super::*;
use crate::layout::Inventory;
use crate::tree::RepoPath;
use crate::tree::Tree;

/// Changes as one line each: sign, path, values.
fn told(before: Value, after: Value) -> Vec<String> {
    compare(&before, &after).iter().map(tell).collect()
}

fn tell(change: &FieldChange) -> String {
    let sign = match change.change {
        FieldKind::Added => "+",
        FieldKind::Removed => "-",
        FieldKind::Changed => "~",
        FieldKind::Moved => ">",
    };
    let values: Vec<String> = [&change.before, &change.after].into_iter().flatten().map(Value::to_string).collect();
    format!("{sign} {} {}", change.path, values.join(" -> "))
}

fn deployment(containers: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
        "spec": {"template": {"spec": {"containers": containers}}}})
}

#[test]
fn items_are_found_by_their_merge_key_wherever_they_stand() {
    let before = deployment(json!([
        {"name": "side", "image": "s:1"},
        {"name": "main", "image": "m:1", "ports": [{"containerPort": 80, "protocol": "TCP"}], "args": ["a", "b"]},
    ]));
    let after = deployment(json!([
        {"name": "main", "image": "m:2", "ports": [{"containerPort": 80, "protocol": "TCP", "name": "web"}], "args": ["a", "x", "b"]},
        {"name": "side", "image": "s:1"},
    ]));
    assert_eq!(
        told(before, after),
        [
            r#"~ spec.template.spec.containers[main].image "m:1" -> "m:2""#,
            r#"+ spec.template.spec.containers[main].ports[80/TCP].name "web""#,
            r#"+ spec.template.spec.containers[main].args[1] "x""#,
            r#"> spec.template.spec.containers ["side","main"] -> ["main","side"]"#,
        ]
    );
}

#[test]
fn other_lists_go_by_name_or_the_like_else_by_place() {
    assert_eq!(told(json!({"x": [{"name": "a"}]}), json!({"x": [{"name": "b"}, {"name": "a", "v": 1}]})).len(), 2);
    assert_eq!(told(json!({"x": [{"host": "a", "v": 1}]}), json!({"x": [{"host": "a", "v": 2}]})), ["~ x[a].v 1 -> 2"]);
    // Names that come twice name nothing.
    assert_eq!(
        told(
            json!({"x": [{"name": "a"}, {"name": "a", "v": 1}]}),
            json!({"x": [{"name": "a"}, {"name": "a", "v": 2}]})
        ),
        ["~ x[1].v 1 -> 2"]
    );
    assert_eq!(told(json!({"x": [1, 2, 3]}), json!({"x": [1, 3]})), ["- x[1] 2"]);
    assert_eq!(told(json!({"x": [1]}), json!({"x": {"a": 1}})), [r#"~ x [1] -> {"a":1}"#]);
}

#[test]
fn documents_in_texts_are_looked_into() {
    let map = |text: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a.yaml": text}});
    assert_eq!(told(map("x: 1\ny: [1]\n"), map("x: 2\ny: [1]\n")), [r#"~ data["a.yaml"].x 1 -> 2"#]);
    assert_eq!(told(map(r#"{"x": [{"name": "n"}]}"#), map(r#"{"x": []}"#)), [r#"- data["a.yaml"].x[n] {"name":"n"}"#]);
    // What the values do not say is told by the whole text.
    assert_eq!(
        told(map("#cloud-config\nx: 1\n"), map("x: 2\n")),
        [r#"~ data["a.yaml"].x 1 -> 2"#, r##"~ data["a.yaml"] "#cloud-config\nx: 1\n" -> "x: 2\n""##]
    );
    assert_eq!(told(map("x: 1\ny: 'a'\n"), map("x: 2\ny: a\n")).len(), 2);
    assert_eq!(told(map("x: 1\ny: 1\n"), map("x: 2\ny: 1")).len(), 2);
    assert_eq!(told(map("{\n\"x\": 1\n}\n"), map("{\n\"x\": 1,\n\"y\": 2\n}\n")).len(), 1);
    // Comments are no values, and TOML is no YAML: these stay texts.
    assert_eq!(told(map("x: 1\n# a\n"), map("x: 1\n# b\n")).len(), 1);
    assert!(told(map("[a]\nb = 1\n"), map("[a]\nb = 2\n"))[0].starts_with(r#"~ data["a.yaml"] "[a]"#));
    assert!(document("a: 1").is_none() && document("just\ntext").is_none());
}

fn kustomization(patches: Value) -> Value {
    json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {"name": "a"},
        "spec": {"patches": patches}})
}

#[test]
fn patches_are_told_as_operations_of_their_target() {
    let target = json!({"kind": "Service", "namespace": "n", "name": r"a\.b"});
    let operations = |text: &str| json!({"patch": text, "target": target});
    let before = kustomization(json!([operations(
        "- {op: add, path: /spec/x, value: 1}\n- {op: add, path: /spec/ports/0, value: {name: b, port: 2}}\n"
    )]));
    let after = kustomization(json!([
        {"patch": "kind: Deployment\nmetadata: {name: d}\nspec: {replicas: 1}\n"},
        operations(
            "- {op: add, path: /spec/x, value: 2}\n- {op: add, path: /spec/ports/0, value: {name: a, port: 1}}\n- {op: add, path: /spec/ports/1, value: {name: b, port: 2}}\n"
        ),
    ]));
    assert_eq!(
        told(before, after),
        [
            "~ spec.patches[Service n/a.b].patch[add /spec/x].value 1 -> 2",
            r#"+ spec.patches[Service n/a.b].patch[add /spec/ports[a]] {"op":"add","path":"/spec/ports/0","value":{"name":"a","port":1}}"#,
            r#"> spec.patches[Service n/a.b].patch ["add /spec/x","add /spec/ports[b] at 0"] -> ["add /spec/x","add /spec/ports[b] at 1"]"#,
            r#"+ spec.patches[Deployment d] {"patch":{"kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":1}}}"#,
        ]
    );
}

#[test]
fn a_patch_before_others_of_the_same_target_is_one_change() {
    let patches = |fields: &str| -> Value {
        let one = |field| json!({"patch": format!("- {{op: add, path: /spec/{field}, value: 1}}\n"), "target": {"kind": "Pod", "name": "p"}});
        kustomization(fields.chars().map(one).collect())
    };
    let added = told(patches("bcd"), patches("abcd"));
    assert!(added.len() == 1 && added[0].starts_with("+ spec.patches[Pod p] "), "{added:?}");
    let removed = told(patches("abcd"), patches("bcd"));
    assert!(removed.len() == 1 && removed[0].starts_with("- ") && removed[0].contains("/spec/a"), "{removed:?}");
    let changed = told(patches("abc"), patches("axc"));
    assert!(changed.iter().all(|line| line.contains("[Pod p #2]")), "{changed:?}");
}

#[test]
fn a_merged_patch_is_compared_as_the_object_that_it_is_part_of() {
    let patch = |image: &str| {
        kustomization(json!([{"patch": format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d}}\nspec: {{template: {{spec: {{volumes: [{{name: v}}], containers: [{{name: c, image: {image}}}]}}}}}}\n"
        )}]))
    };
    assert_eq!(
        told(patch("a"), patch("b")),
        [r#"~ spec.patches[Deployment d].patch.spec.template.spec.containers[c].image "a" -> "b""#]
    );
    let mut without = patch("a");
    without["spec"] = json!({"prune": true});
    assert_eq!(told(without, patch("b")).len(), 2, "the patch, and what was there");
}

#[test]
fn ours_and_others_are_told_apart() {
    let root = RepoPath::parse("c").expect("valid");
    let before = tree(&[("c/same", "1"), ("c/old", "1"), ("c/gone", "1"), ("c/edited", "1")]);
    let owned = Inventory::of(&before, &root);
    let current = tree(&[
        ("c/same", "1"),
        ("c/old", "1"),
        ("c/gone", "1"),
        ("c/edited", "mine"),
        ("c/foreign", "x"),
        ("c/other", "x"),
    ]);
    let desired = tree(&[("c/same", "1"), ("c/old", "2"), ("c/edited", "2"), ("c/foreign", "2"), ("c/new", "2")]);
    let changes = compare_trees(&desired, &current, &root, &owned);
    let kinds: Vec<_> = changes.files.iter().map(|c| (c.path.as_str(), c.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("c/edited", ChangeKind::HandEdited),
            ("c/foreign", ChangeKind::Foreign),
            ("c/gone", ChangeKind::Deleted),
            ("c/new", ChangeKind::Created),
            ("c/old", ChangeKind::Changed),
        ]
    );
    assert_eq!(changes.unchanged, 1);
}

fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().map(|(path, text)| (RepoPath::parse(path).expect("valid"), Blob::from(*text))).collect()
}

fn described(before: &[(&str, &str)], after: &[(&str, &str)]) -> Meaning {
    let root = RepoPath::parse("c").expect("valid");
    let current = tree(before);
    let changes = compare_trees(&tree(after), &current, &root, &Inventory::of(&current, &root));
    describe(&changes, |path| !path.as_str().starts_with("c/install/"))
}

fn config(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{k: {value}}}\n")
}

#[test]
fn an_object_in_another_file_has_moved_and_a_file_under_another_name_is_renamed() {
    let (a, b) = (config("a", "1"), config("b", "1"));
    let both = format!("{a}---\n{b}");
    let meaning = described(&[("c/a.yaml", &a), ("c/b.yaml", &b)], &[("c/all.yaml", &both)]);
    let told: Vec<_> = meaning.objects.iter().map(|o| (o.change, o.object.as_str(), o.from.as_deref())).collect();
    assert_eq!(
        told,
        [
            (ObjectKind::Moved, "v1 ConfigMap a", Some("c/a.yaml")),
            (ObjectKind::Moved, "v1 ConfigMap b", Some("c/b.yaml"))
        ]
    );
    assert!(meaning.files.is_empty(), "{meaning:?}");
    let renamed = described(&[("c/a.yaml", &a)], &[("c/z.yaml", &a)]);
    assert_eq!(renamed.files.len(), 1);
    assert_eq!(renamed.files[0].what, FileKind::Renamed(RepoPath::parse("c/a.yaml").expect("valid")));
}

#[test]
fn every_file_is_told_about_by_objects_by_fields_or_by_lines() {
    let meaning = described(
        &[
            ("c/kustomization.yaml", "kind: Kustomization\nresources: [a.yaml]\n"),
            ("c/comment.yaml", &format!("# one\n{}", config("a", "1"))),
            ("c/install/b.yaml", &config("b", "1")),
            ("c/broken.yaml", "a: [\n"),
            ("c/fluxwright.inventory", "1"),
            ("c/changed.yaml", &config("c", "1")),
        ],
        &[
            ("c/kustomization.yaml", "kind: Kustomization\nresources: [a.yaml, b.yaml]\n"),
            ("c/comment.yaml", &format!("# two\n{}", config("a", "1"))),
            ("c/install/b.yaml", &config("b", "2")),
            ("c/broken.yaml", "a: [1\n"),
            ("c/fluxwright.inventory", "2"),
            ("c/changed.yaml", &config("c", "2")),
        ],
    );
    assert_eq!(meaning.objects.len(), 1);
    let files: Vec<String> = meaning
        .files
        .iter()
        .map(|file| match &file.what {
            FileKind::Fields(fields) => format!("{}: {}", file.path, tell(&fields[0])),
            what => format!("{}: {what:?}", file.path),
        })
        .collect();
    assert_eq!(
        files,
        [
            "c/broken.yaml: Text",
            "c/comment.yaml: Text",
            "c/fluxwright.inventory: Bookkeeping",
            "c/install/b.yaml: Text",
            r#"c/kustomization.yaml: + resources[1] "b.yaml""#,
        ]
    );
}

#[test]
fn what_the_objects_do_not_tell_of_a_file_is_told_by_its_lines() {
    let (one, two) = (config("a", "1"), config("a", "2"));
    let patch = |comment: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: a}}\nspec:\n  patches:\n    - patch: |\n        - {{op: add, path: /x, value: 1}}{comment}\n      target: {{kind: Pod}}\n"
        )
    };
    for (before, after, objects, files) in [
        (one.clone(), two.clone(), 1, 0),
        (format!("{one}# note\n"), two.clone(), 1, 1),
        (format!("{one}---\n{two}"), two.clone(), 0, 1),
        (format!("{one}---\na: [\n"), two.clone(), 0, 1),
        (patch(" # why"), patch(""), 1, 1),
    ] {
        let meaning = described(&[("c/a.yaml", &before)], &[("c/a.yaml", &after)]);
        assert_eq!((meaning.objects.len(), meaning.files.len()), (objects, files), "{before}");
        assert!(meaning.files.iter().all(|file| file.what == FileKind::Text), "{meaning:?}");
    }
}

#[test]
fn no_credential_is_in_the_text_of_a_file() {
    let secret = |values: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\n{values}");
    let map = |values: &str| format!("kind: ConfigMap\nmetadata: {{name: s}}\ndata:\n{values}");
    let cases = [
        secret("data:\n  a: hunter2\n  b: |\n    x\n    hunter2\n"),
        "apiVersion: v1\ndata: {a: hunter2}\nkind: Secret\n".to_owned(),
        "{\"kind\": \"Secret\", \"data\": {\"a\": \"hunter2\"}}\n".to_owned(),
        format!("{}---\n{}", map("  a: b\n"), secret("stringData: {a: hunter2}\n")),
        "kind: List\nitems:\n  - kind: Secret\n    data: {a: hunter2}\n".to_owned(),
        map("  a: |\n    kind: List\n    items:\n      - kind: Secret\n        data: {a: hunter2}\n"),
        map("  a: |\n    kind: X\n    ---\n    kind: Secret\n    data: {a: hunter2}\n"),
        map("  a: |\n    {{ x }}\n    kind: Secret\n    data: {a: hunter2}\n"),
        map("  password: |\n    two words\n    hunter2\n"),
        map("  k: |\n    -----BEGIN PRIVATE KEY-----\n    MIIE\n    hunter2\n    -----END PRIVATE KEY-----\n"),
        "kind: Kustomization\npatches:\n  - target: {kind: Secret}\n    patch: |\n      - {op: add, path: /data/x, value: hunter2}\n".to_owned(),
        format!("{}a: [\n", secret("data: {a: hunter2}\n")),
        format!("# password: hunter2\n{}", map("  a: b\n")),
        format!("# kind: Secret\n# data: {{a: hunter2}}\n{}", map("  a: b\n")),
        format!("# password: |\n#   two words\n#   hunter2\n{}", map("  a: b\n")),
    ];
    for text in cases {
        let (before, after) = (Blob::from(text.as_str()), Blob::from(text.replace("hunter2", "hunter3").as_str()));
        let plain = Blob::from("a: 1\n");
        for (before, after) in [(Some(&before), Some(&after)), (None, Some(&after)), (Some(&before), Some(&plain))] {
            let (old, new) = shown_files(before, after);
            assert!(!format!("{old:?}{new:?}").contains("hunter"), "{text}\n{old:?}\n{new:?}");
            assert_eq!((old.is_some(), new.is_some()), (before.is_some(), after.is_some()));
        }
    }
    let plain = map("  a: |\n    # a comment\n    b: 1\n");
    assert_eq!(shown_files(None, Some(&Blob::from(plain.as_str()))), (None, Some(plain)));
    assert_eq!(proven(Some("v1 Secret n/s"), "/data/x", json!("hunter2")), json!("********"));
    assert_eq!(proven(Some("v1 Pod n/s"), "/spec/password", json!("hunter2")), json!("********"));
    assert_eq!(proven(Some("v1 Pod n/s"), "/spec/x", json!(1)), json!(1));
}

#[test]
fn no_credential_is_in_a_change() {
    let object = |kind: &str, body: &str| {
        format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: a, annotations: {{token: hunter2}}}}\n{body}")
    };
    let cases = [
        object("Secret", "data: {innocent: hunter2}\n"),
        object("Secret", "stringData: {innocent: 'hunter2: [x]'}\n"),
        object("Pod", "spec: {containers: [{name: c, env: [{name: DB_PASSWORD, value: hunter2}]}]}\n"),
        object("ConfigMap", "data: {a.yaml: \"db:\\n  password: hunter2\\n\", password: hunter2}\n"),
        object("Other", "spec: {passwords: {password: [hunter2]}, url: 'https://u:hunter2@host/'}\n"),
        object("Secret", "").replace("token: hunter2", "last: '{\"kind\": \"Secret\", \"data\": {\"x\": \"hunter2\"}}'"),
        object("ConfigMap", "data: {a.yaml: \"kind: Secret\\ndata:\\n  x: hunter2\\n\"}\n"),
        object("ConfigMap", "data: {a.yaml: \"kind: List\\nitems:\\n- kind: Secret\\n  data: {x: hunter2}\\n\"}\n"),
        object("ConfigMap", "data: {a.yaml: \"kind: X\\n---\\nkind: Secret\\ndata: {x: hunter2}\\n\"}\n"),
        object("ConfigMap", "data: {a.yaml: \"x: 1 # old\\npassword: |\\n  two words\\n  hunter2\\n\"}\n"),
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\nspec: {patches: [{target: {kind: Secret}, patch: \"{{ x }} hunter2\"}]}\n".to_owned(),
        object("List", "items: [{kind: Secret, data: {x: hunter2}}]\n"),
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\nspec:\n  patches:\n    - patch: |\n        - {op: add, path: /spec/password/-, value: hunter2}\n        - {op: add, path: /spec/password/0, value: hunter2x}\n      target: {kind: Pod, name: a}\n    - patch: |\n        - {op: add, path: /x/0, value: hunter2}\n      target: {kind: Secret|Pod}\n".to_owned(),
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\nspec:\n  patches:\n    - patch: |\n        - {op: add, path: /data/password, value: hunter2}\n      target: {kind: Secret}\n    - patch: |\n        kind: Secret\n        metadata: {name: s}\n        data: {x: hunter2}\n".to_owned(),
    ];
    for text in cases {
        let other = text.replace("hunter2", "hunter3");
        for (before, after) in [
            (vec![], vec![("c/a.yaml", text.as_str())]),
            (vec![("c/a.yaml", other.as_str())], vec![("c/a.yaml", text.as_str())]),
        ] {
            let meaning = described(&before, &after);
            let shown = serde_json::to_string(&meaning.objects).expect("prints");
            assert!(!shown.contains("hunter"), "{text}\n{shown}");
            assert!(!meaning.objects[0].fields.is_empty(), "{text}");
        }
    }
}

#[test]
fn lists_of_ten_thousand_items_are_compared() {
    let named = |shift: u64| -> Value {
        (0..10_000u64).map(|i| json!({"name": (i * 7919 + shift) % 10_007, "v": i})).collect()
    };
    assert!(compare(&json!({"x": named(0)}), &json!({"x": named(5)})).len() >= 10_000);
    let plain = |step: u64| -> Value { (0..10_000u64).map(|i| json!(i * step % 65_537)).collect() };
    assert!(!compare(&json!({"x": plain(3)}), &json!({"x": plain(5)})).is_empty());
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-c]{0,2}",
        Just("x: 1\ny: [a]\n".to_owned()),
        Just("x: 2\ny: [b, a]\n".to_owned()),
        Just("one\ntwo\n".to_owned())
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4i64).prop_map(Value::from),
        text.prop_map(Value::from)
    ];
    leaf.prop_recursive(5, 48, 5, |inner| {
        let key =
            prop_oneof!["[a-d]", Just("name".to_owned()), Just("containers".to_owned()), Just("x/y.z".to_owned())];
        let map =
            prop::collection::vec((key, inner.clone()), 0..5).prop_map(|fields| fields.into_iter().collect::<Value>());
        let named = prop::collection::vec(("[a-f]", inner.clone()), 0..5)
            .prop_map(|items| items.into_iter().map(|(name, v)| json!({"name": name, "v": v})).collect::<Value>());
        prop_oneof![map, named, prop::collection::vec(inner, 0..5).prop_map(Value::from)]
    })
}

/// What stands in a list until the replay is over, so that indexes stay.
fn gone() -> Value {
    json!({"gone": {"gone": null}})
}

/// Walks to the parent of the last step, by indexes before the change, and calls a function there.
fn edit(value: &mut Value, steps: &[Step], act: &mut dyn FnMut(&mut Value, &Step)) {
    let Some((first, rest)) = steps.split_first() else { return };
    if matches!(first, Step::Inside) {
        let mut inner = document(value.as_str().expect("a text")).expect("a document");
        edit(&mut inner, rest, act);
        *value = format!("{inner}\n").into();
        return;
    }
    if rest.is_empty() {
        return act(value, first);
    }
    let next = match first {
        Step::Key(key) => value.get_mut(key),
        Step::Item(Item { before, .. }) => value.get_mut(before.expect("the item was there")),
        Step::Inside => None,
    };
    edit(next.expect("the path exists before"), rest, act);
}

fn replay(before: &Value, changes: &[FieldChange]) -> Value {
    let mut root = json!({"root": before});
    for change in changes.iter().filter(|change| change.change != FieldKind::Moved) {
        let steps: Vec<Step> = [Step::Key("root".into())].into_iter().chain(change.path.0.iter().cloned()).collect();
        edit(&mut root, &steps, &mut |parent, last| match (last, parent) {
            (Step::Key(key), Value::Object(map)) => match &change.after {
                Some(after) => drop(map.insert(key.clone(), after.clone())),
                None => drop(map.remove(key).expect("it was there")),
            },
            (Step::Item(Item { before: Some(at), .. }), Value::Array(items)) => {
                items[*at] = change.after.clone().unwrap_or_else(gone);
            }
            (Step::Item(_), Value::Array(items)) => items.push(change.after.clone().expect("an added item")),
            (step, parent) => panic!("{step:?} in {parent}"),
        });
    }
    root["root"].take()
}

/// A value without the order of lists, and with the documents in its texts read.
fn unordered(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().filter(|item| **item != gone()).map(unordered).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        Value::Object(map) => {
            let mut fields: Vec<(String, Value)> = map.iter().map(|(k, v)| (k.clone(), unordered(v))).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            fields.into_iter().collect()
        }
        Value::String(text) => {
            document(text).map_or_else(|| value.clone(), |inner| json!({"inside": unordered(&inner)}))
        }
        _ => value.clone(),
    }
}

/// Finds the value that a path leads to, before or after.
fn find(value: &Value, path: &Path, after: bool) -> Option<Value> {
    path.0.iter().try_fold(value.clone(), |value, step| match step {
        Step::Key(key) => value.get(key).cloned(),
        Step::Item(item) => value.get(if after { item.after? } else { item.before? }).cloned(),
        Step::Inside => document(value.as_str()?),
    })
}

proptest! {
    #[test]
    fn the_changes_are_the_difference(before in value(), after in value()) {
        for (before, after) in [(&before, &after), (&deployment(before.clone()), &deployment(after.clone()))] {
            let changes = compare(before, after);
            prop_assert_eq!(unordered(&replay(before, &changes)), unordered(after));
            for change in changes.iter().filter(|change| change.change != FieldKind::Moved) {
                if change.before.is_some() {
                    prop_assert_eq!(find(before, &change.path, false), change.before.clone());
                }
                if change.after.is_some() {
                    prop_assert_eq!(find(after, &change.path, true), change.after.clone());
                }
            }
        }
    }

    #[test]
    fn nothing_differs_from_itself(value in value()) {
        prop_assert_eq!(compare(&value, &value), []);
    }
}

#[test]
fn paths_that_other_systems_take_for_one_are_found() {
    let files = [("c/a/x.yaml", ""), ("c/A/y.yaml", ""), ("c/b/z.yaml", ""), ("c/b/Z.yaml", ""), ("c/b", "")];
    let found = clashes(&tree(&files));
    let want = [("c/A", "c/a"), ("c/b/Z.yaml", "c/b/z.yaml")];
    assert_eq!(found, want.map(|(one, other)| (one.to_owned(), other.to_owned())));
}
