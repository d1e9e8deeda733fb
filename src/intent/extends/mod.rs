//! What an intent extends: finds its bases, and puts them into the order in which they are merged.
//!
//! Each base counts once, where it is reached first, after its own bases: what two bases share lies below both. Reading
//! is left to the [`Library`].

mod files;
mod library;
mod merge;

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::findings::Findings;
use super::manifest::{API_VERSION, KIND};
use crate::diagnostic::{Code, Diagnostic, codes, field_path, mask};
use crate::tree::RepoPath;
use crate::yaml::{Body, Node};

pub(super) use files::relocate;
pub(super) use library::Base;
pub use library::{Library, Unreadable};
pub(super) use merge::{LIST_KEYS, merge};

/// The longest chain of files, each of which extends the next.
const DEEPEST: usize = 16;
/// The most bases of one intent.
const MOST: usize = 64;

/// The field.
pub(super) const FIELD: &str = "extends";

/// The bases of an intent.
#[derive(Default)]
pub(super) struct Gathered {
    /// The bases, the first to be merged first.
    pub bases: Vec<Arc<Base>>,
    /// Every file that was asked for, whether it is there or not.
    pub asked: Vec<RepoPath>,
    /// Whether one of them could not be used, which is reported.
    pub failed: bool,
}

/// A file whose bases are looked for.
struct Here<'h> {
    name: &'h str,
    node: &'h Node,
    /// Where its paths start; `None` is the root of the repository.
    dir: Option<RepoPath>,
}

/// Finds the bases of an intent.
///
/// `dir` is where the paths of its own file start: the inner `None` is the root of the repository, the outer one says that
/// the file lies elsewhere and does not say where it belongs.
///
/// # Errors
/// When a base is there but cannot be read.
pub(super) fn gather(
    node: &Node,
    path: Option<&RepoPath>,
    dir: Option<Option<RepoPath>>,
    library: &Library,
    findings: &mut Findings,
) -> Result<Gathered, Unreadable> {
    let mut search = Search { library, found: Gathered::default(), done: HashSet::new(), chain: Vec::new() };
    search.chain.extend(path.cloned());
    let name = findings.file().to_owned();
    let placed = dir.is_some();
    let here = Here { name: &name, node, dir: dir.flatten() };
    if !placed && let Some((pointer, text)) = entries(node).first() {
        let message = format!("{} is relative to a file outside of the repository", mask::quote(text));
        let hint = "give the intent a `metadata.name`: paths then start in `clusters/<name>`";
        search.fault(codes::EXTENDS_OUTSIDE, &here, pointer, message, hint, findings);
        return Ok(search.found);
    }
    search.visit(&here, findings)?;
    Ok(search.found)
}

struct Search<'s, 'l> {
    library: &'s Library<'l>,
    found: Gathered,
    done: HashSet<RepoPath>,
    /// The files on the way to the one that is looked at, itself included.
    chain: Vec<RepoPath>,
}

impl Search<'_, '_> {
    fn visit(&mut self, here: &Here, findings: &mut Findings) -> Result<(), Unreadable> {
        for (pointer, text) in entries(here.node) {
            if !self.library.has_files() {
                let message = "there are no files around this intent that it could extend";
                let hint = "hand over what `fluxwright check --show-merged` prints: the intent with its bases";
                self.fault(codes::EXTENDS_UNAVAILABLE, here, &pointer, message.into(), hint, findings);
                return Ok(());
            }
            let path = match RepoPath::resolve(here.dir.as_ref(), &text) {
                Ok(path) => path,
                Err(error) => {
                    let message = format!("{} is not a file of this repository: {error}", mask::quote(&text));
                    let hint = "copy the base into the repository, and give its path relative to this file";
                    self.fault(codes::EXTENDS_OUTSIDE, here, &pointer, message, hint, findings);
                    continue;
                }
            };
            if let Some(start) = self.chain.iter().position(|file| *file == path) {
                let around: Vec<String> =
                    self.chain.iter().skip(start).chain([&path]).map(|file| format!("`{file}`")).collect();
                let message = format!("`{path}` extends itself: {}", around.join(" extends "));
                let hint = "remove one of the entries; what both files share belongs into a third one";
                self.fault(codes::EXTENDS_CYCLE, here, &pointer, message, hint, findings);
            } else if !self.done.contains(&path) {
                self.take(path, here, &pointer, findings)?;
            }
        }
        Ok(())
    }

    /// Takes a base, after its own bases.
    fn take(&mut self, path: RepoPath, here: &Here, pointer: &str, findings: &mut Findings) -> Result<(), Unreadable> {
        if self.chain.len() > DEEPEST || self.done.len() >= MOST {
            let message = format!("an intent has at most {MOST} bases, in chains of at most {DEEPEST}");
            self.fault(codes::EXTENDS_LIMIT, here, pointer, message, "put what they say into fewer files", findings);
            return Ok(());
        }
        self.done.insert(path.clone());
        self.found.asked.push(path.clone());
        let Some(base) = self.library.get(&path)? else {
            let message = format!("the base `{path}` is not a plain file of the repository");
            let hint = "correct the path; it is relative to the file that it stands in, and links are not followed";
            self.fault(codes::EXTENDS_MISSING, here, pointer, message, hint, findings);
            return Ok(());
        };
        let node = match &base.parsed {
            Ok((node, credentials)) => {
                findings.extend(credentials.iter().cloned());
                node
            }
            Err(faults) => {
                findings.extend(faults.iter().cloned());
                self.found.failed = true;
                return Ok(());
            }
        };
        if let Some(fault) = other_object(node) {
            let message = format!("`{path}` is no intent: {fault}");
            let hint =
                format!("a base starts with `apiVersion: {API_VERSION}` and `kind: {KIND}`; all else is optional");
            self.fault(codes::EXTENDS_NOT_INTENT, here, pointer, message, &hint, findings);
            return Ok(());
        }
        let below = Here { name: path.as_str(), node, dir: path.parent() };
        if let Some(field) = node.child(FIELD).filter(|field| !is_list_of_texts(field)) {
            let wrong = Diagnostic::new(codes::WRONG_TYPE, "expected a string or a list of strings");
            findings.extend([wrong.file(path.as_str()).span(field.span).field(FIELD)]);
            self.found.failed = true;
        }
        self.chain.push(path.clone());
        self.visit(&below, findings)?;
        self.chain.pop();
        self.found.bases.push(base);
        Ok(())
    }

    fn fault(&mut self, code: Code, here: &Here, at: &str, message: String, hint: &str, findings: &mut Findings) {
        self.found.failed = true;
        let fault = Diagnostic::new(code, message).hint(hint).field(field_path(at));
        findings.extend([fault.file(here.name).span(here.node.span_at(at))]);
    }
}

/// The entries of `extends` with their pointers. What is no text is left to the schema.
fn entries(node: &Node) -> Vec<(String, String)> {
    let text = |node: &Node| match &node.body {
        Body::Scalar(Value::String(text)) => Some(text.clone()),
        _ => None,
    };
    let Some(field) = node.child(FIELD) else { return Vec::new() };
    match &field.body {
        Body::Sequence(items) => items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| Some((format!("/{FIELD}/{index}"), text(item)?)))
            .collect(),
        _ => text(field).into_iter().map(|text| (format!("/{FIELD}"), text)).collect(),
    }
}

fn is_list_of_texts(node: &Node) -> bool {
    match &node.body {
        Body::Scalar(value) => value.is_string() || value.is_null(),
        Body::Sequence(items) => items.iter().all(|item| matches!(&item.body, Body::Scalar(Value::String(_)))),
        Body::Mapping(_) => false,
    }
}

/// Says what a file is when it is no intent of this version.
fn other_object(node: &Node) -> Option<String> {
    [("kind", KIND), ("apiVersion", API_VERSION)].into_iter().find_map(|(field, wanted)| {
        match node.child(field).map(|child| &child.body) {
            Some(Body::Scalar(Value::String(text))) if text == wanted => None,
            Some(Body::Scalar(Value::String(text))) => Some(format!("its `{field}` is {}", mask::quote(text))),
            Some(_) => Some(format!("its `{field}` is no text")),
            None => Some(format!("it has no `{field}`")),
        }
    })
}
