//! Hooks: which ones there are, and running them as `git commit` does.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::failed;
use super::{GitError, Repository};

/// The hooks of a repository that a commit runs.
pub(super) struct Hooks<'r> {
    repository: &'r Repository,
    found: Vec<(&'static str, PathBuf)>,
    /// Hooks that are passed over, and why.
    pub(super) notes: Vec<String>,
}

/// The hooks of a commit, in their order; the fourth is run around the moment in which the branch moves.
const NAMES: [&str; 6] =
    ["pre-commit", "prepare-commit-msg", "commit-msg", "reference-transaction", "post-index-change", "post-commit"];
/// The hooks that look at the work tree, which has nothing to do with a branch that is not checked out.
const OF_WORK_TREE: [&str; 3] = ["pre-commit", "post-index-change", "post-commit"];
/// The hooks that `--no-verify` passes over, as in git.
const VERIFYING: [&str; 2] = ["pre-commit", "commit-msg"];

impl Repository {
    /// Finds the hooks that run for a commit.
    pub(super) fn hooks(&self, current: bool, verify: bool) -> Result<Hooks<'_>, GitError> {
        let root = self.require_work_dir()?;
        let configured =
            self.git.config_snapshot().trusted_path("core.hooksPath").map_err(failed("read `core.hooksPath`"))?;
        let dir = match configured {
            Some(dir) => root.join(dir),
            None => self.git.common_dir().join("hooks"),
        };
        let mut hooks = Hooks { repository: self, found: Vec::new(), notes: Vec::new() };
        for name in NAMES {
            let path = dir.join(name);
            let Ok(metadata) = std::fs::metadata(&path) else { continue };
            if !metadata.is_file() || !verify && VERIFYING.contains(&name) {
                continue;
            }
            if !is_executable(&metadata) {
                hooks.notes.push(format!("the hook `{name}` is not run, because it is not executable"));
            } else if !current && OF_WORK_TREE.contains(&name) {
                // Nobody misses what only follows the index.
                if name != "post-index-change" {
                    hooks.notes.push(format!("the hook `{name}` is not run: the branch is not checked out"));
                }
            } else {
                hooks.found.push((name, path));
            }
        }
        // Git takes no repository of another user, so that nobody runs their programs unasked.
        if !hooks.found.is_empty() && self.git.git_dir_trust() != gix::sec::Trust::Full {
            return Err(GitError::UntrustedHooks { dir: root.to_owned() });
        }
        Ok(hooks)
    }
}

fn is_executable(metadata: &std::fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        metadata.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        true
    }
}

impl Hooks<'_> {
    /// Tells whether there is one of these hooks.
    pub(super) fn any(&self, names: &[&str]) -> bool {
        self.found.iter().any(|(name, _)| names.contains(name))
    }

    /// Runs a hook, if there is one, with the index that holds what is about to be committed.
    pub(super) fn run(&self, name: &'static str, arguments: &[&str], index: Option<&Path>) -> Result<(), GitError> {
        self.start(name, arguments, index, None)
    }

    /// Runs the hook of reference transactions.
    pub(super) fn transaction(&self, state: &str, line: &str) -> Result<(), GitError> {
        self.start("reference-transaction", &[state], None, Some(line.as_bytes()))
    }

    fn start(
        &self,
        name: &'static str,
        arguments: &[&str],
        index: Option<&Path>,
        stdin: Option<&[u8]>,
    ) -> Result<(), GitError> {
        let Some((_, path)) = self.found.iter().find(|(found, _)| *found == name) else { return Ok(()) };
        let launch = |mut program: Command| -> Result<io::Result<std::process::ExitStatus>, GitError> {
            program.args(arguments);
            let mut program = self.repository.at_root(program)?;
            // No editor is opened; stdout is for data, and what hooks say is talk.
            program.env("GIT_EDITOR", ":").env("GIT_PREFIX", "").stdout(io::stderr());
            if let Some(index) = index {
                program.env("GIT_INDEX_FILE", index);
            }
            program.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
            Ok(program.spawn().and_then(|mut child| {
                if let (Some(mut input), Some(text)) = (child.stdin.take(), stdin) {
                    // A hook need not read what it gets.
                    let _ = input.write_all(text);
                }
                child.wait()
            }))
        };
        let shell = || {
            let mut shell = Command::new("sh");
            shell.arg(path);
            shell
        };
        let status = if cfg!(windows) { launch(shell())? } else { launch(Command::new(path))? };
        // A script without `#!` is one of the shell.
        const NO_FORMAT: i32 = 8;
        let status = match status {
            Err(error) if cfg!(unix) && error.raw_os_error() == Some(NO_FORMAT) => launch(shell())?,
            status => status,
        };
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(GitError::HookFailed { hook: name, status: status.to_string() }),
            Err(source) => Err(GitError::HookNotStarted { hook: name, source: source.into() }),
        }
    }
}
