//! Pushing a branch with the git of the user, which finds credentials in its own way.

use gix::bstr::ByteSlice;

use super::{GitError, Repository, Target, program};

/// Says what a push did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The name or address of the remote.
    pub remote: String,
    /// The short name of the branch there.
    pub branch: String,
    /// What git and the remote said.
    pub said: String,
}

impl Repository {
    /// Names the remote that a branch is pushed to; nothing when there is none, or several that nobody chose from.
    pub fn remote_for(&self, target: &Target) -> Option<String> {
        let branch = target.branch();
        let named = self
            .setting(&format!("branch.{branch}.pushRemote"))
            .or_else(|| self.setting("remote.pushDefault"))
            .or_else(|| self.setting(&format!("branch.{branch}.remote")).filter(|remote| remote != "."));
        let remotes = self.git.remote_names();
        let only = || match remotes.len() {
            1 => remotes.iter().next().map(ToString::to_string),
            _ => remotes.iter().find(|name| name.as_bytes() == b"origin").map(ToString::to_string),
        };
        named.or_else(only).filter(|remote| !remote.starts_with('-'))
    }

    /// Reads a setting of git that is not empty.
    fn setting(&self, key: &str) -> Option<String> {
        self.git.config_snapshot().string(key).map(|value| value.to_string()).filter(|value| !value.is_empty())
    }

    /// Pushes exactly the branch, to its upstream or to another remote.
    ///
    /// Without upstream the branch gets the same name at the remote, and that as its upstream if the remote has a name.
    /// The remote is the one that is asked for, else the one that `git push` would take.
    pub fn push(&self, target: &Target, remote: Option<&str>) -> Result<Pushed, GitError> {
        let branch = target.branch();
        let upstream = self.setting(&format!("branch.{branch}.remote"));
        let upstream = upstream.zip(self.setting(&format!("branch.{branch}.merge")));
        // `.` is this repository: a branch that follows another local one.
        let upstream = upstream.filter(|(remote, _)| remote != ".");
        let remote = remote.map(str::to_owned).or_else(|| self.remote_for(target));
        let remote = remote.filter(|remote| !remote.starts_with('-')).ok_or(GitError::NoRemote)?;
        let remotes = self.git.remote_names();
        let there = upstream.as_ref().filter(|(own, _)| *own == remote).map(|(_, merge)| merge.clone());
        let there = there.unwrap_or_else(|| target.name.to_string());

        let mut git = self.program()?;
        git.args(["push", "--porcelain"]);
        // An address may hold credentials, and an upstream is written down.
        if upstream.is_none() && remotes.iter().any(|name| name.as_bytes() == remote.as_bytes()) {
            git.arg("--set-upstream");
        }
        git.args(["--", &remote, &format!("{}:{there}", target.name.as_bstr())]);
        let output = program::finish(&mut git, b"")?;
        let there = there.strip_prefix("refs/heads/").unwrap_or(&there).to_owned();
        if output.success {
            return Ok(Pushed { remote, branch: there, said: output.stderr });
        }
        // In this format a line for each branch begins with what became of it, in every language.
        let rejected = output.stdout.lines().find(|line| line.starts_with('!'));
        let reason = rejected.and_then(|line| line.rsplit('\t').next()).unwrap_or_default().to_owned();
        Err(GitError::PushFailed { branch, remote, reason, said: output.stderr })
    }
}
