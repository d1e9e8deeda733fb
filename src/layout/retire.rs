//! What the intent no longer has: objects that Flux never prunes are emptied instead of forgotten, and changes that would
//! make Flux delete or break something are said.
//!
//! Dropping the file of a partial object would leave the old patches in the cluster for good.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::flux::{is_partial, is_retained, root_name};
use super::patches::LaidPatch;
use super::{Applied, Parts, Previous};
use crate::diagnostic::{Code, Diagnostic, codes};
use crate::intent::manifest::PatchMode;
use crate::plan::Plan;
use crate::render::Resource;
use crate::tree::Blob;
use crate::yaml::{self, Dialect, Limits};

/// The file of the root.
const BOOTSTRAP: &str = "flux/bootstrap.yaml";

/// What comes of the repository as it was.
pub(super) struct Carried {
    /// What a user should know about objects that change hands or stay.
    pub(super) findings: Vec<Diagnostic>,
    /// Whether objects were added to parts.
    pub(super) put_back: bool,
}

/// Adds an empty form of every partial object that the repository has and the plan has not.
///
/// A file that is as it will be holds nothing that the plan has not: it is not read.
pub(super) fn carry_over(
    plan: &Plan,
    previous: &Previous,
    laid: &[LaidPatch],
    applied: &[Applied],
    parts: &mut Parts,
) -> Carried {
    let (mut findings, mut put_back) = (Vec::new(), false);
    let texts: BTreeMap<&str, &str> = applied.iter().map(|one| (one.file.as_str(), one.text.as_str())).collect();
    let mut say = |code: Code, message: String, hint: &str| {
        findings.push(Diagnostic::new(code, message).file(plan.cluster.file.clone()).hint(hint));
    };
    let by_hand = plan.patch_mode == PatchMode::ManualSnippet;
    for path in previous.inventory.paths().filter(|path| path.ends_with(".yaml")) {
        if let Some(name) = path.strip_prefix("install/patches/").and_then(|file| file.strip_suffix(".yaml")) {
            if by_hand && !laid.iter().any(|patch| patch.kustomization == name) {
                let message = format!("patches that were pasted into Kustomization `{name}` by hand stay there");
                say(
                    codes::OBJECT_LEFT_BEHIND,
                    message,
                    "remove them in the console; the intent has none for it any more",
                );
            }
            continue;
        }
        let place = split(path);
        if place.is_none() && path != BOOTSTRAP {
            continue;
        }
        let Some(blob) = plan.cluster.root.join(path).ok().and_then(|path| previous.files.get(&path)) else { continue };
        if texts.get(path).is_some_and(|text| text.as_bytes() == blob.bytes()) {
            continue;
        }
        for resource in objects(blob) {
            if path == BOOTSTRAP {
                let moved = resource.name() != root_name(plan) || resource.namespace() != Some(plan.namespace.as_str());
                if moved && resource.kind() == "Kustomization" {
                    let message = format!(
                        "the root Kustomization is `{}` in namespace `{}`; as `{}` in `{}` the old one stays and deletes what it deployed",
                        resource.name(),
                        resource.namespace().unwrap_or_default(),
                        root_name(plan),
                        plan.namespace
                    );
                    say(
                        codes::ROOT_RENAMED,
                        message,
                        "keep `gitops.source.name` and `gitops.namespace`; to move on purpose, suspend and delete the old Kustomizations, then delete flux/bootstrap.yaml here and render again",
                    );
                }
                continue;
            }
            // Hand-over files and the root's own directory hold nothing that a part applies.
            let Some((part, file)) = place else { continue };
            let whole = resource.kind() == "Kustomization" && !is_retained(&resource);
            if let Some(now) = parts.find(&resource) {
                // helm-controller takes these for another release: it uninstalls the old one first.
                let moved = ["/spec/targetNamespace", "/spec/storageNamespace", "/spec/chart/spec/chart"]
                    .iter()
                    .any(|field| now.body.pointer(field) != resource.body.pointer(field));
                if resource.kind() == "HelmRelease" && moved {
                    let message = format!(
                        "HelmRelease `{}` gets another namespace or chart: Flux uninstalls it and installs it anew",
                        resource.name()
                    );
                    say(codes::MODULE_PRUNED, message, "back up the module's data first, or keep namespace and chart");
                }
                if whole && is_partial(now) {
                    let message = format!("Kustomization `{}` was written whole by this tree", resource.name());
                    say(
                        codes::KUSTOMIZATION_HANDED_BACK,
                        message + "; as a partial object it would lose its path and source, and Flux would refuse it",
                        "keep `state: Enabled`, or `state: Disabled` to remove the module",
                    );
                }
            } else if whole && part == "platform" || resource.kind() == "HelmRelease" {
                let message =
                    format!("Flux deletes {} `{}` and everything that it deployed", resource.kind(), resource.name());
                say(
                    codes::MODULE_PRUNED,
                    message,
                    "back up the module's data first; nothing happens before the commit is pushed",
                );
            // In console mode people keep the patches; an empty list from here would undo their work for ever.
            } else if is_partial(&resource) && !(by_hand && resource.kind() == "Kustomization") {
                if laid.iter().any(|patch| targets(patch, &resource)) {
                    // The platform's own Kustomization writes it from now on, with our patch.
                    continue;
                }
                if resource.body.pointer("/spec/patches").and_then(Value::as_array).is_some_and(|list| !list.is_empty())
                {
                    let message = format!(
                        "our patches of Kustomization `{}` are taken back; it keeps an empty list",
                        resource.name()
                    );
                    say(
                        codes::OBJECT_LEFT_BEHIND,
                        message,
                        "what it deploys stays installed; if there is no such Kustomization in the cluster, delete its file and render again",
                    );
                }
                parts.put_back(part, file, emptied(resource));
                put_back = true;
            } else if is_retained(&resource) {
                let message = format!("{} stays in the cluster as it is", resource.id());
                say(
                    codes::OBJECT_LEFT_BEHIND,
                    message,
                    "Flux never deletes it; delete or change it by hand if it is no longer wanted",
                );
            }
        }
    }
    Carried { findings, put_back }
}

/// Reads the objects of an owned file as it is.
fn objects(blob: &Blob) -> Vec<Resource> {
    let nodes = yaml::parse(blob.bytes(), Dialect::Kubernetes, Limits::MANIFEST);
    nodes.unwrap_or_default().iter().filter_map(|node| Resource::new(node.to_value())).collect()
}

/// Whether a patch is for an object.
fn targets(patch: &LaidPatch, resource: &Resource) -> bool {
    let same = |kind: Option<&str>, name: Option<&str>| kind == Some(resource.kind()) && name == Some(resource.name());
    if let Some(target) = patch.entry.get("target") {
        let text = |key: &str| target.get(key).and_then(Value::as_str).map(|text| text.replace("\\.", "."));
        return same(text("kind").as_deref(), text("name").as_deref());
    }
    let text = patch.entry.get("patch").and_then(Value::as_str).unwrap_or_default();
    let nodes = yaml::parse(text.as_bytes(), Dialect::Strict, Limits::MANIFEST).unwrap_or_default();
    nodes.iter().map(yaml::Node::to_value).any(|body| {
        same(body.pointer("/kind").and_then(Value::as_str), body.pointer("/metadata/name").and_then(Value::as_str))
    })
}

/// Splits a path into part and file.
fn split(path: &str) -> Option<(&str, &str)> {
    let (first, rest) = path.split_once('/')?;
    match first {
        "flux" | "install" | "hosts" => None,
        "modules" | "releases" => {
            let at = first.len() + 1 + rest.find('/')?;
            Some((&path[..at], &path[at + 1..]))
        }
        _ => Some((first, rest)),
    }
}

/// Keeps identity and annotations of an object; our fields go, and with them our ownership in the cluster.
fn emptied(mut resource: Resource) -> Resource {
    let kustomization = resource.kind() == "Kustomization";
    if let Some(map) = resource.body.as_object_mut() {
        map.retain(|key, _| matches!(key.as_str(), "apiVersion" | "kind" | "metadata"));
    }
    if kustomization {
        resource.body["spec"] = json!({"patches": []});
    }
    resource
}
