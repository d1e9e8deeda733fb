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
    insta::glob!("../plugins/modules", "*/tests/*.yaml", |path| {
        let sandbox = Sandbox::new();
        sandbox.write(INTENT, std::fs::read(path).expect("readable"));
        let companions = path.with_extension("files");
        if companions.is_dir() {
            for (relative, bytes) in files(&companions) {
                sandbox.write(&relative, bytes);
            }
        }
        let run = sandbox.run(&["render", "--stdout"]);
        assert_eq!(run.code, 0, "{run}");
        insta::assert_snapshot!(format!("{}\n{}", run.stderr, run.stdout));
    });
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
