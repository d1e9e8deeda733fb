//! Which clusters a name or a path means, and how `render --exit-code` tells that a rendering was stale.

mod support;

use support::{Run, Sandbox, intent};

/// Clusters `one` and `two`; `two` refers to `ca/root.pem` of the repository, and its intent is not valid.
fn two_clusters() -> Sandbox {
    let sandbox = Sandbox::with_git();
    let of = |name: &str, spec: &str| intent(spec).replace("name: demo", &format!("name: {name}"));
    sandbox.write("clusters/one/cluster.yaml", of("one", ""));
    let ca = "registries:\n  - name: corp\n    host: registry.corp.example\n    tls: {caFile: ../../ca/root.pem}\nexposedPorts: 5\n";
    sandbox.write("clusters/two/cluster.yaml", of("two", ca));
    sandbox.write("clusters/README.md", "notes\n");
    sandbox.write("ca/root.pem", "not looked at\n");
    sandbox.write("README.md", "notes\n");
    sandbox
}

fn looked_at(run: &Run) -> Vec<&str> {
    assert!(run.code < 2, "{run}");
    run.stdout.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect()
}

#[test]
fn a_path_means_the_clusters_that_are_made_of_it() {
    let sandbox = two_clusters();
    for (arguments, clusters) in [
        (vec!["one"], vec!["one"]),
        (vec!["clusters/one/cluster.yaml"], vec!["one"]),
        (vec!["./clusters/one/"], vec!["one"]),
        (vec!["clusters/one/flux/deleted.yaml"], vec!["one"]),
        (vec!["clusters/two/cluster.yaml", "two", "clusters/two/x/../cluster.yaml"], vec!["two"]),
        (vec!["two", "one"], vec!["one", "two"]),
        (vec!["ca/root.pem"], vec!["two"]),
        (vec!["plugins/modules/shop/plugin.yaml"], vec!["one", "two"]),
        (vec!["clusters"], vec!["one", "two"]),
        (vec!["."], vec!["one", "two"]),
        (vec!["README.md", "clusters/README.md"], vec![]),
        (vec!["README.md", "clusters/one/HANDOVER.md"], vec!["one"]),
    ] {
        let mut args = vec!["check"];
        args.extend(&arguments);
        let run = sandbox.run(&args);
        assert_eq!(looked_at(&run), clusters, "{arguments:?}: {run}");
        assert_eq!(run.code, i32::from(clusters.contains(&"two")), "{arguments:?}: {run}");
    }
    let absolute = sandbox.repo().join("clusters/one/cluster.yaml").display().to_string();
    assert_eq!(looked_at(&sandbox.run(&["check", &absolute])), ["one"]);
    let outside = sandbox.repo().join("../home").canonicalize().expect("there").join("note");
    std::fs::write(&outside, "").expect("writable");
    let run = sandbox.run(&["check", &outside.display().to_string()]);
    assert!(run.code == 2 && run.stderr.contains("lies outside of the repository"), "{run}");
}

#[test]
fn a_path_is_read_from_the_current_directory_or_from_the_root() {
    let sandbox = two_clusters();
    let at = |dir: &str, args: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_fluxwright"))
            .args(args)
            .current_dir(sandbox.repo().join(dir))
            .output()
            .expect("the program starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(at("clusters/one", &["check", "cluster.yaml"]).starts_with("one: ok"));
    assert!(at("clusters/two", &["check", "clusters/one/cluster.yaml"]).starts_with("one: ok"));
    assert!(at("..", &["check", "--repo", "repo", "repo/clusters/one/cluster.yaml"]).starts_with("one: ok"));
    std::os::unix::fs::symlink("repo", sandbox.repo().join("../link")).expect("a link");
    assert!(at("..", &["check", "--repo", "repo", "link/clusters/one/cluster.yaml"]).starts_with("one: ok"));
    assert_eq!(at("clusters/one", &["check", "tow"]), "");
}

#[test]
fn what_means_nothing_is_an_error() {
    let sandbox = two_clusters();
    std::fs::create_dir_all(sandbox.repo().join("clusters/shared")).expect("writable");
    for (argument, needle) in [
        ("tow", "no cluster `tow` in"),
        ("clusters/shared", "(there are: one, two)"),
        ("docs/gone.md", "no such file or cluster: `docs/gone.md`"),
    ] {
        let run = sandbox.run(&["check", argument]);
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains(needle), "{run}");
    }
}

#[test]
fn what_is_gone_does_not_stop_the_others() {
    let sandbox = two_clusters();
    let run = sandbox.run(&["check", "clusters/tow/cluster.yaml", "clusters/one/cluster.yaml"]);
    assert_eq!((run.code, looked_at(&run)), (0, vec!["one"]), "{run}");
    assert!(run.stderr.contains("note: `clusters/tow/cluster.yaml` is gone: no cluster `tow`"), "{run}");
    assert!(run.stderr.contains("did you mean `two`?"), "{run}");
    // What was rendered for it still is applied.
    sandbox.write("clusters/gone/fluxwright.inventory", "");
    let run = sandbox.run(&["check", "clusters/gone/cluster.yaml", "clusters/one/cluster.yaml"]);
    assert_eq!((run.code, looked_at(&run)), (1, vec!["one"]), "{run}");
    assert!(run.stderr.contains("error[intent-missing]"), "{run}");
}

#[test]
fn every_command_takes_paths() {
    let sandbox = two_clusters();
    let intent = "clusters/one/cluster.yaml";
    assert_eq!(sandbox.run(&["diff", intent]).code, 1);
    assert_eq!(sandbox.run(&["render", intent]).code, 0);
    assert_eq!(sandbox.run(&["graph", intent]).code, 0);
    let run = sandbox.run(&["commit", "README.md"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, "nothing to do: no cluster is made of these files\n"), "{run}");
    assert!(sandbox.run(&["commit", intent]).stdout.contains("[main "));
    assert_eq!(sandbox.git(&["log", "--oneline"]).lines().count(), 1);
}

#[test]
fn a_stale_rendering_is_shown_written_and_refused() {
    let sandbox = two_clusters();
    let render = |code: i32| {
        let run = sandbox.run(&["render", "--exit-code", "one"]);
        assert_eq!(run.code, code, "{run}");
        run
    };
    let first = render(1);
    assert!(first.stdout.contains("--- /dev/null\n+++ b/clusters/one/flux/bootstrap.yaml\n@@ "), "{first}");
    assert!(first.stdout.contains("\ncreated clusters/one/flux/bootstrap.yaml\n"), "{first}");
    // What git does not know would be missing in the commit, although nothing is left to write.
    let untracked = render(1);
    assert!(untracked.stdout.contains("\nuntracked clusters/one/flux/bootstrap.yaml\n"), "{untracked}");
    assert!(untracked.stderr.contains("hint: the next commit would lack these files; `git add clusters/one`"));
    sandbox.git(&["add", "clusters/one"]);
    let clean = render(0);
    assert!(clean.stdout.starts_with("one: 0 created, 0 changed, 0 deleted"), "{clean}");
    let file = "clusters/one/cluster.yaml";
    sandbox.write(file, sandbox.read(file).replace("clusters.git", "other.git"));
    let stale = render(1);
    assert!(stale.stdout.contains("+  url: https://git.corp.example/platform/other.git\n"), "{stale}");
    assert!(!stale.stdout.contains("untracked"), "{stale}");
    render(0);
    std::fs::remove_file(sandbox.repo().join("clusters/one/HANDOVER.md")).expect("removable");
    assert!(render(1).stdout.contains("created clusters/one/HANDOVER.md\n"));
}

#[test]
fn outside_of_git_only_changes_count() {
    let sandbox = Sandbox::new();
    sandbox.write(support::INTENT, intent(""));
    assert_eq!(sandbox.run(&["render", "--exit-code"]).code, 1);
    assert_eq!(sandbox.run(&["render", "--exit-code"]).code, 0);
}

#[test]
fn a_diff_of_what_was_written_is_masked() {
    let sandbox = Sandbox::new();
    sandbox.write(support::INTENT, intent(""));
    assert_eq!(sandbox.run(&["render"]).code, 0);
    let file = "clusters/demo/flux/bootstrap.yaml";
    let edited = sandbox.read(file) + "# password: hunter2hunter2\n";
    sandbox.write(file, &edited);
    // As if we had written it: the old text is shown as taken away.
    let inventory = "clusters/demo/fluxwright.inventory";
    let digest = fluxwright::layout::inventory::digest(&fluxwright::tree::Blob::from(edited));
    let lines: Vec<String> = sandbox
        .read(inventory)
        .lines()
        .map(|line| {
            if line.ends_with("flux/bootstrap.yaml") {
                format!("{digest}  flux/bootstrap.yaml\n")
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    sandbox.write(inventory, lines.concat());
    let run = sandbox.run(&["render", "--exit-code"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("-# password: "), "{run}");
    assert!(!run.to_string().contains("hunter2"), "{run}");
}
