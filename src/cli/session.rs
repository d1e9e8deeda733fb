//! What check, diff, render and commit share: find the repository, read it, run the pipeline, report.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, bail};
use rayon::prelude::*;

use super::args::{Global, Selection};
use super::ui::Ui;
use super::{Status, selection};
use crate::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::intent::{Library, Unreadable};
use crate::layout::{Previous, inventory};
use crate::pipeline::{self, Context, Inputs, Outcome};
use crate::repo::{self, Answer, Clean, IntentFile, Repo, git};
use crate::tree::RepoPath;
use crate::verify::{Bases, Ground, Proof};

/// The clusters that a command works on, taken through the pipeline.
pub struct Session<T> {
    /// The repository.
    pub repo: Repo,
    /// The clusters, in the order of their files.
    pub clusters: Vec<Done<T>>,
    /// Findings about no cluster: directories whose intent is missing.
    pub faults: Vec<Diagnostic>,
    /// Texts of files for excerpts.
    pub sources: BTreeMap<String, String>,
}

/// One cluster after the pipeline.
pub struct Done<T> {
    /// What the pipeline says. Plan and tree are gone: of a thousand clusters they do not fit into memory.
    pub outcome: Outcome,
    /// What the command has made of plan and tree.
    pub made: T,
}

/// What a command makes of one cluster, while plan and tree are there. Runs in parallel over clusters.
pub trait Make<T>: Fn(&Repo, &mut Outcome, Previous) -> anyhow::Result<T> + Sync {}

impl<T, F: Fn(&Repo, &mut Outcome, Previous) -> anyhow::Result<T> + Sync> Make<T> for F {}

/// Finds the repository's directory.
pub fn repository(global: &Global) -> anyhow::Result<Repo> {
    if let Some(dir) = &global.repo {
        if !dir.is_dir() {
            bail!("--repo: `{}` is not a directory", dir.display());
        }
        return Ok(Repo::new(dir.clone()));
    }
    let current = std::env::current_dir().context("cannot tell the current directory")?;
    let enclosing = git::discover(&current)?;
    let root = enclosing.and_then(|repository| repository.work_dir().map(Path::to_path_buf));
    Ok(Repo::new(root.unwrap_or(current)))
}

/// What reads the bases of intents.
pub fn library(repo: &Repo) -> Library<'_> {
    Library::new(|path| repo.read(path).map_err(Unreadable::new))
}

/// Finds the intents that a command works on, and makes findings of the clusters whose intent is missing.
pub fn select(
    repo: &Repo,
    context: &Context,
    selected: &Selection,
    library: &Library,
    ui: &Ui,
) -> anyhow::Result<(Vec<IntentFile>, Vec<Diagnostic>)> {
    let (files, abandoned) = match &selected.file {
        Some(file) => (vec![repo.intent(file)?], Vec::new()),
        None => (repo.intents()?, repo.abandoned()?),
    };
    let picked = selection::pick(files, abandoned, selected, repo, context, library)?;
    picked.notes.iter().for_each(|note| ui.say(note));
    let faults: Vec<Diagnostic> = picked.abandoned.iter().map(|name| intent_missing(name)).collect();
    if picked.files.is_empty() && faults.is_empty() {
        ui.say(&match &selected.changed_since {
            Some(rev) => format!("nothing to do: no cluster is made of what changed since `{rev}`"),
            None => "nothing to do: no cluster is made of these files".to_owned(),
        });
    }
    Ok((picked.files, faults))
}

/// Lays the repository's plugins over the catalog.
pub fn context(repo: &Repo, ui: &Ui) -> anyhow::Result<Option<Context>> {
    match Context::new(&repo.plugins()?) {
        Ok(context) => Ok(Some(context)),
        Err(faults) => {
            ui.diagnostics(&faults, &BTreeMap::new());
            Ok(None)
        }
    }
}

/// How much a command needs to know of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Of a cluster without findings and changes only that it is so, as an earlier run may have found out.
    Brief,
    /// Everything.
    Whole,
}

impl Depth {
    /// Takes the brief way when a condition holds.
    pub fn brief_if(brief: bool) -> Self {
        if brief { Self::Brief } else { Self::Whole }
    }
}

impl<T: Send> Session<T> {
    /// Runs the pipeline over the selected clusters.
    ///
    /// Returns `None` when the catalog of the repository is not valid; that is reported.
    ///
    /// # Errors
    /// When something cannot be read, or an argument means nothing.
    pub fn start(
        global: &Global,
        selected: &Selection,
        depth: Depth,
        ui: &Ui,
        make: impl Make<T>,
    ) -> anyhow::Result<Option<Self>> {
        let repo = repository(global)?;
        let Some(context) = context(&repo, ui)? else { return Ok(None) };
        Self::run(repo, &context, selected, depth, ui, make).map(Some)
    }

    /// Runs the pipeline over the selected clusters of a repository.
    ///
    /// # Errors
    /// When something cannot be read, or an argument means nothing.
    pub fn run(
        repo: Repo,
        context: &Context,
        selected: &Selection,
        depth: Depth,
        ui: &Ui,
        make: impl Make<T>,
    ) -> anyhow::Result<Self> {
        Self::run_with(repo, context, selected, depth, ui, &|repo, root| Ok(repo.previous(root)?), make)
    }

    /// As [`run`](Self::run), where what we own in a cluster's directory is read from another place than the working tree.
    ///
    /// # Errors
    /// When something cannot be read, or an argument means nothing.
    pub fn run_with(
        repo: Repo,
        context: &Context,
        selected: &Selection,
        depth: Depth,
        ui: &Ui,
        owned: &(dyn Fn(&Repo, &RepoPath) -> anyhow::Result<Previous> + Sync),
        make: impl Make<T>,
    ) -> anyhow::Result<Self> {
        let library = library(&repo);
        let (files, faults) = select(&repo, context, selected, &library, ui)?;
        let mut bases = Bases::default();
        for (name, dir) in &selected.base {
            bases.insert(name.clone(), dir.display().to_string(), repo::base(dir)?);
        }
        let brief = depth == Depth::Brief && selected.base.is_empty() && selected.file.is_none();
        let clean =
            program().filter(|_| brief).and_then(|key| Clean::open(&repo, &format!("{key} {}", context.overlay)));
        let one = |file: IntentFile| -> anyhow::Result<One<T>> {
            if let (Some(clean), Some(path)) = (&clean, &file.path)
                && let Some((answer, root)) = clean.answer(&repo, path)
            {
                let Answer { name, unchanged, proven, warnings, .. } = answer;
                // The lines that a warning shows are those of the file, which is as it was.
                let text = || (file.name.clone(), String::from_utf8_lossy(&file.bytes).into_owned());
                let source = (!warnings.is_empty()).then(text);
                let mut outcome = Outcome::known(name, path.clone(), root, unchanged, proven, warnings);
                let made = make(&repo, &mut outcome, Previous::default())?;
                return Ok(One { done: Done { outcome, made }, source, line: None });
            }
            // Of the files that an intent refers to no line is ever shown: one of them may be a Secret.
            let shown = file.bytes.len() <= crate::yaml::Limits::INTENT.bytes;
            let source = shown.then(|| (file.name.clone(), String::from_utf8_lossy(&file.bytes).into_owned()));
            let draft = pipeline::read(&file.name, file.path, &file.bytes, context, &library)?;
            let references = draft.references();
            let below = draft.bases().to_vec();
            let root = draft.root();
            let files = repo.read_all(&references)?;
            let previous = match &root {
                Some(root) => owned(&repo, root)?,
                None => Previous::default(),
            };
            let inputs = Inputs { files, previous: previous.clone() };
            let mut outcome = pipeline::complete(draft, inputs, context, &bases);
            let rendered = outcome.desired.as_ref().filter(|_| clean.is_some()).map(|(_, layout)| layout.tree.clone());
            let made = make(&repo, &mut outcome, previous)?;
            outcome.desired = None;
            let line = clean.as_ref().and_then(|clean| {
                let answer = answer(&outcome, root?)?;
                let rendered = rendered?;
                // What comes to stand beside our files may be in their way.
                let dirs: BTreeSet<RepoPath> = rendered.iter().filter_map(|(path, _)| path.parent()).collect();
                let rendered = rendered.iter().map(|(path, _)| path);
                clean.line(
                    &repo,
                    answer,
                    outcome.path.iter().chain(&below).chain(&references).chain(rendered).chain(&dirs),
                )
            });
            Ok(One { done: Done { outcome, made }, source, line })
        };
        let done: Vec<_> = files.into_par_iter().map(one).collect();
        let mut clusters = Vec::new();
        let mut sources = library.texts();
        let mut lines = Vec::new();
        for result in done {
            let One { done, source, line } = result?;
            lines.extend(line.and_then(|line| Some((done.outcome.path.as_ref()?.to_string(), line))));
            clusters.push(done);
            sources.extend(source);
        }
        if let Some(clean) = clean.filter(|_| !lines.is_empty()) {
            clean.keep(lines);
        }
        drop(library);
        for index in pipeline::duplicates(clusters.iter_mut().map(|cluster| &mut cluster.outcome)) {
            clusters[index].made = make(&repo, &mut clusters[index].outcome, Previous::default())?;
        }
        let mut all = Self { repo, clusters, faults, sources };
        all.unused_bases(&bases);
        Ok(all)
    }

    /// Reports bases that no patch was proven on: most likely a misspelt name.
    fn unused_bases(&mut self, bases: &Bases) {
        for name in bases.names() {
            let proofs = self.clusters.iter().flat_map(|cluster| &cluster.outcome.proofs);
            let known: Vec<String> = proofs.map(|proof| proof.source.clone()).collect();
            let broken = self.clusters.iter().all(|cluster| cluster.outcome.has_errors());
            if known.iter().any(|source| source == name) || known.is_empty() && broken {
                continue;
            }
            let hint = match did_you_mean(name, known.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "NAME is the Flux source of the patched Kustomizations (spec.gitops.releaseSource)".to_owned(),
            };
            let fault =
                Diagnostic::new(codes::BASE_UNKNOWN, format!("no patch comes from a Flux source `{name}`")).hint(hint);
            if let Some(cluster) = self.clusters.first_mut() {
                cluster.outcome.diagnostics.push(fault);
            }
        }
    }

    /// Writes all findings; tells whether any is an error.
    pub fn report(&self, ui: &Ui) -> bool {
        ui.diagnostics(&self.faults, &self.sources);
        for cluster in &self.clusters {
            ui.diagnostics(&cluster.outcome.diagnostics, &self.sources);
        }
        !self.faults.is_empty() || self.clusters.iter().any(|cluster| cluster.outcome.has_errors())
    }

    /// Ends a command that cannot go on because of findings.
    pub fn refuse(&self, what: &str, ui: &Ui) -> Status {
        let found = self.clusters.iter().flat_map(|cluster| &cluster.outcome.diagnostics).chain(&self.faults);
        let errors: Vec<Diagnostic> = found.filter(|one| one.is_error()).cloned().collect();
        let count = crate::report::summary(&errors);
        ui.say(&if count.is_empty() { what.to_owned() } else { format!("{what}: {count}") });
        Status::Findings
    }
}

/// One cluster with what the session wants of it.
struct One<T> {
    done: Done<T>,
    source: Option<(String, String)>,
    line: Option<String>,
}

/// What is worth keeping of a cluster: nothing when there is something to do, or to say of another file than the intent.
fn answer(outcome: &Outcome, root: RepoPath) -> Option<Answer> {
    let warnings = || outcome.diagnostics.iter();
    let own = |one: &Diagnostic| !one.is_error() && one.file.as_ref().is_none_or(|file| *file == outcome.file);
    let unchanged = outcome.clean.filter(|_| warnings().all(own))?;
    let proven = |proof: &&Proof| proof.landed() && proof.ground == Ground::Contract;
    let count = outcome.proofs.iter().filter(proven).count();
    (count == outcome.proofs.len()).then(|| Answer {
        name: outcome.name.clone(),
        root: root.to_string(),
        unchanged,
        proven: count,
        warnings: warnings().cloned().collect(),
    })
}

/// What tells this build of the program from every other one.
fn program() -> Option<String> {
    let metadata = std::env::current_exe().ok()?.metadata().ok()?;
    let changed = metadata.modified().ok()?.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?;
    Some(format!("{} {} {}", env!("CARGO_PKG_VERSION"), metadata.len(), changed.as_nanos()))
}

/// The finding about a directory that holds our files and no intent.
fn intent_missing(name: &str) -> Diagnostic {
    Diagnostic::new(codes::INTENT_MISSING, format!("the cluster `{name}` has a rendered tree, but no intent"))
        .file(format!("clusters/{name}/{}", inventory::FILE))
        .hint(format!("put `clusters/{name}/cluster.yaml` back, or delete the directory if the cluster is gone"))
}
