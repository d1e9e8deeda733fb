//! The terminal: what goes to stdout and stderr, and whether in colour.

use std::collections::{BTreeMap, HashSet};
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use super::args::{Color, Global};
use crate::diagnostic::Diagnostic;
use crate::diff::HandEdit;
use crate::repo::git::GitError;
use crate::report;

/// Talks to the user.
pub struct Ui {
    stdout_color: bool,
    stderr_color: bool,
    quiet: bool,
    verbose: bool,
    said: Mutex<Said>,
}

/// What was reported already. Clusters share files: a fault in a base is one fault, however many clusters extend it.
#[derive(Default)]
struct Said {
    findings: HashSet<Diagnostic>,
    /// Files that hold a credential and must not be quoted, whatever else is found in them later.
    sealed: HashSet<String>,
}

impl Ui {
    /// Decides on colour from arguments, terminal and NO_COLOR.
    pub fn new(global: &Global) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = |terminal: bool| match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !no_color,
        };
        Self {
            stdout_color: color(std::io::stdout().is_terminal()),
            stderr_color: color(std::io::stderr().is_terminal()),
            quiet: global.quiet,
            verbose: global.verbose,
            said: Mutex::default(),
        }
    }

    /// Whether stdout takes colour.
    pub fn color(&self) -> bool {
        self.stdout_color
    }

    /// Whether the user wants more.
    pub fn verbose(&self) -> bool {
        self.verbose
    }

    /// Writes data to stdout. A reader that went away is no failure.
    pub fn data(&self, text: &str) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Writes a result line to stdout, unless the user wants quiet.
    pub fn result(&self, text: &str) -> anyhow::Result<()> {
        self.results(&format!("{text}\n"))
    }

    /// Writes result lines to stdout, unless the user wants quiet.
    pub fn results(&self, lines: &str) -> anyhow::Result<()> {
        if self.quiet { Ok(()) } else { self.data(lines) }
    }

    /// Says something on stderr, unless the user wants quiet.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.err(&format!("{text}\n"));
        }
    }

    /// Writes diagnostics to stderr, each place once; with `-q` only errors.
    pub fn diagnostics(&self, list: &[Diagnostic], sources: &BTreeMap<String, String>) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let sealed = list.iter().filter(|one| one.is_about_credential()).filter_map(|one| one.file.clone());
        said.sealed.extend(sealed);
        let mut shown: Vec<Diagnostic> = list.iter().filter(|one| one.is_error() || !self.quiet).cloned().collect();
        shown.retain(|one| said.findings.insert(one.clone()));
        let source = |file: &str| sources.get(file).filter(|_| !said.sealed.contains(file)).map(String::as_str);
        self.err(&report::diagnostics(&shown, source, self.stderr_color));
    }

    /// Writes both sides of hand edits to stderr, unless the user wants quiet.
    pub fn hand_edits(&self, edits: &[HandEdit]) {
        if !self.quiet {
            self.err(&report::hand_edits(edits, self.stderr_color));
        }
    }

    /// Reports a failure of the tool or its environment.
    pub fn failure(&self, error: &anyhow::Error) {
        let hint = error.downcast_ref::<GitError>().and_then(GitError::hint);
        let hint = hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        let text = crate::diagnostic::mask::mask(&format!("{error:#}{hint}"));
        let label = if self.stderr_color { "\x1b[1;31merror\x1b[0m" } else { "error" };
        self.err(&format!("{label}: {text}\n"));
    }

    fn err(&self, text: &str) {
        // There is nobody left to tell when stderr is closed.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}
