//! One run at a time: who comes second waits, then gives up; a dead holder holds nothing; locks of others are left alone.
// The lock is the same on every system; the tests hold it with `flock`.
#![cfg(unix)]

mod support;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use rustix::fs::{FlockOperation, flock};
use support::{INTENT, PORT, Run, Sandbox, intent};

fn held(path: &Path) -> File {
    let file = File::open(path).expect("readable");
    flock(&file, FlockOperation::NonBlockingLockExclusive).expect("free");
    file
}

fn impatient(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.run_with(args, &[("FLUXWRIGHT_LOCK_WAIT", "0")])
}

fn repository() -> Sandbox {
    let sandbox = Sandbox::with_git();
    sandbox.write(INTENT, intent(PORT));
    assert_eq!(sandbox.run(&["commit"]).code, 0);
    sandbox
}

#[test]
fn the_second_run_gives_up_and_says_who_holds_the_lock() {
    let sandbox = repository();
    let lock = sandbox.repo().join(".git/fluxwright.lock");
    std::fs::write(&lock, "commit\n4711\nbuild-7\n").expect("writable");
    let _held = held(&lock);
    for command in ["render", "commit"] {
        let run = impatient(&sandbox, &[command]);
        assert_eq!(run.code, 2, "{run}");
        let holder = "fluxwright.lock`: `fluxwright commit`, process 4711 on build-7";
        assert!(run.stderr.contains("error: another run of fluxwright holds `"), "{run}");
        assert!(run.stderr.contains(holder) && run.stderr.contains("hint: "), "{run}");
    }
    for command in [vec!["check"], vec!["diff"], vec!["render", "--stdout"], vec!["render", "--out", "../out"]] {
        assert_eq!(
            impatient(&sandbox, &command).code,
            0,
            "{command:?}: who only reads, or writes elsewhere, needs no lock"
        );
    }
    let inside = lock.canonicalize().expect("there");
    let held = inside.to_str().expect("UTF-8");
    let run = sandbox.run_with(&["render"], &[("FLUXWRIGHT_LOCK_WAIT", "0"), ("FLUXWRIGHT_LOCK_HELD", held)]);
    assert_eq!(run.code, 0, "a hook works under the lock of the run that started it: {run}");
    let run = sandbox.run_with(&["render"], &[("FLUXWRIGHT_LOCK_WAIT", "0"), ("FLUXWRIGHT_LOCK_HELD", "/elsewhere")]);
    assert_eq!(run.code, 2, "{run}");
}

#[test]
fn the_second_run_waits_for_the_first() {
    let sandbox = repository();
    let lock = held(&sandbox.repo().join(".git/fluxwright.lock"));
    let mut second = sandbox
        .command(Path::new(env!("CARGO_BIN_EXE_fluxwright")))
        .arg("render")
        .env("FLUXWRIGHT_LOCK_WAIT", "600")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    BufReader::new(second.stderr.take().expect("piped")).read_line(&mut line).expect("readable");
    assert!(line.starts_with("waiting for another run of fluxwright on `"), "{line}");
    drop(lock);
    assert!(second.wait().expect("ends").success());
}

#[test]
fn a_directory_outside_of_git_is_its_own_lock() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    let lock = held(&sandbox.repo());
    let run = impatient(&sandbox, &["render"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("another run of fluxwright holds"), "{run}");
    if cfg!(target_os = "linux") {
        assert!(run.stderr.contains(&format!(": process {}", std::process::id())), "{run}");
    }
    assert_eq!(impatient(&sandbox, &["render", "--out", "other"]).code, 0);
    drop(lock);
    assert_eq!(impatient(&sandbox, &["render"]).code, 0);
    let litter = support::files(&sandbox.repo()).into_iter().any(|(path, _)| path.contains("lock"));
    assert!(!litter);
}

#[test]
fn the_directory_of_out_is_locked_and_not_made_in_vain() {
    let sandbox = Sandbox::new();
    sandbox.write(INTENT, intent(PORT));
    std::fs::create_dir(sandbox.repo().join("out")).expect("writable");
    let _lock = held(&sandbox.repo().join("out"));
    assert_eq!(impatient(&sandbox, &["render", "--out", "out"]).code, 2);
    sandbox.write(INTENT, intent("exposedPorts: 5\n"));
    assert_eq!(sandbox.run(&["render", "--out", "new/er"]).code, 1);
    assert!(!sandbox.exists("new"));
}

#[test]
fn the_lock_of_a_dead_run_is_gone_with_it() {
    let sandbox = repository();
    std::fs::write(sandbox.repo().join(".git/fluxwright.lock"), "render\n1\nelsewhere\n").expect("writable");
    assert_eq!(impatient(&sandbox, &["render"]).code, 0);
}

#[test]
fn a_lock_of_git_is_never_ours() {
    let sandbox = repository();
    sandbox.write(INTENT, intent(""));
    for (lock, content) in
        [("index.lock", ""), ("index.lock", "half an index"), ("refs/heads/main.lock", ""), ("HEAD.lock", "")]
    {
        let path = sandbox.repo().join(".git").join(lock);
        std::fs::write(&path, content).expect("writable");
        // Leftovers of ours beside it prove nothing about it.
        sandbox.write(".git/fluxwright.index", content);
        sandbox.write(".git/fluxwright.journal", "branch refs/heads/main\ncommit 0\nindex 0\n");
        let head = sandbox.git(&["rev-parse", "HEAD"]);
        let before = support::files(&sandbox.repo());
        let run = sandbox.run(&["commit"]);
        assert_eq!(run.code, 2, "{lock}: {run}");
        assert_eq!(std::fs::read_to_string(&path).expect("still there"), content, "{lock}");
        assert_eq!(sandbox.git(&["rev-parse", "HEAD"]), head);
        assert_eq!(support::files(&sandbox.repo()), before, "{lock}: the work tree has changed");
        std::fs::remove_file(&path).expect("removable");
    }
    assert_eq!(sandbox.run(&["commit"]).code, 0);
}

#[test]
fn what_cannot_be_written_to_is_said() {
    let sandbox = repository();
    std::fs::remove_file(sandbox.repo().join(".git/fluxwright.lock")).expect("removable");
    // A directory of that name cannot be the lock, also for root, who may write everywhere.
    std::fs::create_dir_all(sandbox.repo().join(".git/objects/keep")).expect("writable");
    std::os::unix::fs::symlink("nowhere/at/all", sandbox.repo().join(".git/fluxwright.lock")).expect("a link");
    let run = sandbox.run(&["render"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("error: cannot lock `") && run.stderr.contains("hint: "), "{run}");
}

#[test]
fn a_run_without_changes_writes_nothing() {
    let sandbox = repository();
    let times = || -> Vec<_> {
        walkdir::WalkDir::new(sandbox.repo().join("clusters"))
            .sort_by_file_name()
            .into_iter()
            .map(|entry| {
                let entry = entry.expect("readable");
                let metadata = entry.metadata().expect("readable");
                (entry.path().to_path_buf(), metadata.modified().expect("known"))
            })
            .collect()
    };
    let before = times();
    for command in ["render", "commit"] {
        assert_eq!(sandbox.run(&[command]).code, 0);
    }
    assert_eq!(times(), before);
}
