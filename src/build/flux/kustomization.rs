//! [`Kustomization`]: a Flux Kustomization, as far as it decides what is applied.
//!
//! Fields that say when and how long (`interval`, `timeout`, health checks) are not read. Unknown fields are tolerated.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use super::fault::FluxFault;
use crate::build::{Matcher, Target};
use crate::render::Resource;

/// The API group of Flux Kustomizations, and the prefix of the keys that steer it.
pub(super) const GROUP: &str = "kustomize.toolkit.fluxcd.io";

/// Namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() { f.write_str(&self.name) } else { write!(f, "{}/{}", self.namespace, self.name) }
    }
}

/// The source of a Kustomization.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceRef {
    /// `GitRepository`, `OCIRepository`, `Bucket` or `ExternalArtifact`.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for SourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

/// What holds values of variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValuesKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl ValuesKind {
    /// Returns the kind of the object.
    pub fn name(self) -> &'static str {
        match self {
            ValuesKind::ConfigMap => "ConfigMap",
            ValuesKind::Secret => "Secret",
        }
    }
}

/// One entry of `spec.postBuild.substituteFrom`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What it refers to.
    pub kind: ValuesKind,
    /// Its name, in the namespace of the Kustomization.
    pub name: String,
    /// Whether it need not be there.
    pub optional: bool,
}

/// What is done to objects after the build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostBuild {
    /// Values given in place.
    pub substitute: BTreeMap<String, String>,
    /// Objects that hold values.
    pub substitute_from: Vec<Reference>,
    /// Whether objects are substituted even if there is no variable.
    pub always: bool,
}

/// One entry of `spec.ignore`: fields that Flux leaves alone on some objects.
#[derive(Clone, Debug)]
pub struct IgnoreRule {
    /// JSON pointers.
    pub paths: Vec<String>,
    /// The objects; `None` is all.
    pub target: Option<Matcher>,
}

/// A Flux Kustomization, read from an object.
#[derive(Clone, Debug)]
pub struct Kustomization {
    /// Namespace and name.
    pub id: Id,
    /// `spec.path` as written.
    pub path: String,
    /// The source.
    pub source: SourceRef,
    /// Whether it is suspended: Flux leaves it as it is.
    pub suspend: bool,
    /// Whether objects that are gone are deleted.
    pub prune: bool,
    /// Whether it goes to another cluster.
    pub other_cluster: bool,
    /// Whether it decrypts.
    pub decrypts: bool,
    /// What must be ready first.
    pub depends_on: Vec<Id>,
    /// Substitution; `None` when there is no `spec.postBuild`.
    pub post_build: Option<PostBuild>,
    /// Labels that all objects get.
    pub common_labels: BTreeMap<String, String>,
    /// Annotations that all objects get.
    pub common_annotations: BTreeMap<String, String>,
    /// Fields that Flux leaves alone.
    pub ignore: Vec<IgnoreRule>,
    /// The whole `spec`.
    pub spec: Map<String, Value>,
    /// What cannot be used of it.
    pub faults: Vec<FluxFault>,
}

/// Tells whether an object is a Flux Kustomization, of any version.
pub(super) fn is_kustomization(resource: &Resource) -> bool {
    resource.group() == GROUP && resource.kind() == "Kustomization"
}

impl Kustomization {
    /// Reads an object; `None` when it is no Flux Kustomization.
    pub fn read(resource: &Resource) -> Option<Self> {
        if !is_kustomization(resource) {
            return None;
        }
        let namespace = resource.namespace().filter(|n| !n.is_empty()).unwrap_or("default");
        let id = Id { namespace: namespace.to_owned(), name: resource.name().to_owned() };
        let spec = resource.body.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
        let mut reader = Reader { faults: Vec::new() };
        if !matches!(resource.version(), "v1" | "v1beta2") {
            reader.fault("apiVersion", "is neither `v1` nor `v1beta2`");
        }
        let none = Map::new();
        let map = |value: &'_ Map<String, Value>, key: &str| value.get(key).and_then(Value::as_object).cloned();
        let source = map(&spec, "sourceRef").unwrap_or_default();
        let source = SourceRef {
            kind: reader.required(&source, "kind", "spec.sourceRef.kind"),
            namespace: reader.text(&source, "namespace", "spec.sourceRef.namespace").unwrap_or(namespace.to_owned()),
            name: reader.required(&source, "name", "spec.sourceRef.name"),
        };
        let depends_on = reader.entries(&spec, "dependsOn", "spec.dependsOn", |reader, entry, field| Id {
            namespace: reader.text(entry, "namespace", &format!("{field}.namespace")).unwrap_or(namespace.to_owned()),
            name: reader.required(entry, "name", &format!("{field}.name")),
        });
        let post_build = map(&spec, "postBuild").map(|post| PostBuild {
            substitute: reader.texts(&post, "substitute", "spec.postBuild.substitute"),
            substitute_from: reader.entries(
                &post,
                "substituteFrom",
                "spec.postBuild.substituteFrom",
                |reader, entry, field| Reference {
                    kind: match reader.required(entry, "kind", &format!("{field}.kind")).as_str() {
                        "Secret" => ValuesKind::Secret,
                        "ConfigMap" => ValuesKind::ConfigMap,
                        _ => {
                            reader.fault(&format!("{field}.kind"), "is neither `ConfigMap` nor `Secret`");
                            ValuesKind::ConfigMap
                        }
                    },
                    name: reader.required(entry, "name", &format!("{field}.name")),
                    optional: reader.flag(entry, "optional", &format!("{field}.optional")),
                },
            ),
            always: reader.text(&post, "substituteStrategy", "spec.postBuild.substituteStrategy").as_deref()
                == Some("Always"),
        });
        let metadata = map(&spec, "commonMetadata").unwrap_or(none);
        let common_labels = reader.texts(&metadata, "labels", "spec.commonMetadata.labels");
        let common_annotations = reader.texts(&metadata, "annotations", "spec.commonMetadata.annotations");
        let ignore = reader.entries(&spec, "ignore", "spec.ignore", |reader, entry, field| {
            let paths = match entry.get("paths") {
                Some(Value::Array(paths)) => paths.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => {
                    reader.fault(&format!("{field}.paths"), "is not a list");
                    Vec::new()
                }
            };
            let target = entry.get("target").filter(|target| !target.is_null());
            let target = target.map(|target| Target::from_value(target).and_then(|target| target.compile()));
            let target = target.transpose().unwrap_or_else(|fault| {
                reader.faults.push(FluxFault::Target { field: field.to_owned(), fault });
                None
            });
            IgnoreRule { paths, target }
        });
        Some(Self {
            path: reader.text(&spec, "path", "spec.path").unwrap_or_default(),
            suspend: reader.flag(&spec, "suspend", "spec.suspend"),
            prune: reader.flag(&spec, "prune", "spec.prune"),
            other_cluster: spec.get("kubeConfig").is_some_and(Value::is_object),
            decrypts: spec.get("decryption").is_some_and(Value::is_object),
            id,
            source,
            depends_on,
            post_build,
            common_labels,
            common_annotations,
            ignore,
            spec,
            faults: reader.faults,
        })
    }
}

impl Kustomization {
    /// Tells whether it is only a part of a Kustomization that others bring.
    pub fn is_partial(&self) -> bool {
        !self.spec.contains_key("sourceRef")
    }
}

/// Reads fields, and keeps every fault that it finds.
struct Reader {
    faults: Vec<FluxFault>,
}

impl Reader {
    fn fault(&mut self, field: &str, reason: &str) {
        self.faults.push(FluxFault::Field { field: field.to_owned(), reason: reason.to_owned() });
    }

    fn text(&mut self, map: &Map<String, Value>, key: &str, field: &str) -> Option<String> {
        match map.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()),
            Some(_) => {
                self.fault(field, "is not a text; put it in quotes");
                None
            }
        }
    }

    fn required(&mut self, map: &Map<String, Value>, key: &str, field: &str) -> String {
        let before = self.faults.len();
        let text = self.text(map, key, field);
        if text.is_none() && self.faults.len() == before {
            self.fault(field, "is missing");
        }
        text.unwrap_or_default()
    }

    fn flag(&mut self, map: &Map<String, Value>, key: &str, field: &str) -> bool {
        match map.get(key) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.fault(field, "is neither true nor false");
                false
            }
        }
    }

    fn texts(&mut self, map: &Map<String, Value>, key: &str, field: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        match map.get(key) {
            None | Some(Value::Null) => {}
            Some(Value::Object(entries)) => {
                for (name, value) in entries {
                    match value {
                        Value::String(text) => drop(found.insert(name.clone(), text.clone())),
                        _ => self.fault(&format!("{field}.{name}"), "is not a text; put it in quotes"),
                    }
                }
            }
            Some(_) => self.fault(field, "is not a map"),
        }
        found
    }

    fn entries<T>(
        &mut self,
        map: &Map<String, Value>,
        key: &str,
        field: &str,
        mut read: impl FnMut(&mut Self, &Map<String, Value>, &str) -> T,
    ) -> Vec<T> {
        let items = match map.get(key) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.fault(field, "is not a list");
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let field = format!("{field}[{index}]");
            match item.as_object() {
                Some(entry) => found.push(read(self, entry, &field)),
                None => self.fault(&field, "is not a map"),
            }
        }
        found
    }
}
