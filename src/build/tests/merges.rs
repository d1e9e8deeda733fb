//! Strategic merge and targets: lists by key, directives, what kustomize loses.

use serde_json::json;

use super::super::{MergeFault, PatchFault, is_builtin, is_cluster_scoped};
use super::*;

fn service(ports: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {{ports: {ports}}}\n")
}

fn pod(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {spec}\n")
}

fn merged(base: &str, patch: &str) -> Value {
    let (objects, _) = patched(base, patch, None).unwrap_or_else(|e| panic!("{patch}: {e}"));
    objects[0].body.clone()
}

fn ports(base: &str, patch: &str) -> Value {
    merged(&service(base), &service(patch))["spec"]["ports"].clone()
}

fn spec(base: &str, patch: &str) -> Value {
    merged(&pod(base), &pod(patch))["spec"].clone()
}

fn fault(base: &str, patch: &str) -> MergeFault {
    match patched(base, patch, None) {
        Err(PatchFault::Merge { fault, .. }) => *fault,
        other => panic!("{patch}: {other:?}"),
    }
}

/// Each row was printed by kustomize 5.8.1.
#[test]
fn ports_merge_as_measured() {
    const FULL: &str = "[{port: 80, protocol: TCP}, {port: 443, protocol: TCP}]";
    const NONE: &str = "[{port: 80}, {port: 443}]";
    const MIXED: &str = "[{port: 80, protocol: TCP}, {port: 443}]";
    for (base, patch, want) in [
        (FULL, "[{port: 80, x: 1}]", FULL),
        (FULL, "[{port: 81, x: 1}]", "[{port: 81, x: 1}, {port: 80, protocol: TCP}, {port: 443, protocol: TCP}]"),
        (FULL, "[{port: 443, protocol: TCP, x: 1}]", "[{port: 80, protocol: TCP}, {port: 443, protocol: TCP, x: 1}]"),
        (
            FULL,
            "[{port: 80, protocol: UDP}]",
            "[{port: 80, protocol: UDP}, {port: 80, protocol: TCP}, {port: 443, protocol: TCP}]",
        ),
        (FULL, "[{port: 80, $patch: delete}]", FULL),
        (FULL, "[{port: 80, protocol: TCP, $patch: delete}]", "[{port: 443, protocol: TCP}]"),
        (FULL, "[{port: 80, protocol: '', x: 1}]", FULL),
        (NONE, "[{port: 443, x: 1}]", "[{port: 443, x: 1}, {port: 80}]"),
        (NONE, "[{port: 80, protocol: TCP, x: 1}]", NONE),
        (NONE, "[{port: 81, protocol: TCP}]", "[{port: 81, protocol: TCP}, {port: 80}, {port: 443}]"),
        (NONE, "[{port: 443, $patch: delete}]", "[{port: 80}]"),
        (MIXED, "[{port: 80, x: 1}]", MIXED),
        (MIXED, "[{port: 443, x: 1}]", "[{port: 80, protocol: TCP}, {port: 443, x: 1}]"),
        (MIXED, "[{port: 443, protocol: TCP, x: 1}]", MIXED),
        (MIXED, "[{port: 443, $patch: delete}]", MIXED),
        (FULL, "[]", FULL),
        ("[{port: 53, n: a}, {port: 53, n: b}]", "[{port: 53, x: 1}]", "[{port: 53, n: b}]"),
    ] {
        assert_eq!(ports(base, patch), value(want), "{base} + {patch}");
    }
}

#[test]
fn items_that_get_lost_are_reported() {
    let lost = |base: &str, patch: &str| -> Vec<String> {
        let (_, done) = patched(&service(base), &service(patch), None).expect("applies");
        assert!(done[0].dropped_items.iter().all(|i| i.list == "/spec/ports"));
        done[0].dropped_items.iter().map(|i| i.key.clone()).collect()
    };
    assert_eq!(lost("[{port: 80, protocol: TCP}, {port: 443}]", "[{port: 80, targetPort: 1}]"), ["80"]);
    assert_eq!(lost("[{port: 80}]", "[{port: 80, protocol: TCP}]"), ["80/TCP"]);
    assert_eq!(lost("[{port: 80, protocol: TCP}]", "[{port: 80, $patch: delete}]"), ["80"]);
    assert!(lost("[{port: 80, protocol: TCP}]", "[{port: 80, protocol: TCP, x: 1}, {port: 81}]").is_empty());
}

#[test]
fn containers_take_the_order_of_the_patch() {
    let base = "{containers: [{name: a, i: 1}, {name: b, i: 2}, {name: c, i: 3}]}";
    let spec = spec(base, "{containers: [{name: b, i: 9}, {name: new}, {name: a}]}");
    assert_eq!(
        spec["containers"],
        json!([{"name": "b", "i": 9}, {"name": "new"}, {"name": "a", "i": 1}, {"name": "c", "i": 3}])
    );
}

#[test]
fn directives_do_what_they_do() {
    let base = "{containers: [{name: a, i: 1}, {name: b, i: 2}], hostname: h}";
    for (patch, want) in [
        ("{containers: [{name: b, $patch: delete}]}", "{containers: [{name: a, i: 1}], hostname: h}"),
        ("{containers: [{name: z, $patch: delete}]}", base),
        (
            "{containers: [{name: b, $patch: replace, i: 9}]}",
            "{containers: [{name: b, i: 2}, {name: a, i: 1}], hostname: h}",
        ),
        (
            "{containers: [{name: b, $patch: merge, i: 9}]}",
            "{containers: [{name: b, i: 9}, {name: a, i: 1}], hostname: h}",
        ),
        ("{containers: [{name: z, y: null}, {$patch: replace}]}", "{containers: [{name: z}], hostname: h}"),
        ("{containers: [{$patch: delete}]}", "{hostname: h}"),
        ("{containers: null}", "{hostname: h}"),
        ("{containers: []}", base),
        ("{$patch: replace, x: null, y: {z: null, $patch: delete}, l: []}", "{l: []}"),
        (
            "{new: {$patch: delete}, n2: {$patch: replace, a: 1}, n3: {b: null}}",
            "{containers: [{name: a, i: 1}, {name: b, i: 2}], hostname: h, n2: {a: 1}, n3: {}}",
        ),
    ] {
        assert_eq!(spec(base, patch), value(want), "{patch}");
    }
    assert_eq!(
        merged(&pod(base), "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {$patch: delete}\n").get("spec"),
        None
    );
}

#[test]
fn directives_of_kubectl_leak_into_the_output() {
    let base = "{containers: [{name: a, args: [x, y]}], volumes: [{name: v, emptyDir: {}}]}";
    let patch = "{$setElementOrder/containers: [{name: a}], containers: [{name: a, $deleteFromPrimitiveList/args: [y]}], volumes: [{name: v, $retainKeys: [name]}]}";
    assert_eq!(
        spec(base, patch),
        json!({
            "containers": [{"name": "a", "args": ["x", "y"], "$deleteFromPrimitiveList/args": ["y"]}],
            "volumes": [{"name": "v", "emptyDir": {}, "$retainKeys": ["name"]}],
            "$setElementOrder/containers": [{"name": "a"}],
        })
    );
}

#[test]
fn whole_objects_are_deleted_and_never_replaced() {
    let base = pod("{hostname: h}");
    let head = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n";
    let (objects, done) = patched(&base, &format!("{head}$patch: delete\n"), None).expect("applies");
    assert!(objects.is_empty() && done[0].deleted);
    assert_eq!(merged(&base, &format!("{head}$patch: replace\nspec: {{x: 1}}\n")), resources(&base)[0].body);
}

#[test]
fn identity_stays_whatever_the_patch_says() {
    let patch = "apiVersion: v2\nkind: Other\nmetadata: {$patch: replace, name: q, namespace: z, labels: {a: b}}\n";
    let (objects, _) = patched(&pod("{}"), patch, Some("{}")).expect("applies");
    assert_eq!(
        objects[0].body,
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}}, "spec": {}})
    );
}

#[test]
fn sets_and_atomic_lists() {
    let meta = |text: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c, {text}}}\n");
    let list = |patch: &str| merged(&meta("finalizers: [a, b]"), &meta(patch))["metadata"].get("finalizers").cloned();
    assert_eq!(list("finalizers: [c, b]"), Some(json!(["c", "b", "a"])));
    assert_eq!(list("finalizers: []"), Some(json!(["a", "b"])));
    assert_eq!(list("finalizers: [{$patch: replace}, c]"), Some(json!(["c"])));
    assert_eq!(list("finalizers: null"), None);
    assert_eq!(
        spec("{tolerations: [{key: a}]}", "{tolerations: [{$patch: replace}, {key: b}]}"),
        json!({"tolerations": [{"$patch": "replace"}, {"key": "b"}]})
    );
    assert_eq!(spec("{tolerations: [{key: a}]}", "{tolerations: []}"), json!({"tolerations": []}));
}

#[test]
fn lists_of_custom_resources_are_replaced() {
    let crd = |spec: &str| format!("apiVersion: x.io/v1\nkind: Foo\nmetadata: {{name: f}}\nspec: {spec}\n");
    let body = merged(&crd("{containers: [{name: a}], m: {a: 1}}"), &crd("{containers: [{name: b}], m: {b: 1}}"));
    assert_eq!(body["spec"], json!({"containers": [{"name": "b"}], "m": {"a": 1, "b": 1}}));
    assert!(!is_builtin("autoscaling/v2", "HorizontalPodAutoscaler") && is_builtin("apps/v1", "Deployment"));
    assert!(is_cluster_scoped("v1", "Namespace") && !is_cluster_scoped("x.io/v1", "ClusterFoo"));
}

#[test]
fn quoted_numbers_stay_texts() {
    let base = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, annotations: {a: \"1\"}}\ndata: {n: \"1\", plain: word}\n";
    let patch = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, annotations: {a: 2, b: true}}\ndata: {n: 2, plain: 3, new: 4}\n";
    let body = merged(base, patch);
    assert_eq!(body["data"], json!({"n": "2", "plain": 3, "new": 4}));
    assert_eq!(body["metadata"]["annotations"], json!({"a": "2", "b": "true"}));
}

#[test]
fn what_does_not_fit_is_an_error() {
    let base = pod("{containers: [{name: a}], hostname: h}");
    for patch in [
        "{containers: x}",
        "{containers: {a: b}}",
        "{hostname: [x]}",
        "{hostname: {$patch: delete}}",
        "{hostname: {a: 1}}",
    ] {
        assert!(matches!(fault(&base, &pod(patch)), MergeFault::KindMismatch { .. }), "{patch}");
    }
    assert!(matches!(fault(&base, &pod("{$patch: destroy}")), MergeFault::UnknownDirective { .. }));
    for patch in [
        "{containers: [{image: x}]}",
        "{containers: [x]}",
        "{containers: [{name: null}]}",
        "{containers: [{name: {}}]}",
    ] {
        assert!(matches!(fault(&base, &pod(patch)), MergeFault::ItemWithoutKey { in_patch: true, .. }), "{patch}");
    }
    let keyless = pod("{containers: [{image: x}]}");
    assert!(matches!(
        fault(&keyless, &pod("{containers: [{name: a}]}")),
        MergeFault::ItemWithoutKey { in_patch: false, .. }
    ));
    let both = service("[{port: 1}, {port: 1, protocol: UDP}]");
    assert!(matches!(fault(&service("[]"), &both), MergeFault::AmbiguousItems { .. }));
    let directive = service("[{port: 1, protocol: UDP, $patch: delete}]");
    assert!(matches!(fault(&both, &directive), MergeFault::AmbiguousItems { .. }));
}

#[test]
fn targets_match_as_measured() {
    let object = &resources(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {app: web}, annotations: {a: b}}\n",
    )[0];
    for (text, want) in [
        ("{}", true),
        ("{name: we}", false),
        ("{name: \"w.*\"}", true),
        ("{name: \"api|web\"}", true),
        ("{name: \"api|we\"}", false),
        ("{kind: deployment}", false),
        ("{group: apps, version: v1}", true),
        ("{group: \"\"}", true),
        ("{version: v2}", false),
        ("{namespace: default}", true),
        ("{namespace: \"def.*\"}", true),
        ("{namespace: other}", false),
        ("{labelSelector: \"app in (web)\"}", true),
        ("{labelSelector: \"!app\"}", false),
        ("{annotationSelector: a=b, labelSelector: app}", true),
    ] {
        assert_eq!(target(text).matches(object), Ok(want), "{text}");
    }
    let core = &resources("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n")[0];
    assert_eq!(target("{group: \"apps|\"}").matches(core), Ok(true));
}

#[test]
fn a_merge_without_namespace_finds_the_default_one_only() {
    let base = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";
    let patch = |ns: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{ns}}}\ndata: {{a: b}}\n");
    assert!(patched(base, &patch(", namespace: default"), None).is_ok());
    assert!(patched(base, &patch(""), None).is_ok());
    assert!(matches!(patched(base, &patch(", namespace: x"), None), Err(PatchFault::NoMatch { .. })));
}

#[test]
fn several_objects_cannot_share_a_target() {
    let two = format!("{}---\n{}", pod("{a: 1}"), pod("{b: 1}"));
    assert_eq!(Patch::parse(&two, Some(Target::default())), Err(PatchFault::SeveralWithTarget(2)));
}
