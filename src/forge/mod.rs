//! EFFECTS: the HTTP API of a forge (GitHub, Gitea): one comment of a pull request, kept up to date.
//!
//! Owns the requests, what is repeated and how long is waited, and what the answers mean. Does not know what the comment
//! says, reads no environment (`cli` passes it in) and no clock: waits are a function of the caller, and points in time are
//! compared with the `Date` of the same answer.

mod comment;
mod http;
mod settings;

pub use comment::{Outcome, marker, update};
pub use settings::{Choices, Settings, Token, settings};

use std::time::Duration;

/// Waits for a time, and may say why.
pub type Pause<'a> = &'a dyn Fn(Duration, &str);

/// Which API is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// GitHub, also GitHub Enterprise Server.
    GitHub,
    /// Gitea, also Forgejo.
    Gitea,
}

/// Why a comment could not be kept up to date; holds no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {hint}")]
pub struct Error {
    /// What the caller can do about it.
    pub cause: Cause,
    /// What happened.
    pub message: String,
    /// The next action of the user.
    pub hint: String,
}

/// Kinds of failure, as far as they are treated differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The settings cannot work.
    Settings,
    /// The token may not do this.
    Forbidden,
    /// What the request is about is not there.
    Missing,
    /// Somebody else changed it at the same time.
    Conflict,
    /// There was no clear answer: the request may have been carried out or not.
    Unclear,
    /// Anything else.
    Other,
}

impl Error {
    fn new(cause: Cause, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { cause, message: message.into(), hint: hint.into() }
    }
}
