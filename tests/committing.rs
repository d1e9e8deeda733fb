//! `fluxwright commit`: one commit of our paths, read back by the real git.

mod support;

use support::{INTENT, PORT, Sandbox, intent};

fn repository() -> Sandbox {
    let sandbox = Sandbox::with_git();
    for name in ["staged", "unstaged", "both"] {
        sandbox.write(&format!("{name}.txt"), "old\n");
    }
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "--quiet", "-m", "start"]);
    sandbox
}

#[test]
fn only_our_paths_are_committed() {
    let sandbox = repository();
    sandbox.write("staged.txt", "new\n");
    sandbox.write("both.txt", "staged\n");
    sandbox.git(&["add", "staged.txt", "both.txt"]);
    sandbox.write("both.txt", "staged, then changed\n");
    sandbox.write("unstaged.txt", "new\n");
    sandbox.write("untracked.txt", "new\n");
    let before = sandbox.git(&["status", "--porcelain"]);
    sandbox.write(INTENT, intent(PORT));
    let run = sandbox.run(&["commit", "-m", "expose PostgreSQL"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("] expose PostgreSQL"), "{run}");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), before);
    assert_eq!(
        sandbox.git(&["log", "-1", "--format=%an <%ae>%n%s"]),
        "Test Author <author@corp.example>\nexpose PostgreSQL\n"
    );
    let paths = sandbox.git(&["show", "--name-only", "--format=", "HEAD"]);
    assert!(paths.lines().all(|path| path.starts_with("clusters/demo/")), "{paths}");
    assert!(paths.lines().any(|path| path == INTENT), "{paths}");
    sandbox.git(&["fsck", "--strict"]);
    assert_eq!(sandbox.git(&["diff", "--cached", "--name-only"]), "both.txt\nstaged.txt\n");
}

#[test]
fn a_clean_repository_stays_clean_and_nothing_makes_no_commit() {
    let sandbox = repository();
    sandbox.write(INTENT, intent(PORT));
    assert_eq!(sandbox.run(&["commit"]).code, 0);
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    let run = sandbox.run(&["commit"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("nothing to commit"), "{run}");
    assert_eq!(sandbox.git(&["rev-parse", "HEAD"]), head);
}

#[test]
fn the_summary_lists_objects() {
    let sandbox = repository();
    sandbox.write(INTENT, intent(""));
    assert_eq!(sandbox.run(&["commit"]).code, 0);
    sandbox.write(INTENT, intent(PORT));
    assert_eq!(sandbox.run(&["commit"]).code, 0);
    insta::assert_snapshot!(sandbox.git(&["log", "-1", "--format=%B"]), @"
    demo: 4 added

    demo
    + kustomize.toolkit.fluxcd.io/v1 Kustomization nova-gitops/cluster-intent-ingress
    + kustomize.toolkit.fluxcd.io/v1 Kustomization nova-gitops/cluster-intent-platform
    + kustomize.toolkit.fluxcd.io/v1 Kustomization nova-gitops/nova-release-ingress-public-main
    + v1 ConfigMap nova-ingress-public/nova-ingress-public-tcp-services-config
    ");
    assert!(sandbox.git(&["show", "--name-status", "--format=", "HEAD"]).contains("M\tclusters/demo/cluster.yaml"));
}

#[test]
fn deletions_are_committed_even_when_rendered_before() {
    let sandbox = repository();
    let registry = "registries:\n  - name: corp\n    host: registry.corp.example\n    pullSecret:\n      name: pull\n      namespaces: [shop]\n      delivery: {type: ExternalSecret, externalSecret: {storeRef: {name: s}, key: k}}\n";
    sandbox.write(INTENT, intent(registry));
    assert_eq!(sandbox.run(&["commit"]).code, 0);
    sandbox.write(INTENT, intent(""));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    let run = sandbox.run(&["commit"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    assert_eq!(sandbox.git(&["ls-files", "clusters/demo/registries"]), "");
}

#[test]
fn each_obstacle_has_a_clear_answer_and_changes_nothing() {
    let obstacle = |prepare: &dyn Fn(&Sandbox), needle: &str| {
        let sandbox = repository();
        sandbox.write(INTENT, intent(PORT));
        prepare(&sandbox);
        let head = sandbox.git(&["rev-parse", "HEAD"]);
        let before = support::files(&sandbox.repo());
        let run = sandbox.run(&["commit"]);
        assert_ne!(run.code, 0, "{needle}: {run}");
        assert!(run.stderr.contains(needle), "{needle}: {run}");
        assert_eq!(sandbox.git(&["rev-parse", "HEAD"]), head, "{needle}");
        assert_eq!(support::files(&sandbox.repo()), before, "{needle}");
    };
    obstacle(&|s| drop(s.git(&["checkout", "--quiet", "--detach"])), "detached");
    obstacle(
        &|s| {
            s.git(&["config", "--unset", "user.name"]);
            s.git(&["config", "--unset", "user.email"]);
        },
        "git config user.name",
    );
    obstacle(
        &|s| {
            let head = s.git(&["rev-parse", "HEAD"]);
            s.write(".git/MERGE_HEAD", head);
        },
        "merge",
    );
    obstacle(
        &|s| {
            s.write("clusters/demo/kustomization.yaml", "mine: true\n");
        },
        "foreign-file",
    );
    obstacle(
        &|s| {
            s.git(&["config", "commit.gpgsign", "true"]);
            s.git(&["config", "gpg.program", "/nonexistent/gpg"]);
        },
        "could not sign",
    );
    obstacle(&|s| s.write(INTENT, intent("exposedPorts: 5\n")), "wrong-type");
}

#[test]
fn a_dirty_generated_file_is_not_committed() {
    let sandbox = repository();
    sandbox.write(INTENT, intent(PORT));
    assert_eq!(sandbox.run(&["commit"]).code, 0);
    let path = "clusters/demo/ingress/tcp-udp-services.yaml";
    let edited = sandbox.read(path) + "# mine\n";
    sandbox.write(path, &edited);
    let run = sandbox.run(&["commit"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("hand-edited-file"), "{run}");
    assert_eq!(sandbox.read(path), edited);
}

#[test]
fn the_intent_is_part_of_the_commit_or_there_is_none() {
    let sandbox = repository();
    sandbox.write("infra/keep.txt", "x\n");
    sandbox.write("infra/demo.yaml", "not ours\n");
    sandbox.write("demo.yaml", intent(PORT));
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    let run = sandbox.run(&["commit", "--repo", "infra", "-f", "demo.yaml"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("outside the repository"), "{run}");
    assert_eq!(sandbox.git(&["rev-parse", "HEAD"]), head);
    let empty = sandbox.run(&["commit", "-m", " "]);
    assert_eq!(empty.code, 2, "{empty}");
}

#[test]
fn a_checkout_with_crlf_is_neither_a_change_nor_a_commit() {
    let sandbox = repository();
    sandbox.write(INTENT, intent(PORT));
    assert_eq!(sandbox.run(&["commit"]).code, 0);
    sandbox.git(&["config", "core.autocrlf", "true"]);
    sandbox.git(&["rm", "-r", "--quiet", "--cached", "clusters"]);
    std::fs::remove_dir_all(sandbox.repo().join("clusters")).expect("removable");
    sandbox.git(&["reset", "--quiet", "--hard"]);
    assert!(sandbox.read(INTENT).contains("\r\n"));
    assert_eq!(sandbox.run(&["diff"]).code, 0);
    let run = sandbox.run(&["commit"]);
    assert!(run.stdout.contains("nothing to commit"), "{run}");
}

#[test]
fn a_bare_repository_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.git(&["init", "--quiet", "--bare", "."]);
    let run = sandbox.run(&["commit"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("bare"), "{run}");
}

#[test]
fn a_directory_below_the_work_tree_can_be_the_cluster_repository() {
    let sandbox = repository();
    sandbox.write(&format!("infra/{INTENT}"), intent(PORT));
    let run = sandbox.run(&["commit", "--repo", "infra"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    assert!(sandbox.git(&["ls-files"]).contains("infra/clusters/demo/flux/bootstrap.yaml"));
    assert_eq!(sandbox.run(&["diff", "--repo", "infra", "--against", "HEAD"]).code, 0);
}

#[test]
fn diff_against_a_revision() {
    let sandbox = repository();
    sandbox.write(INTENT, intent(""));
    assert_eq!(sandbox.run(&["commit"]).code, 0);
    sandbox.write(INTENT, intent(PORT));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    assert_eq!(sandbox.run(&["diff"]).code, 0);
    let run = sandbox.run(&["diff", "--against", "HEAD", "-o", "name-only"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("clusters/demo/ingress/tcp-udp-services.yaml"), "{run}");
    let bad = sandbox.run(&["diff", "--against", "nowhere"]);
    assert_eq!(bad.code, 2, "{bad}");
    assert!(bad.stderr.contains("nowhere"), "{bad}");
}
