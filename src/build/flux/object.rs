//! [`Object`]: an object as it would be applied, and the steps between the build and the cluster.
//!
//! Owner labels, common metadata and the normal form are those of kustomize-controller. Of the normal form only what
//! changes the meaning is done here; defaults that the types of Go would add are not.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::fault::FluxFault;
use super::kustomization::{GROUP, Kustomization};
use super::substitute::substitute;
use super::variables::Variables;
use crate::build::is_builtin;
use crate::build::json6902::through_floats;
use crate::build::print::print_value;
use crate::render::Resource;
use crate::yaml::{Dialect, Limits, Node, parse};

/// An object that a Kustomization applies.
#[derive(Clone, Debug)]
pub struct Object {
    /// The object as it would be applied; encrypted values are masked.
    pub resource: Resource,
    /// The file it comes from, where there is one.
    pub origin: Option<Arc<str>>,
    /// JSON pointers of fields that Flux leaves as they are in the cluster.
    pub ignored: Vec<String>,
    /// Variables that are still in it, because their values are not known.
    pub unresolved: Vec<String>,
    /// Of an object with masked values, a digest of what it has in their places: it tells whether they differ.
    pub encrypted: Option<[u8; 32]>,
}

/// How an object is applied; its labels and annotations say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Its fields become those of the object in the cluster.
    Override,
    /// As `Override`, and fields that others own stay.
    Merge,
    /// It is created when it is not there, and never changed.
    IfNotPresent,
    /// It is left alone.
    Ignore,
}

/// When an object is applied: all of one stage are there before the next one starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Definitions, namespaces and cluster roles.
    Definitions,
    /// Kinds whose names end in `Class`.
    Classes,
    /// Everything else.
    Rest,
}

impl Object {
    /// Tells whether a key of Flux has a value in the labels or annotations, in any case of letters.
    fn says(&self, key: &str, value: &str) -> bool {
        ["labels", "annotations"].iter().any(|field| {
            let found = self.resource.body.pointer(&format!("/metadata/{field}/{GROUP}~1{key}"));
            found.and_then(Value::as_str).is_some_and(|found| found.eq_ignore_ascii_case(value))
        })
    }

    /// Returns how the object is applied.
    pub fn policy(&self) -> Policy {
        if self.says("reconcile", "disabled") || self.says("ssa", "Ignore") {
            Policy::Ignore
        } else if self.says("ssa", "IfNotPresent") {
            Policy::IfNotPresent
        } else if self.says("ssa", "Merge") {
            Policy::Merge
        } else {
            Policy::Override
        }
    }

    /// Tells whether the object stays when it is gone from the repository.
    pub fn is_kept(&self) -> bool {
        self.says("prune", "disabled") || self.says("reconcile", "disabled")
    }

    /// Returns when the object is applied.
    pub fn stage(&self) -> Stage {
        let (group, kind) = (self.resource.group(), self.resource.kind().to_lowercase());
        match (group, kind.as_str()) {
            ("apiextensions.k8s.io", "customresourcedefinition")
            | ("", "namespace")
            | ("rbac.authorization.k8s.io", "clusterrole") => Stage::Definitions,
            _ if self.resource.kind().ends_with("Class") => Stage::Classes,
            _ => Stage::Rest,
        }
    }
}

/// An object with its variables substituted; those that are left in it, and those that nothing sets.
pub(super) fn substituted(
    resource: Resource,
    variables: &Variables<'_>,
    strict: bool,
) -> Result<(Resource, Vec<String>, Vec<String>), FluxFault> {
    const KEY: &str = "kustomize.toolkit.fluxcd.io~1substitute";
    let disabled = ["labels", "annotations"].iter().any(|field| {
        let found = resource.body.pointer(&format!("/metadata/{field}/{KEY}"));
        found.and_then(Value::as_str) == Some("disabled")
    });
    if disabled {
        return Ok((resource, Vec::new(), Vec::new()));
    }
    let id = resource.id();
    let text = print_value(&resource.body);
    let done = substitute(&text, strict, |name| variables.lookup(name)).map_err(|fault| FluxFault::Substitution {
        object: id.clone(),
        origin: None,
        fault,
    })?;
    let broken = |reason: String| FluxFault::Broken { object: id.clone(), reason };
    // Messages name no text: it may hold values of Secrets.
    let nodes = parse(&done.text, Dialect::Yaml11, Limits::MANIFEST).map_err(|faults| {
        let first = faults.first();
        let line = first.and_then(|fault| fault.span).map_or(0, |span| span.line);
        broken(format!("line {line} cannot be read as YAML ({})", first.map_or("", |fault| fault.code.as_ref())))
    })?;
    let mut body = nodes.first().map(Node::to_value).unwrap_or_default();
    through_floats(&mut body);
    let lacking = ["/apiVersion", "/kind", "/metadata/name"]
        .iter()
        .find(|pointer| body.pointer(pointer).and_then(Value::as_str).is_none_or(str::is_empty));
    match lacking {
        Some(pointer) => Err(broken(format!("its `{}` is no text", crate::diagnostic::field_path(pointer)))),
        None => Ok((Resource { body }, done.left, done.unset)),
    }
}

/// Takes lists apart and leaves out what is configuration of kustomize, as the controller reads objects back.
pub(super) fn read_back(resource: Resource) -> Vec<Resource> {
    let is_config =
        resource.group() == "kustomize.config.k8s.io" && resource.kind().eq_ignore_ascii_case("kustomization");
    if is_config {
        return Vec::new();
    }
    match resource.body.get("items") {
        Some(Value::Array(items)) => items.iter().filter_map(|item| Resource::new(item.clone())).collect(),
        _ => vec![resource],
    }
}

/// Does to an object what the controller does before it applies it.
pub(super) fn finish(resource: &mut Resource, kustomization: &Kustomization) {
    let owner = BTreeMap::from([
        (format!("{GROUP}/name"), kustomization.id.name.clone()),
        (format!("{GROUP}/namespace"), kustomization.id.namespace.clone()),
    ]);
    set(resource, "labels", &owner);
    normalize(resource);
    if kustomization.spec.get("commonMetadata").is_some_and(Value::is_object) {
        set(resource, "labels", &kustomization.common_labels);
        set(resource, "annotations", &kustomization.common_annotations);
    }
}

fn set(resource: &mut Resource, field: &str, entries: &BTreeMap<String, String>) {
    let Some(metadata) = resource.body.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    // Nothing is an empty text to the controller.
    let known = metadata.get_mut(field).and_then(Value::as_object_mut);
    known.into_iter().flat_map(Map::values_mut).filter(|value| value.is_null()).for_each(|value| *value = json!(""));
    if entries.is_empty() {
        return;
    }
    let map = metadata.entry(field).or_insert_with(|| json!({}));
    // With a value that is no text, as a variable may leave it, the controller loses all of them.
    if !is_texts(map) {
        *map = json!({});
    }
    if let Value::Object(map) = map {
        map.extend(entries.iter().map(|(key, value)| (key.clone(), Value::String(value.clone()))));
    }
}

fn is_texts(map: &Value) -> bool {
    map.as_object().is_some_and(|map| map.values().all(Value::is_string))
}

fn normalize(resource: &mut Resource) {
    let api_version = resource.api_version().to_owned();
    let kind = resource.kind().to_owned();
    if api_version == "rbac.authorization.k8s.io/v1" && matches!(kind.as_str(), "Role" | "ClusterRole") {
        return;
    }
    let fields = ["/metadata/labels", "/metadata/annotations"];
    if is_builtin(&api_version, &kind) {
        // Nothing is an empty text where the type wants one.
        let data = (kind == "ConfigMap").then_some("/data");
        for pointer in fields.into_iter().chain(data) {
            let map = resource.body.pointer_mut(pointer).and_then(Value::as_object_mut);
            map.into_iter()
                .flat_map(Map::values_mut)
                .filter(|value| value.is_null())
                .for_each(|value| *value = json!(""));
        }
    }
    // An object with a wrong type in it is not looked into; the API server will refuse it.
    if fields.iter().filter_map(|field| resource.body.pointer(field)).all(|map| map.is_null() || is_texts(map)) {
        with_defaults(resource, &api_version, &kind);
    }
    let Value::Object(body) = &mut resource.body else { return };
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("creationTimestamp");
    }
    let is_definition =
        api_version.starts_with("apiextensions.k8s.io/") && kind.eq_ignore_ascii_case("customresourcedefinition");
    if !is_definition {
        body.shift_remove("status");
    }
}

/// Gives ports their protocol, and Secrets the one form that the API server keeps.
fn with_defaults(resource: &mut Resource, api_version: &str, kind: &str) {
    let pod = match (api_version, kind) {
        ("v1", "Pod") => Some("/spec"),
        ("apps/v1", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("batch/v1", "Job") => {
            Some("/spec/template/spec")
        }
        ("batch/v1", "CronJob") => Some("/spec/jobTemplate/spec/template/spec"),
        _ => None,
    };
    if let Some(pod) = pod.and_then(|pointer| resource.body.pointer_mut(pointer)) {
        for container in pod.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten() {
            with_protocol(container);
        }
    }
    if (api_version, kind) == ("v1", "Service")
        && let Some(spec) = resource.body.get_mut("spec")
    {
        with_protocol(spec);
    }
    if (api_version, kind) == ("v1", "Secret")
        && let Value::Object(body) = &mut resource.body
    {
        encode(body);
    }
}

fn with_protocol(holder: &mut Value) {
    for port in holder.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(port) = port.as_object_mut() else { continue };
        if port.get("protocol").is_none_or(|protocol| protocol.is_null() || protocol.as_str() == Some("")) {
            port.insert("protocol".into(), json!("TCP"));
        }
    }
}

/// Moves `stringData` to `data`. Values that are no texts stay: the API server will refuse them.
fn encode(body: &mut Map<String, Value>) {
    let Some(Value::Object(texts)) = body.get("stringData") else { return };
    if !texts.values().all(Value::is_string)
        || body.get("data").is_some_and(|data| !data.is_object() && !data.is_null())
    {
        return;
    }
    let encoded: Vec<(String, Value)> = texts
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), Value::String(STANDARD.encode(value.as_str()?)))))
        .collect();
    body.shift_remove("stringData");
    let data = body.entry("data").or_insert_with(|| json!({}));
    if !data.is_object() {
        *data = json!({});
    }
    if let Value::Object(data) = data {
        data.extend(encoded);
    }
}
