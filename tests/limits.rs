//! Input without measure is refused at once: size, depth, aliases, and what templates make.

mod support;

use std::fs::File;

use support::{INTENT, PORT, Run, Sandbox, intent};

/// Makes a file of many bytes that takes no room on the disk.
fn huge(sandbox: &Sandbox, path: &str) {
    sandbox.write(path, "");
    File::options()
        .write(true)
        .open(sandbox.repo().join(path))
        .and_then(|file| file.set_len(100 << 20))
        .expect("sparse");
}

fn assert_refused(run: &Run, needle: &str) {
    assert!(matches!(run.code, 1 | 2), "{needle}: {run}");
    assert!(run.stderr.contains(needle) && !run.stderr.contains("panicked"), "{needle}: {run}");
}

#[test]
fn huge_files_are_not_read() {
    let sandbox = Sandbox::new();
    huge(&sandbox, INTENT);
    assert_refused(&sandbox.run(&["check"]), "cannot read");
    assert_refused(&sandbox.run(&["check", "-f", INTENT]), "cannot read");
    sandbox.write(INTENT, intent(PORT));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    huge(&sandbox, "base/big.yaml");
    assert_refused(&sandbox.run(&["check", "--base", "nova-release=base"]), "cannot read");
    huge(&sandbox, "plugins/modules/extra/plugin.yaml");
    assert_refused(&sandbox.run(&["check"]), "cannot read");
    std::fs::remove_dir_all(sandbox.repo().join("plugins")).expect("removable");
    huge(&sandbox, "clusters/demo/flux/bootstrap.yaml");
    assert_refused(&sandbox.run(&["render"]), "cannot read");
    let sandbox = Sandbox::new();
    huge(&sandbox, "kustomization.yaml");
    assert_refused(&sandbox.run(&["build"]), "error");
}

#[test]
fn deep_nesting_is_refused_everywhere() {
    let flow = format!("a: {}1{}\n", "[".repeat(1000), "]".repeat(1000));
    let block: String = (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    for text in [&flow, &block] {
        let sandbox = Sandbox::new();
        sandbox.write(INTENT, text);
        assert_refused(&sandbox.run(&["check"]), "error[");
        sandbox.write(INTENT, intent(PORT));
        sandbox.write("base/a.yaml", format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n{text}"));
        assert!(sandbox.run(&["check", "--base", "nova-release=base"]).code >= 1);
        sandbox.write("k/kustomization.yaml", format!("resources: [a.yaml]\n{text}"));
        assert_refused(&sandbox.run(&["build", "k"]), "error");
        let list = format!(
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {}",
            text.replace('\n', "\n  ")
        );
        assert_refused(&sandbox.pipe(&["fn"], list.as_bytes()), "error");
    }
}

#[test]
fn a_bomb_of_aliases_is_refused_everywhere() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..30 {
        bomb.push_str(&format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", ")));
    }
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    sandbox.write("k/kustomization.yaml", "resources: [a.yaml]\n");
    sandbox.write("k/a.yaml", format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n{bomb}"));
    assert_refused(&sandbox.run(&["build", "k"]), "error");
    assert!(sandbox.run(&["check", "--base", "nova-release=k"]).code >= 1);
    assert_refused(&sandbox.pipe(&["fn"], format!("kind: ResourceList\n{bomb}").as_bytes()), "error");
}

/// A repository with one plugin for section `exposedPorts` and the given template.
fn with_template(template: &str) -> Run {
    let sandbox = Sandbox::new();
    sandbox.write(
        "plugins/modules/extra/plugin.yaml",
        "apiVersion: fluxwright.dev/v1alpha1\nkind: Plugin\nname: extra\nsummary: a test\ncategory: section\nsection: exposedPorts\npart: extra\n",
    );
    sandbox.write("plugins/modules/extra/templates/extra.yaml.j2", template);
    sandbox.write(INTENT, intent(PORT));
    let run = sandbox.run(&["render"]);
    assert!(!sandbox.exists("clusters/demo/flux"), "{template}: something was written");
    run
}

#[test]
fn templates_have_fuel_depth_and_a_limit_on_their_output() {
    let loops = "{% for a in range(9999) %}{% for b in range(9999) %}{% set c = a * b %}{% endfor %}{% endfor %}";
    let recursion = "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}";
    let output = "{% for a in range(9999) %}{% for b in range(99) %}# a line of a comment that goes on and on and on and on and on\n{% endfor %}{% endfor %}";
    for template in [loops, recursion, output] {
        let run = with_template(template);
        assert_eq!(run.code, 1, "{template}: {run}");
        assert!(run.stderr.contains("error[") && !run.stderr.contains("overflow"), "{template}: {run}");
    }
}
