//! What changed since a revision is what git says: in repositories that people, git and commits of ours change at random.
// Executable bits and symbolic links are those of Unix.
#![cfg(unix)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, UNIX_EPOCH};

use fluxwright::repo::git::{FileChange, Repository, Request, discover};
use support::Sandbox;

/// The same numbers in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

const PATHS: [&str; 12] = [
    "a",
    "a.b",
    "clusters/one/cluster.yaml",
    "clusters/one/flux/a.yaml",
    "clusters/one/flux/b.yaml",
    "clusters/one/flux.yaml",
    "clusters/one-more/flux/a.yaml",
    "clusters/two/cluster.yaml",
    "clusters/two/deep/er/and/deeper.yaml",
    "clusters/two/deep/x y [z]*.yaml",
    "clusters/ü/cluster.yaml",
    "z/z/z",
];

fn open(sandbox: &Sandbox) -> Repository {
    discover(&sandbox.repo()).expect("readable").expect("a repository")
}

/// What git says.
fn expected(sandbox: &Sandbox, rev: &str) -> BTreeSet<String> {
    let asked = [
        &["diff", "--cached", "--name-only", "--no-renames", "-z", rev][..],
        &["diff", "--name-only", "--no-renames", "-z"],
        &["ls-files", "--others", "--exclude-standard", "-z"],
    ];
    let said: String = asked.iter().map(|args| sandbox.git(args)).collect();
    said.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect()
}

/// Removes whatever stands at a path or on the way to it.
fn clear(sandbox: &Sandbox, path: &str) {
    let root = sandbox.repo();
    for end in path.match_indices('/').map(|(at, _)| at).chain([path.len()]) {
        let place = root.join(&path[..end]);
        match place.symlink_metadata() {
            Ok(metadata) if !metadata.is_dir() => fs::remove_file(place).expect("removed"),
            Ok(_) if end == path.len() => fs::remove_dir_all(place).expect("removed"),
            _ => {}
        }
    }
}

/// Writes a file that no index takes for a fresh one, unless it is to be that.
fn write(sandbox: &Sandbox, path: &str, text: &str, old: bool) {
    clear(sandbox, path);
    sandbox.write(path, text);
    if old {
        let file = fs::File::options().write(true).open(sandbox.repo().join(path)).expect("there");
        file.set_modified(UNIX_EPOCH + Duration::from_secs(1_700_000_000)).expect("set");
    }
}

/// Commits the files that are there, as the program does.
fn commit(sandbox: &Sandbox, paths: &[&str]) {
    let repository = open(sandbox);
    let plain = |path: &&&str| sandbox.repo().join(path).symlink_metadata().is_ok_and(|found| found.is_file());
    let file = |path: &&str| FileChange {
        path: (*path).to_owned(),
        content: Some(fs::read(sandbox.repo().join(path)).expect("readable").into()),
    };
    let files = paths.iter().filter(plain).map(file).collect();
    let (Ok(target), Ok(changes)) = (repository.target(None), repository.changes(files)) else { return };
    let (target, changes) = (&target, &changes);
    let request = Request { target, changes, message: "ours", trailers: &[], sign: None, verify: true };
    // What it refuses, such as a path that is staged with other content, changes nothing.
    if let Ok(ready) = repository.preflight(&request) {
        repository.commit(&request, ready).expect("commits");
        sandbox.git(&["fsck", "--strict"]);
    }
}

fn step(sandbox: &Sandbox, random: &mut Random) -> String {
    let path = PATHS[random.below(PATHS.len())];
    let full = sandbox.repo().join(path);
    let is_file = full.symlink_metadata().is_ok_and(|found| found.is_file());
    match random.below(12) {
        0..=2 => {
            let (text, old) = (["x\n", "y\n", "longer\n", ""][random.below(4)], random.below(2) == 0);
            write(sandbox, path, text, old);
            format!("write {path} {text:?}, old: {old}")
        }
        3 => {
            clear(sandbox, path);
            format!("remove {path}")
        }
        4 if is_file => {
            let mode = [0o644, 0o755][random.below(2)];
            fs::set_permissions(&full, fs::Permissions::from_mode(mode)).expect("set");
            format!("mode {path} {mode:o}")
        }
        5 => {
            clear(sandbox, path);
            sandbox.write(path, "");
            clear(sandbox, path);
            symlink("elsewhere", &full).expect("linked");
            format!("link {path}")
        }
        6 => {
            sandbox.write(".gitignore", ["*.log\n", "flux\n", ""][random.below(3)]);
            "ignore".to_owned()
        }
        7 => {
            sandbox.git(&["add", "--all"]);
            "add".to_owned()
        }
        8 if is_file => {
            sandbox.git(&["add", "--force", "--intent-to-add", "--", path]);
            format!("announce {path}")
        }
        9 => {
            sandbox.git(&["rm", "--quiet", "-r", "--cached", "--ignore-unmatch", "--", &format!(":(literal){path}")]);
            format!("forget {path}")
        }
        10 => {
            sandbox.git(&["add", "--all"]);
            sandbox.git(&["commit", "--quiet", "--allow-empty", "--message", "theirs"]);
            "commit".to_owned()
        }
        11 => {
            let some: Vec<&str> = PATHS.iter().copied().filter(|_| random.below(2) == 0).collect();
            commit(sandbox, &some);
            format!("commit of ours: {some:?}")
        }
        _ => "nothing".to_owned(),
    }
}

#[test]
fn what_changed_is_what_git_says() {
    let mut random = Random(7);
    for round in 0..12 {
        let sandbox = Sandbox::with_git();
        PATHS.iter().for_each(|path| write(&sandbox, path, &format!("{path}\n"), round % 2 == 0));
        sandbox.git(&["add", "."]);
        sandbox.git(&["commit", "--quiet", "--message", "first"]);
        let first = sandbox.git(&["rev-parse", "HEAD"]).trim().to_owned();
        let mut done = Vec::new();
        for _ in 0..12 {
            done.push(step(&sandbox, &mut random));
            for rev in ["HEAD", &first] {
                let found = open(&sandbox).changed_since(rev).expect("readable");
                assert_eq!(found, expected(&sandbox, rev), "since {rev}, after {done:#?}");
            }
        }
    }
}

#[test]
fn many_dubious_paths_are_looked_at_together() {
    let sandbox = Sandbox::with_git();
    sandbox.write(".gitignore", "*.log\n");
    for number in 0..150 {
        write(&sandbox, &format!("a/{number}"), "x\n", true);
    }
    commit(&sandbox, &[".gitignore"]);
    for number in 0..150 {
        sandbox.write(&format!("b/{number}.log"), "x\n");
    }
    assert_eq!(open(&sandbox).changed_since("HEAD").expect("readable").len(), 150);
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "--quiet", "--message", "all"]);
    assert_eq!(open(&sandbox).changed_since("HEAD").expect("readable"), BTreeSet::new());
    assert_eq!(open(&sandbox).changed_since("HEAD~1").expect("readable").len(), 150);
}

#[test]
fn a_commit_leaves_an_index_that_knows_its_trees() {
    let sandbox = Sandbox::with_git();
    let index = || fs::read(sandbox.repo().join(".git/index")).expect("an index");
    let knows = |text: &[u8]| index().windows(text.len()).any(|part| part == text);
    PATHS.iter().for_each(|path| write(&sandbox, path, "x\n", true));
    commit(&sandbox, &PATHS);
    // The root: its name is empty, and it has all entries.
    let root = |entries: usize| [b"\0", entries.to_string().as_bytes(), b" "].concat();
    assert!(knows(b"TREE") && knows(&root(PATHS.len())));
    // Another file is staged: the root is not what the index has, what lies beside it is.
    write(&sandbox, "z/new", "x\n", true);
    sandbox.git(&["add", "z/new"]);
    write(&sandbox, "clusters/one/flux/a.yaml", "changed\n", true);
    commit(&sandbox, &["clusters/one/flux/a.yaml"]);
    assert!(!knows(&root(PATHS.len() + 1)) && knows(b"clusters\x009 "));
    assert_eq!(sandbox.git(&["diff", "--cached", "--name-only"]), "z/new\n");
    assert_eq!(open(&sandbox).changed_since("HEAD").expect("readable"), BTreeSet::from(["z/new".to_owned()]));
}
