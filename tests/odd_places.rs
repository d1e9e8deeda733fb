//! Places that are not as one thinks of them: other line ends, letters, modes, repositories and kinds of files.
#![cfg(unix)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use support::{CONFIG_MAP, INTENT, PORT, Run, Sandbox, committed, intent, ok};

fn refused(run: Run, code: i32, needles: &[&str]) -> Run {
    assert_eq!(run.code, code, "{run}");
    for needle in needles {
        assert!(run.to_string().contains(needle), "no {needle:?}: {run}");
    }
    run
}

fn mode(sandbox: &Sandbox, path: &str) -> u32 {
    std::fs::metadata(sandbox.repo().join(path)).expect("there").permissions().mode() & 0o777
}

fn set_mode(sandbox: &Sandbox, path: &str, mode: u32) {
    std::fs::set_permissions(sandbox.repo().join(path), std::fs::Permissions::from_mode(mode)).expect("ours");
}

#[test]
fn names_that_differ_in_case_or_form_only_are_refused_by_name() {
    // The last one starts with the sign of Kelvin, which is a K in its other form.
    for other in ["clusters/demo/Kustomization.yaml", "clusters/demo/\u{212a}ustomization.yaml", "clusters/demo/FLUX/x"]
    {
        let sandbox = Sandbox::new();
        sandbox.write(INTENT, intent(PORT));
        sandbox.write(other, "mine: true\n");
        let before = support::files(&sandbox.repo());
        for command in ["check", "diff", "render"] {
            let name = other.trim_end_matches("/x");
            refused(sandbox.run(&[command]), 1, &["error[path-case-clash]", &format!("and `{name}` are one file")]);
        }
        assert_eq!(support::files(&sandbox.repo()), before);
    }
}

#[test]
fn other_line_ends_are_no_hand_edit_and_are_not_committed() {
    let sandbox = committed();
    sandbox.write(".gitattributes", "*.yaml text eol=crlf\n");
    sandbox.git(&["add", "--all"]);
    sandbox.git(&["commit", "--quiet", "--message", "ends"]);
    std::fs::remove_dir_all(sandbox.repo().join("clusters")).expect("removable");
    sandbox.git(&["reset", "--quiet", "--hard"]);
    assert!(sandbox.read(CONFIG_MAP).contains("\r\n"));
    for command in ["check", "diff", "render"] {
        ok(sandbox.run(&[command]));
    }
    // A file with both ends says the same, too.
    sandbox.write(CONFIG_MAP, sandbox.read(CONFIG_MAP).replacen("\r\n", "\n", 2));
    ok(sandbox.run(&["diff"]));
    // What is kept goes into the commit as git would store it.
    sandbox.write(CONFIG_MAP, sandbox.read(CONFIG_MAP).replace("db/pg:5432", "db/mine:5432"));
    refused(sandbox.run(&["diff"]), 1, &["data[\"5432\"]: db/pg:5432 -> db/mine:5432"]);
    ok(sandbox.run(&["commit", "--take", "theirs", CONFIG_MAP]));
    let stored = sandbox.git(&["show", &format!("HEAD:{CONFIG_MAP}")]);
    assert!(stored.contains("db/mine") && !stored.contains('\r'), "{stored}");
    ok(sandbox.run(&["check"]));
    sandbox.write(
        INTENT,
        sandbox.read(INTENT).replace("service: pg", "service: other").replace("port: 5432\r\n", "port: 5433\r\n"),
    );
    refused(sandbox.run(&["render"]), 1, &["hand-edited-file"]);
}

#[test]
fn a_file_stays_executable() {
    let at_head = |sandbox: &Sandbox| sandbox.git(&["ls-tree", "HEAD", CONFIG_MAP]);
    let sandbox = committed();
    set_mode(&sandbox, CONFIG_MAP, 0o755);
    sandbox.write(INTENT, intent(&PORT.replace("5432", "5433")));
    ok(sandbox.run(&["commit"]));
    assert_eq!(mode(&sandbox, CONFIG_MAP), 0o755);
    assert!(at_head(&sandbox).starts_with("100755"));
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    // Where file systems do not tell, the index does.
    let sandbox = committed();
    sandbox.git(&["config", "core.fileMode", "false"]);
    set_mode(&sandbox, CONFIG_MAP, 0o755);
    sandbox.write(INTENT, intent(&PORT.replace("5432", "5433")));
    ok(sandbox.run(&["commit"]));
    assert!(at_head(&sandbox).starts_with("100644"));
    sandbox.git(&["update-index", "--chmod=+x", CONFIG_MAP]);
    sandbox.write(INTENT, intent(&PORT.replace("5432", "5434")));
    ok(sandbox.run(&["render"]));
    sandbox.git(&["add", "--all"]);
    ok(sandbox.run(&["commit"]));
    assert!(at_head(&sandbox).starts_with("100755"));
}

#[test]
fn a_file_that_is_read_only_is_replaced_and_stays_so() {
    let sandbox = committed();
    set_mode(&sandbox, CONFIG_MAP, 0o444);
    sandbox.write(INTENT, intent(&PORT.replace("5432", "5433")));
    ok(sandbox.run(&["render"]));
    assert!(sandbox.read(CONFIG_MAP).contains("5433"));
    assert_eq!(mode(&sandbox, CONFIG_MAP), 0o444);
}

#[test]
fn submodules_and_other_repositories_are_refused_by_name() {
    let sandbox = committed();
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.git(&["rm", "-r", "--quiet", "--cached", "clusters/demo/ingress"]);
    std::fs::remove_dir_all(sandbox.repo().join("clusters/demo/ingress")).expect("removable");
    let link = format!("160000,{},clusters/demo/ingress", head.trim());
    sandbox.git(&["update-index", "--add", "--cacheinfo", &link]);
    for command in ["check", "render", "commit"] {
        refused(sandbox.run(&[command]), 1, &["error[path-in-submodule]", "`clusters/demo/ingress` is a submodule"]);
        assert!(!sandbox.exists("clusters/demo/ingress"));
    }
    // A repository inside of another one is no submodule yet, and no place for us either.
    let sandbox = Sandbox::with_git();
    sandbox.write(INTENT, intent(PORT));
    sandbox.git(&["init", "--quiet", "clusters/demo"]);
    refused(sandbox.run(&["render"]), 1, &["`clusters/demo` is a submodule or another repository"]);
    assert!(!sandbox.exists("clusters/demo/flux"));
}

#[test]
fn what_a_sparse_checkout_lacks_is_neither_gone_nor_put_back() {
    for patterns in
        [&["--no-cone", "/*", "!/clusters/demo/ingress/"][..], &["--no-cone", "/*", "!/clusters/demo/*.inventory"]]
    {
        let sandbox = committed();
        sandbox.git(&[&["sparse-checkout", "set"], patterns].concat());
        let before = support::files(&sandbox.repo());
        for command in ["check", "diff", "render", "commit"] {
            ok(sandbox.run(&[command]));
            assert_eq!(support::files(&sandbox.repo()), before);
        }
        sandbox.write(INTENT, intent(&PORT.replace("5432", "5433")));
        let before = support::files(&sandbox.repo());
        for command in ["check", "diff", "render", "commit"] {
            refused(sandbox.run(&[command]), 1, &["error[file-left-out]", "git sparse-checkout add clusters/demo"]);
            assert_eq!(support::files(&sandbox.repo()), before);
        }
        sandbox.git(&["sparse-checkout", "disable"]);
        ok(sandbox.run(&["commit"]));
    }
}

#[test]
fn a_cluster_that_is_not_checked_out_is_not_removed() {
    for index in ["--no-sparse-index", "--sparse-index"] {
        let sandbox = committed();
        sandbox.write("clusters/other/cluster.yaml", intent(PORT).replace("name: demo", "name: other"));
        ok(sandbox.run(&["commit"]));
        sandbox.git(&["sparse-checkout", "set", "--cone", index, "clusters/other"]);
        assert!(!sandbox.exists("clusters/demo"));
        for args in [&["check"][..], &["diff"], &["diff", "--against", "HEAD"], &["render"], &["commit"]] {
            let run = ok(sandbox.run(args));
            assert!(!run.to_string().contains("demo"), "{run}");
        }
        assert!(!sandbox.exists("clusters/demo"));
        sandbox.write(
            "clusters/other/cluster.yaml",
            intent(&PORT.replace("5432", "5433")).replace("name: demo", "name: other"),
        );
        ok(sandbox.run(&["commit"]));
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
        assert!(sandbox.git(&["ls-tree", "-r", "--name-only", "HEAD"]).contains(CONFIG_MAP));
    }
    // The inventory is there, the intent is not.
    let sandbox = committed();
    sandbox.write("clusters/other/cluster.yaml", intent(PORT).replace("name: demo", "name: other"));
    ok(sandbox.run(&["commit"]));
    sandbox.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/clusters/demo/cluster.yaml"]);
    let run = ok(sandbox.run(&["check"]));
    assert!(!run.stderr.contains("intent-missing"), "{run}");
}

#[test]
fn a_linked_work_tree_has_its_own_index() {
    let sandbox = committed();
    sandbox.git(&["worktree", "add", "--quiet", "-b", "side", "../linked"]);
    let linked = sandbox.repo().join("../linked");
    std::fs::write(linked.join(INTENT), intent(&PORT.replace("5432", "5433"))).expect("writable");
    let run = ok(sandbox.run(&["commit", "--repo", "../linked"]));
    assert!(run.stdout.contains("[side "), "{run}");
    assert_eq!(sandbox.git(&["-C", "../linked", "status", "--porcelain"]), "");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    // The last rendering of a hand edit is found from there, too.
    let file = linked.join(CONFIG_MAP);
    let text = std::fs::read_to_string(&file).expect("there");
    std::fs::write(&file, text.replace("db/pg", "db/mine")).expect("writable");
    std::fs::write(linked.join(INTENT), intent(&PORT.replace("5432", "5434"))).expect("writable");
    refused(sandbox.run(&["diff", "--repo", "../linked"]), 1, &["since the last rendering (commit "]);
}

#[test]
fn what_stands_in_place_of_a_file_is_left_alone() {
    for replace in [
        |path: &std::path::Path| std::fs::create_dir(path).expect("writable"),
        |path: &std::path::Path| std::os::unix::fs::symlink("/etc/passwd", path).expect("a link"),
        |path: &std::path::Path| assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo starts").success()),
    ] {
        let sandbox = committed();
        let path = sandbox.repo().join(CONFIG_MAP);
        std::fs::remove_file(&path).expect("removable");
        replace(&path);
        let kind = path.symlink_metadata().expect("there").file_type();
        for args in [&["check"][..], &["diff"], &["render"], &["commit"], &["render", "--take", "ours", CONFIG_MAP]] {
            refused(sandbox.run(args), 1, &["foreign-file", "no plain file"]);
        }
        assert_eq!(path.symlink_metadata().expect("there").file_type(), kind);
    }
}

#[test]
fn what_git_would_convert_is_not_committed_raw() {
    for (line, attribute) in [
        ("*.yaml filter=lfs diff=lfs merge=lfs -text\n", "filter=lfs"),
        ("clusters/demo/ingress/** working-tree-encoding=UTF-16\n", "working-tree-encoding=UTF-16"),
    ] {
        let sandbox = Sandbox::with_git();
        sandbox.write(INTENT, intent(PORT));
        sandbox.write(".gitattributes", line);
        refused(sandbox.run(&["commit"]), 2, &[&format!("sets `{attribute}`"), "take the attribute off"]);
        assert!(!sandbox.exists(CONFIG_MAP));
        ok(sandbox.run(&["render"]));
        sandbox.write(".gitattributes", format!("{line}clusters/** -filter !working-tree-encoding\n"));
        ok(sandbox.run(&["commit"]));
    }
    let sandbox = Sandbox::with_git();
    sandbox.write(".gitattributes", "* ident\n");
    sandbox.write(INTENT, intent(PORT));
    ok(sandbox.run(&["commit"]));
    sandbox.write(INTENT, intent(PORT) + "# $Id$\n");
    refused(sandbox.run(&["commit"]), 2, &["sets `ident`"]);
}

#[test]
fn an_inventory_that_is_no_plain_file_is_never_replaced() {
    let sandbox = committed();
    let book = sandbox.repo().join("clusters/demo/fluxwright.inventory");
    let text = std::fs::read(&book).expect("there");
    std::fs::remove_file(&book).expect("ours");
    sandbox.write("real", &text);
    std::os::unix::fs::symlink("../../real", &book).expect("a link");
    for args in [&["check"][..], &["render"], &["commit"], &["diff"]] {
        refused(sandbox.run(args), 1, &["error[foreign-file]", "clusters/demo/fluxwright.inventory"]);
    }
    std::fs::remove_file(&book).expect("ours");
    std::fs::create_dir(&book).expect("writable");
    refused(sandbox.run(&["check"]), 1, &["error[foreign-file]"]);
    refused(sandbox.run(&["render"]), 1, &["error[foreign-file]"]);
    assert!(book.is_dir());
}

#[test]
fn a_repository_with_other_objects_is_refused_in_words() {
    let sandbox = Sandbox::new();
    sandbox.git(&["init", "--quiet", "--object-format=sha256"]);
    sandbox.write(INTENT, intent(PORT));
    refused(sandbox.run(&["check"]), 2, &["SHA-256", "hint: use a repository with SHA-1 objects"]);
}

#[test]
fn a_cluster_in_a_submodule_is_no_mystery_to_a_commit() {
    let sandbox = committed();
    let other = Sandbox::with_git();
    other.write("cluster.yaml", intent(PORT).replace("name: demo", "name: sub"));
    other.git(&["add", "."]);
    other.git(&["commit", "--quiet", "-m", "sub"]);
    let url = other.repo().display().to_string();
    sandbox.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "clusters/sub"]);
    sandbox.git(&["commit", "--quiet", "-m", "sub"]);
    refused(sandbox.run(&["commit"]), 1, &["error[path-in-submodule]"]);
    ok(sandbox.run(&["commit", "demo"]));
}

#[test]
fn a_configuration_of_git_that_cannot_be_read_stops_everything() {
    let sandbox = committed();
    sandbox.write(INTENT, intent(""));
    let config = sandbox.repo().join(".git/config");
    std::fs::remove_file(&config).expect("ours");
    std::os::unix::fs::symlink("config", &config).expect("a link");
    for args in [&["check"][..], &["render"], &["commit"]] {
        refused(sandbox.run(args), 2, &[".git/config` cannot be read", "hint: make it readable"]);
    }
    assert!(sandbox.exists(CONFIG_MAP));
}
