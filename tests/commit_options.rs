//! `fluxwright commit` with other branches, signatures, trailers and pushes, read back by the real git.

mod support;

use std::process::Command;

use support::{INTENT, PORT, Run, Sandbox, intent};

/// A repository whose `main` holds the rendering of an intent without ports; the work tree wants one.
fn repository() -> Sandbox {
    let sandbox = Sandbox::with_git();
    sandbox.write("other.txt", "old\n");
    sandbox.write(INTENT, intent(""));
    sandbox.git(&["add", "."]);
    assert_eq!(sandbox.run(&["commit", "-m", "start"]).code, 0);
    sandbox.git(&["commit", "--quiet", "--allow-empty", "-m", "other"]);
    sandbox.write(INTENT, intent(PORT));
    sandbox
}

type Files = Vec<(String, Vec<u8>)>;

/// Work tree, index and HEAD.
fn checkout(sandbox: &Sandbox) -> (Files, Vec<u8>, String) {
    let index = std::fs::read(sandbox.repo().join(".git/index")).expect("an index");
    (support::files(&sandbox.repo()), index, sandbox.read(".git/HEAD"))
}

#[track_caller]
fn refused(sandbox: &Sandbox, args: &[&str], needles: &[&str]) -> Run {
    let refs = sandbox.git(&["for-each-ref"]);
    let before = checkout(sandbox);
    let run = sandbox.run(args);
    assert_ne!(run.code, 0, "{args:?}: {run}");
    for needle in needles {
        assert!(run.stderr.contains(needle), "{args:?}: no {needle}: {run}");
    }
    assert_eq!(sandbox.git(&["for-each-ref"]), refs, "{args:?}");
    assert!(checkout(sandbox) == before, "{args:?}: the checkout changed");
    run
}

const SERVICES: &str = "clusters/demo/ingress/tcp-udp-services.yaml";

// ---- branches ----

#[test]
fn a_branch_is_made_without_touching_the_checkout() {
    let sandbox = repository();
    sandbox.write("other.txt", "staged\n");
    sandbox.git(&["add", "other.txt"]);
    let before = checkout(&sandbox);
    let run = sandbox.run(&["commit", "--branch", "render/demo", "-m", "expose PostgreSQL"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.starts_with("[render/demo "), "{run}");
    assert!(run.stderr.contains("git push --set-upstream origin render/demo"), "{run}");
    assert!(checkout(&sandbox) == before, "the checkout changed");
    assert_eq!(sandbox.git(&["rev-parse", "render/demo~1"]), sandbox.git(&["rev-parse", "main"]));
    let changed = sandbox.git(&["show", "--name-only", "--format=", "render/demo"]);
    assert!(changed.lines().any(|path| path == SERVICES) && changed.lines().any(|path| path == INTENT), "{changed}");
    assert!(changed.lines().all(|path| path.starts_with("clusters/demo/")), "{changed}");
    assert_eq!(sandbox.git(&["reflog", "--format=%gs", "render/demo"]), "commit: expose PostgreSQL\n");
    sandbox.git(&["fsck", "--strict"]);

    // Again: it holds the rendering already. Then another change on top, without what main has.
    let run = sandbox.run(&["commit", "--branch", "render/demo"]);
    assert!(run.stdout.contains("nothing to commit: the branch `render/demo` holds"), "{run}");
    sandbox.write(INTENT, intent(""));
    let run = sandbox.run(&["commit", "--branch", "render/demo"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(sandbox.git(&["log", "-1", "--format=%s", "render/demo"]), "demo: 3 changed\n");
    assert_eq!(sandbox.git(&["rev-list", "--count", "main..render/demo"]), "2\n");
    assert_eq!(sandbox.git(&["for-each-ref", "--format=%(refname)"]).lines().count(), 2);
}

#[test]
fn nothing_to_commit_makes_no_branch() {
    let sandbox = repository();
    sandbox.write(INTENT, intent(""));
    let run = sandbox.run(&["commit", "--branch", "new", "--push"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(
        run.stdout.contains("nothing to commit: `HEAD` holds this rendering already; no branch `new` is made"),
        "{run}"
    );
    assert_eq!(sandbox.git(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main\n");
}

#[test]
fn another_name_of_a_branch_is_none() {
    let sandbox = repository();
    sandbox.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    refused(&sandbox, &["commit", "--branch", "alias"], &["`alias` is another name of `main`", "`--branch main`"]);
    sandbox.git(&["symbolic-ref", "HEAD", "refs/heads/alias"]);
    let run = sandbox.run(&["commit", "--branch", "main"]);
    assert!(run.code == 0 && run.stdout.contains("[main "), "{run}");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    assert_eq!(sandbox.git(&["symbolic-ref", "refs/heads/alias"]), "refs/heads/main\n");
}

#[test]
fn a_name_that_cannot_be_beside_another_is_refused() {
    let sandbox = repository();
    sandbox.git(&["branch", "render/one/two"]);
    for (branch, other) in
        [("main/x", "main"), ("main/x/y", "main"), ("render/one", "render/one/two"), ("render", "render/one/two")]
    {
        refused(
            &sandbox,
            &["commit", "--branch", branch],
            &[&format!("beside the branch `{other}`"), "choose another name"],
        );
    }
    sandbox.git(&["pack-refs", "--all"]);
    refused(&sandbox, &["commit", "--branch", "main/x"], &["beside the branch `main`"]);
}

#[test]
fn a_lock_of_a_branch_is_named() {
    let sandbox = repository();
    for lock in [".git/refs/heads/main.lock", ".git/HEAD.lock"] {
        sandbox.write(lock, "");
        refused(&sandbox, &["commit"], &["the branch `main` is locked by", "wait for the other git process"]);
        std::fs::remove_file(sandbox.repo().join(lock)).expect("removable");
    }
    assert_eq!(sandbox.run(&["commit"]).code, 0);
}

#[test]
fn the_hint_names_the_remote_that_is_there() {
    let sandbox = repository();
    sandbox.git(&["remote", "add", "corp", "https://git.corp.example/clusters.git"]);
    let run = sandbox.run(&["commit", "--branch", "render/demo"]);
    assert!(run.stderr.contains("git push --set-upstream corp render/demo"), "{run}");
}

#[test]
fn ownership_is_judged_by_the_branch() {
    let sandbox = repository();
    assert_eq!(sandbox.run(&["commit", "--branch", "render"]).code, 0);
    // By hand in the work tree: no matter. By hand on the branch: refused.
    sandbox.write("clusters/demo/flux/bootstrap.yaml", "broken\n");
    let run = sandbox.run(&["commit", "--branch", "render"]);
    assert_eq!(run.code, 0, "{run}");
    sandbox.git(&["worktree", "add", "--quiet", "../linked", "render"]);
    let linked = sandbox.repo().join("../linked");
    std::fs::write(linked.join(SERVICES), "by: hand\n").expect("writable");
    let there = |args: &[&str]| sandbox.git(&[&["-C", "../linked"], args].concat());
    there(&["commit", "--quiet", "-am", "by hand"]);
    refused(
        &sandbox,
        &["commit", "--branch", "render"],
        &["the branch `render` is checked out in the work tree", "linked"],
    );
    there(&["checkout", "--quiet", "--detach"]);
    refused(&sandbox, &["commit", "--branch", "render"], &["hand-edited-file", SERVICES]);
    // A file of others in the place of ours.
    there(&["checkout", "--quiet", "-B", "foreign", "main"]);
    std::fs::create_dir_all(linked.join("clusters/demo/ingress")).expect("writable");
    std::fs::write(linked.join(SERVICES), "mine: true\n").expect("writable");
    there(&["add", "."]);
    there(&["commit", "--quiet", "-m", "foreign"]);
    there(&["checkout", "--quiet", "--detach"]);
    refused(&sandbox, &["commit", "--branch", "foreign"], &["foreign-file", SERVICES]);
}

#[test]
fn the_current_branch_is_a_plain_commit() {
    let sandbox = repository();
    let run = sandbox.run(&["commit", "--branch", "main"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    assert!(sandbox.exists(SERVICES));
}

#[test]
fn a_detached_head_and_an_unborn_one_have_branches_too() {
    let sandbox = repository();
    sandbox.git(&["checkout", "--quiet", "--detach"]);
    assert_eq!(sandbox.run(&["commit", "--branch", "ci/render"]).code, 0);
    assert_eq!(sandbox.git(&["rev-parse", "ci/render~1"]), sandbox.git(&["rev-parse", "HEAD"]));
    // `a` is a file among the references: nothing can lie below it.
    refused(&sandbox, &["commit", "--branch", "ci/render/demo"], &["ci/render"]);

    let sandbox = Sandbox::with_git();
    sandbox.write(INTENT, intent(PORT));
    assert_eq!(sandbox.run(&["commit", "--branch", "first"]).code, 0);
    assert_eq!(sandbox.git(&["rev-list", "--count", "first"]), "1\n");
    assert!(!sandbox.exists(SERVICES));
}

#[test]
fn names_that_git_refuses_are_refused() {
    let sandbox = repository();
    for name in ["", "-x", "a b", "a..b", "a~1", "a.lock", "/a", "a/", "HEAD", "refs/heads/a", "a@{1}", "@"] {
        let argument = format!("--branch={name}");
        refused(&sandbox, &["commit", &argument], &["is not a name that git takes for a branch", "hint"]);
    }
}

#[test]
fn a_branch_that_is_being_rebased_is_checked_out() {
    let sandbox = repository();
    assert_eq!(sandbox.run(&["commit", "--branch", "render"]).code, 0);
    sandbox.git(&["worktree", "add", "--quiet", "../linked", "render"]);
    let linked = sandbox.repo().join("../linked");
    std::fs::write(linked.join("other.txt"), "render\n").expect("writable");
    sandbox.git(&["-C", "../linked", "commit", "--quiet", "-am", "one"]);
    sandbox.git(&["-C", "../linked", "-c", "sequence.editor=sed -i s/pick/edit/", "rebase", "--quiet", "-i", "HEAD~1"]);
    refused(&sandbox, &["commit", "--branch", "render"], &["is checked out in the work tree"]);
}

// ---- trailers ----

#[test]
fn trailers_are_those_of_git() {
    let sandbox = repository();
    let trailers = ["--trailer", "Change: 42", "--trailer", "Co-authored-by=Ann <ann@corp.example>"];
    let run = sandbox.run(&[&["commit", "-m", "subject\n\nbody"][..], &trailers].concat());
    assert_eq!(run.code, 0, "{run}");
    let parsed = sandbox.git(&["log", "-1", "--format=%(trailers:only,unfold)"]);
    assert_eq!(parsed, "Change: 42\nCo-authored-by: Ann <ann@corp.example>\n\n");
    let ours = sandbox.git(&["log", "-1", "--format=%B"]);
    sandbox.git(&[
        "commit",
        "--quiet",
        "--allow-empty",
        "-m",
        "subject\n\nbody",
        trailers[0],
        trailers[1],
        trailers[2],
        trailers[3],
    ]);
    assert_eq!(sandbox.git(&["log", "-1", "--format=%B"]), ours);
    for text in ["none", ": value", "a b: value", "Key:", "Key: a\nb"] {
        let run = sandbox.run(&["commit", "--trailer", text]);
        assert_eq!(run.code, 2, "{text}: {run}");
    }
}

// ---- signatures ----

/// Runs a program that makes keys.
fn make(sandbox: &Sandbox, program: &str, args: &[&str]) {
    let home = sandbox.repo().join("../home").canonicalize().expect("there");
    let output = Command::new(program)
        .args(args)
        .current_dir(sandbox.repo())
        .env("HOME", &home)
        .env("GNUPGHOME", home.join("g"))
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn commits_are_signed_by_ssh() {
    let sandbox = repository();
    make(&sandbox, "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "author@corp.example", "-f", "../home/key"]);
    let key = std::fs::read_to_string(sandbox.repo().join("../home/key.pub")).expect("a key");
    sandbox.write("../home/allowed", format!("author@corp.example {key}"));
    let home = sandbox.repo().join("../home").canonicalize().expect("there").display().to_string();
    sandbox.git(&["config", "gpg.format", "ssh"]);
    sandbox.git(&["config", "user.signingKey", &format!("{home}/key.pub")]);
    sandbox.git(&["config", "gpg.ssh.allowedSignersFile", &format!("{home}/allowed")]);

    let run = sandbox.run(&["commit", "--sign", "-m", "signed", "--trailer", "A: b"]);
    assert_eq!(run.code, 0, "{run}");
    sandbox.git(&["verify-commit", "HEAD"]);
    assert_eq!(
        sandbox.git(&["log", "-1", "--format=%G?|%an|%ad|%cn|%B"]).replace('\n', "|"),
        "G|Test Author|Fri Jan 2 03:04:05 2026 +0000|Test Author|signed||A: b||"
    );
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    sandbox.git(&["fsck", "--strict"]);

    sandbox.git(&["config", "commit.gpgSign", "true"]);
    sandbox.write(INTENT, intent(""));
    assert_eq!(sandbox.run(&["commit"]).code, 0);
    sandbox.git(&["verify-commit", "HEAD"]);
    assert_eq!(sandbox.run(&["commit", "--branch", "side"]).code, 0);
    sandbox.write(INTENT, intent(PORT));
    assert_eq!(sandbox.run(&["commit", "--branch", "side"]).code, 0);
    sandbox.git(&["verify-commit", "side"]);
    assert_eq!(sandbox.run(&["commit", "--no-sign"]).code, 0);
    assert_eq!(sandbox.git(&["log", "-1", "--format=%G?"]), "N\n");

    // Without the key nothing is committed, and git says why.
    sandbox.write(INTENT, intent(""));
    sandbox.git(&["config", "user.signingKey", &format!("{home}/gone.pub")]);
    refused(&sandbox, &["commit"], &["git could not sign the commit", "gone.pub", "--no-sign"]);
    sandbox.git(&["config", "--unset", "user.signingKey"]);
    refused(&sandbox, &["commit"], &["git could not sign the commit", "user.signingkey"]);
    let before = checkout(&sandbox);
    let run = sandbox.run_with(&["commit"], &[("PATH", "/nonexistent")]);
    assert!(run.code == 2 && run.stderr.contains("`git` cannot be started"), "{run}");
    assert!(checkout(&sandbox) == before);
}

#[test]
fn commits_are_signed_by_gpg() {
    let sandbox = repository();
    let home = sandbox.repo().join("../home").canonicalize().expect("there");
    let gnupg = home.join("g");
    std::fs::create_dir(&gnupg).expect("writable");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&gnupg, std::fs::Permissions::from_mode(0o700)).expect("permissions");
    }
    let generate = [
        "--batch",
        "--passphrase",
        "",
        "--quick-generate-key",
        "Test Author <author@corp.example>",
        "ed25519",
        "sign",
        "never",
    ];
    make(&sandbox, "gpg", &generate);
    // Git finds the key by the name of the committer, and the keys by HOME.
    sandbox.write("../home/gpg", format!("#!/bin/sh\nGNUPGHOME='{}' exec gpg \"$@\"\n", gnupg.display()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(home.join("gpg"), std::fs::Permissions::from_mode(0o755)).expect("permissions");
    }
    sandbox.git(&["config", "gpg.program", &home.join("gpg").display().to_string()]);
    let run = sandbox.run(&["commit", "--sign"]);
    assert_eq!(run.code, 0, "{run}");
    sandbox.git(&["verify-commit", "HEAD"]);
    assert!(sandbox.git(&["cat-file", "commit", "HEAD"]).contains("-----BEGIN PGP SIGNATURE-----"));
    make(&sandbox, "gpgconf", &["--kill", "all"]);
}

// ---- pushes ----

fn remote(sandbox: &Sandbox) {
    sandbox.git(&["init", "--quiet", "--bare", "--initial-branch=main", "../remote.git"]);
    sandbox.git(&["remote", "add", "origin", "../remote.git"]);
    sandbox.git(&["push", "--quiet", "-u", "origin", "main"]);
}

#[test]
fn exactly_the_branch_is_pushed() {
    let sandbox = repository();
    remote(&sandbox);
    sandbox.git(&["branch", "private"]);
    let run = sandbox.run(&["commit", "--branch", "render/demo", "--push"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.ends_with("pushed render/demo to origin render/demo\n"), "{run}");
    let there = || sandbox.git(&["--git-dir=../remote.git", "for-each-ref", "--format=%(refname:short) %(objectname)"]);
    let id = |name: &str| sandbox.git(&["rev-parse", name]).trim().to_owned();
    assert_eq!(there(), format!("main {}\nrender/demo {}\n", id("main"), id("render/demo")));
    assert_eq!(sandbox.git(&["rev-parse", "--abbrev-ref", "render/demo@{u}"]), "origin/render/demo\n");

    // The upstream of a branch may be called otherwise; and a push that failed is tried again without a commit.
    sandbox.git(&["config", "branch.render/demo.merge", "refs/heads/other"]);
    let run = sandbox.run(&["commit", "--branch", "render/demo", "--push"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("nothing to commit"), "{run}");
    assert!(run.stdout.ends_with("pushed render/demo to origin other\n"), "{run}");
    assert!(there().contains(&format!("other {}", id("render/demo"))));

    // Another remote, and the current branch.
    sandbox.git(&["init", "--quiet", "--bare", "../second.git"]);
    sandbox.git(&["remote", "add", "second", "../second.git"]);
    let run = sandbox.run(&["commit", "--push=second"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(sandbox.git(&["--git-dir=../second.git", "rev-parse", "refs/heads/main"]).trim(), id("main"));
    assert_eq!(sandbox.git(&["rev-parse", "--abbrev-ref", "main@{u}"]), "origin/main\n");

    // An address is written nowhere: it may hold credentials.
    sandbox.write(INTENT, intent(""));
    let run = sandbox.run(&["commit", "--branch", "third", "--push=../second.git"]);
    assert_eq!(run.code, 0, "{run}");
    sandbox.git(&["--git-dir=../second.git", "rev-parse", "refs/heads/third"]);
    assert!(!sandbox.read(".git/config").contains("third"));
}

#[test]
fn a_push_that_fails_leaves_the_commit_and_says_what_to_do() {
    let sandbox = repository();
    let run = sandbox.run(&["commit", "--push"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stdout.contains("[main "), "{run}");
    assert!(run.stderr.contains("there is no remote to push to") && run.stderr.contains("git remote add"), "{run}");

    remote(&sandbox);
    sandbox.git(&["clone", "--quiet", "../remote.git", "../clone"]);
    let identity = ["-c", "user.name=B", "-c", "user.email=b@corp.example"];
    sandbox
        .git(&[&["-C", "../clone"], &identity[..], &["commit", "--quiet", "--allow-empty", "-m", "theirs"]].concat());
    sandbox.git(&["-C", "../clone", "push", "--quiet"]);
    sandbox.write(INTENT, intent(""));
    let run = sandbox.run(&["commit", "--push"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("`main` was not pushed to `origin`: [rejected] (fetch first)"), "{run}");
    assert!(run.stderr.contains("git pull --rebase"), "{run}");
    assert_eq!(sandbox.git(&["log", "-1", "--format=%s"]), "demo: 3 changed\n");

    sandbox.git(&["config", "remote.origin.url", "https://ann:hunter2@127.0.0.1:1/x.git"]);
    let run = sandbox.run(&["commit", "--push"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("127.0.0.1"), "{run}");
    assert!(!format!("{run}").contains("hunter2"), "{run}");
    let run = sandbox.run(&["commit", "--push=https://ann:hunter2@127.0.0.1:1/x.git"]);
    assert!(run.code == 2 && !format!("{run}").contains("hunter2"), "{run}");
    let run = sandbox.run(&["commit", "--push=--exec=/bin/false"]);
    assert_eq!(run.code, 2, "{run}");
}

#[test]
fn a_credential_is_no_part_of_a_message() {
    let sandbox = repository();
    let token = format!("ghp_{}", "a1B2".repeat(9));
    for args in [["-m", &format!("with {token}")], ["--trailer", &format!("Token: {token}")]] {
        let run = refused(&sandbox, &[&["commit"], &args[..]].concat(), &["the commit message holds a credential"]);
        assert!(!run.to_string().contains(&token), "{run}");
    }
    for args in [&["commit", "--trailer", &token][..], &["diff", "-o", &token], &[&token], &["check", "--base", &token]]
    {
        let run = sandbox.run(args);
        assert!(run.code == 2 && !run.to_string().contains(&token), "{run}");
    }
}
