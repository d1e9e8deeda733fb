//! Files of users and files of ours: nothing that is not ours is touched, nothing is lost.

mod support;

use support::{INTENT, PORT, Sandbox, intent};

const CONFIG_MAP: &str = "clusters/demo/ingress/tcp-udp-services.yaml";

fn rendered() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 0, "{run}");
    sandbox
}

#[test]
fn a_hand_edit_is_noticed_and_never_lost() {
    let sandbox = rendered();
    let edited = sandbox.read(CONFIG_MAP) + "# mine\n";
    sandbox.write(CONFIG_MAP, &edited);
    sandbox.write(INTENT, intent(&PORT.replace("5432", "5433")));
    let before = support::files(&sandbox.repo());
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[hand-edited-file]"), "{run}");
    assert_eq!(support::files(&sandbox.repo()), before, "half a rendering was written");
    std::fs::remove_file(sandbox.repo().join(CONFIG_MAP)).expect("removable");
    assert_eq!(sandbox.run(&["render"]).code, 0);
    assert!(sandbox.read(CONFIG_MAP).contains("5433"));
}

#[test]
fn a_foreign_file_is_never_overwritten() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    sandbox.write(CONFIG_MAP, "mine: true\n");
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[foreign-file]"), "{run}");
    assert_eq!(sandbox.read(CONFIG_MAP), "mine: true\n");
    assert!(!sandbox.exists("clusters/demo/flux"));
}

#[test]
fn a_neighbour_survives_and_a_deleted_file_comes_back() {
    let sandbox = rendered();
    sandbox.write("clusters/demo/ingress/notes.md", "mine\n");
    std::fs::remove_file(sandbox.repo().join(CONFIG_MAP)).expect("removable");
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains(&format!("created {CONFIG_MAP}")), "{run}");
    assert_eq!(sandbox.read("clusters/demo/ingress/notes.md"), "mine\n");
}

#[test]
fn what_the_intent_drops_is_emptied_or_deleted() {
    let sandbox = Sandbox::new();
    let proxy = "proxy:\n  http: {server: \"http://172.31.100.100\"}\n  https: {server: \"http://172.31.100.100\"}\n";
    let registry = "registries:\n  - name: corp\n    host: registry.corp.example\n    pullSecret:\n      name: pull\n      namespaces: [shop]\n      delivery: {type: ExternalSecret, externalSecret: {storeRef: {name: s}, key: k}}\n";
    sandbox.write(INTENT, intent(&format!("{PORT}{proxy}{registry}")));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    sandbox.write(INTENT, intent(""));
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 0, "{run}");
    // Partial objects lose our fields but stay, so that the cluster loses them too.
    let patches = sandbox.read("clusters/demo/platform/patches/nova-release-ingress-public-main.yaml");
    assert!(patches.ends_with("spec:\n  patches: []\n"), "{patches}");
    assert!(!sandbox.read(CONFIG_MAP).contains("5432"));
    // Flux never deletes the Proxy, so a person has to know.
    assert!(run.stderr.contains("warning[object-left-behind]"), "{run}");
    assert!(!sandbox.exists("clusters/demo/platform/proxy.yaml"));
    assert!(!sandbox.exists("clusters/demo/registries"));
    let again = sandbox.run(&["render"]);
    assert!(again.stdout.contains("0 created, 0 changed, 0 deleted"), "{again}");
}

/// Renders two intents one after the other; gives what the second run says.
fn after(first: &str, second: &str) -> (Sandbox, support::Run) {
    let release =
        |spec: &str| intent(spec).replace("  gitops:\n", "  gitops:\n    releaseSource: {name: nova-release}\n");
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, release(first));
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 0, "{run}");
    sandbox.write(INTENT, release(second));
    let run = sandbox.run(&["render"]);
    (sandbox, run)
}

const MODULE: &str = "modules:\n  - name: neuvector\n    state: Enabled\n    release: {path: ./neuvector/main}\n    neuvector: {scanner: {replicas: 3}}\n";

#[test]
fn an_enabled_module_is_not_handed_back() {
    let (_, run) = after(MODULE, &MODULE.replace("Enabled", "Existing"));
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[kustomization-handed-back]"), "{run}");
}

#[test]
fn removing_a_module_is_said() {
    let (sandbox, run) = after(MODULE, &MODULE.replace("Enabled", "Disabled"));
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("warning[module-pruned]"), "{run}");
    assert!(!sandbox.exists("clusters/demo/platform/modules"));
}

#[test]
fn removing_a_module_from_a_chart_is_said() {
    let module = "modules:\n  - name: velero\n    helm: {source: {url: \"https://charts.corp.example\", version: 1.0.0}}\n    velero: {bucket: backups}\n";
    let upstream = |spec: &str| intent(spec).replace("type: Nova", "type: Upstream");
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, upstream(module));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    assert!(sandbox.exists("clusters/demo/releases/velero/helm-release.yaml"));
    for change in ["    namespace: other\n    velero:", "    velero: {nodeAgent: true}\n#"] {
        sandbox.write(INTENT, upstream(&module.replace("    velero:", change)));
        let run = sandbox.run(&["check"]);
        let moved = run.stderr.contains("warning[module-pruned]: HelmRelease `velero` gets another namespace or chart");
        assert_eq!(moved, change.contains("namespace"), "{run}");
    }
    sandbox.write(INTENT, upstream(""));
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("warning[module-pruned]: Flux deletes HelmRelease `velero`"), "{run}");
    assert!(!sandbox.exists("clusters/demo/releases"));
}

#[test]
fn the_root_keeps_its_name() {
    let sandbox = rendered();
    sandbox.write(INTENT, intent(PORT).replace("name: cluster-intent", "name: other"));
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[root-renamed]"), "{run}");
    std::fs::remove_file(sandbox.repo().join("clusters/demo/flux/bootstrap.yaml")).expect("removable");
    assert_eq!(sandbox.run(&["render"]).code, 0);
}

#[test]
fn a_config_map_has_one_writer_after_its_owner_changed() {
    let patch = format!("ingress:\n  controllers:\n    - {{name: public, configMapOwnership: Patch}}\n{PORT}");
    let (sandbox, run) = after(PORT, &patch);
    assert_eq!(run.code, 0, "{run}");
    assert!(!sandbox.exists(CONFIG_MAP), "two Kustomizations would write it");
    assert!(
        sandbox
            .read("clusters/demo/platform/patches/nova-release-ingress-public-main.yaml")
            .contains("tcp-services-config")
    );
}

#[test]
fn links_are_never_written_through() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    std::fs::create_dir_all(sandbox.repo().join("../outside")).expect("writable");
    std::os::unix::fs::symlink("../../../outside", sandbox.repo().join("clusters/demo/platform")).expect("a link");
    let before = support::files(&sandbox.repo());
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[foreign-file]"), "{run}");
    assert!(support::files(&sandbox.repo().join("../outside")).is_empty());
    assert_eq!(support::files(&sandbox.repo()), before, "half a rendering was written");
}

#[test]
fn what_is_not_a_plain_file_is_never_replaced() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    sandbox.write("notes.md", "mine\n");
    std::os::unix::fs::symlink("../../notes.md", sandbox.repo().join("clusters/demo/HANDOVER.md")).expect("a link");
    std::fs::create_dir(sandbox.repo().join("clusters/demo/kustomization.yaml")).expect("writable");
    sandbox.write("clusters/demo/flux", "mine\n");
    let before = support::files(&sandbox.repo());
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.matches("error[foreign-file]").count() >= 4, "{run}");
    assert_eq!(support::files(&sandbox.repo()), before);
    assert!(sandbox.repo().join("clusters/demo/HANDOVER.md").is_symlink());
}

#[test]
fn an_intent_that_cannot_be_used_is_never_passed_over() {
    for prepare in [
        |repo: &std::path::Path| std::os::unix::fs::symlink("demo", repo.join("clusters/link")).expect("a link"),
        |repo: &std::path::Path| std::fs::create_dir_all(repo.join("clusters/dir/cluster.yaml")).expect("writable"),
        |repo: &std::path::Path| {
            std::fs::create_dir_all(repo.join("clusters/yml")).expect("writable");
            std::fs::write(repo.join("clusters/yml/cluster.yml"), "").expect("writable");
        },
        |repo: &std::path::Path| {
            std::fs::create_dir_all(repo.join("clusters/aux")).expect("writable");
            std::fs::write(repo.join("clusters/aux/cluster.yaml"), "").expect("writable");
        },
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(INTENT, intent(PORT));
        prepare(&sandbox.repo());
        let run = sandbox.run(&["check"]);
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains("cannot read"), "{run}");
    }
}

#[test]
fn an_inventory_never_makes_us_delete_the_intent() {
    let sandbox = rendered();
    let digest = fluxwright::layout::inventory::digest(&fluxwright::tree::Blob::from(sandbox.read(INTENT)));
    let path = "clusters/demo/fluxwright.inventory";
    sandbox.write(path, sandbox.read(path) + &format!("{digest}  cluster.yaml\n"));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    assert!(sandbox.exists(INTENT));
}

#[test]
fn a_run_that_died_is_completed_even_when_the_intent_has_changed() {
    let sandbox = rendered();
    let inventory = "clusters/demo/fluxwright.inventory";
    let (old, old_map) = (sandbox.read(inventory), sandbox.read(CONFIG_MAP));
    sandbox.write(INTENT, intent(&PORT.replace("5432", "5433")));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    // As the disk stands after a death between two files: both inventories, one new file, one old one.
    sandbox.write(inventory, old + &sandbox.read(inventory));
    sandbox.write("clusters/demo/ingress/tcp-udp-services.yaml", old_map);
    sandbox.write(INTENT, intent(&PORT.replace("5432", "5434")));
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(sandbox.read(CONFIG_MAP).contains("5434"));
}

#[test]
fn the_inventory_is_understood_by_sha256sum() {
    let sandbox = rendered();
    let status = std::process::Command::new("sha256sum")
        .args(["--check", "--status", "--strict", "fluxwright.inventory"])
        .current_dir(sandbox.repo().join("clusters/demo"))
        .status()
        .expect("sha256sum starts");
    assert!(status.success());
}

#[test]
fn a_plain_secret_is_refused_and_its_value_is_not_shown() {
    let sandbox = Sandbox::new();
    let spec = "registries:\n  - name: corp\n    host: registry.corp.example\n    pullSecret: {name: pull, namespaces: [shop], delivery: {type: SOPS}}\n";
    let text = intent(spec).replace("  gitops:\n", "  gitops:\n    decryption: {secretRef: {name: sops-age}}\n");
    sandbox.write(INTENT, &text);
    let missing = sandbox.run(&["check"]);
    assert_eq!(missing.code, 0, "{missing}");
    assert!(missing.stderr.contains("warning[sops-file-missing]"), "{missing}");
    let file = "clusters/demo/registries/pull.shop.sops.yaml";
    let plain = "apiVersion: v1\nkind: Secret\nmetadata: {name: pull, namespace: shop}\ntype: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: '{\"auths\":{\"x\":{\"auth\":\"aHVudGVyMg==\"}}}'\n";
    sandbox.write(file, plain);
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error[plaintext-secret]"), "{run}");
    assert!(!run.to_string().contains("aHVudGVyMg"), "{run}");
    let sealed = "apiVersion: v1\nkind: Secret\nmetadata: {name: pull, namespace: shop}\ntype: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: ENC[AES256_GCM,data:abc,type:str]\nsops: {version: 3.9.0}\n";
    sandbox.write(file, sealed);
    assert_eq!(sandbox.run(&["render"]).code, 0);
    assert!(sandbox.read("clusters/demo/registries/kustomization.yaml").contains("- pull.shop.sops.yaml"));
    assert!(sandbox.read("clusters/demo/flux/kustomizations.yaml").contains("provider: sops"));
    assert_eq!(sandbox.read(file), sealed);
}

#[test]
fn check_reports_what_was_changed_by_hand() {
    let sandbox = rendered();
    assert_eq!(sandbox.run(&["check"]).code, 0);
    let file = "clusters/demo/flux/bootstrap.yaml";
    sandbox.write(file, sandbox.read(file) + "# by hand\n");
    let run = sandbox.run(&["check", "-q", "-o", "github"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.starts_with(&format!("::error file={file},title=hand-edited-file::")), "{run}");
}

#[test]
fn a_tree_without_intent_is_an_error() {
    let sandbox = rendered();
    sandbox.write("clusters/other/cluster.yaml", intent("").replace("name: demo", "name: other"));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    std::fs::remove_file(sandbox.repo().join("clusters/demo/cluster.yaml")).expect("removable");
    for command in ["check", "diff", "render"] {
        let run = sandbox.run(&[command]);
        assert_eq!(run.code, 1, "{run}");
        assert!(run.stderr.contains("error[intent-missing]: the cluster `demo` has a rendered tree"), "{run}");
    }
    assert_eq!(sandbox.run(&["check", "other"]).code, 0);
    for format in ["json", "sarif", "markdown", "github"] {
        let run = sandbox.run(&["check", "-q", "-o", format]);
        assert!(run.stdout.contains("intent-missing"), "{format}: {run}");
    }
    std::fs::remove_dir_all(sandbox.repo().join("clusters/demo")).expect("removable");
    assert_eq!(sandbox.run(&["check"]).code, 0);
}

#[test]
fn a_removed_cluster_is_a_difference_to_a_revision() {
    let sandbox = Sandbox::with_git();
    for name in ["demo", "other"] {
        let text = intent("").replace("name: demo", &format!("name: {name}"));
        sandbox.write(&format!("clusters/{name}/cluster.yaml"), text);
    }
    assert_eq!(sandbox.run(&["render"]).code, 0);
    sandbox.git(&["add", "--all"]);
    sandbox.git(&["commit", "--quiet", "--message", "two clusters"]);
    assert_eq!(sandbox.run(&["diff", "--against", "HEAD"]).code, 0);
    sandbox.git(&["rm", "-r", "--quiet", "clusters/demo"]);
    for (format, needle) in [
        ("text", "cluster demo: removed, compared with HEAD: objects: 2 removed"),
        ("markdown", "### Cluster `demo`: removed"),
        ("json", "\"name\": \"demo\""),
        ("html", "cluster-removed"),
        ("name-only", "clusters/demo/cluster.yaml"),
    ] {
        let run = sandbox.run(&["diff", "--against", "HEAD", "-o", format]);
        assert_eq!(run.code, 1, "{run}");
        assert!(run.stdout.contains(needle) && run.stderr.contains("warning[cluster-removed]"), "{format}: {run}");
    }
    assert_eq!(sandbox.run(&["diff", "--against", "HEAD", "other"]).code, 0);
}
