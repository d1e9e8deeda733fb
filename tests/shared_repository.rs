//! A repository that people and the program share: whatever they do in whatever order, and whenever a run dies, no byte of
//! a person is lost, and the rendering comes out as if it were the first one.
//!
//! `FLUXWRIGHT_CASES` says how many sequences are tried.
// Deaths need the tracer; see tests/crash.rs.
#![cfg(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use fluxwright::layout::{Inventory, inventory};
use fluxwright::tree::Blob;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use support::tracer::{self, Fault};
use support::{INTENT, PORT, Run, Sandbox, files, intent};

/// What happens to the repository, one after the other.
#[derive(Clone, Debug)]
enum Act {
    /// Adds a line to a file of the rendering.
    Edit(usize),
    /// Deletes a file of the rendering.
    Delete(usize),
    /// Makes a file of the rendering executable.
    Executable(usize),
    /// Gives a file of the rendering the line ends of Windows.
    Crlf(usize),
    /// Puts a file of a person beside the rendering.
    Neighbour(usize),
    /// Puts a file of a person where a rendering may want to write, unless there is one.
    Foreign(usize),
    /// Changes the intent.
    Intent(usize),
    Render,
    Commit,
    /// A command that dies at some change.
    Death(Command, usize),
    /// `git add --all` and `git commit`.
    GitCommit,
    /// Another branch is checked out, if nothing is in the way.
    Branch(usize),
    /// The other branch is merged, and the merge is given up when there are conflicts.
    Merge(usize),
}

#[derive(Clone, Copy, Debug)]
enum Command {
    Render,
    Commit,
}

impl Command {
    fn name(self) -> &'static str {
        match self {
            Self::Render => "render",
            Self::Commit => "commit",
        }
    }
}

const BRANCHES: [&str; 2] = ["main", "side"];

fn intents() -> [String; 3] {
    let upstream = |spec: &str| intent(spec).replace("type: Nova", "type: Upstream").replace(", nodes: {infra: 3}", "");
    let registry = "registries:\n  - name: corp\n    host: registry.corp.example\n    pullSecret:\n      name: pull\n      namespaces: [shop]\n      delivery: {type: ExternalSecret, externalSecret: {storeRef: {name: s}, key: k}}\n";
    [upstream(""), upstream(PORT), upstream(&format!("{registry}{}", PORT.replace("5432", "6432")))]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let command = prop_oneof![Just(Command::Render), Just(Command::Commit)];
    let act = prop_oneof![
        2 => (0..20usize).prop_map(Act::Edit),
        1 => (0..20usize).prop_map(Act::Delete),
        1 => (0..20usize).prop_map(Act::Executable),
        1 => (0..20usize).prop_map(Act::Crlf),
        1 => (0..3usize).prop_map(Act::Neighbour),
        1 => (0..3usize).prop_map(Act::Foreign),
        4 => (0..3usize).prop_map(Act::Intent),
        3 => Just(Act::Render),
        3 => Just(Act::Commit),
        3 => (command, 1..120usize).prop_map(|(command, at)| Act::Death(command, at)),
        1 => Just(Act::GitCommit),
        1 => (0..2usize).prop_map(Act::Branch),
        1 => (0..2usize).prop_map(Act::Merge),
    ];
    proptest::collection::vec(act, 1..10)
}

/// A repository and what people have written into it.
struct World {
    sandbox: Sandbox,
    /// Files of people: neighbours, files in the way, and hand edits of files of the rendering.
    theirs: BTreeMap<String, Vec<u8>>,
    count: usize,
}

impl World {
    fn new() -> Self {
        let sandbox = Sandbox::with_git();
        sandbox.write(INTENT, &intents()[0]);
        let run = sandbox.run(&["commit"]);
        assert_eq!(run.code, 0, "{run}");
        sandbox.git(&["branch", "side"]);
        Self { sandbox, theirs: BTreeMap::new(), count: 0 }
    }

    /// Runs git; whether it succeeds is up to the sequence.
    fn try_git(&self, args: &[&str]) -> bool {
        let mut command = self.sandbox.command(std::path::Path::new("git"));
        command.args(args).output().expect("git starts").status.success()
    }

    /// The nth file of the rendering that is there.
    fn rendered(&self, n: usize) -> Option<String> {
        let inventory = Inventory::read(&Blob::from(self.sandbox.read("clusters/demo/fluxwright.inventory")));
        let mut paths: Vec<String> = inventory.paths().map(|path| format!("clusters/demo/{path}")).collect();
        paths.retain(|path| self.sandbox.exists(path) && !self.theirs.contains_key(path));
        (!paths.is_empty()).then(|| paths[n % paths.len()].clone())
    }

    fn person_writes(&mut self, path: &str, bytes: Vec<u8>) {
        self.sandbox.write(path, &bytes);
        self.theirs.insert(path.to_owned(), bytes);
    }

    /// Git may give files of people other contents; what it has put there is theirs as well.
    fn git_has_written(&mut self) {
        let repo = self.sandbox.repo();
        self.theirs = std::mem::take(&mut self.theirs)
            .into_keys()
            .filter_map(|path| Some((path.clone(), std::fs::read(repo.join(path)).ok()?)))
            .collect();
    }

    fn act(&mut self, act: &Act) {
        self.count += 1;
        match act {
            Act::Edit(n) => {
                if let Some(path) = self.rendered(*n) {
                    let text = format!("{}# edit {}\n", self.sandbox.read(&path), self.count);
                    self.person_writes(&path, text.into_bytes());
                }
            }
            Act::Delete(n) => {
                if let Some(path) = self.rendered(*n) {
                    std::fs::remove_file(self.sandbox.repo().join(path)).expect("removable");
                }
            }
            Act::Executable(n) => {
                if let Some(path) = self.rendered(*n) {
                    let mode = std::fs::Permissions::from_mode(0o755);
                    std::fs::set_permissions(self.sandbox.repo().join(path), mode).expect("settable");
                }
            }
            Act::Crlf(n) => {
                if let Some(path) = self.rendered(*n) {
                    let text = self.sandbox.read(&path).replace("\r\n", "\n").replace('\n', "\r\n");
                    self.sandbox.write(&path, text);
                }
            }
            Act::Neighbour(n) => {
                let text = format!("neighbour {}\n", self.count).into_bytes();
                self.person_writes(&format!("clusters/demo/flux/note-{n}.md"), text);
            }
            Act::Foreign(n) => {
                let path = ["ingress/kustomization.yaml", "registries/pull-secrets.yaml", "HANDOVER.md"][*n];
                let path = format!("clusters/demo/{path}");
                if !self.sandbox.exists(&path) {
                    let text = format!("foreign: {}\n", self.count).into_bytes();
                    self.person_writes(&path, text);
                }
            }
            Act::Intent(n) => self.sandbox.write(INTENT, &intents()[*n]),
            Act::Render => self.ours(self.sandbox.run(&["render"])),
            Act::Commit => self.ours(self.sandbox.run(&["commit"])),
            Act::Death(command, at) => {
                tracer::run(&self.sandbox, &[command.name()], 1, Some((*at, Fault::Kill)));
            }
            Act::GitCommit => {
                // A run that died may have left the lock of the index; the next run of ours removes it.
                let _ = self.try_git(&["add", "--all"]) && self.try_git(&["commit", "--quiet", "-m", "by hand"]);
            }
            Act::Branch(n) => {
                self.try_git(&["checkout", "--quiet", BRANCHES[*n]]);
                self.git_has_written();
            }
            Act::Merge(n) => {
                if !self.try_git(&["merge", "--quiet", "-m", "merged", BRANCHES[*n]]) {
                    self.try_git(&["merge", "--abort"]);
                }
                self.git_has_written();
            }
        }
    }

    /// A run of ours is clean, or says that something is in the way; it never fails for no reason.
    fn ours(&self, run: Run) {
        let staged = run.code == 2 && run.stderr.contains("staged");
        assert!(matches!(run.code, 0 | 1) || staged, "{run}");
    }

    /// What holds after each act.
    fn assert_sound(&self, act: &Act) -> Result<(), TestCaseError> {
        for (path, bytes) in &self.theirs {
            let now = std::fs::read(self.sandbox.repo().join(path)).ok();
            prop_assert_eq!(now.as_ref(), Some(bytes), "{} is lost after {:?}", path, act);
        }
        let text = self.sandbox.read("clusters/demo/fluxwright.inventory");
        let listed = text.lines().filter(|line| !line.starts_with('#')).count();
        let known = Inventory::read(&Blob::from(text.clone())).paths().count();
        prop_assert!(known > 0 && known <= listed, "the inventory is not whole after {:?}:\n{}", act, text);
        Ok(())
    }

    /// A person gives way: what is in the way is put aside. Then the tree is that of a first rendering and their files.
    fn assert_resolves(&mut self) -> Result<(), TestCaseError> {
        let fresh = Sandbox::new();
        fresh.write(INTENT, self.sandbox.read(INTENT));
        let run = fresh.run(&["render"]);
        prop_assert_eq!(run.code, 0, "{}", run);
        for _ in 0..2 {
            let run = self.sandbox.run(&["render"]);
            if run.code == 0 {
                break;
            }
            prop_assert_eq!(run.code, 1, "{}", run);
            let named: Vec<String> = self.theirs.keys().filter(|path| run.stderr.contains(&***path)).cloned().collect();
            prop_assert!(!named.is_empty(), "nothing of a person is in the way: {}", run);
            for path in named {
                std::fs::remove_file(self.sandbox.repo().join(&path)).expect("removable");
                self.theirs.remove(&path);
            }
        }
        let lf = |bytes: Vec<u8>| Blob::from(bytes).with_lf().into_owned();
        let all = |sandbox: &Sandbox| -> BTreeMap<String, Vec<u8>> {
            files(&sandbox.repo()).into_iter().map(|(path, bytes)| (path, lf(bytes))).collect()
        };
        let mut expected = all(&fresh);
        expected.extend(self.theirs.clone());
        let now = all(&self.sandbox);
        prop_assert_eq!(now.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (path, bytes) in &now {
            let same = bytes == &expected[path];
            prop_assert!(same, "{} is not as a first rendering has it", path);
        }
        prop_assert!(inventory::digest(&Blob::from(now[INTENT].clone())).len() == 64);
        let fsck =
            self.sandbox.command(std::path::Path::new("git")).args(["fsck", "--strict"]).output().expect("starts");
        prop_assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stderr));
        prop_assert!(!self.sandbox.exists(".git/index.lock"));
        Ok(())
    }
}

#[test]
fn nothing_of_a_person_is_lost_whatever_happens() {
    let cases = std::env::var("FLUXWRIGHT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    // The same sequences in each run, so that a failure is one for everybody.
    let mut runner =
        TestRunner::new_with_rng(config, proptest::test_runner::TestRng::deterministic_rng(Default::default()));
    runner
        .run(&acts(), |acts| {
            let mut world = World::new();
            for act in &acts {
                world.act(act);
                world.assert_sound(act)?;
            }
            world.assert_resolves()
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
