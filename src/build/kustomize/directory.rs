//! Paths between directories of a tree, and what a directory without kustomization file holds.

use serde_json::Value;

use super::{BuildError, Restriction};
use crate::build::source;
use crate::tree::{PathError, RepoPath, Tree};
use crate::yaml::Body;

/// The names that kustomize looks for.
pub const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What a file of kustomize may take in.
#[derive(Debug, Default)]
pub struct Mentions {
    /// Paths from the directory of the file.
    pub paths: Vec<String>,
    /// Paths that generators and transformers in it name, from the directory of the kustomization that lists them.
    pub of_configurations: Vec<String>,
}

/// Lists every text of a kustomization file, or of a generator or transformer, that may be the path of something that it
/// takes in: all of one line, and what stands behind a `=`, as generators write it.
pub fn mentioned_paths(bytes: &[u8]) -> Mentions {
    let mut mentions = Mentions::default();
    for node in source::lenient(bytes).unwrap_or_default() {
        let is_configuration =
            matches!(node.child("apiVersion").map(|n| &n.body), Some(Body::Scalar(Value::String(v))) if v == "builtin");
        let (mut found, mut inline) = (Vec::new(), Vec::new());
        node.scalars(&mut |_, _, _, value| {
            let Some(text) = value.as_str().filter(|text| !text.is_empty()) else { return };
            if text.contains("builtin") && text.contains(':') {
                inline.push(text.to_owned());
            }
            if !text.contains('\n') {
                found.push(text.to_owned());
                found.extend(text.split_once('=').map(|(_, path)| path.to_owned()));
            }
        });
        if is_configuration { &mut mentions.of_configurations } else { &mut mentions.paths }.append(&mut found);
        // A configuration that is written out is a text of the kustomization file; it holds no other in turn.
        for text in inline.iter().filter(|_| !is_configuration) {
            mentions.of_configurations.append(&mut mentioned_paths(text.as_bytes()).of_configurations);
        }
    }
    mentions
}

/// Finds the kustomization file of a directory.
pub(super) fn kustomization_file(tree: &Tree, dir: Option<&RepoPath>) -> Result<Option<RepoPath>, BuildError> {
    let mut found: Vec<RepoPath> =
        NAMES.iter().filter_map(|name| RepoPath::resolve(dir, name).ok()).filter(|path| tree.contains(path)).collect();
    if found.len() > 1 {
        return Err(BuildError::SeveralKustomizations {
            directory: dir.map_or(".", RepoPath::as_str).to_owned(),
            files: found.iter().map(ToString::to_string).collect(),
        });
    }
    Ok(found.pop())
}

/// Resolves a directory; `None` is the root of the tree.
pub(super) fn resolve(dir: Option<&RepoPath>, entry: &str) -> Result<Option<RepoPath>, PathError> {
    // The root itself is no path, so that a name below it is resolved and taken off again.
    RepoPath::resolve(dir, &format!("{entry}/_")).map(|path| path.parent())
}

/// Tells whether a directory is there.
pub(super) fn exists(tree: &Tree, dir: Option<&RepoPath>) -> bool {
    dir.map_or(!tree.is_empty(), |dir| tree.below(dir).next().is_some())
}

/// Tells whether a directory is another one or contains it.
pub(super) fn contains(outer: Option<&RepoPath>, inner: Option<&RepoPath>) -> bool {
    match (outer, inner) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(outer), Some(inner)) => outer == inner || inner.strip_prefix(outer).is_some(),
    }
}

/// Resolves a file that kustomize may read: in or below the directory of its kustomization.
pub(super) fn readable(
    tree: &Tree,
    restriction: Restriction,
    dir: Option<&RepoPath>,
    file: &str,
    field: &str,
    entry: &str,
) -> Result<RepoPath, BuildError> {
    let fault = |reason: String| BuildError::Path {
        file: file.to_owned(),
        field: field.to_owned(),
        path: entry.to_owned(),
        reason,
    };
    if is_remote(entry) {
        return Err(remote(file, field, entry));
    }
    let path = RepoPath::resolve(dir, entry).map_err(|e| fault(format!("which cannot be used: {e}")))?;
    if !tree.contains(&path) {
        return Err(fault("which does not exist, or is no file in or below the directory of the kustomization".into()));
    }
    if restriction == Restriction::RootOnly && dir.is_some_and(|dir| path.strip_prefix(dir).is_none()) {
        return Err(fault("which is not in or below the directory of the kustomization".into()));
    }
    Ok(path)
}

/// Refuses an entry that would have to be fetched.
pub(super) fn remote(file: &str, field: &str, entry: &str) -> BuildError {
    let field = format!("{field} (remote: {entry}; put a copy into the repository)");
    BuildError::Unsupported { file: file.to_owned(), field }
}

/// Tells whether an entry is fetched from elsewhere.
pub(super) fn is_remote(entry: &str) -> bool {
    entry.contains("://") || entry.contains("?ref=") || entry.starts_with("git@") || entry.starts_with("github.com/")
}

/// One resource of a directory without kustomization file.
pub(super) enum Found {
    File(RepoPath),
    Directory(RepoPath),
}

/// Walks a directory as kustomize-controller does: in lexical order, not into directories with a kustomization file.
pub(super) fn walk(tree: &Tree, dir: Option<&RepoPath>) -> Vec<Found> {
    let mut files: Vec<(Vec<String>, RepoPath)> = tree
        .iter()
        .filter(|(path, _)| dir.is_none_or(|dir| path.strip_prefix(dir).is_some()))
        .map(|(path, _)| (path.as_str().split('/').map(str::to_owned).collect(), path.clone()))
        .collect();
    // A walk compares names, not paths: `a/x` comes before `a-b/x`.
    files.sort();
    let mut found = Vec::new();
    let mut taken: Option<RepoPath> = None;
    for (_, path) in files {
        if taken.as_ref().is_some_and(|dir| path.strip_prefix(dir).is_some()) {
            continue;
        }
        if let Some(own) = nearest_kustomization(tree, dir, &path) {
            found.push(Found::Directory(own.clone()));
            taken = Some(own);
        } else if path.name().ends_with(".yaml") || path.name().ends_with(".yml") {
            found.push(Found::File(path));
        }
    }
    found
}

/// Finds the outermost directory between a walked one and a file that has a kustomization file.
fn nearest_kustomization(tree: &Tree, dir: Option<&RepoPath>, path: &RepoPath) -> Option<RepoPath> {
    let mut outermost = None;
    let mut next = path.parent();
    while let Some(candidate) = next {
        if dir == Some(&candidate) {
            break;
        }
        let has = NAMES.iter().any(|name| candidate.join(name).is_ok_and(|file| tree.contains(&file)));
        if has {
            outermost = Some(candidate.clone());
        }
        next = candidate.parent();
    }
    outermost
}
