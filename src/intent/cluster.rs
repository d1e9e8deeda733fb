//! [`Cluster`]: a valid intent with what its file references hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::document::Document;
use super::manifest::{ClusterIntent, DeliveryType, PullSecret};
use super::read::Intent;
use crate::tree::{Blob, RepoPath, Tree};

/// A valid intent. Only [`super::validate`] makes one.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Name of the cluster.
    pub name: String,
    /// The intent file as messages name it.
    pub file: String,
    /// The intent file in the repository: where it lies, or where it belongs when it was read from elsewhere.
    pub path: RepoPath,
    /// Directory of the cluster's tree in the repository.
    pub root: RepoPath,
    /// What the intent says.
    pub intent: ClusterIntent,
    /// The parsed file with its bases, for places.
    pub document: Arc<Document>,
    /// Files that the intent refers to and that exist, by their path in the repository.
    pub files: BTreeMap<RepoPath, Blob>,
    /// Directory against which file references resolve.
    pub base: Option<RepoPath>,
}

impl Cluster {
    pub(super) fn new(intent: Intent, files: &Tree) -> Self {
        let root = root(&intent).expect("rules have checked the path");
        let files = references(&intent)
            .into_iter()
            .filter_map(|path| Some((path.clone(), files.get(&path)?.clone())))
            .collect();
        let base = base(&intent);
        let path =
            intent.path.clone().unwrap_or_else(|| root.join("cluster.yaml").expect("a plain name below a valid path"));
        Self {
            path,
            name: intent.manifest.metadata.name.clone(),
            file: intent.file,
            root,
            intent: intent.manifest,
            document: intent.document,
            files,
            base,
        }
    }

    /// Returns the content of a referenced file.
    pub fn file(&self, reference: &str) -> Option<&Blob> {
        self.files.get(&RepoPath::resolve(self.base.as_ref(), reference).ok()?)
    }

    /// Whether the cluster is made of a file: the intent, one of its bases, or one that they refer to.
    pub fn is_input(&self, path: &RepoPath) -> bool {
        *path == self.path || self.files.contains_key(path) || self.bases().any(|base| base == path)
    }

    /// Walks the files that the intent extends.
    pub fn bases(&self) -> impl Iterator<Item = &RepoPath> {
        self.document.bases().iter().filter_map(|base| base.path.as_ref())
    }
}

/// Directory of the cluster's tree: `spec.gitops.source.path`, by default `clusters/<name>`.
pub(super) fn root(intent: &Intent) -> Option<RepoPath> {
    root_of(intent.manifest.spec.gitops.source.path.as_deref(), &intent.manifest.metadata.name)
}

/// Directory of a cluster's tree, from what the intent says of it.
pub(super) fn root_of(path: Option<&str>, name: &str) -> Option<RepoPath> {
    match path {
        Some(path) => RepoPath::resolve(None, path).ok(),
        None => RepoPath::resolve(None, &format!("clusters/{name}")).ok(),
    }
}

/// File references resolve against the directory of the intent file; against the cluster's own directory when the
/// intent lies outside the repository.
pub(super) fn base(intent: &Intent) -> Option<RepoPath> {
    match &intent.path {
        Some(path) => path.parent(),
        None => root(intent),
    }
}

/// Lists the files of the repository that the intent refers to, whether they exist or not.
pub fn references(intent: &Intent) -> Vec<RepoPath> {
    let base = base(intent);
    let spec = &intent.manifest.spec;
    let mut texts: Vec<&str> = Vec::new();
    texts.extend(spec.platform.ca_trust_bundle.as_ref().and_then(|ca| ca.file.as_deref()));
    texts.extend(spec.proxy.as_ref().and_then(|proxy| proxy.trusted_ca.as_ref()?.file.as_deref()));
    texts.extend(spec.registries.iter().filter_map(|registry| registry.tls.ca_file.as_deref()));
    let mut paths: Vec<RepoPath> =
        texts.iter().filter_map(|text| RepoPath::resolve(base.as_ref(), text).ok()).collect();
    for registry in spec.registries.iter() {
        if let Some(secret) = &registry.pull_secret {
            for (_, file) in sops_files(secret) {
                paths.extend(root(intent).and_then(|root| root.join(&file).ok()));
            }
        }
    }
    paths.sort();
    paths.dedup();
    paths
}

/// Lists namespace and file of the SOPS Secrets of a pull secret, relative to the cluster's directory.
pub(super) fn sops_files(secret: &PullSecret) -> Vec<(String, String)> {
    if secret.delivery.kind != DeliveryType::SOPS {
        return Vec::new();
    }
    let directory = secret.delivery.sops.as_ref().and_then(|s| s.directory.as_deref()).unwrap_or("registries");
    // With Reflector the others get copies.
    let source = secret.reflector.as_ref().map(|reflector| &reflector.source_namespace);
    let file = |namespace: &String| (namespace.clone(), format!("{directory}/{}.{namespace}.sops.yaml", secret.name));
    secret.namespaces.iter().filter(|name| source.is_none_or(|source| source == *name)).map(file).collect()
}
