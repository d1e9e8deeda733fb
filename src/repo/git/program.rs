//! Starting programs of the user: git itself, for what needs its keys and credentials, and hooks.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};

use super::error::failed;
use super::{GitError, Repository};

/// The environment variable that tells programs which we start which lock we hold: one of ours must not wait for it.
pub const LOCK_HELD: &str = "FLUXWRIGHT_LOCK_HELD";

/// What leads to another repository than the one of the current directory.
const FOREIGN: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
];

/// What a program has left.
pub(super) struct Output {
    pub(super) success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Repository {
    /// Prepares git to run at the root of the work tree.
    pub(super) fn program(&self) -> Result<Command, GitError> {
        self.at_root(Command::new("git"))
    }

    /// Lets a program run at the root of the work tree, in this repository.
    pub(super) fn at_root(&self, mut program: Command) -> Result<Command, GitError> {
        program.current_dir(self.require_work_dir()?).env(LOCK_HELD, self.lock_file());
        for variable in FOREIGN {
            program.env_remove(variable);
        }
        Ok(program)
    }
}

/// Runs git with a text on its stdin, and keeps what it says.
pub(super) fn finish(git: &mut Command, stdin: &[u8]) -> Result<Output, GitError> {
    let run = |git: &mut Command| -> io::Result<std::process::Output> {
        let mut child = git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut input = child.stdin.take();
        std::thread::scope(|scope| {
            // A program that does not read all of it closes the pipe; it says on its own what is wrong.
            scope.spawn(move || input.take().map(|mut input| input.write_all(stdin)));
            child.wait_with_output()
        })
    };
    let output = run(git).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => GitError::NoProgram { source: source.into() },
        _ => failed("run `git`")(source),
    })?;
    Ok(Output {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).trim_end().to_owned(),
    })
}
