//! Directories to objects: what `kustomize build` and kustomize-controller would make of a directory.
//!
//! [`Engine`] builds any number of directories of one tree and reads each file and each shared base once. Objects come in
//! the order in which they are found, which is the order that kustomize-controller sees, unless the kustomization says
//! otherwise; the command line tool sorts them.
//!
//! What is not implemented (remote resources, Helm charts, functions and plugins) is refused by name.

mod config;
mod configure;
mod crds;
mod directory;
mod error;
mod fields;
mod file;
mod generate;
mod hash;
mod images;
mod json;
mod names;
mod namespace;
mod object;
mod order;
mod paths;
mod plugins;
mod provenance;
mod read;
mod references;
mod replacements;
mod run;
mod trace;
mod transform;
mod vars;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::source;
use crate::render::Resource;
use crate::tree::{RepoPath, Tree};
use config::Config;
pub use directory::{Mentions, NAMES as KUSTOMIZATION_FILES, mentioned_paths};
pub use error::BuildError;
use file::{Kind, Kustomization};
use provenance::Wanted;
use run::{Accumulated, Base, BaseKey, Place, Run, patch_fault, unique};
pub use trace::{Effect, Trace};

/// Which files a kustomization may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restriction {
    /// Those in or below its directory.
    RootOnly,
    /// All.
    None,
}

/// The order of objects where a kustomization does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they are found.
    Found,
    /// What others need first, as the command line tool prints them.
    Legacy,
}

/// Builds a directory (`None`: the root of the tree).
///
/// A directory without kustomization file is built as kustomize-controller does: every `.yaml` and `.yml` file below it
/// is a resource, and so is every directory with a kustomization file.
///
/// # Errors
/// The first fault, with file and field.
pub fn build(tree: &Tree, dir: Option<&RepoPath>) -> Result<Vec<Resource>, BuildError> {
    build_with(tree, dir, Restriction::RootOnly)
}

/// As [`build`], with another restriction of files.
///
/// # Errors
/// As [`build`].
pub fn build_with(tree: &Tree, dir: Option<&RepoPath>, restriction: Restriction) -> Result<Vec<Resource>, BuildError> {
    Engine::new(tree, restriction).build(dir, Order::Found)
}

/// The file of each object, by its id.
pub(super) type Origins = HashMap<String, Arc<str>>;

/// Builds directories of one tree; may be shared between threads.
pub struct Engine<'t> {
    tree: &'t Tree,
    restriction: Restriction,
    /// Manifests that were read.
    files: Mutex<HashMap<RepoPath, Arc<Vec<Resource>>>>,
    /// Directories that were taken in.
    bases: Mutex<HashMap<BaseKey, Arc<Base>>>,
}

/// A directory that was built, with all that is known of it.
pub(super) struct BuiltDirectory {
    pub(super) resources: Vec<Resource>,
    /// The file of each object, by its id.
    pub(super) origins: Origins,
    /// What entries of kustomization files did.
    pub(super) traces: Vec<Trace>,
    /// All directories that were taken in, sorted.
    pub(super) directories: Vec<Option<RepoPath>>,
}

impl<'t> Engine<'t> {
    /// Prepares to build directories of a tree.
    pub fn new(tree: &'t Tree, restriction: Restriction) -> Self {
        Self { tree, restriction, files: Mutex::default(), bases: Mutex::default() }
    }

    /// Builds a directory (`None`: the root of the tree), as [`build`] says.
    ///
    /// # Errors
    /// The first fault, with file and field.
    pub fn build(&self, dir: Option<&RepoPath>, order: Order) -> Result<Vec<Resource>, BuildError> {
        let file = directory::kustomization_file(self.tree, dir)?;
        let Some(path) = file else {
            let mut run = self.run();
            let mut content = run.generated(dir)?;
            finish(&mut content, "")?;
            let mut resources = resources(content, Wanted::default());
            if order == Order::Legacy {
                order::legacy(&mut resources);
            }
            return Ok(resources);
        };
        let kustomization = Kustomization::read(self.tree, &path)?;
        Ok(self.root(dir, &path, kustomization, order)?.resources)
    }

    /// Builds a directory with another kustomization file than its own.
    pub(super) fn build_as(
        &self,
        dir: Option<&RepoPath>,
        path: &RepoPath,
        text: String,
    ) -> Result<BuiltDirectory, BuildError> {
        let mut tree = Tree::new();
        tree.insert(path.clone(), text);
        self.root(dir, path, Kustomization::read(&tree, path)?, Order::Found)
    }

    fn run(&self) -> Run<'_, 't> {
        Run {
            engine: self,
            chain: Vec::new(),
            visited: Vec::new(),
            trace: Vec::new(),
            traces: Vec::new(),
            schema: None,
            schema_said: false,
            builtin_uses: 0,
            provenance: false,
        }
    }

    fn root(
        &self,
        dir: Option<&RepoPath>,
        path: &RepoPath,
        kustomization: Kustomization,
        order: Order,
    ) -> Result<BuiltDirectory, BuildError> {
        let mut run = self.run();
        run.provenance = !kustomization.build_metadata.is_empty();
        let wanted = Wanted::of(&kustomization.build_metadata);
        let sort = kustomization.sort_options.clone();
        let place = run.provenance.then(String::new);
        let mut content = Accumulated::empty();
        run.directory(dir, path, kustomization, Kind::Kustomization, place, &mut content)?;
        finish(&mut content, path.as_str())?;
        let origins = content.objects.iter().map(|one| (one.resource().id(), one.origin.clone())).collect();
        let mut resources = resources(content, wanted);
        match sort {
            Some(options) => sorted(&mut resources, &options, path.as_str())?,
            None if order == Order::Legacy => order::legacy(&mut resources),
            None => {}
        }
        let mut directories = run.visited;
        directories.sort();
        directories.dedup();
        Ok(BuiltDirectory { resources, origins, traces: trace::flatten(&run.traces), directories })
    }

    /// Reads a manifest once.
    fn manifest(&self, path: &RepoPath) -> Result<Arc<Vec<Resource>>, BuildError> {
        let files = || self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files().get(path) {
            return Ok(known.clone());
        }
        let bytes = self.tree.get(path).map(|blob| blob.bytes()).unwrap_or_default();
        let read = Arc::new(object::read(path.as_str(), bytes)?);
        files().insert(path.clone(), read.clone());
        Ok(read)
    }
}

/// What is done once, when all directories are taken in: hashes, references, variables.
fn finish(content: &mut Accumulated, file: &str) -> Result<(), BuildError> {
    let Accumulated { objects, config, vars, .. } = content;
    let config = config.as_ref().unwrap_or(Config::defaults());
    transform::hash(objects)?;
    references::follow(objects, config)?;
    if !vars.is_empty() {
        let fault = |name: String, reason: String| BuildError::Field {
            file: file.to_owned(),
            field: format!("vars ({name})"),
            reason,
        };
        let values = vars::values(objects, vars).map_err(|(name, reason)| fault(name, reason))?;
        vars::expand(objects, &config.var_reference, &values).map_err(|e| BuildError::Reference {
            id: e.id,
            reason: format!("cannot have variables in `{}`, which {}", e.path, e.reason),
        })?;
    }
    unique(objects)
}

fn resources(content: Accumulated, wanted: Wanted) -> Vec<Resource> {
    let kept = content.objects.into_iter().filter(|object| !is_local(object.resource()));
    kept.map(|object| wanted.finish(object)).collect()
}

/// Objects that are configuration of tools are never printed.
fn is_local(resource: &Resource) -> bool {
    let local = resource.body.pointer("/metadata/annotations/config.kubernetes.io~1local-config");
    local.and_then(Value::as_str) == Some("true")
}

fn sorted(resources: &mut [Resource], options: &file::SortOptions, file: &str) -> Result<(), BuildError> {
    let fault = |field: &str, reason: &str| {
        Err(BuildError::Field { file: file.to_owned(), field: field.to_owned(), reason: reason.to_owned() })
    };
    match (options.order.as_str(), &options.legacy_sort_options) {
        ("fifo", None) => Ok(()),
        ("fifo", Some(_)) => fault("sortOptions.legacySortOptions", "goes with `order: legacy` only"),
        ("legacy", None) => {
            order::legacy(resources);
            Ok(())
        }
        ("legacy", Some(kinds)) => {
            order::by_kinds(resources, &kinds.order_first, &kinds.order_last);
            Ok(())
        }
        _ => fault("sortOptions.order", "is neither `legacy` nor `fifo`"),
    }
}

/// Sorts objects as the command line tool does; kustomize-controller does not.
pub fn sort(resources: &mut [Resource]) {
    order::legacy(resources);
}

/// Returns what a plain text means in YAML.
fn plain(text: &str) -> Value {
    use crate::yaml::Body;
    match source::documents(text.as_bytes()).as_deref() {
        Ok([node]) => match &node.body {
            // Only a text without quotes and comments means itself.
            Body::Scalar(value) if !matches!(value, Value::String(read) if read != text) => value.clone(),
            _ => Value::String(text.to_owned()),
        },
        Ok([]) if matches!(text, "~" | "null" | "Null" | "NULL" | "") => Value::Null,
        _ => Value::String(text.to_owned()),
    }
}
