//! Objects that two Kustomizations write, and Secrets in plain text.

use std::collections::BTreeMap;

use serde_json::Value;

use super::faults::shown;
use super::places::Places;
use crate::build::flux::{Built, Cluster, Object, Policy, is_masked};
use crate::build::is_cluster_scoped;
use crate::diagnostic::{Diagnostic, codes};
use crate::render::Resource;

/// Where an object is in a cluster: the cluster itself if it is another one, group, kind, namespace, name.
type Seat<'o> = (String, &'o str, &'o str, &'o str, &'o str);

pub(super) fn check(cluster: &Cluster, places: &Places<'_>, out: &mut Vec<Diagnostic>) {
    written_twice(cluster, places, out);
    for object in cluster.built.iter().flat_map(|built| &built.objects) {
        out.extend(secret(object, places));
    }
}

/// Reports objects with two writers, those of one pair of Kustomizations together.
fn written_twice(cluster: &Cluster, places: &Places<'_>, out: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<Seat<'_>, usize> = BTreeMap::new();
    let mut pairs: BTreeMap<(usize, usize), Vec<&Object>> = BTreeMap::new();
    for (at, built) in cluster.built.iter().enumerate() {
        let spec = built.kustomization.as_ref().map(|kustomization| &kustomization.spec);
        let elsewhere = spec.and_then(|spec| spec.get("kubeConfig")).map(Value::to_string).unwrap_or_default();
        // What is merged, created once or left alone may have another writer: that is what these policies are for.
        for object in built.objects.iter().filter(|object| object.policy() == Policy::Override) {
            let resource = &object.resource;
            let namespace = match is_cluster_scoped(resource.api_version(), resource.kind()) {
                true => "",
                false => resource.namespace().unwrap_or_default(),
            };
            let seat = (elsewhere.clone(), resource.group(), resource.kind(), namespace, resource.name());
            let writer = *first.entry(seat).or_insert(at);
            if writer != at {
                pairs.entry((writer, at)).or_default().push(object);
            }
        }
    }
    for ((one, other), objects) in pairs {
        let (Some(one), Some(other), Some(object)) =
            (cluster.built.get(one), cluster.built.get(other), objects.first())
        else {
            continue;
        };
        let more = match objects.len() {
            1 => "is".to_owned(),
            2 => "and another object are".to_owned(),
            count => format!("and {} other objects are", count - 1),
        };
        let writer = |built: &Built| match built.kustomization {
            Some(_) => shown(built),
            None => format!("the directory `{}` itself", built.id),
        };
        let message = format!("{} {more} written by {} and by {}", object.resource.id(), writer(one), writer(other));
        let origin = object.origin.as_deref();
        let found = places.of_object(codes::OBJECT_WRITTEN_TWICE, &object.resource, origin, "", message);
        out.push(
            found.hint("they overwrite each other, and either deletes what it drops; keep each object in one of them"),
        );
    }
}

/// Reports a Secret with values that everybody can read; the values are never told.
fn secret(object: &Object, places: &Places<'_>) -> Option<Diagnostic> {
    let resource: &Resource = &object.resource;
    if resource.kind() != "Secret" || resource.api_version() != "v1" || object.policy() == Policy::Ignore {
        return None;
    }
    let entries =
        ["data", "stringData"].into_iter().filter_map(|field| resource.body.get(field)?.as_object()).flatten();
    let open = entries.filter(|(_, value)| value.as_str().is_some_and(|text| !is_harmless(text))).map(|(key, _)| key);
    let keys: Vec<&str> = open.map(String::as_str).collect();
    if keys.is_empty() {
        return None;
    }
    let message = format!("{} holds `{}` in plain text", resource.id(), keys.join("`, `"));
    let found = places.of_object(codes::PLAINTEXT_SECRET, resource, object.origin.as_deref(), "", message);
    Some(found.hint("encrypt it with SOPS, or let it be made in the cluster; replace what was pushed already"))
}

/// Tells whether a value is empty, encrypted, a certificate, or a variable that is filled from elsewhere.
fn is_harmless(text: &str) -> bool {
    use base64::Engine as _;
    let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let decoded = base64::engine::general_purpose::STANDARD.decode(bare).ok();
    let plain = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let is_public = |text: &str| {
        let text = text.trim();
        let variable = text.starts_with("${") && text.ends_with('}') && text.matches("${").count() == 1;
        let certificate = text.starts_with("-----BEGIN CERTIFICATE-----") && !text.contains("PRIVATE KEY");
        text.is_empty() || variable || certificate
    };
    is_masked(text) || is_public(text) || plain.as_deref().is_some_and(is_public)
}
