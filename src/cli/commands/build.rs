//! `fluxwright build`: what `kustomize build` prints.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rayon::prelude::*;

use super::flux;
use crate::build::{BuildError, Engine, KUSTOMIZATION_FILES, Order, Restriction, is_cluster_scoped, print};
use crate::cli::Status;
use crate::cli::args::{Build, Global, LoadRestrictor, Reorder};
use crate::cli::ui::Ui;
use crate::render::Resource;
use crate::tree::{RepoPath, Tree};
use crate::{diagnostic::mask, repo};

pub fn run(global: &Global, args: &Build, ui: &Ui) -> anyhow::Result<Status> {
    if args.flux {
        return flux::run(global, args, ui);
    }
    let restriction = match args.load_restrictor {
        LoadRestrictor::RootOnly => Restriction::RootOnly,
        LoadRestrictor::None => Restriction::None,
    };
    let order = match args.reorder {
        Reorder::Legacy => Order::Legacy,
        Reorder::None => Order::Found,
    };
    let here = [PathBuf::from(".")];
    let dirs = if args.dirs.is_empty() { &here[..] } else { &args.dirs };
    let (tree, starts) = repo::kustomizations(dirs, restriction)?;
    for (start, dir) in starts.iter().zip(dirs) {
        if !has_kustomization(&tree, start.as_ref()) {
            bail!(
                "`{}` has no kustomization.yaml, kustomization.yml or Kustomization; name the directory that has it",
                dir.display()
            );
        }
    }
    let engine = Engine::new(&tree, restriction);
    let built: Vec<Result<Vec<Resource>, BuildError>> =
        starts.par_iter().map(|start| engine.build(start.as_ref(), order)).collect();
    let current =
        std::env::current_dir().and_then(|dir| dir.canonicalize()).context("cannot tell the current directory")?;
    let mut all: Vec<Vec<Resource>> = Vec::with_capacity(built.len());
    let mut faults: Vec<String> = Vec::new();
    for one in built {
        match one {
            Ok(resources) => all.push(resources),
            Err(error) => faults.push(explained(error, &current)),
        }
    }
    // Directories that share a faulty file share its fault.
    faults.dedup();
    if !faults.is_empty() {
        bail!("{}", faults.join("\nerror: "));
    }
    match &args.output {
        Some(path) if path.is_dir() => {
            let [resources] = all.as_slice() else {
                bail!("`-o {}` is a directory, which goes with one directory to build", path.display());
            };
            let namespaces: BTreeSet<&str> = resources.iter().filter_map(namespace).collect();
            for resource in resources {
                let file = path.join(file_name(resource, namespaces.len() > 1));
                std::fs::write(&file, print([resource]))
                    .with_context(|| format!("cannot write `{}`", file.display()))?;
            }
        }
        Some(path) => {
            std::fs::write(path, printed(&all)).with_context(|| format!("cannot write `{}`", path.display()))?;
        }
        None => ui.data(&printed(&all))?,
    }
    Ok(Status::Clean)
}

/// Prints the objects of all directories as one stream.
fn printed(all: &[Vec<Resource>]) -> String {
    let texts: Vec<String> = all.par_iter().map(print).filter(|text| !text.is_empty()).collect();
    texts.join("---\n")
}

/// The namespace of an object that can have one.
fn namespace(resource: &Resource) -> Option<&str> {
    let scoped = !is_cluster_scoped(resource.api_version(), resource.kind());
    scoped.then(|| resource.namespace().unwrap_or("default"))
}

/// The file of an object: `apps_v1_deployment_name.yaml`, with its namespace in front where there are several.
fn file_name(resource: &Resource, several: bool) -> String {
    let namespace = namespace(resource).filter(|_| several);
    let group = Some(resource.group()).filter(|group| !group.is_empty());
    let parts = [namespace, group, Some(resource.version()), Some(resource.kind()), Some(resource.name())];
    // A name may hold what no file name can.
    let name = parts.into_iter().flatten().collect::<Vec<_>>().join("_").to_lowercase().replace(['/', '\\'], "_");
    format!("{name}.yaml")
}

/// The error with paths as the user knows them: below the current directory, else whole.
fn explained(error: BuildError, current: &Path) -> String {
    let current = current.to_string_lossy().replace('\\', "/");
    let current = current.trim_matches('/');
    let shown = |path: &str| match path.strip_prefix(current).map(|rest| (rest, rest.strip_prefix('/'))) {
        Some(("", _)) => ".".to_owned(),
        Some((_, Some(below))) => below.to_owned(),
        _ => format!("/{path}"),
    };
    mask::mask(&error.with_paths(shown).to_string())
}

/// Whether a directory has a kustomization file; without one, only Flux would know what to do with it.
fn has_kustomization(tree: &Tree, dir: Option<&RepoPath>) -> bool {
    KUSTOMIZATION_FILES.iter().any(|name| RepoPath::resolve(dir, name).is_ok_and(|path| tree.contains(&path)))
}
