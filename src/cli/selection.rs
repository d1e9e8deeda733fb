//! Which clusters the arguments of a command mean: names, and paths as git and pre-commit list them. Runs no pipeline.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};

use super::args::Selection;
use super::since;

use crate::diagnostic::did_you_mean;
use crate::intent::Library;
use crate::pipeline::{self, Context};
use crate::repo::{IntentFile, Repo};

/// What the arguments mean.
#[derive(Default)]
pub struct Picked {
    /// The intents.
    pub files: Vec<IntentFile>,
    /// The clusters whose intent is missing.
    pub abandoned: Vec<String>,
    /// What the user should know about arguments that mean nothing.
    pub notes: Vec<String>,
}

/// Takes the intents that the arguments mean, each once and in their order; all of them when there is no argument.
///
/// A name means its cluster. A path means the clusters that are made of what lies there: those in whose directory or tree
/// it lies, those that refer to it, all of them for a path in `plugins/`, and for a directory those below it.
///
/// # Errors
/// When there is no intent at all, or an argument means no cluster and is no file of the repository either. A file of which
/// no cluster is made is fine, and so is one of a cluster that is gone: a list of changed files can be passed on as it is.
pub fn pick(
    files: Vec<IntentFile>,
    abandoned: Vec<String>,
    selected: &Selection,
    repo: &Repo,
    context: &Context,
    library: &Library,
) -> anyhow::Result<Picked> {
    if files.is_empty() && abandoned.is_empty() {
        let here = std::env::current_dir().context("cannot tell the current directory")?;
        if !same_file::is_same_file(&here, repo.root()).unwrap_or(true) && here.join("clusters").is_dir() {
            bail!(
                "no intent in `{}`, the root of the repository: expected clusters/<name>/cluster.yaml\nhint: `--repo .` takes \
                 the clusters of the current directory",
                repo.root().display()
            );
        }
        bail!(
            "no intent in `{}`: expected clusters/<name>/cluster.yaml; `fluxwright init NAME` writes one",
            repo.root().display()
        );
    }
    let mut picked = Picked { files, abandoned, notes: Vec::new() };
    if !selected.clusters.is_empty() {
        picked = named(picked, &selected.clusters, repo, context, library)?;
    }
    if let Some(rev) = &selected.changed_since {
        picked = since::keep(picked, rev, repo, context, library)?;
    }
    Ok(picked)
}

/// Keeps the clusters that arguments mean.
fn named(
    all: Picked,
    arguments: &[String],
    repo: &Repo,
    context: &Context,
    library: &Library,
) -> anyhow::Result<Picked> {
    let Picked { files, abandoned, .. } = all;
    let mut picked = Picked::default();
    let current = std::env::current_dir().context("cannot tell the current directory")?;
    let mut candidates: Vec<Candidate> = files.into_iter().map(Candidate::new).collect();
    for argument in arguments {
        if argument.is_empty() {
            bail!("an empty argument names no cluster");
        }
        let place = Place::find(argument, repo, &current);
        let named = candidates.iter().any(|one| one.name == *argument);
        let mut found = false;
        for one in &mut candidates {
            let means = match &place.path {
                _ if named => one.name == *argument,
                Some(path) => one.has(path, context, library)?,
                None => false,
            };
            if means {
                (one.chosen, found) = (true, true);
            }
        }
        for name in &abandoned {
            let directory = format!("clusters/{name}");
            if name == argument || place.path.as_deref().is_some_and(|path| !named && touches(path, &directory)) {
                found = true;
                picked.abandoned.push(name.clone());
            }
        }
        match &place.path {
            _ if found => {}
            Some(_) if place.is_file => {}
            None if place.is_file => bail!("`{argument}` lies outside of the repository `{}`", repo.root().display()),
            // A list of changed files names those that are deleted, too.
            Some(path) if !place.exists && path.starts_with("clusters/") && argument.contains(['/', '\\']) => {
                let meant = unknown(argument, &place, &candidates, repo);
                picked.notes.push(format!("note: `{argument}` is gone: {meant}"));
            }
            _ => return Err(unknown(argument, &place, &candidates, repo)),
        }
    }
    picked.abandoned.sort();
    picked.abandoned.dedup();
    picked.files = candidates.into_iter().filter(|one| one.chosen).map(|one| one.file).collect();
    Ok(picked)
}

/// An intent that may be chosen.
struct Candidate {
    file: IntentFile,
    /// The name of its directory.
    name: String,
    /// Its tree and the files it refers to, once they were asked for: the file must be parsed to know them.
    inputs: Option<Vec<String>>,
    chosen: bool,
}

impl Candidate {
    fn new(file: IntentFile) -> Self {
        let name = file.path.as_ref().and_then(|path| Some(path.parent()?.name().to_owned())).unwrap_or_default();
        Self { file, name, inputs: None, chosen: false }
    }

    /// Whether the cluster is made of what lies at a path.
    fn has(&mut self, path: &str, context: &Context, library: &Library) -> anyhow::Result<bool> {
        let directory = format!("clusters/{}", self.name);
        if touches(path, &directory) || touches(path, "plugins") {
            return Ok(true);
        }
        let inputs = match self.inputs.take() {
            Some(inputs) => inputs,
            None => inputs(&self.file, context, library)?,
        };
        let inputs = self.inputs.insert(inputs);
        Ok(inputs.iter().any(|input| touches(path, input)))
    }
}

/// What a cluster is made of, beside its own directory: its tree, its bases, and the files that these refer to.
pub(super) fn inputs(file: &IntentFile, context: &Context, library: &Library) -> anyhow::Result<Vec<String>> {
    let draft = pipeline::read(&file.name, file.path.clone(), &file.bytes, context, library)?;
    let paths = draft.references().into_iter().chain(draft.root()).chain(draft.bases().iter().cloned());
    Ok(paths.map(|path| path.to_string()).collect())
}

/// Whether one of two paths is the other or lies below it; the empty path is the root.
fn touches(one: &str, other: &str) -> bool {
    let below = |path: &str, directory: &str| {
        directory.is_empty()
            || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    below(one, other) || below(other, one)
}

/// Where an argument leads, taken as a path.
struct Place {
    /// Relative to the repository; `None` outside of it.
    path: Option<String>,
    /// Whether something lies there.
    exists: bool,
    /// Whether something that is no directory lies there.
    is_file: bool,
}

impl Place {
    /// Looks from the current directory, as a person writes paths, then from the root, as git and pre-commit list them.
    fn find(argument: &str, repo: &Repo, current: &Path) -> Self {
        let [here, root] = [current.join(argument), repo.root().join(argument)];
        let exists = |path: &Path| path.symlink_metadata().is_ok();
        let full = match (exists(&here), exists(&root)) {
            (true, _) => here,
            (false, true) => root,
            // One word that is not there is a name, or meant to be one.
            (false, false) if !argument.contains(['/', '\\']) => {
                return Self { path: None, exists: false, is_file: false };
            }
            (false, false) if repo.relative(&here).is_some() => here,
            (false, false) => root,
        };
        let is_file = full.symlink_metadata().is_ok_and(|metadata| !metadata.is_dir());
        Self { path: repo.relative(&full), exists: exists(&full), is_file }
    }
}

fn unknown(argument: &str, place: &Place, candidates: &[Candidate], repo: &Repo) -> anyhow::Error {
    let cluster = place.path.as_deref().and_then(|path| path.strip_prefix("clusters/")?.split('/').next());
    if cluster.is_none() && argument.contains(['/', '\\', '.']) {
        return anyhow!("no such file or cluster: `{argument}`");
    }
    let name = cluster.unwrap_or(argument);
    let known: Vec<&str> = candidates.iter().map(|one| one.name.as_str()).collect();
    let hint = did_you_mean(name, known.iter().copied()).map(|meant| format!("; did you mean `{meant}`?"));
    anyhow!(
        "no cluster `{name}` in `{}`/clusters{}",
        repo.root().display(),
        hint.unwrap_or_else(|| format!(" (there are: {})", known.join(", ")))
    )
}
