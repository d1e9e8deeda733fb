//! A hermetic repository and the program run in it.
#![allow(dead_code)]

// ptrace is a call of Linux, and registers are named by the processor.
#[cfg(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod tracer;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A temporary directory with its own HOME; git sees neither the user's nor the system's configuration.
pub struct Sandbox {
    dir: tempfile::TempDir,
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code: {}\n----- stdout -----\n{}----- stderr -----\n{}", self.code, self.stdout, self.stderr)
    }
}

impl Sandbox {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir_all(dir.path().join("repo")).expect("writable");
        std::fs::create_dir_all(dir.path().join("home")).expect("writable");
        Self { dir }
    }

    /// A sandbox that waits for no disk, where the system has such a place.
    fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let dir = dir.expect("a temporary directory");
        std::fs::create_dir_all(dir.path().join("repo")).expect("writable");
        std::fs::create_dir_all(dir.path().join("home")).expect("writable");
        Self { dir }
    }

    /// A sandbox whose repository is a git repository with an identity.
    pub fn with_git() -> Self {
        let sandbox = Self::new();
        sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
        sandbox.git(&["config", "user.name", "Test Author"]);
        sandbox.git(&["config", "user.email", "author@corp.example"]);
        sandbox
    }

    pub fn repo(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.repo().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("writable");
        std::fs::write(path, text).expect("writable");
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.repo().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn exists(&self, path: &str) -> bool {
        self.repo().join(path).exists()
    }

    /// Copies a directory of the project into the repository.
    pub fn copy(&self, from: &str, to: &str) {
        let from = project(from);
        for (relative, bytes) in files(&from) {
            self.write(&format!("{to}/{relative}").replace("./", ""), bytes);
        }
    }

    /// Runs the program in the repository.
    pub fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, &[])
    }

    /// Runs the program without any argument; its stdin is `/dev/null`.
    pub fn bare(&self) -> Run {
        finish(self.command(Path::new(env!("CARGO_BIN_EXE_fluxwright"))).output().expect("the program starts"))
    }

    /// Runs the program with further environment variables.
    pub fn run_with(&self, args: &[&str], env: &[(&str, &str)]) -> Run {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_fluxwright")));
        command.args(args).args(["--color", "never"]).envs(env.iter().copied());
        finish(command.output().expect("the program starts"))
    }

    /// Runs the program in the repository with bytes on its stdin.
    pub fn pipe(&self, args: &[&str], stdin: &[u8]) -> Run {
        self.pipe_to(Path::new(env!("CARGO_BIN_EXE_fluxwright")), args, stdin)
    }

    /// Runs a program, such as a link to ours, in the repository with bytes on its stdin.
    pub fn pipe_to(&self, program: &Path, args: &[&str], stdin: &[u8]) -> Run {
        use std::io::Write;
        use std::process::Stdio;
        let mut command = self.command(program);
        let mut child = command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut input = child.stdin.take().expect("piped");
        let bytes = stdin.to_vec();
        // A program that does not read all of it closes the pipe.
        let writer = std::thread::spawn(move || drop(input.write_all(&bytes)));
        let output = child.wait_with_output().expect("the program ends");
        writer.join().expect("the writer ends");
        finish(output)
    }

    /// Runs git and returns what it prints; fails when git fails.
    pub fn git(&self, args: &[&str]) -> String {
        let mut command = self.command(Path::new("git"));
        let run = finish(command.args(args).output().expect("git starts"));
        assert_eq!(run.code, 0, "git {args:?}: {run}");
        run.stdout
    }

    /// The home directory of the sandbox.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Another sandbox with the same repository.
    pub fn fork(&self) -> Self {
        let other = Self::in_memory();
        for entry in walkdir::WalkDir::new(self.repo()).min_depth(1) {
            let entry = entry.expect("readable");
            let to = other.repo().join(entry.path().strip_prefix(self.repo()).expect("below"));
            match entry.file_type().is_dir() {
                true => std::fs::create_dir(to).expect("writable"),
                false => drop(std::fs::copy(entry.path(), to).expect("a copy")),
            }
        }
        other
    }

    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.repo())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path().join("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CEILING_DIRECTORIES", self.dir.path())
            .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05+00:00")
            .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05+00:00")
            .env("COLUMNS", "100")
            .env("LC_ALL", "C");
        command
    }
}

fn finish(output: Output) -> Run {
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A path of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The files below a directory, sorted, by relative path.
pub fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(dir).sort_by_file_name() {
        let entry = entry.expect("readable");
        if entry.file_type().is_file() && !entry.path().components().any(|part| part.as_os_str() == ".git") {
            let relative = entry.path().strip_prefix(dir).expect("below").to_string_lossy().replace('\\', "/");
            found.push((relative, std::fs::read(entry.path()).expect("readable")));
        }
    }
    found
}

/// All files below a directory as one text.
pub fn listing(dir: &Path) -> String {
    files(dir).iter().map(|(path, bytes)| format!("=== {path}\n{}", String::from_utf8_lossy(bytes))).collect()
}

/// A valid intent of cluster `demo` with further lines under `spec`.
pub fn intent(spec: &str) -> String {
    let mut text = String::from(
        "apiVersion: fluxwright.dev/v1alpha1\nkind: ClusterIntent\nmetadata:\n  name: demo\nspec:\n  platform: {type: Nova, kubernetesVersion: \"1.28\", nodes: {infra: 3}}\n  gitops:\n    source: {name: cluster-intent, url: \"https://git.corp.example/platform/clusters.git\"}\n",
    );
    for line in spec.lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

/// Where the ports of the demo cluster are rendered to.
pub const CONFIG_MAP: &str = "clusters/demo/ingress/tcp-udp-services.yaml";

/// A repository with one commit of a rendering.
pub fn committed() -> Sandbox {
    let sandbox = Sandbox::with_git();
    sandbox.write(INTENT, intent(PORT));
    ok(sandbox.run(&["commit"]));
    sandbox
}

/// The run, which must have been clean.
pub fn ok(run: Run) -> Run {
    assert_eq!(run.code, 0, "{run}");
    run
}

/// Where the intent of cluster `demo` lies.
pub const INTENT: &str = "clusters/demo/cluster.yaml";

/// A port that exposes PostgreSQL.
pub const PORT: &str = "exposedPorts:\n  - port: 5432\n    backend: {namespace: db, service: pg, port: 5432}\n";
