//! The hooks of git that `fluxwright commit` runs: in the order, with the index and in the place that git gives them.
#![cfg(unix)]

mod support;

use std::os::unix::fs::PermissionsExt;

use support::{INTENT, PORT, Sandbox, intent};

/// A repository with one commit, whose next rendering adds files.
fn repository() -> Sandbox {
    let sandbox = Sandbox::with_git();
    sandbox.write("other.txt", "old\n");
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "--quiet", "-m", "start"]);
    sandbox.write(INTENT, intent(PORT));
    sandbox
}

fn hook(sandbox: &Sandbox, name: &str, script: &str) {
    hook_in(sandbox, ".git/hooks", name, &format!("#!/bin/sh\n{script}\n"));
}

fn hook_in(sandbox: &Sandbox, dir: &str, name: &str, script: &str) {
    let path = format!("{dir}/{name}");
    sandbox.write(&path, script);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(sandbox.repo().join(path), executable).expect("permissions");
}

/// Everything that a refused commit leaves alone: files, index, branch.
fn state(sandbox: &Sandbox) -> (Vec<(String, Vec<u8>)>, String, String) {
    let mut files = support::files(&sandbox.repo());
    files.retain(|(path, _)| !path.ends_with("said.txt"));
    (files, sandbox.git(&["ls-files", "--stage"]), sandbox.git(&["rev-parse", "HEAD"]))
}

#[test]
fn they_run_in_the_order_of_git_at_the_root_of_the_work_tree() {
    let sandbox = repository();
    sandbox.write("infra/x.txt", "x\n");
    for name in ["pre-commit", "prepare-commit-msg", "commit-msg", "post-index-change", "post-commit"] {
        let line = format!("echo \"{name} $# ${{2:-}} $(pwd -P) $GIT_EDITOR\" >> ../said.txt");
        hook(&sandbox, name, &line);
    }
    hook(&sandbox, "reference-transaction", "echo \"reference $1 $(cut -d' ' -f3 | tail -n 1)\" >> ../said.txt");
    let said = || std::fs::read_to_string(sandbox.repo().join("../said.txt")).unwrap_or_default();
    sandbox.write(".gitignore", "infra\n");
    let run = sandbox.run_with(&["commit", "-m", "m", "--repo", "."], &[("GIT_DIR", "/nonexistent")]);
    assert_eq!(run.code, 0, "{run}");
    let root = sandbox.repo().canonicalize().expect("there").display().to_string();
    let ours = said().replace(&root, "ROOT");
    insta::assert_snapshot!(ours, @r"
    pre-commit 0  ROOT :
    prepare-commit-msg 2 message ROOT :
    commit-msg 1  ROOT :
    reference prepared refs/heads/main
    reference committed refs/heads/main
    post-index-change 2 0 ROOT :
    post-commit 0  ROOT :
    ");

    // Git itself tells of the same things; of the index it speaks also while it writes the one of the hooks.
    std::fs::remove_file(sandbox.repo().join("../said.txt")).expect("removable");
    sandbox.write("other.txt", "new\n");
    sandbox.git(&["commit", "--quiet", "-m", "m", "--only", "other.txt"]);
    let order = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with("post-index-change"));
        lines.map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(order(&said()), order(&ours));
}

#[test]
fn pre_commit_sees_exactly_what_is_about_to_be_committed() {
    let sandbox = repository();
    sandbox.write("other.txt", "staged\n");
    sandbox.git(&["add", "other.txt"]);
    hook(
        &sandbox,
        "pre-commit",
        "git diff --cached --name-only > ../said.txt; git diff --name-only >> ../said.txt; git write-tree > ../tree.txt",
    );
    let run = sandbox.run(&["commit", "-m", "m"]);
    assert_eq!(run.code, 0, "{run}");
    let read = |name: &str| std::fs::read_to_string(sandbox.repo().join("..").join(name)).expect("written");
    let committed = sandbox.git(&["show", "--name-only", "--format=", "HEAD"]);
    assert_eq!(read("said.txt"), format!("{committed}other.txt\n"));
    assert_eq!(read("tree.txt"), sandbox.git(&["rev-parse", "HEAD^{tree}"]));
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "M  other.txt\n");
    let left: Vec<_> = std::fs::read_dir(sandbox.repo().join(".git"))
        .expect("there")
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".lock") && name.contains("index"))
        .collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn a_hook_that_fails_leaves_everything_as_it_was() {
    for (name, verifying) in
        [("pre-commit", true), ("prepare-commit-msg", false), ("commit-msg", true), ("reference-transaction", false)]
    {
        let sandbox = repository();
        sandbox.write(INTENT, intent(""));
        assert_eq!(sandbox.run(&["commit"]).code, 0);
        sandbox.write(INTENT, intent(PORT));
        sandbox.write("other.txt", "staged\n");
        sandbox.git(&["add", "other.txt"]);
        hook(&sandbox, name, "echo 'no tickets, no commits'; test \"$1\" = aborted");
        let before = state(&sandbox);
        let run = sandbox.run(&["commit"]);
        assert_eq!(run.code, 2, "{name}: {run}");
        assert!(run.stderr.contains("no tickets, no commits"), "{name}: {run}");
        assert!(run.stderr.contains(&format!("the hook `{name}` failed (exit status: 1)")), "{run}");
        assert_eq!(run.stderr.contains("--no-verify"), verifying, "{name}: {run}");
        assert_eq!(run.stdout, "", "{name}");
        assert!(state(&sandbox) == before, "{name}: something changed");
        assert!(!sandbox.exists(".git/index.lock"), "{name}");
        sandbox.git(&["fsck", "--strict"]);
        let run = sandbox.run(&["commit", "--no-verify"]);
        assert_eq!(run.code, if verifying { 0 } else { 2 }, "{name}: {run}");
    }
}

#[test]
fn hooks_write_the_message() {
    let sandbox = repository();
    hook(
        &sandbox,
        "prepare-commit-msg",
        "printf '\\n\\nfrom prepare  \\n\\n\\n' | cat - \"$1\" > ../m && cat ../m > \"$1\"",
    );
    hook(&sandbox, "commit-msg", "grep -q prepare \"$1\" && printf 'Change-Id: 7\\n' >> \"$1\"");
    let run = sandbox.run(&["commit", "-m", "subject", "--trailer", "Reviewed-by: me"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("] from prepare\n"), "{run}");
    assert_eq!(
        sandbox.git(&["log", "-1", "--format=%B"]),
        "from prepare\n\nsubject\n\nReviewed-by: me\nChange-Id: 7\n\n"
    );
    hook(&sandbox, "commit-msg", ": > \"$1\"");
    sandbox.write(INTENT, intent(""));
    let run = sandbox.run(&["commit"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("message is empty"), "{run}");
}

#[test]
fn what_a_hook_changes_is_no_longer_the_rendering() {
    let file = "clusters/demo/ingress/tcp-udp-services.yaml";
    for (script, path) in [
        (format!("echo '# formatted' >> {file}"), file),
        (format!("echo '# formatted' >> {file}; git add {file}"), file),
        (format!("git rm --quiet --cached {file}"), file),
        ("echo log > log.txt; git add log.txt".to_owned(), "log.txt"),
        (format!("echo '# formatted' >> {INTENT}"), INTENT),
    ] {
        let sandbox = repository();
        hook(&sandbox, "pre-commit", &script);
        let head = sandbox.git(&["rev-parse", "HEAD"]);
        let run = sandbox.run(&["commit"]);
        assert_eq!(run.code, 2, "{script}: {run}");
        assert!(run.stderr.contains(&format!("changed what was about to be committed: `{path}`")), "{run}");
        assert_eq!(sandbox.git(&["rev-parse", "HEAD"]), head);
        assert_eq!(sandbox.git(&["ls-files"]), "other.txt\n");
        assert!(!sandbox.exists("clusters/demo/flux"), "{script}: the rendering is taken back");
        assert!(sandbox.exists(INTENT), "{script}");
    }
    // A hook that puts an intent into shape is content with it the second time.
    let sandbox = repository();
    hook(&sandbox, "pre-commit", &format!("grep -q '# formatted' {INTENT} || echo '# formatted' >> {INTENT}"));
    assert_eq!(sandbox.run(&["commit"]).code, 2);
    let run = sandbox.run(&["commit"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_hook_may_run_fluxwright() {
    let sandbox = repository();
    let program = env!("CARGO_BIN_EXE_fluxwright");
    hook(&sandbox, "pre-commit", &format!("echo \"$FLUXWRIGHT_LOCK_HELD\" > ../said.txt; exec '{program}' check"));
    assert_eq!(sandbox.run(&["commit"]).code, 0);
    let held = std::fs::read_to_string(sandbox.repo().join("../said.txt")).expect("written");
    assert!(std::path::Path::new(held.trim()).is_absolute(), "{held}");
    // Files that the commit adds are known to the index of the hook, and to no other one.
    hook(&sandbox, "pre-commit", &format!("exec '{program}' render --exit-code"));
    let registry = "registries:\n  - name: corp\n    host: registry.corp.example\n    pullSecret:\n      name: pull\n      namespaces: [shop]\n      delivery: {type: ExternalSecret, externalSecret: {storeRef: {name: s}, key: k}}\n";
    sandbox.write(INTENT, intent(registry));
    let run = sandbox.run(&["commit"]);
    assert_eq!(run.code, 0, "{run}");
    sandbox.git(&["rm", "-r", "--quiet", "--cached", "clusters/demo/flux"]);
    sandbox.git(&["commit", "--quiet", "--no-verify", "-m", "half of it"]);
    let half = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.git(&["add", "clusters"]);
    sandbox.git(&["commit", "--quiet", "-m", "the other half, by git"]);
    assert_eq!(sandbox.git(&["rev-parse", "HEAD~1"]), half);
    sandbox.git(&["commit", "--quiet", "--allow-empty", "--only", "-m", "nothing"]);
}

#[test]
fn they_are_found_where_git_finds_them() {
    let sandbox = repository();
    sandbox.git(&["config", "core.hooksPath", "tools/hooks"]);
    hook(&sandbox, "pre-commit", "exit 1");
    hook_in(&sandbox, "tools/hooks", "post-commit", "echo 'no shebang' > ../said.txt\nexit 3\n");
    hook_in(&sandbox, "tools/hooks", "commit-msg", "#!/nonexistent/shell\n");
    sandbox.write("tools/hooks/pre-commit", "exit 1\n");
    let run = sandbox.run(&["commit"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("the hook `commit-msg` cannot be started"), "{run}");
    std::fs::remove_file(sandbox.repo().join("tools/hooks/commit-msg")).expect("removable");
    let run = sandbox.run(&["commit"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("note: the hook `pre-commit` is not run, because it is not executable"), "{run}");
    assert!(run.stderr.contains("note: the hook `post-commit` failed (exit status: 3)"), "{run}");
    assert_eq!(std::fs::read_to_string(sandbox.repo().join("../said.txt")).expect("written"), "no shebang\n");
}

#[test]
fn a_branch_that_is_not_checked_out_has_no_hooks_of_the_work_tree() {
    let sandbox = repository();
    hook(&sandbox, "pre-commit", "exit 1");
    hook(&sandbox, "post-commit", "touch ../post");
    hook(&sandbox, "commit-msg", "git ls-files > ../said.txt; printf '\\nChange-Id: 7\\n' >> \"$1\"");
    let run = sandbox.run(&["commit", "--branch", "render/demo", "-m", "m"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("note: the hook `pre-commit` is not run: the branch is not checked out"), "{run}");
    assert!(!sandbox.repo().join("../post").exists());
    assert_eq!(sandbox.git(&["log", "-1", "--format=%b", "render/demo"]), "Change-Id: 7\n\n");
    let listed = std::fs::read_to_string(sandbox.repo().join("../said.txt")).expect("written");
    assert_eq!(listed, sandbox.git(&["ls-tree", "-r", "--name-only", "render/demo"]));
}

#[test]
fn without_hooks_no_program_is_started() {
    let sandbox = repository();
    let run = sandbox.run_with(&["commit"], &[("PATH", "/nonexistent")]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_signal_waits_until_the_commit_is_made_or_taken_back() {
    let sandbox = repository();
    let before = state(&sandbox);
    hook(&sandbox, "pre-commit", "for name in INT TERM HUP; do kill -$name $PPID; done; exit 1");
    let run = sandbox.run(&["commit"]);
    assert!(run.code == 2 && run.stderr.contains("the hook `pre-commit` failed"), "{run}");
    assert!(state(&sandbox) == before && !sandbox.exists(".git/index.lock"), "{run}");
    hook(&sandbox, "pre-commit", "kill -INT $PPID");
    let run = sandbox.run(&["commit"]);
    assert!(run.code == 0 && run.stdout.contains("[main "), "{run}");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
}

#[test]
fn nothing_is_left_of_a_run_that_is_killed_in_a_hook() {
    let sandbox = repository();
    hook(&sandbox, "pre-commit", "kill -KILL $PPID");
    assert_ne!(sandbox.run(&["commit"]).code, 0);
    let left = || {
        let names = std::fs::read_dir(sandbox.repo().join(".git")).expect("readable");
        let names = names.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned());
        names.filter(|name| name.contains("next-index") || name.ends_with("index.lock")).count()
    };
    assert_eq!(left(), 2);
    hook(&sandbox, "pre-commit", "exit 0");
    let run = sandbox.run(&["commit"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(left(), 0);
}
