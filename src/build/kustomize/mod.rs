//! Directories to objects: what `kustomize build` and kustomize-controller would make of a directory.
//!
//! [`Engine`] builds any number of directories of one tree and reads each file and each shared base once. Objects come in
//! the order in which they are found, which is the order that kustomize-controller sees, unless the kustomization says
//! otherwise; the command line tool sorts them.
//!
//! What is not implemented (remote resources, Helm charts, functions and plugins) is refused by name.

mod config;
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
mod trace;
mod transform;
mod vars;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::identity::{Source, Tracked};
use super::openapi::Custom;
use super::patch::{PatchFault, Schema};
use super::source;
use crate::render::Resource;
use crate::tree::{RepoPath, Tree};
use config::Config;
pub use directory::{Mentions, NAMES as KUSTOMIZATION_FILES, mentioned_paths};
pub use error::BuildError;
use file::{Kind, Kustomization, Var};
use provenance::Wanted;
use trace::Chunk;
pub use trace::{Effect, Trace};

/// Directories that one build may take in; a diamond of directories would otherwise grow without end.
const MOST_DIRECTORIES: usize = 10_000;
/// Directories that may include one another in a chain.
const DEEPEST: usize = 64;
/// Bytes of manifests that one build may take in, each time that it takes them in.
const MOST_BYTES: usize = 256 << 20;

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

/// What the objects of a directory depend on besides the tree.
#[derive(Clone, PartialEq, Eq, Hash)]
struct BaseKey {
    dir: Option<RepoPath>,
    /// The path that provenance tells, if it is wanted.
    place: Option<String>,
    /// Which schema was there already: its address (0 for that of Kubernetes), and whether that stands beside it.
    schema: Option<(usize, bool)>,
}

/// A directory that was taken in, and all directories that this took.
struct Base {
    content: Accumulated,
    visited: Vec<Option<RepoPath>>,
    traces: Vec<Chunk>,
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

/// Objects on their way, with what the directories so far say about them.
#[derive(Clone)]
struct Accumulated {
    objects: Vec<Tracked>,
    /// Nothing before the first directory is taken in: what comes first may drive defaults out.
    config: Option<Arc<Config>>,
    vars: Vec<Var>,
    /// Bytes of the manifests that the objects come from.
    bytes: usize,
}

impl Accumulated {
    fn empty() -> Self {
        Self { objects: Vec::new(), config: None, vars: Vec::new(), bytes: 0 }
    }
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
            builtin_used: false,
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

/// One build.
struct Run<'e, 't> {
    engine: &'e Engine<'t>,
    /// The directories that include one another, outermost first.
    chain: Vec<Option<RepoPath>>,
    /// All directories so far, in order.
    visited: Vec<Option<RepoPath>>,
    /// What entries of the directory at hand did so far.
    trace: Vec<Trace>,
    /// What those of all directories did that are done.
    traces: Vec<Chunk>,
    /// The schema of the first directory that brought one; it counts for everything that comes after.
    schema: Option<Schema>,
    /// Whether a directory said which schema counts, be it that of Kubernetes.
    schema_said: bool,
    /// Whether something asked for the schema of Kubernetes before; then that stays beside the other.
    builtin_used: bool,
    /// Whether to keep where objects come from.
    provenance: bool,
}

/// Where an entry stands: what errors and provenance need to know.
struct Place<'p> {
    dir: Option<&'p RepoPath>,
    /// The kustomization file.
    file: &'p str,
    /// The path of the directory from the one that is built, if provenance is wanted.
    from_root: Option<&'p str>,
}

impl Place<'_> {
    /// Describes a field of the kustomization file as the source of something.
    fn source(&self, kind: &str) -> Option<Source> {
        let name = self.file.rsplit('/').next().unwrap_or(self.file);
        self.from_root.map(|dir| Source::field(provenance::join(dir, name), kind))
    }
}

impl<'t> Run<'_, 't> {
    /// Adds what a directory holds to what is there. A component also changes that.
    fn directory(
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
    fn include(
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
            self.builtin_used = true;
            if too_many {
                return Err(BuildError::TooLarge { file: path.as_str().to_owned() });
            }
            return merge(content, base.content.clone(), path.as_str());
        }
        let kustomization = Kustomization::read(tree, &path)?;
        if kind == Kind::Component {
            return self.directory(dir, &path, kustomization, kind, from_root, content);
        }
        let (before, traced) = (self.visited.len(), self.traces.len());
        let mut own = Accumulated::empty();
        self.directory(dir, &path, kustomization, kind, from_root, &mut own)?;
        if schema == self.schema_key() {
            let visited = self.visited.get(before..).unwrap_or_default().to_vec();
            let traces = self.traces.get(traced..).unwrap_or_default().to_vec();
            let base = Arc::new(Base { content: own.clone(), visited, traces });
            self.engine.bases.lock().unwrap_or_else(PoisonError::into_inner).insert(key, base);
        }
        merge(content, own, path.as_str())
    }

    fn schema_key(&self) -> Option<(usize, bool)> {
        let of = |schema: Schema| (std::ptr::from_ref(schema.custom) as usize, schema.with_builtin);
        self.schema_said.then(|| self.schema.map_or((0, true), of))
    }

    /// Finds a base that was taken in before and that includes none of the directories which include it now.
    fn known(&self, key: &BaseKey) -> Option<Arc<Base>> {
        let base = self.engine.bases.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()?;
        let circular = |inner: &Option<RepoPath>| {
            self.chain.iter().any(|outer| directory::contains(inner.as_ref(), outer.as_ref()))
        };
        (!base.visited.iter().any(circular)).then_some(base)
    }

    /// Returns the path of an included directory from the one that is built.
    fn below(&self, place: &Place<'_>, entry: &str) -> Option<String> {
        place.from_root.map(|dir| provenance::join(dir, entry))
    }

    /// Takes in a directory without kustomization file.
    fn generated(&mut self, dir: Option<&RepoPath>) -> Result<Accumulated, BuildError> {
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
    fn resources(
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

    fn resource(
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

    fn manifest(
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
            self.builtin_used |= !super::schema::is_builtin(resource.api_version(), resource.kind());
            let mut object = Tracked::new(resource.clone(), origin.clone());
            object.memory.source.clone_from(&source);
            content.objects.push(object);
        }
        Ok(())
    }

    /// Resolves a directory that another one includes.
    fn included(&self, place: &Place<'_>, field: &str, entry: &str) -> Result<Option<RepoPath>, BuildError> {
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

    fn readable(&self, place: &Place<'_>, field: &str, entry: &str) -> Result<RepoPath, BuildError> {
        directory::readable(self.engine.tree, self.engine.restriction, place.dir, place.file, field, entry)
    }

    /// Reads a file that the kustomization file names.
    fn bytes(&self, place: &Place<'_>, field: &str, entry: &str) -> Result<&'t [u8], BuildError> {
        let path = self.readable(place, field, entry)?;
        Ok(self.engine.tree.get(&path).map(|blob| blob.bytes()).unwrap_or_default())
    }

    /// Reads a file of one YAML document that the kustomization file names; gives its path, too.
    fn document(&self, place: &Place<'_>, field: &str, entry: &str) -> Result<(Value, RepoPath), BuildError> {
        let path = self.readable(place, field, entry)?;
        let bytes = self.engine.tree.get(&path).map(|blob| blob.bytes()).unwrap_or_default();
        Ok((file::value(path.as_str(), bytes)?, path))
    }

    fn text(&self, place: &Place<'_>, field: &str, entry: &str) -> Result<&'t str, BuildError> {
        std::str::from_utf8(self.bytes(place, field, entry)?).map_err(|_| BuildError::Path {
            file: place.file.to_owned(),
            field: field.to_owned(),
            path: entry.to_owned(),
            reason: "which is not UTF-8 text".into(),
        })
    }

    /// Takes the schema of a directory, if it is the first one to bring one.
    fn schema_of(&mut self, kustomization: &Kustomization, place: &Place<'_>) -> Result<(), BuildError> {
        let fault = |field: &str, reason: String| BuildError::Field {
            file: place.file.to_owned(),
            field: field.to_owned(),
            reason,
        };
        let bytes = match kustomization.openapi.get("path") {
            Some(path) => Some(self.bytes(place, "openapi.path", path)?),
            None => None,
        };
        if self.schema_said {
            return Ok(());
        }
        self.schema_said = !kustomization.openapi.is_empty();
        match (bytes, kustomization.openapi.get("version")) {
            (Some(_), Some(_)) => Err(fault("openapi.version", "cannot stand beside `path`".into())),
            (None, Some(version)) if !version.is_empty() && version != "v1.21.2" => {
                Err(fault("openapi.version", format!("is `{version}`, and kustomize knows `v1.21.2` only")))
            }
            (Some(bytes), None) => {
                let path = kustomization.openapi.get("path").map(String::as_str).unwrap_or_default();
                let (schema, _) = self.document(place, "openapi.path", path)?;
                let custom =
                    Custom::new(bytes, &schema, self.builtin_used).map_err(|reason| fault("openapi.path", reason))?;
                self.schema = Some(Schema { custom, with_builtin: self.builtin_used });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Merges `configurations` and `crds` into what the transformers know.
    fn configure(
        &self,
        place: &Place<'_>,
        kustomization: &Kustomization,
        content: &mut Accumulated,
    ) -> Result<(), BuildError> {
        let conflict = |field: String, e: config::Conflict| BuildError::Field {
            file: place.file.to_owned(),
            field,
            reason: format!("says of `{}` something else about `create` than is known", e.path),
        };
        let files = &kustomization.configurations;
        let mut own = Config::defaults().clone();
        if !files.is_empty() {
            let mut written = Config::default();
            for (index, entry) in files.iter().enumerate() {
                let field = format!("configurations[{index}]");
                let (value, path) = self.document(place, &field, entry)?;
                let read = Config::read(&value).map_err(|e| file::error(path.as_str(), e))?;
                written.merge(&read).map_err(|e| conflict(field, e))?;
            }
            let mut whole = (**Config::defaults()).clone();
            whole.merge(&written).map_err(|e| conflict("configurations".into(), e))?;
            own = Arc::new(whole);
        }
        add_config(&mut content.config, &own).map_err(|e| conflict("configurations".into(), e))?;
        for (index, entry) in kustomization.crds.iter().enumerate() {
            let field = format!("crds[{index}]");
            let (value, path) = self.document(place, &field, entry)?;
            let fault = |reason: String| BuildError::Field { file: path.to_string(), field: String::new(), reason };
            let map = value.as_object().ok_or_else(|| fault("is not a map of definitions".into()))?;
            let read = Arc::new(crds::read(map).map_err(fault)?);
            add_config(&mut content.config, &read).map_err(|e| conflict(field, e))?;
        }
        Ok(())
    }
}

/// Adds to a configuration that may be shared.
fn add_config(config: &mut Option<Arc<Config>>, other: &Arc<Config>) -> Result<(), config::Conflict> {
    let mut merged = match config {
        // The defaults merged with themselves are the defaults.
        Some(known) if Arc::ptr_eq(known, other) => return Ok(()),
        None if Arc::ptr_eq(other, Config::defaults()) => {
            *config = Some(other.clone());
            return Ok(());
        }
        Some(known) => (**known).clone(),
        None => Config::default(),
    };
    merged.merge(other)?;
    *config = Some(Arc::new(merged));
    Ok(())
}

/// Adds what a directory holds to what its includer has.
fn merge(content: &mut Accumulated, own: Accumulated, file: &str) -> Result<(), BuildError> {
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
fn unique(objects: &[Tracked]) -> Result<(), BuildError> {
    let mut seen = HashSet::with_capacity(objects.len());
    for object in objects {
        let id = object.id();
        if !seen.insert((&id.group, &id.version, &id.kind, &id.name, id.effective_namespace())) {
            return Err(BuildError::Duplicate { file: object.origin.to_string(), id: object.resource().id() });
        }
    }
    Ok(())
}

fn patch_fault(file: &str, field: &str, path: &str, fault: PatchFault) -> BuildError {
    let path = Some(path).filter(|path| !path.is_empty()).map(str::to_owned);
    BuildError::Patch { file: file.to_owned(), field: field.to_owned(), path, fault: Box::new(fault) }
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
