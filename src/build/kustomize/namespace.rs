//! The `namespace` field: where it goes, and which references follow.

use serde_json::{Map, Value};

use crate::build::identity::{Identity, Tracked};
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
    follow_references(objects, namespace);
}

/// Every subject called `default`, whatever its kind, gets the namespace.
fn default_subjects(body: &mut Value, namespace: &str) {
    for subject in body.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::Object(subject) = subject
            && subject.get("name").and_then(Value::as_str) == Some("default")
        {
            subject.insert("namespace".into(), namespace.into());
        }
    }
}

/// References that name an object which just moved move with it: subjects to a ServiceAccount, webhooks to a Service.
fn follow_references(objects: &mut [Tracked], namespace: &str) {
    let moved = |kind: &str| -> Vec<(Identity, Vec<Option<String>>)> {
        objects
            .iter()
            .filter(|o| o.resource.kind() == kind && o.resource.group().is_empty())
            .map(|o| (o.current(), o.past_namespaces().map(|n| n.map(str::to_owned)).collect()))
            .collect()
    };
    let (accounts, services) = (moved("ServiceAccount"), moved("Service"));
    for object in objects.iter_mut() {
        let mut resource = object.resource.clone();
        match resource.kind() {
            "RoleBinding" | "ClusterRoleBinding" => {
                for subject in resource.body.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
                    follow(subject, &accounts, namespace);
                }
            }
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => {
                for webhook in resource.body.get_mut("webhooks").and_then(Value::as_array_mut).into_iter().flatten() {
                    if let Some(service) = webhook.pointer_mut("/clientConfig/service") {
                        follow(service, &services, namespace);
                    }
                }
            }
            _ => continue,
        }
        object.replace(resource);
    }
}

fn follow(reference: &mut Value, candidates: &[(Identity, Vec<Option<String>>)], namespace: &str) {
    let Value::Object(reference) = reference else { return };
    let name = reference.get("name").and_then(Value::as_str).unwrap_or_default();
    let from = reference.get("namespace").and_then(Value::as_str).filter(|n| !n.is_empty());
    let hit = candidates.iter().any(|(id, past)| {
        id.name == name
            && !past.is_empty()
            && from.is_none_or(|from| past.iter().any(|p| p.as_deref().unwrap_or("default") == from))
    });
    if hit {
        reference.insert("namespace".into(), namespace.into());
    }
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
