//! `fluxwright build`: what `kustomize build` prints.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::build::{BuildError, Engine, KUSTOMIZATION_FILES, Order, Restriction, is_cluster_scoped, print};
use crate::cli::Status;
use crate::cli::args::{Build, LoadRestrictor, Reorder};
use crate::cli::ui::Ui;
use crate::render::Resource;
use crate::tree::{RepoPath, Tree};
use crate::{diagnostic::mask, repo};

pub fn run(args: &Build, ui: &Ui) -> anyhow::Result<Status> {
    let restriction = match args.load_restrictor {
        LoadRestrictor::RootOnly => Restriction::RootOnly,
        LoadRestrictor::None => Restriction::None,
    };
    let (tree, dir) = repo::kustomization(&args.dir, restriction)?;
    if !has_kustomization(&tree, dir.as_ref()) {
        bail!(
            "`{}` has no kustomization.yaml, kustomization.yml or Kustomization; name the directory that has it",
            args.dir.display()
        );
    }
    let current =
        std::env::current_dir().and_then(|dir| dir.canonicalize()).context("cannot tell the current directory")?;
    let order = match args.reorder {
        Reorder::Legacy => Order::Legacy,
        Reorder::None => Order::Found,
    };
    let resources = match Engine::new(&tree, restriction).build(dir.as_ref(), order) {
        Ok(resources) => resources,
        Err(error) => bail!("{}", explained(&error, &current)),
    };
    match &args.output {
        None => ui.data(&print(&resources))?,
        Some(path) if path.is_dir() => {
            let namespaces: BTreeSet<&str> = resources.iter().filter_map(namespace).collect();
            for resource in &resources {
                let file = path.join(file_name(resource, namespaces.len() > 1));
                std::fs::write(&file, print([resource]))
                    .with_context(|| format!("cannot write `{}`", file.display()))?;
            }
        }
        Some(path) => {
            std::fs::write(path, print(&resources)).with_context(|| format!("cannot write `{}`", path.display()))?;
        }
    }
    Ok(Status::Clean)
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

/// The error with paths as the user knows them.
fn explained(error: &BuildError, current: &Path) -> String {
    let current = current.to_string_lossy().replace('\\', "/");
    mask::mask(&error.to_string()).replace(&format!("{}/", current.trim_start_matches('/')), "")
}

/// Whether a directory has a kustomization file; without one, only Flux would know what to do with it.
fn has_kustomization(tree: &Tree, dir: Option<&RepoPath>) -> bool {
    KUSTOMIZATION_FILES.iter().any(|name| RepoPath::resolve(dir, name).is_ok_and(|path| tree.contains(&path)))
}
