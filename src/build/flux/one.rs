//! One Kustomization over a repository: build, substitute, finish.

use std::collections::HashSet;
use std::sync::Arc;

use super::fault::{FluxFault, Note};
use super::kustomization::Kustomization;
use super::object::{Object, finish, read_back, substituted};
use super::overlay::{Borrowed, directory, exists, overlay};
use super::repository::Repository;
use super::variables::{Holder, Values, Variables, values};
use super::{mask, overlay::Overlay};
use crate::build::identity::Identity;
use crate::build::kustomize::{BuiltDirectory, Engine, Trace};
use crate::render::Resource;
use crate::tree::{RepoPath, Tree};

/// An object with the file that it comes from, where there is one.
pub(super) type Found = (Resource, Option<Arc<str>>);

/// The directory of a Kustomization, with what the build of it tells.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// The kustomization file, which may not exist; `None` while there is no directory.
    pub file: Option<RepoPath>,
    /// What of that file comes from the Kustomization.
    pub borrowed: Borrowed,
    /// What entries of kustomization files did, of this one and of those below.
    pub traces: Vec<Trace>,
    /// All directories that the build took in; `None` is the root.
    pub taken_in: Vec<Option<RepoPath>>,
}

/// What became of a Kustomization.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// The objects in the order in which Flux sees them; empty when there are faults that keep it from being built.
    pub objects: Vec<Object>,
    /// Everything that is wrong.
    pub faults: Vec<FluxFault>,
    /// What is worth knowing.
    pub notes: Vec<Note>,
    /// How it was built.
    pub directory: Directory,
    /// The values that its objects hold for variables of others.
    pub(super) values: Vec<(Holder, Values)>,
    /// Whether values that it refers to were not there.
    pub(super) missing: bool,
}

/// Builds one Kustomization with the values that are known.
pub(super) fn build(
    repository: &Repository,
    engine: &Engine<'_>,
    kustomization: &Kustomization,
    known: &impl Fn(&Holder) -> Option<Values>,
) -> Output {
    let mut output = Output { faults: kustomization.faults.clone(), ..Output::default() };
    if kustomization.suspend {
        output.notes.push(Note::Suspended);
    }
    if kustomization.other_cluster {
        output.notes.push(Note::OtherCluster);
    }
    let variables = match Variables::of(kustomization, known) {
        Ok(variables) => variables,
        Err(faults) => {
            output.faults.extend(faults);
            return output;
        }
    };
    output.missing = variables.as_ref().is_some_and(Variables::missing);
    let built = match objects(repository, engine, kustomization, &mut output.directory) {
        Ok(built) => built,
        Err(fault) => {
            output.faults.push(fault);
            return output;
        }
    };
    let mut done = Vec::with_capacity(built.len());
    for (resource, origin) in built {
        if mask::has_encrypted_file(&resource) {
            // Nothing is decrypted unless the Kustomization says so.
            if kustomization.decrypts {
                output.notes.push(Note::EncryptedGenerator { object: resource.id() });
            } else {
                output.faults.push(FluxFault::Encrypted { object: resource.id() });
            }
        }
        let unresolved = Vec::new();
        done.push(Object { resource, origin, ignored: Vec::new(), unresolved, encrypted: None });
    }
    if let Some(variables) = variables.filter(Variables::acts) {
        done = substitute_all(repository, done, &variables, &mut output);
    }
    let mut masked = 0;
    for object in done {
        for resource in read_back(object.resource) {
            let mut object = Object {
                resource,
                origin: object.origin.clone(),
                ignored: Vec::new(),
                unresolved: object.unresolved.clone(),
                encrypted: None,
            };
            let encrypted = mask::is_encrypted(&object.resource);
            if encrypted
                && object.resource.kind() == "Secret"
                && !kustomization.decrypts
                && !decryption_disabled(&object)
            {
                output.faults.push(FluxFault::Encrypted { object: object.resource.id() });
            }
            output.values.extend(values(&object.resource));
            object.encrypted = mask::mask(&mut object.resource);
            masked += usize::from(object.encrypted.is_some());
            finish(&mut object.resource, kustomization);
            let rules = kustomization.ignore.iter();
            let rules = rules.filter(|rule| rule.target.as_ref().is_none_or(|target| target.matches(&object.resource)));
            object.ignored = rules.flat_map(|rule| rule.paths.iter().cloned()).collect();
            output.objects.push(object);
        }
    }
    if masked > 0 {
        output.notes.push(Note::Masked { count: masked });
    }
    output
}

/// Substitutes all objects, one after the other: an id that two of them have at any time is a fault.
fn substitute_all(
    repository: &Repository,
    objects: Vec<Object>,
    variables: &Variables<'_>,
    output: &mut Output,
) -> Vec<Object> {
    let key = |resource: &Resource| {
        let id = Identity::of(resource);
        let namespace = id.effective_namespace().to_owned();
        (id.group, id.version, id.kind, id.name, namespace)
    };
    let mut ids: HashSet<_> = objects.iter().map(|object| key(&object.resource)).collect();
    let mut done = Vec::with_capacity(objects.len());
    for mut object in objects {
        let before = key(&object.resource);
        match substituted(object.resource, variables, repository.strict) {
            Ok((resource, left, unset)) => {
                let after = key(&resource);
                if after != before {
                    ids.remove(&before);
                    if !ids.insert(after) {
                        output.faults.push(FluxFault::Twice { object: resource.id() });
                    }
                }
                for variable in &left {
                    output.notes.push(Note::Unresolved {
                        object: resource.id(),
                        variable: variable.clone(),
                        from: variables.whence(variable),
                    });
                }
                for variable in unset {
                    output.notes.push(Note::Unset { object: resource.id(), variable });
                }
                object.resource = resource;
                object.unresolved = left;
                done.push(object);
            }
            Err(FluxFault::Substitution { object: id, fault, .. }) => {
                output.faults.push(FluxFault::Substitution { object: id, origin: object.origin, fault });
            }
            Err(fault) => output.faults.push(fault),
        }
    }
    done
}

fn decryption_disabled(object: &Object) -> bool {
    let found = object.resource.body.pointer("/metadata/annotations/kustomize.toolkit.fluxcd.io~1decrypt");
    found.and_then(serde_json::Value::as_str).is_some_and(|value| value.eq_ignore_ascii_case("disabled"))
}

/// Runs kustomize for a Kustomization.
fn objects(
    repository: &Repository,
    engine: &Engine<'_>,
    kustomization: &Kustomization,
    told: &mut Directory,
) -> Result<Vec<Found>, FluxFault> {
    let dir = directory(&kustomization.path)?;
    if !exists(&repository.artifact, dir.as_ref()) {
        let excluded = exists(&repository.tree, dir.as_ref());
        return Err(FluxFault::Path { path: kustomization.path.clone(), excluded });
    }
    plain(&repository.artifact, engine, dir.as_ref(), Some(kustomization), told)
}

/// Runs kustomize for a directory.
pub(super) fn plain(
    tree: &Tree,
    engine: &Engine<'_>,
    dir: Option<&RepoPath>,
    kustomization: Option<&Kustomization>,
    told: &mut Directory,
) -> Result<Vec<Found>, FluxFault> {
    let Overlay { path, text, borrowed } = overlay(tree, dir, kustomization)?;
    told.file = Some(path.clone());
    told.borrowed = borrowed;
    let BuiltDirectory { resources, origins, traces, directories } = engine.build_as(dir, &path, text)?;
    told.traces = traces;
    told.taken_in = directories;
    let origin = |resource: &Resource| origins.get(&resource.id()).filter(|origin| !origin.is_empty()).cloned();
    Ok(resources
        .into_iter()
        .map(|resource| (origin(&resource), resource))
        .map(|(origin, resource)| (resource, origin))
        .collect())
}
