//! A run that dies or fails at any change of the file system: every file is old or new, nothing of the user's changes, and
//! the next run makes it right.
// ptrace is a call of Linux, and registers are named by the processor; elsewhere the same code runs without this proof.
#![cfg(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use nix::libc;
use support::tracer::{self, Fault};
use support::{INTENT, PORT, Run, Sandbox, files, intent};

const INVENTORY: &str = "clusters/demo/fluxwright.inventory";
/// Errors of a disk that is full, read-only, over its quota, or broken.
const ERRORS: [i32; 4] = [libc::ENOSPC, libc::EROFS, libc::EDQUOT, libc::EIO];

type Files = BTreeMap<String, (u32, Vec<u8>)>;

/// All files but those of git, with their modes.
fn state(sandbox: &Sandbox) -> Files {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &str| std::fs::metadata(sandbox.repo().join(path)).expect("there").permissions().mode();
    files(&sandbox.repo()).into_iter().map(|(path, bytes)| (path.clone(), (mode(&path), bytes))).collect()
}

/// What git says of branch, index and work tree, without the metadata of files.
fn git_state(sandbox: &Sandbox) -> String {
    sandbox.git(&["status", "--porcelain=v2", "--branch"])
}

/// A repository with a committed rendering, changes of the user in each state, and an intent that creates, changes and
/// deletes files.
fn before_the_change() -> Sandbox {
    let sandbox = Sandbox::with_git();
    // Samples that nothing runs, and that each copy would hold.
    std::fs::remove_dir_all(sandbox.repo().join(".git/hooks")).expect("there");
    for name in ["staged", "unstaged", "both"] {
        sandbox.write(&format!("{name}.txt"), "old\n");
    }
    sandbox.write(INTENT, upstream(ADDRESS));
    sandbox.git(&["add", "--all"]);
    sandbox.git(&["commit", "--quiet", "-m", "start"]);
    assert_eq!(sandbox.run(&["commit"]).code, 0);
    sandbox.write("staged.txt", "new\n");
    sandbox.write("both.txt", "staged\n");
    sandbox.git(&["add", "staged.txt", "both.txt"]);
    sandbox.write("both.txt", "staged, then changed\n");
    sandbox.write("unstaged.txt", "new\n");
    sandbox.write("untracked.txt", "new\n");
    sandbox.write("clusters/demo/flux/notes.md", "a neighbour\n");
    sandbox.write(INTENT, upstream(PORT));
    sandbox
}

/// A pull secret: files that the next intent drops.
const ADDRESS: &str = "registries:\n  - name: corp\n    host: registry.corp.example\n    pullSecret:\n      name: pull\n      namespaces: [shop]\n      delivery: {type: ExternalSecret, externalSecret: {storeRef: {name: s}, key: k}}\n";

fn upstream(spec: &str) -> String {
    intent(spec).replace("type: Nova", "type: Upstream").replace(", nodes: {infra: 3}", "")
}

/// Checks each file: it is as before or as after, and nothing else is there.
fn assert_old_or_new(now: &Files, old: &Files, new: &Files, context: &str) {
    let both =
        [old, new].map(|files| files.get(INVENTORY).map(|(_, bytes)| bytes.clone()).unwrap_or_default()).concat();
    for (path, (mode, bytes)) in now {
        let temporary = path.contains("/.fluxwright-") && path.ends_with(".tmp");
        let known =
            [old, new].iter().any(|files| files.get(path).is_some_and(|known| *known == (*mode, bytes.clone())));
        let between = path == INVENTORY && *bytes == both;
        assert!(known || temporary || between, "{context}: `{path}` is neither old nor new");
    }
    for path in old.keys().filter(|path| new.contains_key(*path)) {
        assert!(now.contains_key(path), "{context}: `{path}` is gone");
    }
}

fn assert_no_leftovers(repo: &Path, context: &str) {
    for entry in walkdir::WalkDir::new(repo) {
        let entry = entry.expect("readable");
        let name = entry.file_name().to_string_lossy();
        let ours = name.starts_with(".fluxwright-")
            || name.starts_with("fluxwright.clean-")
            || matches!(&*name, "fluxwright.index" | "fluxwright.journal");
        let lock = name.ends_with(".lock") && name != "fluxwright.lock";
        assert!(!ours && !lock, "{context}: `{}` is left", entry.path().display());
    }
}

fn assert_explained(run: &Run, context: &str) {
    let said = ["No space left", "Read-only file system", "quota exceeded", "Input/output error"];
    let clear = run.stderr.starts_with("error: cannot ") || run.stderr.contains("\nerror: cannot ");
    assert!(clear && said.iter().any(|text| run.stderr.contains(text)), "{context}: {run}");
}

/// Kills a command at every change it makes; gives the number of points.
fn kill_everywhere(start: &Sandbox, args: &[&str], threads: usize, step: usize) -> usize {
    let undisturbed = start.fork();
    let whole = tracer::run(&undisturbed, args, threads, None);
    assert_eq!(whole.run.code, 0, "{}", whole.run);
    let is_git = start.exists(".git");
    let (old, new) = (state(start), state(&undisturbed));
    let goal = is_git.then(|| git_state(&undisturbed));
    let mut points = 0;
    for at in (1..).step_by(step) {
        let sandbox = start.fork();
        let traced = tracer::run(&sandbox, args, threads, Some((at, Fault::Kill)));
        let context = format!("{args:?} killed before change {at} ({:?})", traced.calls.last());
        if traced.run.code == 0 && traced.changes < at {
            break;
        }
        assert_eq!(traced.run.code, -1, "{context}: {}", traced.run);
        points += 1;
        assert_old_or_new(&state(&sandbox), &old, &new, &context);
        if is_git && at % 8 == 0 {
            sandbox.git(&["fsck", "--strict"]);
        }
        let again = sandbox.run(args);
        assert_eq!(again.code, 0, "{context}: {again}");
        assert!(state(&sandbox) == new, "{context}: other files than without the death");
        assert_no_leftovers(&sandbox.repo(), &context);
        if let Some(goal) = &goal {
            assert_eq!(git_state(&sandbox), *goal, "{context}");
        }
    }
    say(&format!("{args:?}, {threads} thread(s): killed at {points} points"));
    points
}

/// Makes every change fail; gives the number of points.
fn fail_everywhere(start: &Sandbox, args: &[&str]) -> usize {
    let undisturbed = start.fork();
    assert_eq!(tracer::run(&undisturbed, args, 1, None).run.code, 0);
    let is_git = start.exists(".git");
    let git = |sandbox: &Sandbox| is_git.then(|| git_state(sandbox));
    let (old, new) = ((state(start), git(start)), (state(&undisturbed), git(&undisturbed)));
    let (mut points, mut harmless) = (0, 0);
    for at in 1.. {
        let sandbox = start.fork();
        let error = ERRORS[at % ERRORS.len()];
        let traced = tracer::run(&sandbox, args, 1, Some((at, Fault::Error(error))));
        if traced.changes < at {
            break;
        }
        points += 1;
        let context = format!("{args:?} with error {error} in change {at} ({})", traced.calls[at - 1]);
        let now = (state(&sandbox), git(&sandbox));
        match traced.run.code {
            0 => {
                harmless += 1;
                assert!(now == new, "{context}: success, but not done");
            }
            2 => {
                assert_explained(&traced.run, &context);
                assert_eq!(now.0.keys().collect::<Vec<_>>(), old.0.keys().collect::<Vec<_>>(), "{context}");
                assert!(now == old, "{context}: something has changed");
                assert_no_leftovers(&sandbox.repo(), &context);
            }
            _ => panic!("{context}: {}", traced.run),
        }
        if is_git && at % 16 == 0 {
            sandbox.git(&["fsck", "--strict"]);
        }
    }
    say(&format!("{args:?}: failed at {points} points, {harmless} of them harmless"));
    points
}

#[test]
fn a_first_rendering_that_dies() {
    let start = Sandbox::new();
    start.write(INTENT, upstream(PORT));
    start.write("clusters/demo/notes.md", "a neighbour\n");
    assert!(kill_everywhere(&start, &["render"], 1, 1) >= 30);
}

#[test]
fn a_rendering_that_dies() {
    assert!(kill_everywhere(&before_the_change(), &["render"], 1, 1) >= 40);
}

#[test]
fn a_rendering_with_two_threads_that_dies() {
    assert!(kill_everywhere(&before_the_change(), &["render"], 2, 5) >= 8);
}

#[test]
fn a_commit_that_dies() {
    assert!(kill_everywhere(&before_the_change(), &["commit"], 1, 1) >= 80);
}

#[test]
fn a_rendering_that_fails() {
    assert!(fail_everywhere(&before_the_change(), &["render"]) >= 40);
}

#[test]
fn a_commit_that_fails() {
    assert!(fail_everywhere(&before_the_change(), &["commit"]) >= 80);
}

/// Says how much was tried; past the capture of the test harness, so that every run shows it.
fn say(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{text}\n").as_bytes());
}
