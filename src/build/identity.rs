//! Who an object is: the five texts that kustomize tells objects apart by, and who the object was before.
//!
//! kustomize remembers every name and namespace that an object had; a patch may still call it by an old one. To the
//! functions that it calls it tells them in annotations.

use std::sync::Arc;

use serde_json::Value;

use super::schema::is_cluster_scoped;
use crate::render::Resource;

/// The namespace of an object that gives none.
const DEFAULT_NAMESPACE: &str = "default";

/// What kustomize writes for the namespace of an object that can have none.
pub(super) const CLUSTER_SCOPED: &str = "_non_namespaceable_";

/// Group, version, kind, name and namespace of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) name: String,
    /// Never an empty text.
    pub(super) namespace: Option<String>,
    /// Whether the kind is known to have no namespace.
    pub(super) cluster_scoped: bool,
}

impl Identity {
    /// Reads the identity of an object.
    pub(super) fn of(resource: &Resource) -> Self {
        Self {
            group: resource.group().to_owned(),
            version: resource.version().to_owned(),
            kind: resource.kind().to_owned(),
            name: resource.name().to_owned(),
            namespace: namespace(resource).map(str::to_owned),
            cluster_scoped: is_cluster_scoped(resource.api_version(), resource.kind()),
        }
    }

    /// Reads the identity that a strategic merge patch claims; `apiVersion` may be missing there.
    pub(super) fn claimed(patch: &Value) -> Option<Self> {
        let text = |pointer: &str| patch.pointer(pointer).and_then(Value::as_str).filter(|t| !t.is_empty());
        let api_version = text("/apiVersion").unwrap_or_default();
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let kind = text("/kind")?;
        Some(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            name: text("/metadata/name")?.to_owned(),
            namespace: text("/metadata/namespace").map(str::to_owned),
            cluster_scoped: is_cluster_scoped(api_version, kind),
        })
    }

    /// Returns the namespace that an unset one stands for; objects of the whole cluster share one that is none.
    pub(super) fn effective_namespace(&self) -> &str {
        if self.cluster_scoped { CLUSTER_SCOPED } else { self.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE) }
    }

    /// Tells whether both are the same object to kustomize: an unset namespace is `default`.
    pub(super) fn same(&self, other: &Self) -> bool {
        (&self.group, &self.version, &self.kind, &self.name) == (&other.group, &other.version, &other.kind, &other.name)
            && self.effective_namespace() == other.effective_namespace()
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.group.is_empty() {
            write!(f, "{}/", self.group)?;
        }
        write!(f, "{} {} ", self.version, self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

/// Returns the namespace of an object, where an empty text counts as unset.
pub(super) fn namespace(resource: &Resource) -> Option<&str> {
    resource.namespace().filter(|n| !n.is_empty())
}

/// Reads who an object was, oldest first, from the annotations that kustomize hands to functions.
pub(super) fn past(resource: &Resource) -> Vec<Identity> {
    let Some(Value::Object(annotations)) = resource.body.pointer("/metadata/annotations") else { return Vec::new() };
    let list = |what: &str| {
        let text = annotations.get(&format!("internal.config.kubernetes.io/previous{what}")).and_then(Value::as_str);
        text.map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>()).unwrap_or_default()
    };
    let (names, namespaces, kinds) = (list("Names"), list("Namespaces"), list("Kinds"));
    let same_length = names.len() == namespaces.len() && names.len() == kinds.len();
    let entries = names.into_iter().zip(namespaces).zip(kinds).filter(|_| same_length);
    let current = Identity::of(resource);
    entries
        .map(|((name, namespace), kind)| Identity {
            name,
            kind,
            namespace: Some(namespace).filter(|namespace| !namespace.is_empty() && namespace != CLUSTER_SCOPED),
            ..current.clone()
        })
        .collect()
}

/// Tells whether an object is the one that another names, or was before kustomize called a function with it. The version
/// does not count: it is no part of what the API server tells objects apart by.
pub fn is_or_was(object: &Resource, named: &Resource) -> bool {
    let wanted = Identity::of(named);
    past(object)
        .into_iter()
        .chain([Identity::of(object)])
        .any(|id| wanted.same(&Identity { version: wanted.version.clone(), ..id }))
}

/// An object on its way through a build.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    resource: Resource,
    /// Who the object is, always in step with it.
    id: Identity,
    /// The file that the object comes from.
    pub(super) origin: Arc<str>,
    /// Who it was, oldest first.
    past: Vec<Identity>,
    /// Whether kustomize told the past: then renames of the same kustomization, which come after its patches, are in it.
    told: bool,
    /// What only a build needs to know.
    pub(super) memory: Memory,
    /// Places, as JSON pointers, that hold one and the same value: changed at one of them, it changes at all.
    shared: Vec<Vec<String>>,
    is_new: bool,
}

/// What a build remembers of an object besides its names.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Prefixes and suffixes in the order in which they were added.
    pub(super) prefixes: Vec<String>,
    pub(super) suffixes: Vec<String>,
    /// Whether the name ends in a hash of the content.
    pub(super) hashed: bool,
    /// The variables that are read from the object.
    pub(super) vars: Vec<String>,
    /// Scalars that were made and got no type: their places, as JSON pointers, and their texts. They print as what the
    /// text means, and become texts when a strategic merge goes over the object.
    pub(super) untyped: Vec<(String, String)>,
    /// Where it comes from, and what changed it, as annotations tell it; kept only when they are wanted.
    pub(super) source: Option<Source>,
    pub(super) transformations: Vec<Source>,
}

/// A line of provenance: a file, or an entry of a file that made or changed an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Source {
    /// Path from the directory that is built.
    pub(super) path: String,
    /// The file whose entry did it, and that entry.
    pub(super) configured_in: String,
    pub(super) configured_by: Option<ConfiguredBy>,
}

/// The generator or transformer that did something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ConfiguredBy {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: String,
}

impl Tracked {
    pub(super) fn new(resource: Resource, origin: Arc<str>) -> Self {
        let id = Identity::of(&resource);
        Self {
            resource,
            id,
            origin,
            past: Vec::new(),
            told: false,
            memory: Memory::default(),
            shared: Vec::new(),
            is_new: false,
        }
    }

    /// Takes an object that kustomize hands to a function, with the past that its annotations tell.
    pub(super) fn remembering(resource: Resource, origin: Arc<str>) -> Self {
        let past = past(&resource);
        Self { past, told: true, ..Self::new(resource, origin) }
    }

    pub(super) fn resource(&self) -> &Resource {
        &self.resource
    }

    pub(super) fn body(&self) -> &Value {
        &self.resource.body
    }

    pub(super) fn into_resource(self) -> Resource {
        self.resource
    }

    /// Returns who the object is now.
    pub(super) fn id(&self) -> &Identity {
        &self.id
    }

    /// Returns who the object was at first.
    pub(super) fn original(&self) -> &Identity {
        self.past.first().unwrap_or(&self.id)
    }

    /// Returns who the object was, oldest first.
    pub(super) fn past(&self) -> &[Identity] {
        &self.past
    }

    /// Returns what a target sees of the past: who the object was at first, or all that kustomize told. Which of that was
    /// current before the patches of the kustomization that lists the function is not told.
    pub(super) fn seen(&self) -> &[Identity] {
        if self.told { &self.past } else { self.past.get(..1).unwrap_or_default() }
    }

    /// Tells whether the object is, or ever was, the one named.
    pub(super) fn answers_to(&self, wanted: &Identity) -> bool {
        self.id.same(wanted) || self.past.iter().any(|id| id.same(wanted))
    }

    /// Keeps who the object is now for those that call it by that name.
    pub(super) fn remember(&mut self) {
        self.past.push(self.id.clone());
    }

    /// Takes over the past of an object that this one replaces.
    pub(super) fn inherit(&mut self, other: &Self) {
        self.past.clone_from(&other.past);
        self.memory.prefixes.clone_from(&other.memory.prefixes);
        self.memory.suffixes.clone_from(&other.memory.suffixes);
        self.memory.vars.clone_from(&other.memory.vars);
    }

    /// Changes the body.
    pub(super) fn edit<T>(&mut self, change: impl FnOnce(&mut Value) -> T) -> T {
        let before = self.shared_values();
        let outcome = change(&mut self.resource.body);
        self.id = Identity::of(&self.resource);
        self.spread(&before);
        outcome
    }

    /// Puts another body in place, which goes on from the one that was there.
    pub(super) fn replace(&mut self, resource: Resource) {
        let before = self.shared_values();
        self.resource = resource;
        self.id = Identity::of(&self.resource);
        self.spread(&before);
    }

    /// Puts a body in place that was written anew: it shares no values within it, and numbers are written as all are.
    pub(super) fn replace_anew(&mut self, resource: Resource) {
        self.shared.clear();
        self.memory.untyped.clear();
        self.is_new = true;
        self.replace(resource);
    }

    /// Tells whether nothing was done to an object, by its body and by the traces that changes leave.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.resource == other.resource && self.past.len() == other.past.len() && self.is_new == other.is_new
    }

    /// Tells whether the body was written anew since it was read.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Makes texts of the scalars that have no type yet, where they still stand.
    pub(super) fn settle_untyped(&mut self) {
        let untyped = std::mem::take(&mut self.memory.untyped);
        for (place, text) in untyped {
            if let Some(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) =
                self.resource.body.pointer_mut(&place)
            {
                *value = Value::String(text);
            }
        }
    }

    /// Notes that places hold the same value from now on.
    pub(super) fn share(&mut self, places: Vec<String>) {
        if places.len() > 1 {
            self.shared.push(places);
        }
    }

    fn shared_values(&self) -> Vec<Vec<Option<Value>>> {
        let value = |pointer: &String| self.resource.body.pointer(pointer).cloned();
        self.shared.iter().map(|places| places.iter().map(value).collect()).collect()
    }

    /// Gives all places of a group the value that one of them got.
    fn spread(&mut self, before: &[Vec<Option<Value>>]) {
        for (places, old) in self.shared.iter_mut().zip(before) {
            let body = &mut self.resource.body;
            let changed = places.iter().zip(old).find_map(|(place, old)| {
                body.pointer(place).filter(|new| new.is_string() && Some(*new) != old.as_ref()).cloned()
            });
            // A place that is gone, or holds something else altogether, is out of the group.
            places.retain(|place| body.pointer(place).is_some_and(Value::is_string));
            let Some(changed) = changed else { continue };
            for place in places.iter() {
                if let Some(value) = body.pointer_mut(place) {
                    value.clone_from(&changed);
                }
            }
        }
        self.shared.retain(|places| places.len() > 1);
    }
}
