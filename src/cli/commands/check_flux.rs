//! `fluxwright check --flux`: the proofs over any Flux repository, with or without an intent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::bail;

use super::{check, flux};
use crate::build::flux::{Kustomization, Options};
use crate::cli::Status;
use crate::cli::args::{Check, Global};
use crate::cli::ui::Ui;
use crate::diagnostic::mask;
use crate::pipeline::{self, Context};
use crate::render::Resource;
use crate::repo::Repo;
use crate::report::{CheckReport, Checked};
use crate::tree::{RepoPath, Tree};
use crate::yaml::{Dialect, Limits, parse};

pub fn run(global: &Global, args: &Check, ui: &Ui) -> anyhow::Result<Status> {
    let dirs: Vec<PathBuf> = args.selection.clusters.iter().map(PathBuf::from).collect();
    let repo = repository(global, dirs.first().map(PathBuf::as_path))?;
    let tree = repo.everything()?;
    let mut entries = BTreeSet::new();
    for dir in &dirs {
        match flux::named(&repo, dir)? {
            Some(dir) => drop(entries.insert(Some(dir))),
            None => entries.extend(clusters(&tree)),
        }
    }
    if dirs.is_empty() {
        entries = clusters(&tree);
    }
    if entries.is_empty() && dirs.is_empty() {
        bail!("no Flux Kustomization is in this repository; name the directory that is applied to a cluster");
    }
    if entries.is_empty() {
        entries.insert(None);
    }
    let entries: Vec<Option<RepoPath>> = entries.into_iter().collect();
    let options = Options { strict: flux::is_strict(args.flux_version), source: args.source.clone() };
    let found = match pipeline::check_flux(&tree, &entries, &options) {
        Ok(found) => found,
        Err(error) => bail!("{}; `--source` says it, a directory as argument which cluster is meant", {
            mask::mask(&error.to_string())
        }),
    };
    let shown = |entry: &Option<RepoPath>| entry.as_ref().map_or_else(|| ".".to_owned(), ToString::to_string);
    for other in found.iter().flat_map(|one| &one.elsewhere) {
        if let Some(source) = &other.source {
            ui.say(&format!("note: {}: it is of the source `{source}`, and not checked", other.id));
        }
    }
    let clusters = entries.iter().zip(found).map(|(entry, one)| Checked {
        name: shown(entry),
        intent: shown(entry),
        inside: true,
        directory: true,
        diagnostics: one.diagnostics,
        proofs: Vec::new(),
    });
    let checked = CheckReport {
        faults: Vec::new(),
        clusters: clusters.collect(),
        prefix: check::prefix(&repo)?,
        // No line of any file is shown: a Secret may stand in each of them.
        sources: BTreeMap::new(),
        pages: BTreeMap::new(),
        verbose: ui.verbose(),
    };
    let context = Context::new(&Tree::new()).map_err(|_| anyhow::anyhow!("the embedded catalog is not valid"))?;
    check::tell(checked, &context, args, ui)
}

/// The repository that encloses the directory; without git, the directory itself when it does not lie in the current one.
fn repository(global: &Global, dir: Option<&Path>) -> anyhow::Result<Repo> {
    let repo = flux::repository(global, dir)?;
    Ok(match dir {
        Some(dir) if global.repo.is_none() && repo.relative(dir).is_none() => Repo::new(dir.to_path_buf()),
        _ => repo,
    })
}

/// The directories of clusters. A Flux Kustomization that no other one applies was put into the cluster by somebody: it
/// belongs to a cluster of `clusters/`, or its own directory is that of one. One that applies itself says the directory.
fn clusters(tree: &Tree) -> BTreeSet<Option<RepoPath>> {
    let mut found: Vec<(&RepoPath, Option<RepoPath>)> = Vec::new();
    let is_shown = |path: &RepoPath| !path.as_str().split('/').any(|name| name.starts_with('.'));
    let is_yaml = |path: &RepoPath| [".yaml", ".yml"].iter().any(|end| path.name().ends_with(end));
    for (path, blob) in tree.iter().filter(|(path, _)| is_yaml(path) && is_shown(path)) {
        let text = blob.text().filter(|text| text.contains("kustomize.toolkit.fluxcd.io") && text.contains("spec:"));
        let nodes = text.and_then(|text| parse(text.as_bytes(), Dialect::Lenient, Limits::MANIFEST).ok());
        let objects = nodes.into_iter().flatten().filter_map(|node| Resource::new(node.to_value()));
        for one in objects.filter_map(|object| Kustomization::read(&object)).filter(|one| !one.is_partial()) {
            found.push((path, RepoPath::resolve(None, &one.path).ok()));
        }
    }
    let applies = |dir: &RepoPath, path: &RepoPath| path.strip_prefix(dir).is_some();
    let roots = found.iter().filter_map(|(path, dir)| {
        let applied = found.iter().filter_map(|(_, dir)| dir.as_ref()).any(|dir| applies(dir, path));
        match dir {
            Some(dir) if applies(dir, path) => Some(Some(dir.clone())),
            _ if applied => None,
            _ => Some(path.parent()),
        }
    });
    let roots: BTreeSet<Option<RepoPath>> = roots.collect();
    let cluster = |dir: &RepoPath| {
        let name = dir.as_str().strip_prefix("clusters/")?.split('/').next()?;
        RepoPath::parse(&format!("clusters/{name}")).ok()
    };
    let clusters: BTreeSet<Option<RepoPath>> =
        roots.iter().flatten().filter_map(|dir| cluster(dir).map(Some)).collect();
    if clusters.is_empty() {
        // A directory within another one is a part of it.
        let outer = |dir: &RepoPath| roots.iter().flatten().any(|other| other != dir && applies(other, dir));
        roots.iter().filter(|dir| !dir.as_ref().is_some_and(outer)).cloned().collect()
    } else {
        clusters
    }
}
