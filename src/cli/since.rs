//! `--changed-since`: which clusters are made of something that changed between a revision and the work tree.

use std::collections::{BTreeSet, HashSet};

use anyhow::bail;
use rayon::prelude::*;

use super::commands::commit::explained;
use super::selection::{Picked, inputs};
use crate::intent::Library;
use crate::pipeline::Context;
use crate::repo::{IntentFile, Repo, git};

/// Keeps the clusters that changed since a revision.
///
/// An intent is parsed only when a path changed that lies in no cluster's directory, or when it may refer to something in
/// the directory of another one.
pub fn keep(picked: Picked, rev: &str, repo: &Repo, context: &Context, library: &Library) -> anyhow::Result<Picked> {
    let paths = since(rev, repo)?;
    let Picked { files, abandoned, mut notes } = picked;
    let touched: HashSet<&str> = paths.iter().filter_map(|path| owner(path)).collect();
    let names: HashSet<String> = files.iter().filter_map(|file| owner(&file.name)).map(str::to_owned).collect();
    let all = paths.iter().any(|path| path.starts_with("plugins/"));
    let outside = paths.iter().any(|path| owner(path).is_none_or(|name| !names.contains(name)));
    let is_changed = |file: &IntentFile| -> anyhow::Result<bool> {
        if all || owner(&file.name).is_some_and(|name| touched.contains(name)) {
            return Ok(true);
        }
        if paths.is_empty() || !(outside || leaves_its_directory(&file.bytes)) {
            return Ok(false);
        }
        Ok(inputs(file, context, library)?.iter().any(|input| has(&paths, input)))
    };
    let changed: Vec<bool> = files.par_iter().map(is_changed).collect::<anyhow::Result<_>>()?;
    for name in &touched {
        let intent = format!("clusters/{name}/cluster.yaml");
        let is_gone = || repo.root().join(&intent).symlink_metadata().is_err();
        if paths.contains(&intent) && is_gone() && !abandoned.iter().any(|left| left == name) {
            notes.push(format!("note: `{intent}` is gone: there is no cluster `{name}` any more"));
        }
    }
    notes.sort();
    let files = files.into_iter().zip(changed).filter_map(|(file, changed)| changed.then_some(file)).collect();
    let abandoned = abandoned.into_iter().filter(|name| all || touched.contains(name.as_str())).collect();
    Ok(Picked { files, abandoned, notes })
}

/// The name of the cluster in whose directory a path lies.
fn owner(path: &str) -> Option<&str> {
    Some(path.strip_prefix("clusters/")?.split_once('/')?.0)
}

/// The paths of the repository that differ from a revision.
fn since(rev: &str, repo: &Repo) -> anyhow::Result<BTreeSet<String>> {
    let Some(repository) = git::discover(repo.root())? else {
        bail!("--changed-since needs a git repository; `{}` is in none", repo.root().display());
    };
    let prefix = repository.prefix(repo.root());
    let paths = explained(repository.changed_since(rev))?;
    Ok(paths.into_iter().filter_map(|path| path.strip_prefix(&prefix).map(str::to_owned)).collect())
}

/// Whether a file changed, or one below it when it is a directory, or what it lies in.
fn has(paths: &BTreeSet<String>, input: &str) -> bool {
    let below = format!("{input}/");
    paths.contains(input)
        || paths.range(below.clone()..).next().is_some_and(|path| path.starts_with(&below))
        || input.match_indices('/').any(|(end, _)| paths.contains(&input[..end]))
}

/// Whether an intent may be made of files outside of its directory. References are relative, so those name `..`, or stand
/// in a base; a backslash may hide either. A `#` in the first column starts a comment, such as the one that names a schema.
fn leaves_its_directory(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return true };
    let says = |line: &str| line.contains("..") || line.contains("extends") || line.contains('\\');
    text.lines().filter(|line| !line.starts_with('#')).any(says)
}
