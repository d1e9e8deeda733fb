//! One build: directories that take in others, and what is known on the way.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use serde_json::Value;

use super::config::Config;
use super::configure::add_config;
use super::file::{self, Kind, Kustomization, Var};
use super::trace::Chunk;
use super::{BuildError, Engine, Trace, directory, provenance, vars};
use crate::build::identity::{Source, Tracked};
use crate::build::patch::{PatchFault, Schema};
use crate::tree::RepoPath;

/// Directories that one build may take in; a diamond of directories would otherwise grow without end.
const MOST_DIRECTORIES: usize = 10_000;
/// Directories that may include one another in a chain.
const DEEPEST: usize = 64;
/// Bytes of manifests that one build may take in, each time that it takes them in.
const MOST_BYTES: usize = 256 << 20;

/// What the objects of a directory depend on besides the tree.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct BaseKey {
    pub(super) dir: Option<RepoPath>,
    /// The path that provenance tells, if it is wanted.
    pub(super) place: Option<String>,
    /// Which schema was there already: its address (0 for that of Kubernetes), and whether that stands beside it.
    pub(super) schema: Option<(usize, bool)>,
}

/// A directory that was taken in, and all directories that this took.
pub(super) struct Base {
    pub(super) content: Accumulated,
    pub(super) visited: Vec<Option<RepoPath>>,
    pub(super) traces: Vec<Chunk>,
    /// Whether it asked for the schema of Kubernetes.
    pub(super) asks: bool,
}

/// Objects on their way, with what the directories so far say about them.
#[derive(Clone)]
pub(super) struct Accumulated {
    pub(super) objects: Vec<Tracked>,
    /// Nothing before the first directory is taken in: what comes first may drive defaults out.
    pub(super) config: Option<Arc<Config>>,
    pub(super) vars: Vec<Var>,
    /// Bytes of the manifests that the objects come from.
    pub(super) bytes: usize,
}

impl Accumulated {
    pub(super) fn empty() -> Self {
        Self { objects: Vec::new(), config: None, vars: Vec::new(), bytes: 0 }
    }
}

/// One build.
pub(super) struct Run<'e, 't> {
    pub(super) engine: &'e Engine<'t>,
    /// The directories that include one another, outermost first.
    pub(super) chain: Vec<Option<RepoPath>>,
    /// All directories so far, in order.
    pub(super) visited: Vec<Option<RepoPath>>,
    /// What entries of the directory at hand did so far.
    pub(super) trace: Vec<Trace>,
    /// What those of all directories did that are done.
    pub(super) traces: Vec<Chunk>,
    /// The schema of the first directory that brought one; it counts for everything that comes after.
    pub(super) schema: Option<Schema>,
    /// Whether a directory said which schema counts, be it that of Kubernetes.
    pub(super) schema_said: bool,
    /// How often something asked for the schema of Kubernetes before another came; then that stays beside it.
    pub(super) builtin_uses: usize,
    /// Whether to keep where objects come from.
    pub(super) provenance: bool,
}

/// Where an entry stands: what errors and provenance need to know.
pub(super) struct Place<'p> {
    pub(super) dir: Option<&'p RepoPath>,
    /// The kustomization file.
    pub(super) file: &'p str,
    /// The path of the directory from the one that is built, if provenance is wanted.
    pub(super) from_root: Option<&'p str>,
}

impl Place<'_> {
    /// Describes a field of the kustomization file as the source of something.
    pub(super) fn source(&self, kind: &str) -> Option<Source> {
        let name = self.file.rsplit('/').next().unwrap_or(self.file);
        self.from_root.map(|dir| Source::field(provenance::join(dir, name), kind))
    }
}

impl<'t> Run<'_, 't> {
    /// Adds what a directory holds to what is there. A component also changes that.
    pub(super) fn directory(
        &mut self,
        dir: Option<&RepoPath>,
        path: &RepoPath,
        kustomization: Kustomization,
        kind: Kind,
        from_root: Option<String>,
        content: &mut Accumulated,
    ) -> Result<(), BuildError> {
        let file = path.as_str();
        if self.visited.len() >= MOST_DIRECTORIES || self.chain.len() >= DEEPEST {
            return Err(BuildError::TooLarge { file: file.to_owned() });
        }
        let place = Place { dir, file, from_root: from_root.as_deref() };
        self.schema_of(&kustomization, &place)?;
        if kustomization.kind() != Some(kind) {
            let reason = format!("is not `{}`, as the directory that includes this one wants", kind.name());
            return Err(BuildError::Field { file: file.to_owned(), field: "kind".into(), reason });
        }
        self.visited.push(dir.cloned());
        self.chain.push(dir.cloned());
        let outer = std::mem::take(&mut self.trace);
        // A component works on the objects of its includer; anything else starts with none.
        let mut own = if kind == Kind::Component {
            std::mem::replace(content, Accumulated::empty())
        } else {
            Accumulated::empty()
        };
        self.resources(&place, "resources", &kustomization.resources, &mut own)?;
        self.configure(&place, &kustomization, &mut own)?;
        self.generate(&place, &kustomization, &mut own)?;
        for (index, entry) in kustomization.components.iter().enumerate() {
            let field = format!("components[{index}]");
            let included = self.included(&place, &field, entry)?;
            self.include(included.as_ref(), Kind::Component, self.below(&place, entry), &mut own)?;
        }
        self.transform(&place, &kustomization, &mut own)?;
        self.validate(&place, &kustomization, &mut own)?;
        vars::declare(&mut own.objects, &mut own.vars, &kustomization.vars).map_err(|(index, reason)| {
            BuildError::Field { file: file.to_owned(), field: format!("vars[{index}]"), reason }
        })?;
        self.chain.pop();
        let trace = std::mem::replace(&mut self.trace, outer);
        if !trace.is_empty() {
            self.traces.push(Arc::new(trace));
        }
        merge(content, own, file)
    }

    /// Takes in a directory that another one includes; a base that was taken in before is not built again.
    pub(super) fn include(
        &mut self,
        dir: Option<&RepoPath>,
        kind: Kind,
        from_root: Option<String>,
        content: &mut Accumulated,
    ) -> Result<(), BuildError> {
        let tree = self.engine.tree;
        let shown = || dir.map_or(".", RepoPath::as_str).to_owned();
        let path = directory::kustomization_file(tree, dir)?
            .ok_or_else(|| BuildError::NoKustomization { directory: shown() })?;
        let schema = self.schema_key();
        let key = BaseKey { dir: dir.cloned(), place: from_root.clone(), schema };
        if kind == Kind::Kustomization
            && let Some(base) = self.known(&key)
        {
            let too_many = self.visited.len() + base.visited.len() > MOST_DIRECTORIES;
            self.visited.extend_from_slice(&base.visited);
            self.traces.extend_from_slice(&base.traces);
            self.builtin_uses += usize::from(base.asks);
            if too_many {
                return Err(BuildError::TooLarge { file: path.as_str().to_owned() });
            }
            return merge(content, base.content.clone(), path.as_str());
        }
        let kustomization = Kustomization::read(tree, &path)?;
        if kind == Kind::Component {
            return self.directory(dir, &path, kustomization, kind, from_root, content);
        }
        let (before, traced, uses) = (self.visited.len(), self.traces.len(), self.builtin_uses);
        let mut own = Accumulated::empty();
        self.directory(dir, &path, kustomization, kind, from_root, &mut own)?;
        if schema == self.schema_key() {
            let visited = self.visited.get(before..).unwrap_or_default().to_vec();
            let traces = self.traces.get(traced..).unwrap_or_default().to_vec();
            let base = Arc::new(Base { content: own.clone(), visited, traces, asks: self.builtin_uses > uses });
            self.engine.bases.lock().unwrap_or_else(PoisonError::into_inner).insert(key, base);
        }
        merge(content, own, path.as_str())
    }

    pub(super) fn schema_key(&self) -> Option<(usize, bool)> {
        let of = |schema: Schema| (std::ptr::from_ref(schema.custom) as usize, schema.with_builtin);
        self.schema_said.then(|| self.schema.map_or((0, true), of))
    }

    /// Finds a base that was taken in before and that includes none of the directories which include it now.
    pub(super) fn known(&self, key: &BaseKey) -> Option<Arc<Base>> {
        let base = self.engine.bases.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()?;
        let circular = |inner: &Option<RepoPath>| {
            self.chain.iter().any(|outer| directory::contains(inner.as_ref(), outer.as_ref()))
        };
        (!base.visited.iter().any(circular)).then_some(base)
    }

    /// Returns the path of an included directory from the one that is built.
    pub(super) fn below(&self, place: &Place<'_>, entry: &str) -> Option<String> {
        place.from_root.map(|dir| provenance::join(dir, entry))
    }

    /// Takes in a directory without kustomization file.
    pub(super) fn generated(&mut self, dir: Option<&RepoPath>) -> Result<Accumulated, BuildError> {
        self.chain.push(dir.cloned());
        let mut content = Accumulated::empty();
        let place = Place { dir, file: "", from_root: None };
        for entry in directory::walk(self.engine.tree, dir) {
            match entry {
                directory::Found::File(path) => self.manifest(&place, &path, "", &mut content)?,
                directory::Found::Directory(path) => {
                    self.include(Some(&path), Kind::Kustomization, None, &mut content)?;
                }
            }
        }
        self.chain.pop();
        unique(&content.objects)?;
        Ok(content)
    }

    /// Takes in files and directories.
    pub(super) fn resources(
        &mut self,
        place: &Place<'_>,
        field: &str,
        entries: &[String],
        content: &mut Accumulated,
    ) -> Result<(), BuildError> {
        for (index, entry) in entries.iter().enumerate() {
            self.resource(place, &format!("{field}[{index}]"), entry, content)?;
        }
        unique(&content.objects)
    }

    pub(super) fn resource(
        &mut self,
        place: &Place<'_>,
        field: &str,
        entry: &str,
        content: &mut Accumulated,
    ) -> Result<(), BuildError> {
        if let Ok(path) = RepoPath::resolve(place.dir, entry)
            && self.engine.tree.contains(&path)
        {
            let path = self.readable(place, field, entry)?;
            return self.manifest(place, &path, entry, content);
        }
        let included = self.included(place, field, entry)?;
        self.include(included.as_ref(), Kind::Kustomization, self.below(place, entry), content)
    }

    pub(super) fn manifest(
        &mut self,
        place: &Place<'_>,
        path: &RepoPath,
        entry: &str,
        content: &mut Accumulated,
    ) -> Result<(), BuildError> {
        let read = self.engine.manifest(path)?;
        content.bytes += self.engine.tree.get(path).map_or(0, |blob| blob.bytes().len());
        if content.bytes > MOST_BYTES {
            return Err(BuildError::TooLarge { file: path.as_str().to_owned() });
        }
        let origin: Arc<str> = path.as_str().into();
        let source = self.below(place, entry).map(Source::file);
        for resource in read.iter() {
            // The tool asks its schema about every kind that it does not know by heart.
            let known = crate::build::schema::is_builtin(resource.api_version(), resource.kind());
            self.builtin_uses += usize::from(!known);
            let mut object = Tracked::new(resource.clone(), origin.clone());
            object.memory.source.clone_from(&source);
            content.objects.push(object);
        }
        Ok(())
    }

    /// Resolves a directory that another one includes.
    pub(super) fn included(&self, place: &Place<'_>, field: &str, entry: &str) -> Result<Option<RepoPath>, BuildError> {
        let fault = |reason: &str| BuildError::Path {
            file: place.file.to_owned(),
            field: field.to_owned(),
            path: entry.to_owned(),
            reason: reason.to_owned(),
        };
        if entry.is_empty() {
            return Err(fault("an empty path"));
        }
        if directory::is_remote(entry) {
            return Err(directory::remote(place.file, field, entry));
        }
        let included =
            directory::resolve(place.dir, entry).map_err(|e| fault(&format!("which cannot be used: {e}")))?;
        if !directory::exists(self.engine.tree, included.as_ref()) {
            return Err(fault("which does not exist, or is a directory without kustomization file"));
        }
        // As kustomize, which also refuses a directory that contains one of its includers.
        if self.chain.iter().any(|visited| directory::contains(included.as_ref(), visited.as_ref())) {
            return Err(fault("which includes this directory again"));
        }
        Ok(included)
    }

    pub(super) fn readable(&self, place: &Place<'_>, field: &str, entry: &str) -> Result<RepoPath, BuildError> {
        directory::readable(self.engine.tree, self.engine.restriction, place.dir, place.file, field, entry)
    }

    /// Reads a file that the kustomization file names.
    pub(super) fn bytes(&self, place: &Place<'_>, field: &str, entry: &str) -> Result<&'t [u8], BuildError> {
        let path = self.readable(place, field, entry)?;
        Ok(self.engine.tree.get(&path).map(|blob| blob.bytes()).unwrap_or_default())
    }

    /// Reads a file of one YAML document that the kustomization file names; gives its path, too.
    pub(super) fn document(
        &self,
        place: &Place<'_>,
        field: &str,
        entry: &str,
    ) -> Result<(Value, RepoPath), BuildError> {
        let path = self.readable(place, field, entry)?;
        let bytes = self.engine.tree.get(&path).map(|blob| blob.bytes()).unwrap_or_default();
        Ok((file::value(path.as_str(), bytes)?, path))
    }

    pub(super) fn text(&self, place: &Place<'_>, field: &str, entry: &str) -> Result<&'t str, BuildError> {
        std::str::from_utf8(self.bytes(place, field, entry)?).map_err(|_| BuildError::Path {
            file: place.file.to_owned(),
            field: field.to_owned(),
            path: entry.to_owned(),
            reason: "which is not UTF-8 text".into(),
        })
    }
}

/// Adds what a directory holds to what its includer has.
pub(super) fn merge(content: &mut Accumulated, own: Accumulated, file: &str) -> Result<(), BuildError> {
    content.objects.extend(own.objects);
    content.bytes += own.bytes;
    if content.bytes > MOST_BYTES {
        return Err(BuildError::TooLarge { file: file.to_owned() });
    }
    if let Some(config) = &own.config {
        add_config(&mut content.config, config).map_err(|e| BuildError::Field {
            file: file.to_owned(),
            field: "configurations".into(),
            reason: format!("says of `{}` something else about `create` than another directory", e.path),
        })?;
    }
    for var in own.vars {
        vars::add(&mut content.vars, var).map_err(|reason| BuildError::Field {
            file: file.to_owned(),
            field: "vars".into(),
            reason,
        })?;
    }
    Ok(())
}

/// Checks that no two objects are the same one to kustomize.
pub(super) fn unique(objects: &[Tracked]) -> Result<(), BuildError> {
    let mut seen = HashSet::with_capacity(objects.len());
    for object in objects {
        let id = object.id();
        if !seen.insert((&id.group, &id.version, &id.kind, &id.name, id.effective_namespace())) {
            return Err(BuildError::Duplicate { file: object.origin.to_string(), id: object.resource().id() });
        }
    }
    Ok(())
}

pub(super) fn patch_fault(file: &str, field: &str, path: &str, fault: PatchFault) -> BuildError {
    let path = Some(path).filter(|path| !path.is_empty()).map(str::to_owned);
    BuildError::Patch { file: file.to_owned(), field: field.to_owned(), path, fault: Box::new(fault) }
}
