//! Hand edits of generated files: both sides are told, one is taken or both are merged, and what stays stays.

mod support;

use support::{CONFIG_MAP, INTENT, PORT, Run, Sandbox, committed, intent, ok};

const INVENTORY: &str = "clusters/demo/fluxwright.inventory";

/// A second port beside that of `PORT`.
const MORE: &str = "  - port: 6379\n    backend: {namespace: db, service: redis, port: 6379}\n";

fn findings(run: Run, needles: &[&str]) -> Run {
    assert_eq!(run.code, 1, "{run}");
    for needle in needles {
        assert!(run.to_string().contains(needle), "no {needle:?}: {run}");
    }
    run
}

fn edit(sandbox: &Sandbox, path: &str, from: &str, to: &str) {
    let text = sandbox.read(path);
    assert!(text.contains(from), "{path}:\n{text}");
    sandbox.write(path, text.replace(from, to));
}

fn verified(sandbox: &Sandbox) {
    let status = std::process::Command::new("sha256sum")
        .args(["--check", "--status", "--strict", "fluxwright.inventory"])
        .current_dir(sandbox.repo().join("clusters/demo"))
        .status()
        .expect("sha256sum starts");
    assert!(status.success(), "{}", sandbox.read(INVENTORY));
}

#[test]
fn both_sides_are_told_in_every_format() {
    let sandbox = committed();
    edit(&sandbox, CONFIG_MAP, "db/pg:5432", "db/mine:5432");
    findings(sandbox.run(&["check"]), &["hand-edited-file", "(the rendering is the same as then)"]);
    sandbox.write(INTENT, intent(&PORT.replace("service: pg", "service: other")));
    let run = findings(
        sandbox.run(&["diff"]),
        &[
            "(the rendering changed, too: 1 conflict)",
            "yours, since the last rendering (commit ",
            "rendering, since then:",
        ],
    );
    insta::assert_snapshot!("both_sides_as_text", blind(&run.stdout));
    let raw =
        findings(sandbox.run(&["diff", "--raw"]), &["+++ yours/clusters/demo/ingress", "+++ rendering/clusters/"]);
    assert!(raw.stdout.contains("--- last/clusters/demo/ingress"), "{raw}");
    let json = findings(sandbox.run(&["diff", "-q", "-o", "json"]), &["\"handEdits\""]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    let told = &json["clusters"][0]["handEdits"][0];
    assert_eq!(told["path"], CONFIG_MAP);
    assert_eq!(told["conflicts"][0]["yours"], "db/mine:5432");
    assert_eq!(told["conflicts"][0]["rendering"], "db/other:5432");
    for format in ["markdown", "html"] {
        findings(sandbox.run(&["diff", "-q", "-o", format]), &["yours, since the last rendering", "conflicts:"]);
    }
    for format in ["json", "sarif", "markdown", "github"] {
        findings(sandbox.run(&["check", "-q", "-o", format]), &["the rendering changed, too: 1 conflict"]);
    }
    for command in ["render", "commit"] {
        findings(sandbox.run(&[command]), &["conflicts:", "both sides changed it", "yours: db/mine:5432"]);
    }
    assert!(sandbox.read(CONFIG_MAP).contains("db/mine"));
}

/// A text without what differs from run to run.
fn blind(text: &str) -> String {
    regex::Regex::new("commit [0-9a-f]{10}").expect("valid").replace_all(text, "commit 0000000000").into_owned()
}

#[test]
fn the_last_rendering_is_found_in_older_commits_and_made_again() {
    let sandbox = committed();
    edit(&sandbox, CONFIG_MAP, "db/pg:5432", "db/mine:5432");
    // Somebody committed the edit: the last rendering is one commit back.
    sandbox.git(&["commit", "--quiet", "--all", "--message", "by hand"]);
    sandbox.write(INTENT, intent(&format!("{PORT}{MORE}")));
    findings(sandbox.run(&["diff"]), &["since the last rendering (commit ", "rendering changed in other places"]);
    // Here the tree was never committed as it was rendered, only its intent was.
    let sandbox = Sandbox::with_git();
    sandbox.write(INTENT, intent(PORT));
    sandbox.git(&["add", "--all"]);
    sandbox.git(&["commit", "--quiet", "--message", "the intent"]);
    ok(sandbox.run(&["render"]));
    edit(&sandbox, CONFIG_MAP, "db/pg:5432", "db/mine:5432");
    sandbox.write(INTENT, intent(&format!("{PORT}{MORE}")));
    findings(sandbox.run(&["diff"]), &["since the last rendering (the intent of commit ", ", rendered again"]);
    // And here nobody knows it.
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    ok(sandbox.run(&["render"]));
    edit(&sandbox, CONFIG_MAP, "db/pg:5432", "db/mine:5432");
    sandbox.write(INTENT, intent(&format!("{PORT}{MORE}")));
    findings(sandbox.run(&["diff"]), &["(the last rendering is not found)", "yours, compared with the rendering"]);
    findings(sandbox.run(&["render", "--merge"]), &["the last rendering is not found"]);
}

#[test]
fn ours_overwrites_the_hand_edit() {
    for side in ["ours", "rendering"] {
        let sandbox = committed();
        let rendered = sandbox.read(CONFIG_MAP);
        edit(&sandbox, CONFIG_MAP, "db/pg:5432", "db/mine:5432");
        ok(sandbox.run(&["render", "--take", side, CONFIG_MAP]));
        assert_eq!(sandbox.read(CONFIG_MAP), rendered);
        ok(sandbox.run(&["check"]));
    }
}

#[test]
fn theirs_keeps_the_hand_edit_until_the_rendering_changes() {
    let sandbox = committed();
    edit(&sandbox, CONFIG_MAP, "db/pg:5432", "db/mine:5432");
    let mine = sandbox.read(CONFIG_MAP);
    let run = ok(sandbox.run(&["render", "--take", "theirs", "clusters/demo/ingress"]));
    assert!(run.stdout.contains(&format!("kept    {CONFIG_MAP}")), "{run}");
    assert!(run.stderr.contains("warning[kept-file]"), "{run}");
    assert_eq!(sandbox.read(CONFIG_MAP), mine);
    assert!(sandbox.read(INVENTORY).contains("# kept "));
    verified(&sandbox);
    // It stays, also when other files change.
    for command in ["check", "diff", "render", "commit"] {
        let run = ok(sandbox.run(&[command]));
        assert!(run.stderr.contains("warning[kept-file]"), "{run}");
    }
    assert_eq!(sandbox.git(&["show", &format!("HEAD:{CONFIG_MAP}")]), mine);
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    ok(sandbox.run(&["diff", "--against", "HEAD"]));
    // A further edit is one that nobody agreed to.
    sandbox.write(CONFIG_MAP, mine.replace("mine", "more"));
    findings(sandbox.run(&["check"]), &["hand-edited-file", "the rendering is the same as then"]);
    sandbox.write(CONFIG_MAP, &mine);
    // Another rendering is a conflict, and the recorded rendering is the ground.
    sandbox.write(INTENT, intent(&PORT.replace("service: pg", "service: other")));
    findings(
        sandbox.run(&["render"]),
        &["hand-edited-file", "1 conflict", "yours: db/mine:5432", "rendering: db/other:5432"],
    );
    assert_eq!(sandbox.read(CONFIG_MAP), mine);
    ok(sandbox.run(&["commit", "--take", "theirs", CONFIG_MAP]));
    ok(sandbox.run(&["check"]));
    verified(&sandbox);
    let run = ok(sandbox.run(&["commit", "--take", "ours", CONFIG_MAP]));
    assert!(!run.stderr.contains("kept-file"), "{run}");
    assert!(sandbox.read(CONFIG_MAP).contains("db/other:5432"));
    assert!(!sandbox.read(INVENTORY).contains("# kept"));
}

#[test]
fn a_hand_edit_of_a_file_that_is_rendered_no_longer_is_never_deleted_silently() {
    let patch = format!("ingress:\n  controllers:\n    - {{name: public, configMapOwnership: Patch}}\n{PORT}");
    let release =
        |spec: &str| intent(spec).replace("  gitops:\n", "  gitops:\n    releaseSource: {name: nova-release}\n");
    for kept in [false, true] {
        let sandbox = Sandbox::with_git();
        sandbox.write(INTENT, release(PORT));
        ok(sandbox.run(&["commit"]));
        edit(&sandbox, CONFIG_MAP, "db/pg:5432", "db/mine:5432");
        let mine = sandbox.read(CONFIG_MAP);
        if kept {
            ok(sandbox.run(&["commit", "--take", "theirs", "clusters/demo"]));
        }
        sandbox.write(INTENT, release(&patch));
        let run = findings(sandbox.run(&["render"]), &["the intent has no need of it any more"]);
        assert!(run.stderr.contains("rendering: has the file no longer"), "{run}");
        findings(sandbox.run(&["render", "--merge"]), &["the intent has no need of the file any more"]);
        assert_eq!(sandbox.read(CONFIG_MAP), mine);
        let run = ok(sandbox.run(&["commit", "--take", "theirs", CONFIG_MAP]));
        assert!(run.stderr.contains("it is yours now"), "{run}");
        assert_eq!(sandbox.read(CONFIG_MAP), mine);
        assert!(!sandbox.read(INVENTORY).contains("tcp-udp-services.yaml"));
        ok(sandbox.run(&["check"]));
        assert_eq!(sandbox.git(&["ls-files", CONFIG_MAP]).trim(), CONFIG_MAP);
    }
    let sandbox = Sandbox::with_git();
    sandbox.write(INTENT, release(PORT));
    ok(sandbox.run(&["commit"]));
    edit(&sandbox, CONFIG_MAP, "db/pg:5432", "db/mine:5432");
    sandbox.write(INTENT, release(&patch));
    ok(sandbox.run(&["commit", "--take", "ours", CONFIG_MAP]));
    assert!(!sandbox.exists(CONFIG_MAP));
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_merge_takes_both_sides_or_writes_nothing() {
    let sandbox = committed();
    edit(&sandbox, CONFIG_MAP, "  name:", "  # why\n  labels:\n    team: mine\n  name:");
    sandbox.write(INTENT, intent(&format!("{PORT}{MORE}")));
    let run = ok(sandbox.run(&["render", "--merge"]));
    assert!(run.stdout.contains(&format!("kept    {CONFIG_MAP}")), "{run}");
    let text = sandbox.read(CONFIG_MAP);
    assert!(text.contains("  # why\n  labels:\n    team: mine\n") && text.contains("db/redis:6379"), "{text}");
    verified(&sandbox);
    ok(sandbox.run(&["diff"]));
    ok(sandbox.run(&["commit"]));
    // The next change of the rendering is merged on the ground of the recorded one: the ground is made again.
    sandbox.write(INTENT, intent(&format!("{PORT}{}", MORE.replace("redis", "valkey"))));
    findings(
        sandbox.run(&["render"]),
        &["the rendering changed in other places", "`fluxwright render --merge` takes both"],
    );
    ok(sandbox.run(&["commit", "--merge"]));
    let text = sandbox.read(CONFIG_MAP);
    assert!(text.contains("team: mine") && text.contains("db/valkey:6379"), "{text}");
    // With a conflict in one file nothing is written.
    edit(&sandbox, CONFIG_MAP, "db/valkey:6379", "db/mine:6379");
    sandbox.write(INTENT, intent(&format!("{PORT}{}", MORE.replace("redis", "dragon"))));
    let before = support::files(&sandbox.repo());
    findings(sandbox.run(&["render", "--merge"]), &["conflicts:", "yours: db/mine:6379", "rendering: db/dragon:6379"]);
    findings(sandbox.run(&["commit", "--merge"]), &["nothing is committed"]);
    assert_eq!(support::files(&sandbox.repo()), before);
    // What was decided for one file leaves the merge to the others.
    ok(sandbox.run(&["render", "--merge", "--take", "theirs", CONFIG_MAP]));
    assert!(sandbox.read(CONFIG_MAP).contains("db/mine:6379"));
}

#[test]
fn an_edit_that_equals_the_new_rendering_is_no_conflict() {
    let sandbox = committed();
    edit(&sandbox, CONFIG_MAP, "db/pg:5432", "db/other:5432");
    sandbox.write(INTENT, intent(&PORT.replace("service: pg", "service: other")));
    ok(sandbox.run(&["render"]));
    ok(sandbox.run(&["diff"]));
    verified(&sandbox);
}

#[test]
fn a_kept_file_that_is_deleted_comes_back_as_rendered() {
    let sandbox = committed();
    let rendered = sandbox.read(CONFIG_MAP);
    edit(&sandbox, CONFIG_MAP, "db/pg:5432", "db/mine:5432");
    ok(sandbox.run(&["render", "--take", "theirs", CONFIG_MAP]));
    std::fs::remove_file(sandbox.repo().join(CONFIG_MAP)).expect("removable");
    ok(sandbox.run(&["render"]));
    assert_eq!(sandbox.read(CONFIG_MAP), rendered);
    assert!(!sandbox.read(INVENTORY).contains("# kept"));
}

#[test]
fn what_is_not_ours_is_never_taken() {
    let sandbox = Sandbox::with_git();
    sandbox.write(INTENT, intent(PORT));
    sandbox.write(CONFIG_MAP, "mine: true\n");
    for side in ["ours", "theirs"] {
        findings(sandbox.run(&["render", "--take", side, CONFIG_MAP]), &["foreign-file", "another name in the intent"]);
    }
    findings(sandbox.run(&["render", "--merge"]), &["foreign-file"]);
    assert_eq!(sandbox.read(CONFIG_MAP), "mine: true\n");
}

#[test]
fn a_decision_that_means_nothing_is_refused() {
    let sandbox = committed();
    for (args, needle) in [
        (&["--take", "mine", CONFIG_MAP][..], "there is no side `mine`"),
        (&["--take", "ours", "clusters/demo/nowhere.yaml"], "no generated file of the selected clusters is at"),
        (&["--take", "ours", "/elsewhere"], "outside of the repository"),
        (&["--take", "ours", CONFIG_MAP, "--take", "theirs", CONFIG_MAP], "both sides of"),
    ] {
        for command in ["render", "commit"] {
            let run = sandbox.run(&[&[command], args].concat());
            assert_eq!(run.code, 2, "{run}");
            assert!(run.stderr.contains(needle), "{run}");
        }
    }
    // The longest path decides.
    edit(&sandbox, CONFIG_MAP, "db/pg:5432", "db/mine:5432");
    ok(sandbox.run(&["render", "--take", "ours", "clusters", "--take", "theirs", CONFIG_MAP]));
    assert!(sandbox.read(CONFIG_MAP).contains("db/mine"));
}

#[test]
fn credentials_of_hand_edits_are_hidden() {
    let sandbox = committed();
    edit(&sandbox, CONFIG_MAP, "  name:", "  annotations:\n    password: hunter2\n  name:");
    sandbox.write(INTENT, intent(&format!("{PORT}{MORE}")));
    for args in [
        &["diff"][..],
        &["diff", "--raw"],
        &["diff", "-o", "json"],
        &["diff", "-o", "markdown"],
        &["diff", "-o", "html"],
        &["render"],
        &["commit"],
        &["check", "-o", "json"],
        &["check"],
    ] {
        let run = sandbox.run(args);
        assert!(!run.to_string().contains("hunter2"), "{run}");
    }
}

#[test]
fn an_inventory_that_a_merge_broke_is_safe_and_said() {
    let sandbox = committed();
    let one = sandbox.read(INVENTORY);
    edit(&sandbox, CONFIG_MAP, "db/pg:5432", "db/mine:5432");
    ok(sandbox.run(&["render", "--take", "theirs", CONFIG_MAP]));
    let (two, mine) = (sandbox.read(INVENTORY), sandbox.read(CONFIG_MAP));
    for text in [format!("<<<<<<< HEAD\n{one}=======\n{two}>>>>>>> side\n"), format!("{one}{two}")] {
        sandbox.write(INVENTORY, &text);
        let run = sandbox.run(&["check"]);
        assert!(run.stderr.contains("warning[inventory-conflict]"), "{run}");
        ok(sandbox.run(&["render"]));
        assert_eq!(sandbox.read(CONFIG_MAP), mine);
        assert_eq!(sandbox.read(INVENTORY), two);
    }
    // Two branches that changed different files merge without help.
    ok(sandbox.run(&["commit"]));
    verified(&sandbox);
}

#[test]
fn inventories_of_two_branches_merge_in_git() {
    let sandbox = committed();
    sandbox.git(&["switch", "--quiet", "--create", "side"]);
    edit(&sandbox, "clusters/demo/flux/kustomization.yaml", "resources:", "# mine\nresources:");
    ok(sandbox.run(&["commit", "--take", "theirs", "clusters/demo/flux"]));
    sandbox.git(&["switch", "--quiet", "main"]);
    edit(&sandbox, "clusters/demo/platform/kustomization.yaml", "resources:", "# mine\nresources:");
    ok(sandbox.run(&["commit", "--take", "theirs", "clusters/demo/platform"]));
    sandbox.git(&["merge", "--quiet", "--no-edit", "side"]);
    verified(&sandbox);
    let run = ok(sandbox.run(&["check"]));
    assert_eq!(run.stderr.matches("warning[kept-file]").count(), 2, "{run}");
}

#[test]
fn hand_edits_of_a_branch_that_is_not_checked_out_are_judged_there() {
    let sandbox = committed();
    sandbox.git(&["switch", "--quiet", "--create", "side"]);
    edit(&sandbox, CONFIG_MAP, "db/pg:5432", "db/mine:5432");
    sandbox.git(&["commit", "--quiet", "--all", "--message", "by hand"]);
    sandbox.git(&["switch", "--quiet", "main"]);
    sandbox.write(INTENT, intent(&PORT.replace("service: pg", "service: other")));
    let before = support::files(&sandbox.repo());
    findings(sandbox.run(&["commit", "--branch", "side"]), &["hand-edited-file", "yours: db/mine:5432"]);
    ok(sandbox.run(&["commit", "--branch", "side", "--take", "theirs", CONFIG_MAP]));
    assert_eq!(support::files(&sandbox.repo()), before);
    let there = |path: &str| sandbox.git(&["show", &format!("side:{path}")]);
    assert!(there(CONFIG_MAP).contains("db/mine:5432") && there(INVENTORY).contains("# kept "));
    ok(sandbox.run(&["commit", "--branch", "side", "--take", "ours", CONFIG_MAP]));
    assert!(there(CONFIG_MAP).contains("db/other:5432") && !there(INVENTORY).contains("# kept "));
}

#[test]
fn what_nothing_could_read_is_not_kept() {
    let marks = "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> other\n";
    for (content, said) in [
        (marks.as_bytes(), "git left the marks of a merge conflict in it"),
        (b"a: [".as_slice(), "it is no YAML with content"),
        (b"", "it is no YAML with content"),
        (b"# nothing\n", "it is no YAML with content"),
        (b"\xff\xfea\0:\0", "it is no YAML with content"),
    ] {
        let sandbox = committed();
        sandbox.write(CONFIG_MAP, content);
        for args in [&["diff"][..], &["render", "--merge"], &["render", "--take", "theirs", CONFIG_MAP], &["commit"]] {
            findings(sandbox.run(args), &["error[hand-edited-file]", said, "--take rendering"]);
            assert_eq!(std::fs::read(sandbox.repo().join(CONFIG_MAP)).expect("there"), content);
        }
        ok(sandbox.run(&["render", "--take", "rendering", CONFIG_MAP]));
        verified(&sandbox);
    }
    // Where nothing is rendered any more, it is the user's.
    let sandbox = committed();
    sandbox.write(CONFIG_MAP, marks);
    sandbox.write(INTENT, intent(""));
    ok(sandbox.run(&["render", "--take", "theirs", CONFIG_MAP]));
    assert_eq!(sandbox.read(CONFIG_MAP), marks);
}

#[test]
fn hints_name_the_command_that_decides_here() {
    let sandbox = committed();
    edit(&sandbox, CONFIG_MAP, "db/pg:5432", "db/mine:5432");
    let hint = |args: &[&str]| {
        let run = findings(sandbox.run(args), &["error[hand-edited-file]"]);
        let mut quoted = run.stderr.split('`').filter(|part| part.contains("--take hand-edit"));
        quoted.next().expect("a hint").to_owned()
    };
    let path = sandbox.repo().display().to_string();
    assert_eq!(hint(&["render"]), format!("fluxwright render --take hand-edit {CONFIG_MAP}"));
    assert_eq!(
        hint(&["check", "--repo", &path]),
        format!("fluxwright render --repo {path} --take hand-edit {CONFIG_MAP}")
    );
    sandbox.git(&["checkout", "--quiet", "-b", "side"]);
    sandbox.git(&["commit", "--quiet", "-am", "by hand"]);
    sandbox.git(&["checkout", "--quiet", "main"]);
    sandbox.write(INTENT, intent(&PORT.replace("service: pg", "service: other")));
    let said = hint(&["commit", "--branch", "side"]);
    assert_eq!(said, format!("fluxwright commit --branch side --take hand-edit {CONFIG_MAP}"));
    ok(sandbox.run(&said.split(' ').skip(1).collect::<Vec<_>>()));
}
