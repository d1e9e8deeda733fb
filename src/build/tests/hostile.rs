//! Input made to hurt: nothing panics, nothing runs away.

use proptest::prelude::*;
use serde_json::{Map, json};

use super::super::{MergeFault, Merged, Operation, PatchFault, Reason, TargetFault, merge};
use super::*;

const BASE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 1, protocol: TCP}, {port: 2}]}\nl: [1]\n";

#[test]
fn deep_nesting_is_an_error() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(Patch::parse(&deep, Some(Target::default())), Err(PatchFault::Json(_))));
    let deep = format!("a: {}{}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(matches!(Patch::parse(&deep, None), Err(PatchFault::Yaml(_))));
    let mut value = json!({});
    for _ in 0..1_000 {
        value = json!({ "a": value });
    }
    let object = &resources(BASE)[0];
    let patch = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "x": value});
    assert!(matches!(merge(object, &patch), Err(MergeFault::TooDeep(_))));
}

#[test]
fn huge_indexes_are_errors() {
    for index in ["18446744073709551616", "-9223372036854775809", "99999999999999999999999999999999999999999"] {
        for op in ["add", "replace", "remove", "test"] {
            let patch = format!("- {{op: {op}, path: /l/{index}, value: 1}}\n");
            let error = patched(BASE, &patch, Some("{}")).expect_err("no such index");
            assert!(
                matches!(&error, PatchFault::Operation { fault, .. } if matches!(fault.reason, Reason::NotAnIndex(_))),
                "{error}"
            );
        }
    }
    let patch = "- {op: add, path: /l/9223372036854775807, value: 1}\n";
    assert!(patched(BASE, patch, Some("{}")).is_err());
}

#[test]
fn copies_that_double_are_stopped() {
    let wide: String = (0..64).map(|n| format!("- {{op: copy, from: /spec, path: /spec/x{n}}}\n")).collect();
    let long = "- {op: copy, from: /spec, path: /spec/x}\n".repeat(2_000);
    let nested: String =
        (0..2_000).map(|n| format!("- {{op: add, path: {}, value: {{}}}}\n", "/a".repeat(n + 1))).collect();
    for patch in [wide, long, nested] {
        let Err(error) = patched(BASE, &patch, Some("{}")) else { panic!("the document grew") };
        assert!(matches!(&error, PatchFault::Operation { fault, .. } if fault.reason == Reason::TooLarge), "{error}");
    }
}

#[test]
fn broken_targets_are_errors_even_when_nothing_is_there_to_match() {
    for (text, want) in [("{name: \"[\"}", "name"), ("{kind: \"(\"}", "kind"), ("{namespace: \"a)|(b\"}", "namespace")]
    {
        let error = target(text).compile().expect_err("no expression");
        assert!(matches!(error, TargetFault::Expression { field, .. } if field == want), "{text}");
    }
    assert!(target("{name: \"(a{1000}){1000}\"}").compile().is_err(), "an expression of a million states");
    assert!(matches!(target("{labelSelector: \"a in\"}").compile(), Err(TargetFault::Selector { .. })));
    assert!(Target::from_value(&json!({"nmae": "x"})).is_err());
    assert!(Target::from_value(&json!({"name": 3})).is_err());
    assert!(Target::from_value(&json!([])).is_err());
    let patch = Patch {
        body: super::super::PatchBody::Json6902(Vec::<Operation>::new()),
        target: Some(target("{name: \"[\"}")),
    };
    assert!(apply(&patch, &mut Vec::new()).is_err());
}

#[test]
fn an_empty_target_with_a_deletion_leaves_nothing() {
    let patch = "apiVersion: v1\nkind: X\nmetadata: {name: any}\n$patch: delete\n";
    let (objects, done) = patched(BASE, patch, Some("{}")).expect("applies");
    assert!(objects.is_empty());
    assert!(done[0].deleted);
}

#[test]
fn directories_that_multiply_are_stopped() {
    let mut files: Vec<(String, String)> = (0..40)
        .map(|n| (format!("d{n}/kustomization.yaml"), format!("resources: [../d{}, ../d{}]", n + 1, n + 1)))
        .collect();
    files.push(("d40/kustomization.yaml".into(), "namespace: x".into()));
    let files: Vec<_> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    assert!(matches!(built(&files, "d0"), Err(BuildError::TooLarge { .. })));
    let mut chain: Vec<(String, String)> =
        (0..500).map(|n| (format!("d{n}/kustomization.yaml"), format!("resources: [../d{}]", n + 1))).collect();
    chain.push(("d500/kustomization.yaml".into(), "namespace: x".into()));
    let chain: Vec<_> = chain.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    assert!(matches!(built(&chain, "d0"), Err(BuildError::TooLarge { .. })));
}

#[test]
fn odd_values_in_odd_places_are_survived() {
    let odd = "apiVersion: v1\nkind: RoleBinding\nmetadata: {name: x, annotations: [1]}\nsubjects: {a: 1}\nwebhooks: 3\nspec: [1]\n";
    let k = "resources: [o.yaml]\nnamespace: nn\nimages: [{name: a, newTag: b}]\n";
    assert!(matches!(built(&[("kustomization.yaml", k), ("o.yaml", odd)], "."), Err(BuildError::Field { .. })));
    let odd = "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: x}\nspec: 3\n";
    assert!(matches!(built(&[("kustomization.yaml", k), ("o.yaml", odd)], "."), Err(BuildError::Field { .. })));
    for k in [
        "[]",
        "3",
        "resources: {a: b}",
        "resources: [3]",
        "patches: [3]",
        "patches: x",
        "images: [x]",
        "namespace: []",
        "kind: 3",
        "patches: [{target: 3, patch: x}]",
    ] {
        assert!(built(&[("kustomization.yaml", k)], ".").is_err(), "{k}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3i64).prop_map(Value::from),
        prop_oneof!["a", "b", "TCP", "delete", "replace", "merge", "1"].prop_map(Value::from),
    ];
    let key = prop_oneof![
        "name",
        "port",
        "protocol",
        "containers",
        "ports",
        "spec",
        "metadata",
        "finalizers",
        "\\$patch",
        "env",
        "a/b~c"
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_merge_ends_and_keeps_identity(base in any_value(), patch in any_value(), kind in prop_oneof!["Pod", "Service", "Foo"]) {
        let body = |value: Value| {
            let mut map = value.as_object().cloned().unwrap_or_default();
            map.insert("apiVersion".into(), json!("v1"));
            map.insert("kind".into(), json!(kind));
            map.insert("metadata".into(), json!({"name": "x"}));
            Value::Object(map)
        };
        let object = Resource::new(body(base)).expect("an object");
        if let Ok(Merged::Changed { body: after, .. }) = merge(&object, &body(patch)) {
            let after = Resource::new(after).expect("still an object");
            prop_assert_eq!(after.id(), object.id());
        }
    }

    #[test]
    fn any_operation_ends(base in any_value(), value in any_value(), op in prop_oneof!["add", "remove", "replace", "move", "copy", "test"],
        path in "(/(a|name|spec|ports|-|-1|0|1|01|a~1b~0c)){0,4}", from in "(/(a|name|spec|ports|0)){0,3}") {
        let text = serde_json::to_string(&json!([{"op": op, "path": path, "from": from, "value": value}])).expect("JSON");
        let mut map = base.as_object().cloned().unwrap_or_default();
        map.insert("apiVersion".into(), json!("v1"));
        map.insert("kind".into(), json!("Pod"));
        map.insert("metadata".into(), json!({"name": "x"}));
        let mut objects = vec![Resource::new(Value::Object(map)).expect("an object")];
        let before = objects.clone();
        let patch = Patch::parse(&text, Some(Target::default())).expect("a patch").expect("not empty");
        if apply(&patch, &mut objects).is_err() {
            prop_assert_eq!(objects, before);
        }
    }

    #[test]
    fn any_text_is_a_patch_or_an_error(text in "\\PC{0,60}|[ \\n\\[\\]{}:,a-d$-]{0,40}") {
        let _ = Patch::parse(&text, Some(Target::default()));
        let _ = Target { label_selector: Some(text.clone()), name: Some(text), ..Target::default() }.compile();
    }
}
