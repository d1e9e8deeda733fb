//! The `namespace` field: where it goes, and which references follow.

use serde_json::{Map, Value};

use super::BuildError;
use crate::build::identity::Tracked;
use crate::build::schema::is_cluster_scoped;

/// Moves all objects to a namespace. Unknown kinds count as namespaced, and a Namespace takes the name.
pub(super) fn set(objects: &mut [Tracked], namespace: &str) {
    for object in objects.iter_mut() {
        let mut resource = object.resource.clone();
        let (api_version, kind) = (resource.api_version().to_owned(), resource.kind().to_owned());
        let is_namespace = api_version == "v1" && kind == "Namespace";
        if is_namespace || !is_cluster_scoped(&api_version, &kind) {
            let field = if is_namespace { "name" } else { "namespace" };
            put(&mut resource.body, "metadata", field, namespace);
            object.moved = true;
        }
        match (resource.group(), kind.as_str()) {
            (_, "RoleBinding" | "ClusterRoleBinding") => default_subjects(&mut resource.body, namespace),
            ("apiregistration.k8s.io", "APIService") => {
                let spec = entry(&mut resource.body, "spec");
                put(spec, "service", "namespace", namespace);
            }
            ("apiextensions.k8s.io", "CustomResourceDefinition") => {
                let pointer = "/spec/conversion/webhook/clientConfig/service/namespace";
                if let Some(value) = resource.body.pointer_mut(pointer) {
                    *value = namespace.into();
                }
            }
            _ => {}
        }
        object.replace(resource);
    }
}

/// Every subject called `default`, whatever its kind, gets the namespace.
fn default_subjects(body: &mut Value, namespace: &str) {
    for subject in list(body, "subjects") {
        if let Value::Object(subject) = subject
            && subject.get("name").and_then(Value::as_str) == Some("default")
        {
            subject.insert("namespace".into(), namespace.into());
        }
    }
}

/// An object that a reference may mean.
struct Candidate {
    name: String,
    original: String,
    current: String,
}

/// Lets references follow objects that were moved: subjects a ServiceAccount, webhooks a Service. kustomize does this once,
/// when all directories are taken in.
pub(super) fn follow_references(objects: &mut [Tracked]) -> Result<(), BuildError> {
    let moved = |kind: &str| -> Vec<Candidate> {
        let wanted = |o: &&Tracked| o.moved && o.resource.kind() == kind && o.resource.group().is_empty();
        let candidate = |o: &Tracked| {
            let current = o.current();
            let original = o.original().unwrap_or(&current).effective_namespace().to_owned();
            Candidate { name: current.name.clone(), original, current: current.effective_namespace().to_owned() }
        };
        objects.iter().filter(wanted).map(candidate).collect()
    };
    let (accounts, services) = (moved("ServiceAccount"), moved("Service"));
    for object in objects.iter_mut() {
        let id = object.resource.id();
        let ambiguous = |_: Ambiguous| BuildError::Reference {
            id: id.clone(),
            reason: "names an object without its namespace, and there are several of that name".into(),
        };
        // A RoleBinding sees the accounts of its own namespace only.
        let own = object.current().effective_namespace().to_owned();
        let kind = object.resource.kind().to_owned();
        match kind.as_str() {
            "RoleBinding" | "ClusterRoleBinding" => {
                let narrow = kind == "RoleBinding";
                let seen: Vec<&Candidate> = accounts.iter().filter(|a| !narrow || a.current == own).collect();
                for subject in list(&mut object.resource.body, "subjects") {
                    if narrow && subject.get("namespace").is_some_and(Value::is_null) {
                        let reason = "has a subject whose `namespace` is null".into();
                        return Err(BuildError::Reference { id, reason });
                    }
                    follow(subject, &seen).map_err(ambiguous)?;
                }
            }
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => {
                let seen: Vec<&Candidate> = services.iter().collect();
                for webhook in list(&mut object.resource.body, "webhooks") {
                    if let Some(service) = webhook.pointer_mut("/clientConfig/service") {
                        follow(service, &seen).map_err(ambiguous)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A reference without namespace fits several objects.
struct Ambiguous;

fn follow(reference: &mut Value, candidates: &[&Candidate]) -> Result<(), Ambiguous> {
    let Value::Object(reference) = reference else { return Ok(()) };
    let name = reference.get("name").and_then(Value::as_str).unwrap_or_default();
    let from = match reference.get("namespace") {
        None => None,
        Some(Value::String(from)) => Some(from.as_str()),
        // A null stays as it is.
        Some(_) => return Ok(()),
    };
    let fits = |c: &&&Candidate| c.name == name && from.is_none_or(|from| c.original == from);
    let found: Vec<String> = candidates.iter().filter(fits).map(|c| c.current.clone()).collect();
    match found.as_slice() {
        [] => {}
        [namespace] => {
            reference.insert("namespace".into(), namespace.as_str().into());
        }
        _ => return Err(Ambiguous),
    }
    Ok(())
}

fn list<'v>(body: &'v mut Value, key: &str) -> impl Iterator<Item = &'v mut Value> {
    body.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
}

/// Sets a text in a map below, and makes that map if need be.
fn put(body: &mut Value, map: &str, key: &str, text: &str) {
    if let Value::Object(map) = entry(body, map) {
        map.insert(key.into(), text.into());
    }
}

fn entry<'v>(body: &'v mut Value, key: &str) -> &'v mut Value {
    if !body.is_object() {
        *body = Value::Object(Map::new());
    }
    match body {
        Value::Object(map) => {
            let child = map.entry(key).or_insert(Value::Null);
            if child.is_null() {
                *child = Value::Object(Map::new());
            }
            child
        }
        // The value was just made a map.
        other => other,
    }
}
