//! No name leads out of the cluster's directory, wherever it comes from: an intent, a plugin, an inventory, a KRM item.

mod support;

use fluxwright::layout::inventory;
use fluxwright::tree::{Blob, RepoPath};
use support::{INTENT, PORT, Run, Sandbox, intent, project};

/// Names that lead elsewhere, are reserved somewhere, or do not look like what they are.
fn hostile_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "../x",
        "../../x",
        "a/../../x",
        "/etc/x",
        "//x/y",
        "C:/x",
        "C:x",
        "..\\x",
        "a\\..\\..\\x",
        "\\\\?\\x",
        ".git/config",
        ".GIT/config",
        ".git./config",
        ".git /config",
        "git~1/config",
        "GIT~1",
        ".g\u{200c}it/config",
        ".git\u{206a}/config",
        ".gi\u{feff}t",
        "con",
        "NUL",
        "aux.yaml",
        "com1",
        "COM\u{b9}.yaml",
        "lpt9.txt",
        "conin$",
        "a:stream",
        "a\0b",
        "a\nb",
        "a\u{202e}lmay.b",
        "a\u{2066}b",
        "a\u{2028}b",
        "a\u{85}b",
        "",
        ".",
        "./x",
        "x/",
        "x//y",
        "...",
        " ",
    ]
    .map(str::to_owned)
    .to_vec();
    names.extend(["n".repeat(256), "д".repeat(128), "x/".repeat(2500) + "y"]);
    names
}

#[test]
fn a_path_of_a_repository_is_never_hostile() {
    for name in hostile_names() {
        assert!(RepoPath::parse(&name).is_err(), "{name:?} was taken");
        assert!(RepoPath::parse(&format!("clusters/{name}")).is_err(), "clusters/{name:?} was taken");
    }
    for name in ["a", "a/b.yaml", "дом/сад.yaml", ".gitignore", "git", "console.yaml", "com10", "a b", "a\u{301}"]
    {
        assert!(RepoPath::parse(name).is_ok(), "{name:?} was refused");
    }
}

/// Checks that a run was refused, said so and wrote nothing beyond what was there.
fn assert_refused(run: &Run, sandbox: &Sandbox, before: &[(String, Vec<u8>)], context: &str) {
    assert_ne!(run.code, 0, "{context}: {run}");
    assert!(run.stderr.contains("error") && !run.stderr.contains("panicked"), "{context}: {run}");
    assert!(support::files(&sandbox.repo().join("..")) == before, "{context}: something was written");
}

fn all(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    support::files(&sandbox.repo().join(".."))
}

#[test]
fn no_name_of_an_intent_leads_out() {
    let quoted = |name: &str| serde_json::to_string(name).expect("JSON");
    for name in hostile_names().iter().filter(|name| !matches!(name.as_str(), "" | "." | "./x")) {
        let name = quoted(name);
        for (place, text) in [
            ("cluster", intent("").replace("name: demo", &format!("name: {name}"))),
            (
                "kustomization",
                intent(&format!(
                    "patches:\n  - kustomization: {name}\n    target: {{kind: Deployment, name: x}}\n    strategicMerge: {{apiVersion: apps/v1, kind: Deployment, metadata: {{name: x}}}}\n"
                )),
            ),
            (
                "registry",
                intent(&format!(
                    "registries:\n  - name: {name}\n    host: registry.corp.example\n    pullSecret: {{name: pull, namespaces: [shop], delivery: {{type: Existing}}}}\n"
                )),
            ),
            (
                "pull secret",
                intent(&format!(
                    "registries:\n  - name: corp\n    host: registry.corp.example\n    pullSecret: {{name: {name}, namespaces: [shop], delivery: {{type: Existing}}}}\n"
                )),
            ),
            ("module", intent(&format!("modules:\n  - name: {name}\n    state: Existing\n"))),
        ] {
            let sandbox = Sandbox::new();
            sandbox.write(INTENT, text);
            let before = all(&sandbox);
            let run = sandbox.run(&["render"]);
            if run.code != 0 {
                assert_refused(&run, &sandbox, &before, &format!("{place} {name}"));
            }
            // A name such as `con` is fine in Kubernetes; what matters is that it becomes no path.
            for (path, _) in all(&sandbox) {
                let inside = path.strip_prefix("repo/").and_then(|path| RepoPath::parse(path).ok());
                assert!(
                    inside.is_some_and(|path| path.as_str().starts_with("clusters/demo/")),
                    "{place} {name}: {path}"
                );
            }
        }
    }
}

#[test]
fn no_file_of_a_plugin_leads_out() {
    for name in hostile_names().iter().filter(|name| !name.is_empty()) {
        let sandbox = Sandbox::new();
        let file = serde_json::to_string(&format!("{name}.yaml")).expect("JSON");
        if RepoPath::parse(&format!("{name}.yaml")).is_ok() {
            continue;
        }
        sandbox.write(
            "plugins/modules/extra/plugin.yaml",
            "apiVersion: fluxwright.dev/v1alpha1\nkind: Plugin\nname: extra\nsummary: a test\ncategory: section\nsection: exposedPorts\npart: extra\n",
        );
        sandbox.write(
            "plugins/modules/extra/templates/extra.yaml.j2",
            format!(
                "fluxwright: {{file: {file}}}\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x, namespace: x}}\n"
            ),
        );
        sandbox.write(INTENT, intent(PORT));
        let before = all(&sandbox);
        assert_refused(&sandbox.run(&["render"]), &sandbox, &before, &format!("file {name:?}"));
    }
}

#[test]
fn no_line_of_an_inventory_leads_out() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    let victim = "mine\n";
    sandbox.write("victim.txt", victim);
    sandbox.write("../victim.txt", victim);
    let digest = inventory::digest(&Blob::from(victim));
    let path = "clusters/demo/fluxwright.inventory";
    let mut text = sandbox.read(path);
    let outside = sandbox.repo().join("../victim.txt").display().to_string();
    for name in ["../../victim.txt", "../../../victim.txt", "./../../victim.txt", &outside, "flux/../../../victim.txt"]
    {
        text.push_str(&format!("{digest}  {name}\n"));
    }
    sandbox.write(path, text);
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(sandbox.read("victim.txt"), victim);
    assert_eq!(sandbox.read("../victim.txt"), victim);
}

#[test]
fn no_item_of_a_list_leads_out() {
    for name in ["../x.yaml", "/etc/x.yaml", "a/../../x.yaml", ".git/x.yaml"] {
        let sandbox = Sandbox::new();
        let text = intent(PORT).replace(
            "metadata:\n",
            &format!("metadata:\n  annotations: {{fluxwright.dev/function: generator, internal.config.kubernetes.io/path: {name:?}, config.kubernetes.io/path: {name:?}}}\n"),
        );
        let config: String = text.lines().map(|line| format!("  {line}\n")).collect();
        let list =
            format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\nfunctionConfig:\n{config}");
        let before = all(&sandbox);
        let run = sandbox.pipe(&["fn"], list.as_bytes());
        assert!(!run.stdout.contains("kind: GitRepository") || run.code != 0, "{name}: {run}");
        assert!(all(&sandbox) == before, "{name}: a function writes no file");
    }
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere() {
    use std::os::unix::fs::symlink;
    let sandbox = Sandbox::new();
    sandbox.write("../outside/secret.txt", "hunter2\n");
    sandbox.write(INTENT, intent(PORT));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    // Where a directory of ours was, there is a link with the same files behind it.
    std::fs::rename(sandbox.repo().join("clusters/demo/ingress"), sandbox.repo().join("../outside/ingress"))
        .expect("moved");
    symlink("../../../outside/ingress", sandbox.repo().join("clusters/demo/ingress")).expect("a link");
    sandbox.write(INTENT, intent(""));
    let before = support::files(&sandbox.repo().join("../outside"));
    sandbox.run(&["render"]);
    assert_eq!(support::files(&sandbox.repo().join("../outside")), before, "written or deleted through a link");
    // A directory of a whole cluster that is a link.
    let sandbox = Sandbox::new();
    sandbox.write("../outside/demo/cluster.yaml", intent(PORT));
    std::fs::create_dir(sandbox.repo().join("clusters")).expect("writable");
    symlink("../../outside/demo", sandbox.repo().join("clusters/demo")).expect("a link");
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 2, "{run}");
    assert_eq!(support::files(&sandbox.repo().join("../outside")).len(), 1);
}

/// Each promise of the page names the test that holds it.
#[test]
fn the_tests_of_the_promises_exist() {
    let text = std::fs::read_to_string(project("docs/safety.md")).expect("readable");
    let (mut count, mut missing) = (0, Vec::new());
    for cell in text.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.split('|').nth(2)) {
        for name in cell.split('`').skip(1).step_by(2) {
            count += 1;
            let found = name.split_once("::").is_some_and(|(file, test)| {
                std::fs::read_to_string(project(file)).is_ok_and(|text| text.contains(&format!("fn {test}(")))
            });
            if !found {
                missing.push(name.to_owned());
            }
        }
    }
    assert!(count > 30, "only {count} tests are named");
    assert!(missing.is_empty(), "{missing:#?}");
}
