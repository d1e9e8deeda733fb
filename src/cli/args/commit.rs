//! The arguments of `commit`.

use clap::Args as ClapArgs;

use super::{Resolve, Selection};
use crate::repo::git::Trailer;

#[derive(Debug, ClapArgs)]
pub struct Commit {
    #[command(flatten)]
    pub selection: Selection,
    /// Message of the commit [default: a summary of the changed objects]
    #[arg(short, long, value_name = "TEXT", value_parser = message)]
    pub message: Option<String>,
    /// Add a line `KEY: VALUE` to the end of the message, as `git commit --trailer` does; may be given more than once
    #[arg(long = "trailer", value_name = "KEY: VALUE")]
    pub trailers: Vec<Trailer>,
    /// Commit onto another branch, made from HEAD if there is none of that name, and leave what is checked out alone
    ///
    /// Intents and other inputs are those of the working tree. What is ours, and what was changed by hand, is judged by
    /// the files of that branch. The working tree, the index and HEAD stay as they are.
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Sign the commit, with the key and the program that git is configured for [default: commit.gpgSign]
    #[arg(long)]
    pub sign: bool,
    /// Do not sign the commit, whatever commit.gpgSign says
    #[arg(long, conflicts_with = "sign")]
    pub no_sign: bool,
    /// Pass over the hooks pre-commit and commit-msg
    #[arg(long)]
    pub no_verify: bool,
    /// Push the branch afterwards, to its upstream or to REMOTE, with git and its credentials
    ///
    /// A branch without upstream gets one. The branch is pushed also when there is nothing to commit, so that a push that
    /// failed can be tried again.
    #[arg(long, value_name = "REMOTE", num_args = 0..=1, require_equals = true)]
    pub push: Option<Option<String>>,
    #[command(flatten)]
    pub resolve: Resolve,
}

impl Commit {
    /// Whether to sign, if the arguments say so.
    pub fn sign(&self) -> Option<bool> {
        (self.sign || self.no_sign).then_some(self.sign)
    }
}

fn message(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("a commit needs a message".into()) } else { Ok(text.to_owned()) }
}
