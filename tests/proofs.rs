//! Proofs: what kustomize would do in silence is an error that names line and nearest candidate.

mod support;

use support::{INTENT, PORT, Run, Sandbox, intent};

const TARGET: &str = "target: {kind: Service, name: nova-ingress-public-controller, namespace: nova-ingress-public}";

/// Checks an intent with one patch of the ingress controller's Kustomization.
fn patched(patch: &str) -> Run {
    let sandbox = Sandbox::new();
    sandbox.write(
        INTENT,
        intent(&format!("{PORT}patches:\n  - kustomization: nova-release-ingress-public-main\n{patch}")),
    );
    sandbox.run(&["check"])
}

#[test]
fn a_patch_that_misses_is_an_error_with_a_candidate() {
    let run = patched(
        "    target: {kind: Service, name: nova-ingress-public-controler, namespace: nova-ingress-public}\n    json6902: [{op: add, path: /metadata/labels, value: {}}]\n",
    );
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[patch-target-missing]"), "{run}");
    assert!(
        run.stderr.contains("did you mean `v1 Service nova-ingress-public/nova-ingress-public-controller`?"),
        "{run}"
    );
    assert!(run.stderr.contains("cluster.yaml:14:"), "{run}");
}

#[test]
fn each_silent_fault_of_kustomize_is_named() {
    let daemon_set =
        "target: {group: apps, kind: DaemonSet, name: nova-ingress-public-controller, namespace: nova-ingress-public}";
    for (patch, code, needle) in [
        (format!("    {TARGET}\n    json6902: [{{op: add, path: /spec/ports/9, value: {{name: x, port: 9}}}}]\n"), "patch-path-missing", "/spec/ports/9"),
        (format!("    {TARGET}\n    json6902: [{{op: replace, path: /spec/prts/0/port, value: 9}}]\n"), "patch-path-missing", "ports"),
        (format!("    {TARGET}\n    json6902: [{{op: add, path: /spec/ports/-, value: {{name: tls, port: 443, protocol: TCP}}}}]\n"), "patch-port-exists", "443"),
        (format!("    {TARGET}\n    json6902: [{{op: add, path: /spec/ports/-, value: {{name: http, port: 81, protocol: TCP}}}}]\n"), "patch-port-exists", "http"),
        (format!("    {daemon_set}\n    json6902: [{{op: test, path: /spec/template/spec/containers/0/name, value: nginx}}]\n"), "patch-test-failed", "controller"),
        (
            format!("    {daemon_set}\n    strategicMerge:\n      apiVersion: apps/v1\n      kind: DaemonSet\n      metadata: {{name: nova-ingress-public-controller, namespace: nova-ingress-public}}\n      spec: {{template: {{spec: {{containers: [{{name: controler, image: x}}]}}}}}}\n"),
            "patch-container-unknown",
            "containers: controller",
        ),
        (
            "    target: {kind: ConfigMap, name: nowhere, namespace: nova-ingress-public}\n    strategicMerge: {apiVersion: v1, kind: ConfigMap, metadata: {name: nowhere, namespace: nova-ingress-public}, data: {a: b}}\n".to_owned(),
            "patch-target-missing",
            "nowhere",
        ),
        (format!("    {TARGET}\n    json6902: [{{op: test, path: /spec/type, value: ClusterIP}}]\n"), "patch-without-effect", "changes nothing"),
    ] {
        let run = patched(&patch);
        assert!(run.stderr.contains(&format!("[{code}]")), "{code}: {run}");
        assert!(run.stderr.contains(needle), "{code}, {needle}: {run}");
    }
}

/// A checkout of the platform's release with a base that differs from the contract.
fn release(sandbox: &Sandbox, service: &str) {
    sandbox.write(
        "../release/ingress/service.yaml",
        format!("apiVersion: v1\nkind: Service\nmetadata:\n  name: {service}\n  namespace: nova-ingress-public\nspec:\n  ports:\n    - {{name: http, port: 80, protocol: TCP}}\n    - {{name: pg, port: 5432, protocol: TCP}}\n"),
    );
    sandbox.write("../release/ingress/kustomization.yaml", "resources: [service.yaml]\n");
}

#[test]
fn the_real_base_wins_over_the_contract() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    assert!(sandbox.run(&["check"]).stdout.contains("1 of 1 patches proven on the contract"));
    release(&sandbox, "nova-ingress-public-controller");
    let run = sandbox.run(&["check", "--base", "nova-release=../release"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[patch-port-exists]"), "{run}");
    assert!(run.stdout.contains("0 of 1 patches proven"), "{run}");
    sandbox.write(INTENT, intent(&PORT.replace("5432", "5433")));
    let run = sandbox.run(&["check", "--base", "nova-release=../release"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("1 of 1 patches proven on base ../release"), "{run}");
    release(&sandbox, "renamed-controller");
    let run = sandbox.run(&["check", "--base", "nova-release=../release"]);
    assert!(run.stderr.contains("error[patch-target-missing]") && run.stderr.contains("renamed-controller"), "{run}");
}

#[test]
fn an_object_of_the_base_is_not_ours_to_write() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(&PORT.replace("5432", "5433")));
    release(&sandbox, "nova-ingress-public-controller");
    sandbox.write("../release/ingress/kustomization.yaml", "resources: [service.yaml, map.yaml]\n");
    sandbox.write(
        "../release/ingress/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nova-ingress-public-tcp-services-config, namespace: nova-ingress-public}\n",
    );
    let run = sandbox.run(&["check", "--base", "nova-release=../release"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("warning[object-in-base]"), "{run}");
}

#[test]
fn a_base_of_another_name_or_form_is_an_error() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    release(&sandbox, "nova-ingress-public-controller");
    let run = sandbox.run(&["check", "--base", "nova-relase=../release"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[base-unknown]") && run.stderr.contains("did you mean `nova-release`?"), "{run}");
    sandbox.write("../release/ingress/kustomization.yaml", "resources: [missing.yaml]\n");
    let run = sandbox.run(&["check", "--base", "nova-release=../release"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[base-invalid]") && run.stderr.contains("missing.yaml"), "{run}");
}

#[test]
fn kustomizations_must_not_wait_for_each_other() {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.repo().join("plugins/modules/twin")).expect("writable");
    sandbox.write("plugins/modules/twin/plugin.yaml", "apiVersion: fluxwright.dev/v1alpha1\nkind: Plugin\nname: twin\nsummary: a test\ncategory: optional\nmodule: {}\n");
    let modules = "modules:\n  - name: neuvector\n    release: {path: ./neuvector, dependsOn: [nova-release-twin-main]}\n  - name: twin\n    release: {path: ./twin, dependsOn: [nova-release-neuvector-main]}\n";
    sandbox
        .write(INTENT, intent(modules).replace("  gitops:\n", "  gitops:\n    releaseSource: {name: nova-release}\n"));
    let run = sandbox.run(&["check"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[dependency-cycle]"), "{run}");
    assert!(run.stderr.contains("nova-release-neuvector-main -> nova-release-twin-main"), "{run}");
}

#[test]
fn a_patch_of_the_user_comes_after_the_values_of_a_module() {
    let sandbox = Sandbox::new();
    let spec = "modules:\n  - name: longhorn\n    state: Existing\n    release: {helmRelease: {name: longhorn}}\n    longhorn: {replicaCount: 3}\npatches:\n  - kustomization: nova-release-longhorn-main\n    target: {kind: HelmRelease, namespace: nova-gitops, name: longhorn}\n    json6902:\n      - {op: replace, path: /spec/values/persistence/defaultClassReplicaCount, value: 2}\n";
    sandbox.write(INTENT, intent(spec));
    let run = sandbox.run(&["check"]);
    assert!(run.code == 0 && run.stdout.contains("2 of 2 patches proven"), "{run}");
}

#[test]
fn what_is_known_of_one_cluster_changes_nothing_in_another() {
    let sandbox = Sandbox::new();
    let patch = |operations: &str| {
        let kustomization = "  - kustomization: nova-release-ingress-public-main";
        intent(&format!("{PORT}patches:\n{kustomization}\n    {TARGET}\n    json6902: [{operations}]\n"))
    };
    let valid = patch("{op: add, path: /metadata/labels, value: {a: b}}");
    let missing = patch("{op: replace, path: /spec/prts, value: []}");
    let module = |version: &str| {
        format!(
            "modules:\n  - name: astrom\n    helm:\n      source: {{url: \"oci://registry.corp.example/charts/operator\", version: 1.6.0}}\n    astrom: {{operatorVersion: {version}, apiUrl: \"https://astrom.corp.example/e/prod/api\", mode: CloudNativeFullStack}}\n"
        )
    };
    let (old, new) = (intent(&module("v1.5.1")), intent(&module("v1.6.0")));
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (name, text) in names.iter().zip([&valid, &missing, &valid, &missing, &old, &new, &old, &new]) {
        sandbox.write(&format!("clusters/{name}/cluster.yaml"), text.replace("name: demo", &format!("name: {name}")));
    }
    let clusters = |args: &[&str]| -> Vec<serde_json::Value> {
        let run = sandbox.run(&[&["check", "-o", "json"], args].concat());
        let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
        document["clusters"].as_array().expect("a list").clone()
    };
    let together = clusters(&[]);
    let alone: Vec<_> = names.iter().flat_map(|name| clusters(&[name])).collect();
    assert_eq!(together, alone);
    let found = |code: &str| alone.iter().map(|one| one["findings"].to_string().contains(code)).collect::<Vec<_>>();
    assert_eq!(found("patch-path-missing"), [false, true, false, true, false, false, false, false]);
    assert_eq!(found("astrom-api-version"), [false, false, false, false, true, false, true, false]);
}
