//! [`Repository`]: a tree as Flux fetches it, and everything that its Kustomizations make of it.
//!
//! Starts at the directory of a cluster, finds the Kustomization that applies this directory, and follows every
//! Kustomization that a build brings. Those are built in parallel; values of variables that one build brings for another
//! are waited for.

mod order;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rayon::prelude::*;
use serde_json::Value;

use self::order::{cycle, order};
use super::exclude;
use super::fault::{FluxFault, Note, RepositoryError, shown_dir};
use super::kustomization::{Id, Kustomization, SourceRef, is_kustomization};
use super::object::{Object, read_back};
use super::one::{self, Directory, Found, Output};
use super::overlay::{directory, exists};
use super::variables::{Holder, Values, values};
use crate::build::Restriction;
use crate::build::kustomize::Engine;
use crate::render::Resource;
use crate::tree::{RepoPath, Tree};

/// A source that controllers make of others: it is never the repository itself, unless the user says so.
const ARTIFACT: &str = "ExternalArtifact";
/// Rounds of builds that may follow each other because values changed.
const MOST_ROUNDS: usize = 64;
/// Builds of one Kustomization.
const MOST_BUILDS: usize = 8;

/// How Flux is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether a variable that nothing sets is an error, as it is since Flux 2.9.
    pub strict: bool,
    /// The source that the repository is; found out when it is not given.
    pub source: Option<SourceRef>,
}

impl Default for Options {
    fn default() -> Self {
        Self { strict: true, source: None }
    }
}

/// A repository as Flux sees it.
pub struct Repository {
    /// All files.
    pub(super) tree: Tree,
    /// The files that the source has in its artifact.
    pub(super) artifact: Tree,
    pub(super) strict: bool,
    /// The source that the repository is, once it is known.
    source: Option<SourceRef>,
}

/// A Kustomization with what became of it.
#[derive(Clone, Debug)]
pub struct Built {
    /// Namespace and name; of the entry directory, its path.
    pub id: Id,
    /// The Kustomization; `None` for the entry directory, when no Kustomization applies it.
    pub kustomization: Option<Kustomization>,
    /// Who brings it, and the file that it comes from.
    pub brought_by: Option<(Id, Option<Arc<str>>)>,
    /// The objects in the order in which Flux sees them.
    pub objects: Vec<Object>,
    /// Everything that is wrong.
    pub faults: Vec<FluxFault>,
    /// What is worth knowing.
    pub notes: Vec<Note>,
    /// How it was built.
    pub directory: Directory,
}

/// A Kustomization whose directory is not in this repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The Kustomization.
    pub id: Id,
    /// Its source; `None` for a partial object, which Flux merges into a Kustomization that others bring.
    pub source: Option<SourceRef>,
}

/// Everything that Flux makes of an entry directory.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// What is built; dependencies come first.
    pub built: Vec<Built>,
    /// What other sources bring.
    pub elsewhere: Vec<Elsewhere>,
    /// The source that the repository is, if anything refers to one.
    pub source: Option<SourceRef>,
}

/// A Kustomization on its way.
struct Known {
    kustomization: Kustomization,
    brought_by: Option<(Id, Option<Arc<str>>)>,
    contested: Vec<FluxFault>,
    output: Option<Output>,
    builds: usize,
}

impl Repository {
    /// Takes the files of a repository.
    pub fn new(tree: &Tree, options: &Options) -> Self {
        let tree = tree.clone();
        Self { artifact: tree.clone(), tree, strict: options.strict, source: options.source.clone() }
    }

    /// Leaves out what a source leaves out.
    fn narrow(&mut self, source: Option<&Resource>) {
        let spec = source.and_then(|source| source.body.get("spec"));
        let ignore = spec.and_then(|spec| spec.get("ignore")).and_then(Value::as_str);
        let mut artifact = exclude::artifact(&self.tree, ignore);
        let sparse = spec.and_then(|spec| spec.get("sparseCheckout")).and_then(Value::as_array);
        if let Some(sparse) = sparse.filter(|sparse| !sparse.is_empty()) {
            let dirs: Vec<RepoPath> =
                sparse.iter().filter_map(Value::as_str).filter_map(|dir| directory(dir).ok().flatten()).collect();
            let is_there = |path: &RepoPath| dirs.iter().any(|dir| path.strip_prefix(dir).is_some());
            artifact = artifact.into_iter().filter(|(path, _)| is_there(path)).collect();
        }
        self.artifact = artifact;
    }

    /// Builds one Kustomization; values of variables come from itself and from `objects`.
    pub fn build_one(&self, kustomization: &Kustomization, objects: &[Resource]) -> Output {
        let known: HashMap<Holder, Values> = objects.iter().filter_map(values).collect();
        let engine = Engine::new(&self.artifact, Restriction::None);
        one::build(self, &engine, kustomization, &|holder| known.get(holder).cloned())
    }

    /// Builds everything that follows from the directory of a cluster (`None`: the root).
    ///
    /// # Errors
    /// When the directory itself says nothing that could be followed. Faults of Kustomizations are told with them.
    pub fn build_all(&mut self, entry: Option<&RepoPath>) -> Result<Cluster, RepositoryError> {
        if !exists(&self.tree, entry) {
            return Err(RepositoryError::NoEntry(shown_dir(entry).to_owned()));
        }
        let mut told = Directory::default();
        let first = self.plain(entry, &mut told)?;
        let sync = self.sync(entry, &first);
        let source = match (&self.source, &sync) {
            (Some(source), _) => Some(source.clone()),
            (None, Some(sync)) => Some(sync.source.clone()),
            (None, None) => only_source(&first)?,
        };
        let described = source.as_ref().and_then(|source| describes(&first, source));
        self.narrow(described);
        let include = described.and_then(|found| found.body.pointer("/spec/include")).and_then(Value::as_array);
        let include = include.filter(|include| !include.is_empty()).and(source.clone());
        self.source = source;

        let mut walk = Walk {
            repository: self,
            engine: Engine::new(&self.artifact, Restriction::None),
            known: BTreeMap::new(),
            values: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
        };
        let applied: Vec<Found> = match &sync {
            Some(sync) => {
                walk.add(sync.clone(), None);
                Vec::new()
            }
            None => first,
        };
        let root = Id { namespace: String::new(), name: shown_dir(entry).to_owned() };
        for (resource, origin) in &applied {
            walk.take(resource, &root, origin.as_ref());
            walk.values.extend(values(resource));
        }
        walk.run();
        walk.forget_orphans(sync.as_ref().map_or(&root, |sync| &sync.id));
        let mut cluster = walk.finish();
        if sync.is_none() {
            let object = |(resource, origin)| Object {
                resource,
                origin,
                ignored: Vec::new(),
                unresolved: Vec::new(),
                encrypted: None,
            };
            let mut objects: Vec<Object> = applied.into_iter().map(object).collect();
            for object in &mut objects {
                object.encrypted = super::mask::mask(&mut object.resource);
            }
            let (faults, notes) = (Vec::new(), Vec::new());
            let built =
                Built { id: root, kustomization: None, brought_by: None, objects, faults, notes, directory: told };
            cluster.built.insert(0, built);
        }
        if let (Some(source), Some(first)) = (include, cluster.built.first_mut()) {
            first.notes.push(Note::Include(source));
        }
        cluster.source = self.source.clone();
        Ok(cluster)
    }

    /// Builds a directory as it is.
    fn plain(&self, dir: Option<&RepoPath>, told: &mut Directory) -> Result<Vec<Found>, RepositoryError> {
        let engine = Engine::new(&self.tree, Restriction::None);
        let built = one::plain(&self.tree, &engine, dir, None, told).map_err(|fault| match fault {
            FluxFault::Build(error) => RepositoryError::Build(error),
            other => RepositoryError::NoEntry(other.to_string()),
        })?;
        let back =
            |(resource, origin): Found| read_back(resource).into_iter().map(move |resource| (resource, origin.clone()));
        Ok(built.into_iter().flat_map(back).collect())
    }

    /// Finds the Kustomization that applies the entry directory, and so itself: of its own path, or of a path below.
    fn sync(&self, entry: Option<&RepoPath>, objects: &[Found]) -> Option<Kustomization> {
        let candidates: Vec<(Kustomization, RepoPathOrRoot)> = objects
            .iter()
            .filter_map(|(resource, _)| Kustomization::read(resource))
            .filter_map(|one| directory(&one.path).ok().map(|dir| (one, dir)))
            .collect();
        if let Some((found, _)) = candidates.iter().find(|(_, dir)| dir.as_ref() == entry) {
            return Some(found.clone());
        }
        let below = |dir: &RepoPathOrRoot| match (dir, entry) {
            (Some(_), None) => true,
            (Some(dir), Some(entry)) => dir.strip_prefix(entry).is_some(),
            (None, _) => false,
        };
        let applies_itself = |(one, dir): &(Kustomization, RepoPathOrRoot)| {
            exists(&self.tree, dir.as_ref())
                && self.plain(dir.as_ref(), &mut Directory::default()).is_ok_and(|own| {
                    let all = objects.iter().all(|(object, _)| own.iter().any(|(found, _)| found.id() == object.id()));
                    let ids = own.iter().filter_map(|(found, _)| Kustomization::read(found));
                    all && ids.into_iter().any(|found| found.id == one.id)
                })
        };
        candidates.into_iter().filter(|(_, dir)| below(dir)).find(applies_itself).map(|(found, _)| found)
    }
}

type RepoPathOrRoot = Option<RepoPath>;

/// The source that all Kustomizations have, or that has the name which `flux bootstrap` gives.
fn only_source(objects: &[Found]) -> Result<Option<SourceRef>, RepositoryError> {
    let sources: BTreeSet<SourceRef> = objects
        .iter()
        .filter_map(|(resource, _)| Kustomization::read(resource))
        .filter(|one| !one.is_partial() && one.source.kind != ARTIFACT)
        .map(|one| one.source)
        .collect();
    let bootstrap: Vec<&SourceRef> = sources.iter().filter(|source| source.name == "flux-system").collect();
    match (bootstrap.as_slice(), sources.len()) {
        ([one], _) => Ok(Some((*one).clone())),
        (_, 0 | 1) => Ok(sources.into_iter().next()),
        _ => Err(RepositoryError::Ambiguous(sources.into_iter().collect())),
    }
}

/// Finds the object of a source.
fn describes<'o>(objects: &'o [Found], source: &SourceRef) -> Option<&'o Resource> {
    objects.iter().map(|(resource, _)| resource).find(|resource| {
        resource.group() == "source.toolkit.fluxcd.io"
            && resource.kind() == source.kind
            && resource.name() == source.name
            && resource.namespace().unwrap_or("default") == source.namespace
    })
}

/// The walk from Kustomization to Kustomization.
struct Walk<'r> {
    repository: &'r Repository,
    engine: Engine<'r>,
    known: BTreeMap<Id, Known>,
    values: BTreeMap<Holder, Values>,
    elsewhere: BTreeMap<Id, Option<SourceRef>>,
}

impl Walk<'_> {
    /// Takes an object of a build: a Kustomization is followed.
    fn take(&mut self, resource: &Resource, by: &Id, origin: Option<&Arc<str>>) {
        if !is_kustomization(resource) {
            return;
        }
        let Some(found) = Kustomization::read(resource) else { return };
        if found.is_partial() {
            self.elsewhere.entry(found.id).or_insert(None);
            return;
        }
        // While the source of the repository is not known, anything but an artifact that a controller makes may be it.
        let ours = self.repository.source.as_ref();
        if !ours.map_or(found.source.kind != ARTIFACT, |source| *source == found.source) {
            self.elsewhere.insert(found.id, Some(found.source));
            return;
        }
        self.add(found, Some((by.clone(), origin.cloned())));
    }

    fn add(&mut self, kustomization: Kustomization, brought_by: Option<(Id, Option<Arc<str>>)>) {
        let Some(known) = self.known.get_mut(&kustomization.id) else {
            let id = kustomization.id.clone();
            let known = Known { kustomization, brought_by, contested: Vec::new(), output: None, builds: 0 };
            self.known.insert(id, known);
            return;
        };
        let by = brought_by.as_ref().map(|(by, _)| by.clone());
        let first = known.brought_by.as_ref().map(|(by, _)| by.clone());
        // The Kustomization that all starts with brings itself.
        let same = first.is_none() && by.as_ref() == Some(&known.kustomization.id) || first == by;
        if same {
            known.brought_by = brought_by;
        }
        if known.kustomization.spec == kustomization.spec {
            return;
        }
        if same {
            known.kustomization = kustomization;
            known.output = None;
        } else if let (Some(first), Some(second)) = (first, by) {
            let fault = FluxFault::Contested { first, second };
            if !known.contested.contains(&fault) {
                known.contested.push(fault);
            }
        }
    }

    /// Builds until nothing is left to build and no value changes any more.
    fn run(&mut self) {
        for _ in 0..MOST_ROUNDS {
            let waiting: Vec<Id> =
                self.known.iter().filter(|(_, one)| one.output.is_none()).map(|(id, _)| id.clone()).collect();
            let ready: Vec<Id> = waiting.iter().filter(|id| self.has_values(id)).cloned().collect();
            // When values are nowhere to be found, all others go on without them.
            let round = if ready.is_empty() { waiting } else { ready };
            if round.is_empty() {
                return;
            }
            let (repository, engine, values, all) = (self.repository, &self.engine, &self.values, &self.known);
            let outputs: Vec<(Id, Output)> = round
                .into_par_iter()
                .filter_map(|id| {
                    let one = all.get(&id)?;
                    let output =
                        one::build(repository, engine, &one.kustomization, &|holder| values.get(holder).cloned());
                    Some((id, output))
                })
                .collect();
            for (id, output) in outputs {
                self.settle(id, output);
            }
        }
    }

    fn holders(kustomization: &Kustomization) -> impl Iterator<Item = Holder> {
        let from = kustomization.post_build.iter().flat_map(|post| &post.substitute_from);
        from.map(|reference| (reference.kind, kustomization.id.namespace.clone(), reference.name.clone()))
    }

    fn has_values(&self, id: &Id) -> bool {
        let one = self.known.get(id).map(|one| &one.kustomization);
        one.is_some_and(|one| Self::holders(one).all(|holder| self.values.contains_key(&holder)))
    }

    /// Takes what a build brought, and lets those be built again whose values it changed.
    fn settle(&mut self, id: Id, mut output: Output) {
        let Some(one) = self.known.get_mut(&id) else { return };
        one.builds += 1;
        let other_cluster = one.kustomization.other_cluster;
        let mut changed = BTreeSet::new();
        for (holder, values) in std::mem::take(&mut output.values).into_iter().filter(|_| !other_cluster) {
            if self.values.get(&holder) != Some(&values) {
                self.values.insert(holder.clone(), values);
                changed.insert(holder);
            }
        }
        // What goes to another cluster is followed by the Flux of that cluster, if it has one.
        let found: Vec<Found> = output
            .objects
            .iter()
            .filter(|object| !other_cluster && is_kustomization(&object.resource))
            .map(|object| (object.resource.clone(), object.origin.clone()))
            .collect();
        one.output = Some(output);
        for (resource, origin) in found {
            self.take(&resource, &id, origin.as_ref());
        }
        if changed.is_empty() {
            return;
        }
        for one in self.known.values_mut() {
            let affected = Self::holders(&one.kustomization).any(|holder| changed.contains(&holder));
            if let (true, Some(output)) = (affected, &mut one.output) {
                if one.builds < MOST_BUILDS {
                    one.output = None;
                } else if !output.faults.contains(&FluxFault::Unsettled) {
                    output.faults.push(FluxFault::Unsettled);
                }
            }
        }
    }

    /// Drops what was brought only while values were not known.
    fn forget_orphans(&mut self, root: &Id) {
        let mut reached = BTreeSet::from([root.clone()]);
        let mut queue = vec![root.clone()];
        let mut elsewhere = BTreeSet::new();
        let brought = |objects: &[Object]| -> Vec<Id> {
            let objects = objects.iter().filter(|object| is_kustomization(&object.resource));
            objects.filter_map(|object| Some(Kustomization::read(&object.resource)?.id)).collect()
        };
        while let Some(id) = queue.pop() {
            let own = match self.known.get(&id) {
                Some(one) if one.kustomization.other_cluster => Vec::new(),
                Some(one) => one.output.as_ref().map(|output| brought(&output.objects)).unwrap_or_default(),
                None => {
                    let own =
                        self.known.iter().filter(|(_, one)| one.brought_by.as_ref().is_some_and(|(by, _)| *by == id));
                    let own = own.map(|(id, _)| id.clone()).collect();
                    elsewhere.extend(self.elsewhere.keys().cloned());
                    own
                }
            };
            for child in own {
                elsewhere.insert(child.clone());
                if self.known.contains_key(&child) && reached.insert(child.clone()) {
                    queue.push(child);
                }
            }
        }
        self.known.retain(|id, _| reached.contains(id));
        self.elsewhere.retain(|id, _| elsewhere.contains(id));
    }

    /// Puts dependencies first and tells what is wrong with them.
    fn finish(self) -> Cluster {
        let Walk { mut known, elsewhere, .. } = self;
        let waits: BTreeMap<Id, Vec<Id>> =
            known.iter().map(|(id, one)| (id.clone(), one.kustomization.depends_on.clone())).collect();
        for (id, one) in &mut known {
            let output = one.output.get_or_insert_with(Output::default);
            output.faults.append(&mut one.contested);
            for dependency in &one.kustomization.depends_on {
                if !waits.contains_key(dependency) && !elsewhere.contains_key(dependency) {
                    output.notes.push(Note::UnknownDependency(dependency.clone()));
                }
            }
            output.faults.extend(cycle(&waits, id).map(|through| FluxFault::Cycle { through }));
        }
        let mut built = Vec::new();
        for id in order(&waits, &known) {
            let Some(one) = known.remove(&id) else { continue };
            let output = one.output.unwrap_or_default();
            built.push(Built {
                id,
                kustomization: Some(one.kustomization),
                brought_by: one.brought_by,
                objects: output.objects,
                faults: output.faults,
                notes: output.notes,
                directory: output.directory,
            });
        }
        let elsewhere = elsewhere.into_iter().map(|(id, source)| Elsewhere { id, source }).collect();
        Cluster { built, elsewhere, source: None }
    }
}
