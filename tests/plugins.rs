//! Plugins are data: a module is added by adding a folder, in the project or in a user's own repository.

mod support;

use support::{INTENT, PORT, Run, Sandbox, files, intent, project};

/// Copies an embedded plugin under another name into the repository's own `plugins/`.
fn copied(sandbox: &Sandbox, from: &str, to: &str) {
    for (path, bytes) in files(&project(&format!("plugins/modules/{from}"))) {
        let text = String::from_utf8(bytes).expect("UTF-8").replace(from, to);
        sandbox.write(&format!("plugins/modules/{to}/{}", path.replace(from, to)), text);
    }
}

const MODULE: &str = "modules:\n  - name: sentinel\n    state: Existing\n    release: {}\n    sentinel:\n      scanner: {spread: true}\n";

#[test]
fn a_module_is_added_by_copying_a_folder() {
    let sandbox = Sandbox::new();
    copied(&sandbox, "neuvector", "sentinel");
    sandbox.write(INTENT, intent(MODULE));
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 0, "{run}");
    let text = sandbox.read("clusters/demo/platform/patches/nova-release-sentinel-main.yaml");
    assert!(text.contains("name: sentinel-scanner-pod"), "{text}");
    assert!(sandbox.run(&["modules"]).stdout.contains("    sentinel "));
    assert!(sandbox.run(&["schema"]).stdout.contains("\"sentinel\""));
    let rule = sandbox.run(&["explain", "sentinel-replicas-with-autoscale"]);
    assert!(rule.stdout.starts_with("# sentinel-replicas-with-autoscale"), "{rule}");
    sandbox.write(INTENT, intent(&MODULE.replace("spread: true", "imagePullPolicy: Never")));
    let faults = sandbox.run(&["check"]);
    assert!(faults.stderr.contains("error[sentinel-scanner-pull-policy]"), "{faults}");
}

#[test]
fn the_tests_of_every_plugin_render_as_reviewed() {
    // As in a user's repository: the folders are linted and compiled, too.
    let run = Sandbox::new().run(&["modules", "test", "--repo", &project("").to_string_lossy()]);
    assert_eq!(run.code, 0, "read the difference, then `fluxwright modules test --update`: {run}");
    assert!(run.stdout.contains(" passed, 0 failed"), "{run}");
}

/// A repository with one plugin for section `registries` and the given template.
fn with_template(template: &str) -> Run {
    let sandbox = Sandbox::new();
    sandbox.write(
        "plugins/modules/extra/plugin.yaml",
        "apiVersion: fluxwright.dev/v1alpha1\nkind: Plugin\nname: extra\nsummary: a test\ncategory: section\nsection: exposedPorts\npart: extra\n",
    );
    sandbox.write("plugins/modules/extra/templates/extra.yaml.j2", template);
    sandbox.write(INTENT, intent(PORT));
    sandbox.run(&["render"])
}

#[test]
fn an_object_has_one_writer() {
    let run = with_template(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nova-ingress-public-tcp-services-config, namespace: nova-ingress-public}\n",
    );
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[object-written-twice]"), "{run}");
}

#[test]
fn an_undeclared_variable_is_refused() {
    let run = with_template(
        "apiVersion: fluxwright.dev/v1alpha1\nkind: Variables\nkustomizationPart: extra\nsecret: s\nvariables: [a]\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: x}\ndata: {k: '${a} ${b}'}\n",
    );
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[variable-undeclared]") && run.stderr.contains("${b}"), "{run}");
}

#[test]
fn a_plain_secret_is_never_rendered() {
    let run = with_template(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: x}\nstringData: {password: hunter2}\n",
    );
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[plaintext-secret]"), "{run}");
    assert!(!run.to_string().contains("hunter2"), "{run}");
}

#[test]
fn faulty_plugins_are_named() {
    for (template, needle) in [
        ("name: {{ nothing }}\n", "line 1: undefined value"),
        ("name: x-{{ cluster.name }}\n", "glued to text"),
        ("name: {{ cluster.name|safe }}\n", "`safe` is not allowed"),
        ("{% for x in range(9999) %}{% for y in range(9999) %}x{% endfor %}{% endfor %}\n", "fuel"),
        ("a: [\n", "not YAML"),
        ("a: 1\n", "lacks apiVersion"),
        (
            "apiVersion: fluxwright.dev/v1alpha1\nkind: File\npath: ../../etc/passwd\ncontent: x\n",
            "must lie in `install/` or `hosts/`",
        ),
        ("apiVersion: fluxwright.dev/v1alpha1\nkind: File\npath: install/../../../x\ncontent: x\n", "not a path"),
        ("apiVersion: fluxwright.dev/v1alpha1\nkind: Patch\nkustomization: x\njson6902: []\n", "needs a target"),
    ] {
        let run = with_template(template);
        assert_eq!(run.code, 1, "{template}: {run}");
        assert!(run.stderr.contains("error[plugin-invalid]") && run.stderr.contains(needle), "{template}: {run}");
    }
}

#[test]
fn a_platform_is_data_too() {
    let sandbox = Sandbox::new();
    let nova = std::fs::read_to_string(project("plugins/platforms/nova/platform.yaml")).expect("readable");
    sandbox.write(
        "plugins/platforms/plain/platform.yaml",
        nova.replace("name: Nova\n", "name: Plain\n")
            .replace("[exposedPorts, proxy, registries, patches]", "[exposedPorts, registries, patches]"),
    );
    let proxy = "proxy:\n  http: {server: \"http://172.31.100.100\"}\n  https: {server: \"http://172.31.100.100\"}\n";
    sandbox.write(INTENT, intent(proxy).replace("type: Nova", "type: Plain"));
    let run = sandbox.run(&["check"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[section-unsupported]"), "{run}");
}

#[test]
fn a_scaffold_passes_its_own_test_and_can_be_used_at_once() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["modules", "new", "cert-manager"]);
    assert_eq!(run.code, 0, "{run}");
    let run = sandbox.run(&["modules", "test"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "1 passed, 0 failed\n"), "{run}");
    // On another platform it is a base module, so the new one is for those that lack it.
    assert!(sandbox.read("plugins/modules/cert-manager/plugin.yaml").contains("platforms: [Alauda, Upstream]\n"));
    let module = "modules:\n  - name: cert-manager\n    helm: {source: {url: \"https://charts.jetstack.io\", version: v1.16.x}}\n    cert-manager: {replicas: 2}\n";
    sandbox.write(INTENT, intent(module).replace("type: Nova", "type: Upstream"));
    let run = sandbox.run(&["render"]);
    assert!(run.stderr.contains("error[cert-manager-replicas-even]"), "{run}");
    sandbox.write(INTENT, sandbox.read(INTENT).replace("replicas: 2", "replicas: 3"));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    let release = sandbox.read("clusters/demo/releases/cert-manager/helm-release.yaml");
    assert!(release.contains("replicaCount: 3\n") && release.contains("version: v1.16.x\n"), "{release}");
    // A change of a template shows up in the test, and --update takes it over.
    let template = "plugins/modules/cert-manager/templates/values.yaml.j2";
    sandbox.write(template, sandbox.read(template).replace("replicaCount", "replicas"));
    let run = sandbox.run(&["modules", "test", "cert-manager"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("FAILED  plugins/modules/cert-manager/tests/basic.yaml\n"), "{run}");
    assert!(run.stdout.contains("-    replicaCount: 3\n+    replicas: 3\n"), "{run}");
    assert_eq!(sandbox.run(&["modules", "test", "--update"]).code, 0);
    assert_eq!(sandbox.run(&["modules", "test"]).code, 0);
}

#[test]
fn a_scaffold_never_takes_a_name_that_is_taken() {
    let sandbox = Sandbox::new();
    for name in [
        "neuvector",
        "ports",
        "helm",
        "ingress",
        "kafka-release",
        "Kafka",
        "",
        "1st",
        "../x",
        "a-name-that-is-longer-than-any",
    ] {
        let run = sandbox.run(&["modules", "new", name]);
        assert_eq!(run.code, 2, "{name}: {run}");
    }
    assert!(files(&sandbox.repo()).is_empty());
    assert_eq!(sandbox.run(&["modules", "new", "kafka"]).code, 0);
    let run = sandbox.run(&["modules", "new", "kafka"]);
    assert!(run.code == 2 && run.stderr.contains("taken"), "{run}");
}

#[test]
fn values_reach_the_chart_wherever_it_is() {
    let longhorn = |more: &str| {
        format!(
            "gitops2:\nmodules:\n  - name: longhorn\n    release: {{path: ./longhorn/main{more}}}\n    longhorn: {{replicaCount: 2}}\n"
        )
        .replace("gitops2:\n", "")
    };
    let source = "    source: {name: cluster-intent, url: \"https://git.corp.example/platform/clusters.git\"}\n";
    let with_release =
        |spec: &str| intent(spec).replace(source, &format!("{source}    releaseSource: {{name: nova-release}}\n"));
    // The platform's HelmRelease is known: a proven patch.
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, with_release(&longhorn(", helmRelease: {name: longhorn, namespace: storage}")));
    let run = sandbox.run(&["check", "-v"]);
    assert!(run.code == 0 && run.stdout.contains("1 of 1 patches proven"), "{run}");
    assert!(run.stdout.contains("HelmRelease storage/longhorn"), "{run}");
    assert_eq!(sandbox.run(&["render"]).code, 0);
    let text = sandbox.read("clusters/demo/platform/modules/nova-release-longhorn-main.yaml");
    assert!(text.contains("defaultClassReplicaCount: 2\n"), "{text}");
    // It is not known: a file and a step, and a warning that says so.
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, with_release(&longhorn("")));
    let run = sandbox.run(&["render"]);
    assert!(run.code == 0 && run.stderr.contains("warning[module-options-handed-over]"), "{run}");
    assert!(sandbox.read("clusters/demo/install/longhorn/values.yaml").contains("defaultClassReplicaCount: 2\n"));
    assert!(sandbox.read("clusters/demo/HANDOVER.md").contains("Give module longhorn its options"));
    // This tree installs it: values of the intent win.
    let helm = "modules:\n  - name: longhorn\n    helm:\n      source: {url: \"https://charts.longhorn.io\", version: 1.10.x}\n      values: {persistence: {defaultClassReplicaCount: 1, reclaimPolicy: Retain}}\n    longhorn: {replicaCount: 2}\n";
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(helm).replace("type: Nova", "type: Upstream"));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    let text = sandbox.read("clusters/demo/releases/longhorn/helm-release.yaml");
    assert!(text.contains("defaultClassReplicaCount: 1\n") && text.contains("reclaimPolicy: Retain\n"), "{text}");
}
