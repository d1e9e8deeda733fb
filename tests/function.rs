//! fluxwright as a function: what each mode does with the items, how it is started, and that nothing gets lost.
//! The form of the list, and hostile input, are in `resource_list.rs`; real kustomize and kpt in `.ci/check_function.py`.

mod support;

use fluxwright::yaml::{self, Dialect, Limits};
use serde_json::{Value, json};
use support::{INTENT, PORT, Run, Sandbox, intent, project};

/// A package as kpt hands it over: comments, quotes, flow style, keys in no order, annotations of others.
const ITEMS: &str = r#"items:
# the Service of the release
- apiVersion: v1
  kind: Service
  metadata:
    namespace: nova-ingress-public # here
    name: nova-ingress-public-controller
    annotations:
      internal.config.kubernetes.io/path: 'base/service.yaml'
      corp.example/note: "as it came"
  spec:
    type: LoadBalancer
    # by hand
    ports:
    - {name: http, port: 80, protocol: TCP, targetPort: http} # web
- # the pods
  kind: DaemonSet
  apiVersion: apps/v1
  metadata: {name: nova-ingress-public-controller, namespace: nova-ingress-public}
  spec:
    template:
      metadata: {labels: {app: ingress}}
      spec:
        containers:
        - name: controller
          args: [--a]
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: other}
  data:
    script: |
      - apiVersion: v1
      # no comment
"#;

fn value(text: &str) -> Value {
    yaml::parse_one(text.as_bytes(), Dialect::Kubernetes, Limits::RESOURCE_LIST)
        .unwrap_or_else(|faults| panic!("{faults:#?}\n{text}"))
        .to_value()
}

/// The intent of cluster `demo` with annotations.
fn config(annotations: Value, spec: &str) -> Value {
    let mut config = value(&intent(spec));
    config["metadata"]["annotations"] = annotations;
    config
}

fn mode(name: &str) -> Value {
    json!({"fluxwright.dev/function": name})
}

/// A ResourceList of items and a configuration.
fn list(items: &str, config: &Value) -> String {
    let head = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n";
    format!("{head}{items}{}", yaml::emit(&json!({"functionConfig": config})))
}

fn run(items: &str, config: &Value) -> Run {
    Sandbox::new().pipe(&[], list(items, config).as_bytes())
}

/// The text of the items, from `items:` up to the configuration.
fn items_of(run: &Run) -> &str {
    let from = run.stdout.find("items:").unwrap_or_else(|| panic!("no items: {run}"));
    let to = run.stdout.find("functionConfig:").or_else(|| run.stdout.find("results:")).unwrap_or(run.stdout.len());
    &run.stdout[from..to]
}

fn object<'v>(list: &'v Value, kind: &str, name: &str) -> &'v Value {
    let items = list["items"].as_array().expect("items");
    let is = |item: &&Value| item["kind"] == kind && item["metadata"]["name"] == name;
    items.iter().find(is).unwrap_or_else(|| panic!("no {kind} {name} in {list:#}"))
}

#[test]
fn unset_checks_and_changes_nothing() {
    let run = run(ITEMS, &config(json!({"corp.example/a": "b"}), PORT));
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(items_of(&run), ITEMS);
    assert!(run.stderr.contains("warning[function-unset]"), "{run}");
    assert_eq!(value(&run.stdout)["results"][0]["tags"]["code"], "function-unset");
}

#[test]
fn a_validator_emits_no_item_when_all_is_well() {
    let run = run(ITEMS, &config(mode("validator"), PORT));
    assert_eq!((run.code, value(&run.stdout)["items"].clone()), (0, json!([])), "{run}");
}

#[test]
fn a_generator_appends_and_leaves_the_others() {
    let run = run(ITEMS, &config(mode("generator"), PORT));
    assert_eq!(run.code, 0, "{run}");
    assert!(items_of(&run).starts_with(ITEMS), "{run}");
    let list = value(&run.stdout);
    let root = object(&list, "Kustomization", "cluster-intent");
    assert_eq!(root["metadata"]["annotations"]["config.kubernetes.io/path"], "flux/bootstrap.yaml");
    assert_eq!(root["metadata"]["annotations"]["internal.config.kubernetes.io/index"], "1");
    let kinds: Vec<&str> =
        list["items"].as_array().expect("items").iter().filter_map(|one| one["kind"].as_str()).collect();
    assert_eq!(kinds[..3], ["Service", "DaemonSet", "ConfigMap"]);
    assert!(kinds[3..].iter().all(|kind| matches!(*kind, "GitRepository" | "Kustomization")), "{kinds:?}");
}

#[test]
fn what_a_generator_adds_is_the_rendered_tree() {
    for cluster in ["dev", "prod", "closed", "plain", "alauda"] {
        let sandbox = Sandbox::new();
        sandbox.copy("examples/cluster-repo", ".");
        let mut config = value(&sandbox.read(&format!("clusters/{cluster}/cluster.yaml")));
        config["metadata"]["annotations"] = json!({"fluxwright.dev/function": "generator", "fluxwright.dev/path": "."});
        let run = sandbox.pipe(&["fn"], list("items: []\n", &config).as_bytes());
        assert_eq!(run.code, 0, "{cluster}: {run}");
        let found = value(&run.stdout);
        let mut files = std::collections::BTreeSet::new();
        for item in found["items"].as_array().expect("items") {
            let notes = &item["metadata"]["annotations"];
            let path = notes["config.kubernetes.io/path"].as_str().expect("a path").to_owned();
            let index: usize =
                notes["config.kubernetes.io/index"].as_str().and_then(|n| n.parse().ok()).expect("a number");
            let mut item = item.clone();
            let own = item["metadata"]["annotations"].as_object_mut().expect("a map");
            own.retain(|key, _| !key.contains("config.kubernetes.io/"));
            if own.is_empty() {
                item["metadata"].as_object_mut().expect("a map").shift_remove("annotations");
            }
            let text = sandbox.read(&format!("clusters/{cluster}/{path}"));
            let documents = yaml::parse(text.as_bytes(), Dialect::Kubernetes, Limits::MANIFEST).expect("YAML");
            assert_eq!(documents[index].to_value(), item, "{cluster}: {path} {index}");
            files.insert(path);
        }
        assert!(files.len() >= 3, "{cluster}: {files:?}");
        // Again, on its own output: the same, byte for byte.
        let again = sandbox.pipe(&["fn"], run.stdout.as_bytes());
        assert_eq!((again.code, again.stdout), (0, run.stdout), "{cluster}");
    }
}

#[test]
fn a_generated_object_replaces_its_earlier_form_in_place() {
    let generator = config(mode("generator"), PORT);
    let mut first = value(&run("items: []\n", &generator).stdout);
    let items = first["items"].as_array_mut().expect("items");
    items[1]["spec"]["interval"] = json!("1h0m0s");
    let notes = &mut items[1]["metadata"]["annotations"];
    notes["internal.config.kubernetes.io/seqindent"] = json!("compact");
    // What is rendered no longer must go, whoever wrote it: it may be the leave to copy a Secret.
    notes["kustomize.toolkit.fluxcd.io/reconcile"] = json!("disabled");
    let wanted = items.len();
    let again = Sandbox::new().pipe(&[], yaml::emit(&first).as_bytes());
    let list = value(&again.stdout);
    assert_eq!(list["items"].as_array().expect("items").len(), wanted, "{again}");
    assert_eq!(list["items"][1]["spec"]["interval"], "10m0s");
    let notes = &list["items"][1]["metadata"]["annotations"];
    assert_eq!(notes["internal.config.kubernetes.io/seqindent"], "compact");
    assert_eq!(notes.get("kustomize.toolkit.fluxcd.io/reconcile"), None, "{again}");
}

/// A package with one intent in two files: the generator writes beside its own.
#[test]
fn generated_objects_lie_beside_the_intent() {
    let generator = config(mode("generator"), PORT);
    let item = |config: &Value, path: &str| {
        let mut item = config.clone();
        item["metadata"]["annotations"]["config.kubernetes.io/path"] = json!(path);
        item
    };
    let items = yaml::emit(&json!({"items": [
        item(&config(mode("transformer"), PORT), "transform.yaml"),
        item(&generator, "clusters/demo/generate.yaml"),
    ]}));
    let list = value(&run(&items, &generator).stdout);
    let root = object(&list, "Kustomization", "cluster-intent");
    assert_eq!(root["metadata"]["annotations"]["config.kubernetes.io/path"], "clusters/demo/flux/bootstrap.yaml");
}

#[test]
fn a_generated_object_in_another_file_is_in_the_way() {
    let items = "items:\n- apiVersion: source.toolkit.fluxcd.io/v1\n  kind: GitRepository\n  metadata:\n    name: cluster-intent\n    namespace: nova-gitops\n    annotations: {config.kubernetes.io/path: mine.yaml}\n";
    let run = run(items, &config(mode("generator"), PORT));
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[item-in-the-way]") && run.stderr.contains("mine.yaml"), "{run}");
    assert_eq!(items_of(&run), items);
}

#[test]
fn an_object_that_is_there_twice_is_in_the_way() {
    let repository = |version: &str, path: &str| {
        format!(
            "- apiVersion: source.toolkit.fluxcd.io/{version}\n  kind: GitRepository\n  metadata: {{name: cluster-intent, namespace: nova-gitops, annotations: {{config.kubernetes.io/path: {path}}}}}\n"
        )
    };
    let (right, wrong) = (repository("v1", "flux/bootstrap.yaml"), repository("v1", "old.yaml"));
    let older = repository("v1beta2", "flux/bootstrap.yaml");
    for items in
        [format!("{right}{wrong}"), format!("{wrong}{right}"), format!("{right}{right}"), format!("{right}{older}")]
    {
        let items = format!("items:\n{items}");
        let run = run(&items, &config(mode("generator"), PORT));
        assert_eq!((run.code, items_of(&run)), (1, items.as_str()), "{run}");
        assert!(run.stderr.contains("error[item-in-the-way]"), "{run}");
    }
    // Another version of the API is the same object.
    let run = run(&format!("items:\n{older}"), &config(mode("generator"), PORT));
    let list = value(&run.stdout);
    assert_eq!(object(&list, "GitRepository", "cluster-intent")["apiVersion"], "source.toolkit.fluxcd.io/v1");
    assert_eq!(list["items"].as_array().expect("items").iter().filter(|i| i["kind"] == "GitRepository").count(), 1);
}

#[test]
fn no_object_is_generated_outside_of_the_package() {
    for path in ["../../x/generate.yaml", "/etc/generate.yaml", "a\u{1b}[31m/g.yaml"] {
        let mut config = config(mode("generator"), PORT);
        config["metadata"]["annotations"]["config.kubernetes.io/path"] = json!(path);
        let run = run("items: []\n", &config);
        assert_eq!((run.code, items_of(&run)), (1, "items: []\n"), "{run}");
        assert!(run.stderr.contains("error[function-invalid]") && !run.stderr.contains('\u{1b}'), "{run}");
    }
}

#[test]
fn a_generator_needs_a_directory_with_objects() {
    let config = config(json!({"fluxwright.dev/function": "generator", "fluxwright.dev/path": "ingres"}), PORT);
    let run = run(ITEMS, &config);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[function-invalid]") && run.stderr.contains("did you mean `ingress`?"), "{run}");
    assert_eq!(items_of(&run), ITEMS);
}

#[test]
fn a_transformer_applies_patches_and_merged_parts() {
    let run = run(ITEMS, &config(mode("transformer"), PORT));
    assert_eq!(run.code, 0, "{run}");
    let list = value(&run.stdout);
    let ports = list["items"][0]["spec"]["ports"].as_array().expect("ports");
    assert!(ports.iter().any(|port| port["port"] == 5432), "{run}");
    // The third item is not ours: it stays as it is, and so do comments, key order and notes of the first.
    let third = &ITEMS[ITEMS.rfind("- apiVersion: v1\n  kind: ConfigMap").expect("there")..];
    assert!(items_of(&run).ends_with(third), "{run}");
    for kept in [
        "# the Service of the release\n- apiVersion: v1\n  kind: Service\n",
        "namespace: nova-ingress-public # here\n    name:",
        "    # by hand\n    ports:",
        "corp.example/note: as it came",
        "# web\n",
    ] {
        assert!(items_of(&run).contains(kept), "{kept} is gone: {run}");
    }
    assert_eq!(list["items"][0]["metadata"]["annotations"]["internal.config.kubernetes.io/path"], "base/service.yaml");
}

#[test]
fn comments_stay_above_the_items_that_they_are_about() {
    let object =
        |name: &str| format!("# about {name}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {{name: {name}}}\n");
    let service = "# about the service\n- apiVersion: v1\n  kind: Service\n  metadata: {name: nova-ingress-public-controller, namespace: nova-ingress-public}\n  spec:\n    ports: [{name: http, port: 80, protocol: TCP}]\n  # its end\n";
    let items = format!("items:\n{}{service}{}# the end\n", object("a"), object("b"));
    let changed = run(&items, &config(mode("transformer"), PORT));
    let text = items_of(&changed);
    assert!(text.starts_with(&format!("items:\n{}# about the service\n- apiVersion", object("a"))), "{text}");
    assert!(text.ends_with(&format!("{}# the end\n", object("b"))), "{text}");
    let patch = "patches:\n  - kustomization: nova-release-ingress-public-main\n    target: {kind: Service, namespace: nova-ingress-public, name: nova-ingress-public-controller}\n    strategicMerge: {apiVersion: v1, kind: Service, metadata: {name: nova-ingress-public-controller, namespace: nova-ingress-public}, $patch: delete}\n";
    let deleted = run(&items, &config(mode("transformer"), patch));
    assert_eq!(items_of(&deleted), format!("items:\n{}{}# the end\n", object("a"), object("b")), "{deleted}");
}

#[test]
fn half_of_what_is_patched_in_a_namespace_is_a_warning() {
    let service = "- apiVersion: v1\n  kind: Service\n  metadata: {name: nova-ingress-public-controller, namespace: nova-ingress-public}\n  spec: {ports: []}\n";
    let map = "- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: nova-ingress-public-tcp-services-config, namespace: nova-ingress-public}\n";
    for (items, missing) in [(service, "ConfigMap"), (map, "Service")] {
        let run = run(&format!("items:\n{items}"), &config(mode("transformer"), PORT));
        assert_eq!(run.code, 0, "{run}");
        assert!(run.stderr.contains(&format!("the items hold no {missing} `nova-ingress-public/")), "{run}");
    }
    let both = run(&format!("items:\n{service}{map}"), &config(mode("transformer"), PORT));
    assert!(!both.stderr.contains("item-missing"), "{both}");
    let twice = run(&format!("items:\n{service}{map}{map}"), &config(mode("transformer"), PORT));
    assert!(twice.code == 1 && twice.stderr.contains("patch-target-ambiguous"), "{twice}");
}

/// What kustomize hands over below a base with a namespace of its own, beside a prefix.
#[test]
fn objects_are_found_by_every_name_that_they_had() {
    let past = |kind: &str, name: &str| {
        format!(
            "annotations:\n      internal.config.kubernetes.io/previousKinds: {kind},{kind}\n      internal.config.kubernetes.io/previousNames: {name},{name}\n      internal.config.kubernetes.io/previousNamespaces: upstream,nova-ingress-public"
        )
    };
    let (service, map) = ("nova-ingress-public-controller", "nova-ingress-public-tcp-services-config");
    let items = format!(
        "items:\n- apiVersion: v1\n  kind: Service\n  metadata:\n    name: p-{service}\n    namespace: elsewhere\n    {}\n  spec: {{type: LoadBalancer, ports: []}}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: p-{map}\n    namespace: elsewhere\n    {}\n",
        past("Service", service),
        past("ConfigMap", map),
    );
    let run = run(&items, &config(mode("transformer"), PORT));
    assert_eq!(run.code, 0, "{run}");
    let list = value(&run.stdout);
    let changed = object(&list, "Service", &format!("p-{service}"));
    assert_eq!(changed["spec"]["ports"][0]["port"], 5432, "{run}");
    let merged = object(&list, "ConfigMap", &format!("p-{map}"));
    assert_eq!(merged["data"]["5432"], "db/pg:5432", "{run}");
    assert_eq!(
        (&changed["metadata"]["namespace"], &merged["metadata"]["namespace"]),
        (&json!("elsewhere"), &json!("elsewhere"))
    );
    assert_eq!(merged["metadata"]["annotations"], value(&items)["items"][1]["metadata"]["annotations"]);
}

#[test]
fn a_transformer_without_any_object_to_change_says_so() {
    let items = "items:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: other}}\n";
    let run = run(items, &config(mode("transformer"), PORT));
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("warning[item-missing]"), "{run}");
    assert_eq!(items_of(&run), items);
}

#[test]
fn only_a_patch_that_deletes_removes_an_item() {
    let delete = "patches:\n  - kustomization: nova-release-ingress-public-main\n    target: {kind: DaemonSet, name: nova-ingress-public-controller, namespace: nova-ingress-public}\n    strategicMerge: {$patch: delete, apiVersion: apps/v1, kind: DaemonSet, metadata: {name: nova-ingress-public-controller, namespace: nova-ingress-public}}\n";
    let run = run(ITEMS, &config(mode("transformer"), &format!("{PORT}{delete}")));
    assert_eq!(run.code, 0, "{run}");
    let list = value(&run.stdout);
    let kinds: Vec<&str> =
        list["items"].as_array().expect("items").iter().filter_map(|one| one["kind"].as_str()).collect();
    assert_eq!(kinds, ["Service", "ConfigMap"], "{run}");
}

#[test]
fn an_intent_with_errors_keeps_every_item() {
    let wrong = "exposedPorts:\n  - port: 99999\n    backend: {namespace: db, service: pg, port: 5432}\n";
    for annotations in [json!({}), mode("generator"), mode("transformer"), mode("validator")] {
        let run = run(ITEMS, &config(annotations.clone(), wrong));
        assert_eq!(run.code, 1, "{annotations}: {run}");
        assert_eq!(items_of(&run), ITEMS, "{annotations}");
        assert!(run.stderr.contains("error[invalid-value]") && run.stderr.contains("99999"), "{run}");
        assert_eq!(value(&run.stdout)["results"][0]["severity"], "error");
    }
}

#[test]
fn an_annotation_that_means_nothing_is_an_error() {
    for annotations in [
        mode("generate"),
        json!({"fluxwright.dev/functon": "generator"}),
        json!({"fluxwright.dev/path": "flux"}),
        json!({"fluxwright.dev/function": "generator", "fluxwright.dev/path": "../x"}),
    ] {
        let run = run(ITEMS, &config(annotations.clone(), PORT));
        assert_eq!(run.code, 1, "{annotations}: {run}");
        assert_eq!(run.stderr.matches("error[function-invalid]").count(), 1, "{run}");
        assert_eq!(items_of(&run), ITEMS);
    }
}

#[test]
fn findings_name_the_lines_of_the_intent_when_it_is_in_the_repository() {
    let sandbox = Sandbox::new();
    let wrong = "exposedPorts:\n  - port: 99999\n    backend: {namespace: db, service: pg, port: 5432}\n";
    sandbox.write(INTENT, intent(wrong));
    let run = sandbox.pipe(&[], list(ITEMS, &config(mode("generator"), wrong)).as_bytes());
    assert!(run.stderr.contains("clusters/demo/cluster.yaml:"), "{run}");
    let result = value(&run.stdout)["results"][0].clone();
    assert_eq!(result["file"]["path"], "clusters/demo/cluster.yaml");
    assert!(result["tags"]["line"].as_str().is_some(), "{result}");
}

/// The fields of a result, as the specification of KRM functions has them.
#[test]
fn results_have_the_form_of_the_specification() {
    let wrong =
        "exposedPorts:\n  - port: 99999\n    backend: {namespace: db, service: pg, port: 5432}\n  - port: 5432\n";
    let run = run(ITEMS, &config(mode("generator"), wrong));
    let list = value(&run.stdout);
    let results = list["results"].as_array().expect("results");
    assert!(results.len() >= 2, "{run}");
    for result in results {
        for (key, value) in result.as_object().expect("a map") {
            let is_right = match key.as_str() {
                "message" => value.as_str().is_some_and(|text| !text.is_empty()),
                "severity" => matches!(value.as_str(), Some("error" | "warning" | "info")),
                "resourceRef" => {
                    *value == json!({"apiVersion": "fluxwright.dev/v1alpha1", "kind": "ClusterIntent", "name": "demo"})
                }
                "field" | "file" => value["path"].is_string() && value.as_object().is_some_and(|map| map.len() == 1),
                "tags" => value.as_object().is_some_and(|tags| tags.values().all(Value::is_string)),
                _ => false,
            };
            assert!(is_right, "{key}: {value}");
        }
        assert!(result.get("message").is_some() && result.get("severity").is_some(), "{result}");
    }
}

#[test]
fn a_credential_is_shown_nowhere_but_in_its_own_item() {
    let secret = "hunter2-S3cr3t";
    let address = format!("https://robot:{secret}@git.corp.example/x.git");
    for annotations in [json!({}), mode("generator"), mode("transformer"), mode("validator")] {
        let mut config = config(annotations, PORT);
        config["spec"]["gitops"]["source"]["url"] = json!(address);
        let run = run(ITEMS, &config);
        assert_eq!(run.code, 1, "{run}");
        assert!(run.stderr.contains("error[plaintext-credential]"), "{run}");
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{run}");
        assert_eq!(items_of(&run), ITEMS);
    }
    let items = format!(
        "items:\n- apiVersion: v1\n  kind: Secret\n  metadata: {{name: a}}\n  stringData: {{password: {secret}}}\n"
    );
    for name in ["generator", "transformer"] {
        let run = run(&items, &config(mode(name), PORT));
        assert_eq!(run.code, 0, "{run}");
        assert!(items_of(&run).starts_with(&items), "{run}");
        assert!(!run.stderr.contains(secret) && !value(&run.stdout)["results"].to_string().contains(secret), "{run}");
    }
    // Neither when the list cannot be read at the very line.
    for broken in ["  password: [hunter2-S3cr3t\n", "  password: hunter2-S3cr3t\n  password: hunter2-S3cr3t\n"] {
        let run = run(&format!("items:\n- kind: Secret\n{broken}"), &config(mode("generator"), PORT));
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run}");
        assert!(!run.stderr.contains(secret), "{run}");
    }
}

#[test]
fn without_arguments_only_a_resource_list_is_a_call() {
    let sandbox = Sandbox::new();
    for input in ["", "\n", "garbage", "kind: Service\n", "ResourceList\n", "\u{0}\u{1}"] {
        let run = sandbox.pipe(&[], input.as_bytes());
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{input:?}: {run}");
        assert!(run.stderr.contains("Usage: fluxwright"), "{input:?}: {run}");
    }
    let bare = sandbox.bare();
    assert_eq!((bare.code, bare.stdout.as_str()), (2, ""), "{bare}");
    let broken = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: [";
    let run = sandbox.pipe(&[], broken.as_bytes());
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run}");
    let run = sandbox.pipe(&["fn"], b"garbage");
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run}");
    assert!(run.stderr.contains("error[resource-list-invalid]"), "{run}");
}

#[test]
fn a_plugin_of_the_older_kind_gets_documents() {
    let sandbox = Sandbox::new();
    sandbox.write("unset.yaml", yaml::emit(&config(json!({}), PORT)));
    sandbox.write("generator.yaml", yaml::emit(&config(mode("generator"), PORT)));
    sandbox.write("transformer.yaml", yaml::emit(&config(mode("transformer"), PORT)));
    sandbox.write("wrong.yaml", yaml::emit(&config(mode("generate"), PORT)));
    let plugin = sandbox.repo().join("ClusterIntent");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_fluxwright"), &plugin).expect("a link");
    let documents: String = value(ITEMS)["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| format!("---\n{}", yaml::emit(item)))
        .collect();
    let call = |config: &str, stdin: &str| sandbox.pipe_to(&plugin, &[config], stdin.as_bytes());

    let unset = call("unset.yaml", &documents);
    assert_eq!((unset.code, &unset.stdout), (0, &documents), "{unset}");
    let generated = call("generator.yaml", "");
    assert_eq!(generated.code, 0, "{generated}");
    assert!(generated.stdout.starts_with("---\napiVersion: source.toolkit.fluxcd.io/v1\n"), "{generated}");
    let changed = call("transformer.yaml", &documents);
    assert!(changed.code == 0 && changed.stdout.contains("port: 5432"), "{changed}");
    let wrong = call("wrong.yaml", &documents);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (1, ""), "{wrong}");
    assert!(wrong.stderr.contains("error[function-invalid]"), "{wrong}");
    let missing = call("missing.yaml", &documents);
    assert_eq!((missing.code, missing.stdout.as_str()), (2, ""), "{missing}");
    let scalar = call("unset.yaml", "---\njust text\n");
    assert_eq!((scalar.code, scalar.stdout.as_str()), (1, ""), "{scalar}");
}

#[test]
fn the_committed_examples_are_transformed_without_a_finding_of_the_list() {
    for cluster in ["dev", "prod", "closed", "plain", "alauda"] {
        let sandbox = Sandbox::new();
        sandbox.copy("examples/cluster-repo", ".");
        let text = std::fs::read_to_string(project(&format!("examples/cluster-repo/clusters/{cluster}/cluster.yaml")));
        let mut config = value(&text.expect("readable"));
        for name in ["transformer", "validator"] {
            config["metadata"]["annotations"] = mode(name);
            let run = sandbox.pipe(&[], list(ITEMS, &config).as_bytes());
            assert_eq!(run.code, 0, "{cluster}: {run}");
            let left = value(&run.stdout)["items"].as_array().expect("items").len();
            assert_eq!(left, if name == "validator" { 0 } else { 3 }, "{cluster}: {run}");
        }
    }
}
