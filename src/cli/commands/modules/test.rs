//! `fluxwright modules test`: the test intents of the repository's plugins.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rayon::prelude::*;

use crate::cli::Status;
use crate::cli::args::{Global, TestModules};
use crate::cli::session;
use crate::cli::ui::Ui;
use crate::diff::{ChangeKind, FileChange};
use crate::pipeline::{self, Context, Inputs};
use crate::repo::Repo;
use crate::report;
use crate::tree::{Blob, RepoPath};

pub fn run(global: &Global, args: &TestModules, ui: &Ui) -> anyhow::Result<Status> {
    let repo = session::repository(global)?;
    let Some(context) = session::context(&repo, ui)? else { return Ok(Status::Findings) };
    let cases = cases(&repo, &args.names)?;
    if cases.is_empty() {
        bail!("no test intent in {}/plugins/modules/*/tests/*.yaml", repo.root().display());
    }
    let outcomes: Vec<anyhow::Result<Outcome>> =
        cases.par_iter().map(|case| check(&repo, case, &context, args.update)).collect();
    let mut failed = 0;
    for (case, outcome) in cases.iter().zip(outcomes) {
        let name = case.strip_prefix(repo.root()).unwrap_or(case).display().to_string();
        match outcome? {
            Outcome::Same => {
                if ui.verbose() {
                    ui.result(&format!("ok      {name}"))?;
                }
            }
            Outcome::Written => ui.result(&format!("written {name}"))?,
            Outcome::Different(diff) => {
                failed += 1;
                ui.result(&format!("FAILED  {name}"))?;
                ui.data(&diff)?;
            }
        }
    }
    ui.result(&format!("{} passed, {failed} failed", cases.len() - failed))?;
    Ok(if failed == 0 { Status::Clean } else { Status::Findings })
}

enum Outcome {
    Same,
    Written,
    Different(String),
}

/// Finds the test intents of plugins, sorted.
fn cases(repo: &Repo, names: &[String]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let root = repo.root().join("plugins/modules");
    for name in names {
        if !root.join(name).is_dir() {
            bail!("there is no `{}`", root.join(name).display());
        }
    }
    for plugin in entries(&root)? {
        let wanted = plugin.file_name().is_some_and(|own| names.iter().any(|name| own == name.as_str()));
        if names.is_empty() || wanted {
            let tests = entries(&plugin.join("tests"))?;
            found.extend(tests.into_iter().filter(|path| path.extension().is_some_and(|end| end == "yaml")));
        }
    }
    Ok(found)
}

/// Lists a directory, sorted; one that is not there is empty.
fn entries(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot read `{}`", dir.display()))? {
        found.push(entry?.path());
    }
    found.sort();
    Ok(found)
}

fn check(repo: &Repo, case: &Path, context: &Context, update: bool) -> anyhow::Result<Outcome> {
    let given = rendered(case, context)?;
    let file = case.with_extension("expected");
    let expected = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", file.display())),
    };
    if given == expected {
        return Ok(Outcome::Same);
    }
    let relative = file.strip_prefix(repo.root()).unwrap_or(&file).to_string_lossy().replace('\\', "/");
    if update {
        repo.write(&RepoPath::parse(&relative)?, given.as_bytes())?;
        return Ok(Outcome::Written);
    }
    let change = FileChange {
        path: RepoPath::parse(&relative)?,
        kind: ChangeKind::Changed,
        before: Some(Blob::from(expected)),
        after: Some(Blob::from(given)),
    };
    Ok(Outcome::Different(report::unified(&change, false)))
}

/// What an intent gives: its findings, then the files that depend on the plugins.
fn rendered(case: &Path, context: &Context) -> anyhow::Result<String> {
    let bytes = std::fs::read(case).with_context(|| format!("cannot read `{}`", case.display()))?;
    let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let companions = Repo::new(case.with_extension("files"));
    let draft = pipeline::read(&name, None, &bytes, context, &session::library(&companions))?;
    let files = companions.read_all(&draft.references())?;
    let outcome = pipeline::complete(draft, Inputs { files, ..Inputs::default() }, context, &Default::default());
    let mut out = report::diagnostics(&outcome.diagnostics, |_| None, false);
    let Some((plan, layout)) = &outcome.desired else { return Ok(out) };
    for (path, blob) in layout.tree.iter() {
        let Some(relative) = path.strip_prefix(&plan.cluster.root) else { continue };
        if relative == "fluxwright.inventory" || relative == "kustomization.yaml" || relative.starts_with("flux/boot") {
            continue;
        }
        out.push_str(&format!("=== {relative}\n{}", blob.text().unwrap_or_default()));
    }
    Ok(out)
}
