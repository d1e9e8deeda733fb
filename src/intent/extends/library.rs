//! [`Library`]: the bases of a run. Each is read and parsed once, however many intents extend it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::super::credentials;
use super::super::document::{Document, Part};
use super::super::findings::Findings;
use crate::diagnostic::Diagnostic;
use crate::tree::{Blob, RepoPath};
use crate::yaml::{self, Dialect, Limits, Node};

/// A base that is there cannot be read: a fault of the environment.
#[derive(Clone, Debug)]
pub struct Unreadable(Arc<dyn Error + Send + Sync>);

impl Unreadable {
    /// Wraps the error of whoever reads files.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Unreadable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// A file that intents extend.
#[derive(Debug)]
pub(in crate::intent) struct Base {
    /// The file.
    pub path: RepoPath,
    /// Its text, for excerpts.
    blob: Blob,
    /// Its values without credentials, and what was found in place of these; or why it cannot be parsed.
    pub parsed: Result<(Arc<Node>, Vec<Diagnostic>), Vec<Diagnostic>>,
}

impl Base {
    /// Returns the file as a part of a document, when it could be parsed.
    pub(in crate::intent) fn part(&self) -> Option<Part> {
        let (node, _) = self.parsed.as_ref().ok()?;
        Some(Part { name: self.path.as_str().into(), path: Some(self.path.clone()), node: node.clone() })
    }
}

type Load<'a> = dyn Fn(&RepoPath) -> Result<Option<Blob>, Unreadable> + Send + Sync + 'a;
type Slot = Arc<OnceLock<Result<Option<Arc<Base>>, Unreadable>>>;

/// The bases that the intents of a run may extend.
#[derive(Default)]
pub struct Library<'a> {
    load: Option<Box<Load<'a>>>,
    slots: Mutex<BTreeMap<RepoPath, Slot>>,
}

impl<'a> Library<'a> {
    /// Takes what reads a file of the repository; `None` when there is no plain file at a path.
    pub fn new(load: impl Fn(&RepoPath) -> Result<Option<Blob>, Unreadable> + Send + Sync + 'a) -> Self {
        Self { load: Some(Box::new(load)), slots: Mutex::default() }
    }

    /// A library for intents that come without files around them: nothing can be extended.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether there are files at all.
    pub(super) fn has_files(&self) -> bool {
        self.load.is_some()
    }

    /// Returns a base; the first who asks reads it.
    pub(super) fn get(&self, path: &RepoPath) -> Result<Option<Arc<Base>>, Unreadable> {
        let Some(load) = &self.load else { return Ok(None) };
        let slot = self.slots.lock().unwrap_or_else(PoisonError::into_inner).entry(path.clone()).or_default().clone();
        slot.get_or_init(|| Ok(load(path)?.map(|blob| Arc::new(parse(path, blob))))).clone()
    }

    /// Returns the texts of the bases that were read, by the names that messages use.
    pub fn texts(&self) -> BTreeMap<String, String> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let read = slots.values().filter_map(|slot| slot.get()?.as_ref().ok()?.as_ref());
        read.filter(|base| base.blob.bytes().len() <= Limits::INTENT.bytes)
            .map(|base| (base.path.to_string(), String::from_utf8_lossy(base.blob.bytes()).into_owned()))
            .collect()
    }
}

fn parse(path: &RepoPath, blob: Blob) -> Base {
    let mut findings = Findings::new(path.as_str());
    let parsed = match yaml::parse_one(blob.bytes(), Dialect::Strict, Limits::INTENT) {
        Ok(mut node) => {
            let found = credentials::hide(&mut node);
            let node = Arc::new(node);
            findings.set_document(Arc::new(Document::single(path.as_str(), Some(path.clone()), node.clone())));
            found.iter().for_each(|credential| credentials::report(credential, &mut findings));
            Ok((node, findings.into_vec()))
        }
        Err(faults) => {
            findings.extend(faults);
            Err(findings.into_vec())
        }
    };
    Base { path: path.clone(), blob, parsed }
}
