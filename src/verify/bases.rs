//! Bases: checkouts of the sources that Kustomizations of the platform read.

use std::collections::BTreeMap;

use crate::build::{BuildError, build};
use crate::render::Resource;
use crate::tree::{RepoPath, Tree};
use crate::yaml::{self, Dialect, Limits};

/// Checkouts by the name of their Flux source.
#[derive(Clone, Debug, Default)]
pub struct Bases {
    checkouts: BTreeMap<String, (String, Tree)>,
}

impl Bases {
    /// Adds a checkout: name of the source, directory for messages, files.
    pub fn insert(&mut self, source: String, dir: String, tree: Tree) {
        self.checkouts.insert(source, (dir, tree));
    }

    /// Walks the names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.checkouts.keys().map(String::as_str)
    }

    /// Builds the objects of a Kustomization from the checkout of its source.
    ///
    /// The path is the one that the checkout's own Flux Kustomization of that name says, else the one given, else the
    /// whole checkout is taken. `None` when there is no checkout of the source.
    pub(super) fn objects(
        &self,
        source: &str,
        kustomization: &str,
        path: Option<&str>,
    ) -> Option<(String, Result<Vec<Resource>, BuildError>)> {
        let (dir, tree) = self.checkouts.get(source)?;
        let path = flux_path(tree, kustomization).or_else(|| path.map(str::to_owned));
        let path = path.and_then(|path| RepoPath::resolve(None, &path).ok());
        Some((dir.clone(), build(tree, path.as_ref())))
    }
}

/// Finds `spec.path` of a Flux Kustomization that stands in the checkout itself.
fn flux_path(tree: &Tree, name: &str) -> Option<String> {
    tree.iter()
        .filter_map(|(_, blob)| blob.text())
        .filter(|text| text.contains("kustomize.toolkit.fluxcd.io") && text.contains(name))
        .filter_map(|text| yaml::parse(text.as_bytes(), Dialect::Kubernetes, Limits::MANIFEST).ok())
        .flatten()
        .filter_map(|node| Resource::new(node.to_value()))
        .find(|resource| {
            resource.kind() == "Kustomization"
                && resource.group() == "kustomize.toolkit.fluxcd.io"
                && resource.name() == name
        })
        .and_then(|resource| resource.body.pointer("/spec/path").and_then(|path| path.as_str()).map(str::to_owned))
}
