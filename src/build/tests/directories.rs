//! Directories: what is found, in which order, and what is refused.

use serde_json::json;

use super::*;

const CM: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";

fn cm(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

#[test]
fn a_directory_without_kustomization_is_walked_as_flux_does() {
    let files = [
        ("a-b/x.yaml", cm("second")),
        ("a/x.yml", cm("first")),
        ("a/notes.txt", "words".into()),
        ("k/deep/ignored.yaml", cm("ignored")),
        ("k/kustomization.yaml", "resources: [used.yaml]\nnamespace: nn\n".into()),
        ("k/used.yaml", cm("used")),
        ("z.yaml", cm("last")),
    ];
    let files: Vec<_> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
    assert_eq!(
        ids(&built(&files, ".").expect("builds")),
        ["v1 ConfigMap first", "v1 ConfigMap second", "v1 ConfigMap nn/used", "v1 ConfigMap last"]
    );
    let below: Vec<_> = files.iter().map(|(p, t)| (format!("apps/{p}"), *t)).collect();
    let below: Vec<_> = below.iter().map(|(p, t)| (p.as_str(), *t)).collect();
    assert_eq!(built(&below, "apps").expect("builds").len(), 4);
    assert_eq!(built(&[], "."), Ok(Vec::new()));
}

#[test]
fn a_file_that_is_no_object_is_named() {
    let error = built(&[("a/ok.yaml", CM), ("a/values.yaml", "replicas: 3\n")], "a").expect_err("no object");
    assert_eq!(error.to_string(), "a/values.yaml: document 1 is not a Kubernetes object: it has no `apiVersion`");
    let twice = format!("{CM}---\n{CM}");
    let error = built(&[("a.yaml", &twice)], ".").expect_err("twice");
    assert_eq!(error, BuildError::Duplicate { file: "a.yaml".into(), id: "v1 ConfigMap c".into() });
}

#[test]
fn unknown_and_unsupported_fields_are_told_apart() {
    let with =
        |field: &str| built(&[("kustomization.yaml", &format!("resources: [c.yaml]\n{field}\n")), ("c.yaml", CM)], ".");
    let plugin = "transformers: ['{apiVersion: x.example/v1, kind: Tool, metadata: {name: t}}']";
    for field in ["helmCharts: [{name: x}]", "helmChartInflationGenerator: [{chartName: x}]", plugin] {
        assert!(matches!(with(field), Err(BuildError::Unsupported { .. })), "{field}");
    }
    let error = with("resource: [x]").expect_err("unknown");
    assert!(matches!(error, BuildError::UnknownField { candidate: Some(c), .. } if c == "resources"));
    let error = with("labels: [{pair: {a: b}}]").expect_err("unknown");
    assert!(
        matches!(error, BuildError::UnknownField { field, candidate: Some(c), .. } if field == "labels[0].pair" && c == "pairs")
    );
    assert!(with("namePrefix: \"\"\nlabels: []").is_ok());
    assert_eq!(with("nameprefix: x-").expect("builds")[0].name(), "x-c");
    assert!(matches!(with("namespace: y"), Err(BuildError::Field { .. })));
}

#[test]
fn nothing_outside_is_read() {
    let outside = |entry: &str| {
        let text = format!("resources: [{entry}]\n");
        built(&[("o/kustomization.yaml", &text), ("x.yaml", CM), ("o/ok.yaml", CM)], "o")
    };
    for entry in ["../x.yaml", "../../x.yaml", "/etc/passwd", "\"\"", "nowhere.yaml", "..", "."] {
        assert!(matches!(outside(entry), Err(BuildError::Path { .. })), "{entry}: {:?}", outside(entry));
    }
    for entry in ["https://example.org/x.yaml", "github.com/a/b", "git@example.org:a/b", "a/b?ref=v1"] {
        assert!(matches!(outside(entry), Err(BuildError::Unsupported { .. })), "{entry}");
    }
}

#[test]
fn cycles_end() {
    let files = [("a/kustomization.yaml", "resources: [../b]"), ("b/kustomization.yaml", "resources: [../a]")];
    assert!(matches!(built(&files, "a"), Err(BuildError::Path { .. })));
}

#[test]
fn the_root_of_a_tree_can_be_included() {
    let files = [("kustomization.yaml", "resources: [c.yaml]"), ("c.yaml", CM), ("o/x.yaml", CM)];
    assert_eq!(built(&files, ".").expect("builds").len(), 1);
    let files = [
        ("a/kustomization.yaml", "resources: [../../r]"),
        ("r/kustomization.yaml", "resources: [c.yaml]"),
        ("r/c.yaml", CM),
    ];
    assert!(matches!(built(&files, "a"), Err(BuildError::Path { .. })), "above the root");
}

#[test]
fn transformers_run_in_kustomizes_order() {
    let k = "resources: [c.yaml]\nnamespace: new\npatchesStrategicMerge: [\"{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {w: merge, m: x}}\"]\npatches:\n- {target: {namespace: new}, patch: '[{\"op\": \"add\", \"path\": \"/never\", \"value\": 1}]'}\n- {patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {w: patches}}'}\npatchesJson6902:\n- {target: {name: c, namespace: new}, patch: '[{\"op\": \"add\", \"path\": \"/data/j\", \"value\": \"z\"}]'}\n";
    let objects = built(&[("kustomization.yaml", k), ("c.yaml", CM)], ".").expect("builds");
    assert_eq!(objects[0].body["data"], json!({"w": "patches", "m": "x", "j": "z"}));
    assert_eq!((objects[0].namespace(), objects[0].body.get("never")), (Some("new"), None));
}

#[test]
fn patches_find_objects_by_the_namespace_they_came_with() {
    let k = |ns: &str| {
        format!(
            "resources: [../base]\npatches: [{{patch: '{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c{ns}}}, data: {{a: b}}}}'}}]\n"
        )
    };
    for (ns, found) in [("", true), (", namespace: new", true), (", namespace: other", false)] {
        let text = k(ns);
        let files = [
            ("base/kustomization.yaml", "resources: [c.yaml]\nnamespace: new"),
            ("base/c.yaml", CM),
            ("o/kustomization.yaml", &text),
        ];
        assert_eq!(built(&files, "o").is_ok(), found, "{ns}");
    }
}

#[test]
fn references_follow_a_patch_that_renames() {
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {volumes: [{configMap: {name: c}}]}}";
    let k = "resources: [c.yaml, p.yaml]\npatches: [{target: {name: c}, patch: '[{\"op\": \"replace\", \"path\": \"/metadata/name\", \"value\": \"d\"}]'}]\n";
    let objects = built(&[("kustomization.yaml", k), ("c.yaml", CM), ("p.yaml", pod)], ".").expect("builds");
    assert_eq!(objects[1].body["spec"]["volumes"][0]["configMap"]["name"], json!("d"));
}

#[test]
fn components_change_what_their_includer_has() {
    let component = "kind: Component\npatches: [{target: {kind: ConfigMap}, patch: '[{\"op\": \"add\", \"path\": \"/x\", \"value\": 1}]'}]\n";
    let files = [
        ("kustomization.yaml", "resources: [c.yaml]\ncomponents: [part]"),
        ("c.yaml", CM),
        ("part/kustomization.yaml", component),
    ];
    assert_eq!(built(&files, ".").expect("builds")[0].body["x"], json!(1));
    let files =
        [("kustomization.yaml", "resources: [c.yaml, part]"), ("c.yaml", CM), ("part/kustomization.yaml", component)];
    assert!(matches!(built(&files, "."), Err(BuildError::Field { .. })));
}

#[test]
fn a_base_that_was_taken_in_before_changes_nothing() {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {spec: {containers: [{name: a, image: a}, {name: b, image: b}]}}}\n";
    let patch = "patches: [{patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {containers: [{name: a, tty: true}]}}}}'}]\n";
    let files = [
        ("base/kustomization.yaml", "resources: [d.yaml]\n".to_owned()),
        ("base/d.yaml", deployment.to_owned()),
        ("first/kustomization.yaml", "resources: [../base]\n".into()),
        ("schema/kustomization.yaml", "openapi: {path: schema.json}\n".into()),
        ("schema/schema.json", "{\"definitions\": {}}\n".into()),
        ("second/kustomization.yaml", format!("resources: [../base, ../schema]\n{patch}")),
    ];
    let tree: Tree =
        files.into_iter().map(|(path, text)| (RepoPath::parse(path).expect("valid"), text.into())).collect();
    let second = RepoPath::parse("second").expect("valid");
    let alone = Engine::new(&tree, Restriction::RootOnly).build(Some(&second), Order::Found);
    let shared = Engine::new(&tree, Restriction::RootOnly);
    for dir in ["base", "first"] {
        let dir = RepoPath::parse(dir).expect("valid");
        shared.build(Some(&dir), Order::Found).expect("builds");
    }
    assert_eq!(shared.build(Some(&second), Order::Found), alone);
    // Without the schema of Kubernetes beside it, the list is replaced.
    let built = alone.expect("builds");
    let containers = built[0].body.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    assert_eq!(containers.map(Vec::len), Some(1), "{built:?}");
}
