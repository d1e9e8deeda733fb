//! Directories to objects: what `kustomize build` and kustomize-controller would make of a directory.
//!
//! Fields that are not implemented are refused by name. Objects come in the order in which they are found, which is the
//! order that kustomize-controller sees; the command line tool sorts them.

mod directory;
mod error;
mod file;
mod images;
mod namespace;
mod object;
mod order;

use std::collections::HashSet;
use std::sync::Arc;

use super::identity::{Identity, Tracked};
use super::patch::{Patch, PatchBody, PatchFault, apply_tracked};
use super::target::{Target, TargetFault};
use crate::render::Resource;
use crate::tree::{RepoPath, Tree};
pub use directory::{NAMES as KUSTOMIZATION_FILES, mentioned_paths};
pub use error::BuildError;
use file::{Entry, Kind, Kustomization};

/// Directories that one build may take in; a diamond of directories would otherwise grow without end.
const MOST_DIRECTORIES: usize = 10_000;
/// Directories that may include one another in a chain.
const DEEPEST: usize = 64;

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

/// Which files a kustomization may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restriction {
    /// Those in or below its directory.
    RootOnly,
    /// All.
    None,
}

/// As [`build`], with another restriction of files.
///
/// # Errors
/// As [`build`].
pub fn build_with(tree: &Tree, dir: Option<&RepoPath>, restriction: Restriction) -> Result<Vec<Resource>, BuildError> {
    let mut builder = Builder { tree, restriction, chain: Vec::new(), directories: 0 };
    let mut objects = Vec::new();
    match directory::kustomization_file(tree, dir)? {
        Some(_) => builder.directory(dir, Kind::Kustomization, &mut objects)?,
        None => builder.generated(dir, &mut objects)?,
    }
    namespace::follow_references(&mut objects)?;
    Ok(objects.into_iter().map(|object| object.resource).filter(|resource| !is_local(resource)).collect())
}

/// Sorts objects as the command line tool does; kustomize-controller does not.
pub fn sort(resources: &mut [Resource]) {
    order::legacy(resources);
}

/// Objects that are configuration of tools are never printed.
fn is_local(resource: &Resource) -> bool {
    let local = resource.body.pointer("/metadata/annotations/config.kubernetes.io~1local-config");
    local.and_then(serde_json::Value::as_str) == Some("true")
}

struct Builder<'t> {
    tree: &'t Tree,
    restriction: Restriction,
    /// The directories that include one another, outermost first.
    chain: Vec<Option<RepoPath>>,
    directories: usize,
}

impl Builder<'_> {
    /// Adds a directory that has a kustomization file to the objects so far. A component also changes those.
    fn directory(&mut self, dir: Option<&RepoPath>, kind: Kind, objects: &mut Vec<Tracked>) -> Result<(), BuildError> {
        let shown = dir.map_or(".", RepoPath::as_str).to_owned();
        let path = directory::kustomization_file(self.tree, dir)?
            .ok_or_else(|| BuildError::NoKustomization { directory: shown.clone() })?;
        let file = path.to_string();
        self.directories += 1;
        if self.directories > MOST_DIRECTORIES || self.chain.len() >= DEEPEST {
            return Err(BuildError::TooLarge { file });
        }
        let kustomization = Kustomization::read(self.tree, &path)?;
        if kustomization.kind != kind {
            let reason = format!("is not `{}`, as the directory that includes this one wants", kind.name());
            return Err(BuildError::Field { file, field: "kind".into(), reason });
        }
        self.chain.push(dir.cloned());
        // A component works on the objects of its includer; anything else starts with none.
        let mut own = if kind == Kind::Component { std::mem::take(objects) } else { Vec::new() };
        for (index, entry) in kustomization.resources.iter().enumerate() {
            self.resource(dir, &file, &format!("resources[{index}]"), entry, &mut own)?;
        }
        unique(&own)?;
        for (index, entry) in kustomization.components.iter().enumerate() {
            let field = format!("components[{index}]");
            let component = self.included(dir, &file, &field, entry)?;
            self.directory(component.as_ref(), Kind::Component, &mut own)?;
        }
        self.transform(dir, &file, &kustomization, &mut own)?;
        self.chain.pop();
        objects.append(&mut own);
        Ok(())
    }

    /// Adds a directory without kustomization file.
    fn generated(&mut self, dir: Option<&RepoPath>, objects: &mut Vec<Tracked>) -> Result<(), BuildError> {
        self.chain.push(dir.cloned());
        for entry in directory::walk(self.tree, dir) {
            match entry {
                directory::Found::File(path) => self.manifest(&path, objects)?,
                directory::Found::Directory(path) => self.directory(Some(&path), Kind::Kustomization, objects)?,
            }
        }
        self.chain.pop();
        unique(objects)
    }

    fn resource(
        &mut self,
        dir: Option<&RepoPath>,
        file: &str,
        field: &str,
        entry: &str,
        objects: &mut Vec<Tracked>,
    ) -> Result<(), BuildError> {
        if let Ok(path) = RepoPath::resolve(dir, entry)
            && self.tree.contains(&path)
        {
            let path = directory::readable(self.tree, self.restriction, dir, file, field, entry)?;
            return self.manifest(&path, objects);
        }
        let included = self.included(dir, file, field, entry)?;
        self.directory(included.as_ref(), Kind::Kustomization, objects)
    }

    /// Resolves a directory that another one includes.
    fn included(
        &self,
        dir: Option<&RepoPath>,
        file: &str,
        field: &str,
        entry: &str,
    ) -> Result<Option<RepoPath>, BuildError> {
        let fault = |reason: &str| BuildError::Path {
            file: file.to_owned(),
            field: field.to_owned(),
            path: entry.to_owned(),
            reason: reason.to_owned(),
        };
        if entry.is_empty() {
            return Err(fault("an empty path"));
        }
        if directory::is_remote(entry) {
            return Err(BuildError::Unsupported { file: file.to_owned(), field: format!("{field} (remote)") });
        }
        let included = directory::resolve(dir, entry).map_err(|e| fault(&format!("which cannot be used: {e}")))?;
        if !directory::exists(self.tree, included.as_ref()) {
            return Err(fault("which does not exist"));
        }
        // As kustomize, which also refuses a directory that contains one of its includers.
        if self.chain.iter().any(|visited| directory::contains(included.as_ref(), visited.as_ref())) {
            return Err(fault("which includes this directory again"));
        }
        Ok(included)
    }

    fn manifest(&self, path: &RepoPath, objects: &mut Vec<Tracked>) -> Result<(), BuildError> {
        let bytes = self.tree.get(path).map(|blob| blob.bytes()).unwrap_or_default();
        let origin: Arc<str> = path.as_str().into();
        let read = object::read(path.as_str(), bytes)?;
        objects.extend(read.into_iter().map(|resource| Tracked::new(resource, origin.clone())));
        Ok(())
    }

    /// Runs the transformers in kustomize's order.
    fn transform(
        &self,
        dir: Option<&RepoPath>,
        file: &str,
        kustomization: &Kustomization,
        objects: &mut Vec<Tracked>,
    ) -> Result<(), BuildError> {
        for (index, entry) in kustomization.strategic_merges.iter().enumerate() {
            let field = format!("patchesStrategicMerge[{index}]");
            let named = RepoPath::resolve(dir, entry).is_ok_and(|path| self.tree.contains(&path));
            let text = if named { self.text(dir, file, &field, entry)? } else { entry.clone() };
            let fault = |fault| patch_fault(file, &field, fault);
            let patch = Patch::parse(&text, None).map_err(fault)?;
            if let Some(Patch { body: PatchBody::Json6902(_), .. }) = patch {
                return Err(fault(PatchFault::Unrecognised("it is not a strategic merge patch".into())));
            }
            self.apply(file, &field, patch, objects)?;
        }
        for (index, entry) in kustomization.patches.iter().enumerate() {
            self.patch(dir, file, &format!("patches[{index}]"), entry, objects)?;
        }
        if let Some(namespace) = &kustomization.namespace {
            namespace::set(objects, namespace);
            unique(objects)?;
        }
        for (index, entry) in kustomization.json_patches.iter().enumerate() {
            let field = format!("patchesJson6902[{index}]");
            let named = entry.target.as_ref().and_then(|t| t.get("name")).and_then(serde_json::Value::as_str);
            if named.is_none_or(str::is_empty) {
                let field = format!("{field}.target.name");
                return Err(BuildError::Field { file: file.to_owned(), field, reason: "is missing".into() });
            }
            self.patch(dir, file, &field, entry, objects)?;
        }
        for image in &kustomization.images {
            images::set(objects, image);
        }
        unique(objects)
    }

    fn patch(
        &self,
        dir: Option<&RepoPath>,
        file: &str,
        field: &str,
        entry: &Entry,
        objects: &mut Vec<Tracked>,
    ) -> Result<(), BuildError> {
        let text = match (&entry.inline, &entry.path) {
            (Some(text), None) => text.clone(),
            (None, Some(path)) => self.text(dir, file, &format!("{field}.path"), path)?,
            _ => {
                let reason = "needs exactly one of `patch` and `path`".into();
                return Err(BuildError::Field { file: file.to_owned(), field: field.to_owned(), reason });
            }
        };
        let fault = |fault| patch_fault(file, field, fault);
        let target = entry.target.as_ref().map(Target::from_value).transpose();
        let target = target.map_err(|e: TargetFault| fault(PatchFault::Target(e)))?;
        let patch = Patch::parse(&text, target).map_err(fault)?;
        if entry.operations_only && !matches!(patch, Some(Patch { body: PatchBody::Json6902(_), .. })) {
            return Err(fault(PatchFault::Unrecognised("it is not a list of operations".into())));
        }
        self.apply(file, field, patch, objects)
    }

    fn apply(
        &self,
        file: &str,
        field: &str,
        patch: Option<Patch>,
        objects: &mut Vec<Tracked>,
    ) -> Result<(), BuildError> {
        let Some(patch) = patch else { return Ok(()) };
        let before: Vec<Identity> = match patch.body {
            PatchBody::Json6902(_) => objects.iter().map(Tracked::current).collect(),
            PatchBody::StrategicMerge(_) => Vec::new(),
        };
        apply_tracked(&patch, objects).map_err(|fault| patch_fault(file, field, fault))?;
        // kustomize would now rewrite every reference to the object.
        let renamed = |(old, new): (&Identity, &Tracked)| {
            let new = new.current();
            (&old.name, old.effective_namespace()) != (&new.name, new.effective_namespace())
        };
        if before.iter().zip(objects.iter()).any(renamed) {
            return Err(BuildError::Unsupported {
                file: file.to_owned(),
                field: format!("{field} (renames an object)"),
            });
        }
        Ok(())
    }

    fn text(&self, dir: Option<&RepoPath>, file: &str, field: &str, entry: &str) -> Result<String, BuildError> {
        let path = directory::readable(self.tree, self.restriction, dir, file, field, entry)?;
        let text = self.tree.get(&path).and_then(|blob| blob.text());
        text.map(str::to_owned).ok_or_else(|| BuildError::Path {
            file: file.to_owned(),
            field: field.to_owned(),
            path: entry.to_owned(),
            reason: "which is not UTF-8 text".into(),
        })
    }
}

/// Checks that no two objects are the same one to kustomize.
fn unique(objects: &[Tracked]) -> Result<(), BuildError> {
    let mut seen = HashSet::new();
    for object in objects {
        let id = object.current();
        let namespace = id.effective_namespace().to_owned();
        if !seen.insert((id.group, id.version, id.kind, id.name, namespace)) {
            return Err(BuildError::Duplicate { file: object.origin.to_string(), id: object.resource.id() });
        }
    }
    Ok(())
}

fn patch_fault(file: &str, field: &str, fault: PatchFault) -> BuildError {
    BuildError::Patch { file: file.to_owned(), field: field.to_owned(), fault: Box::new(fault) }
}
