//! What the intent no longer has: objects that Flux never prunes are emptied instead of forgotten.
//!
//! Dropping the file of a partial object would leave the old patches in the cluster for good.

use serde_json::json;

use super::flux::{is_partial, is_retained};
use super::{Parts, Previous};
use crate::diagnostic::{Diagnostic, codes};
use crate::intent::manifest::PatchMode;
use crate::plan::Plan;
use crate::render::Resource;
use crate::yaml::{self, Dialect, Limits};

/// Adds an empty form of every partial object that the repository has and the plan has not.
///
/// Returns a warning for each object that has no empty form and stays in the cluster.
pub(super) fn carry_over(plan: &Plan, previous: &Previous, parts: &mut Parts) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    for path in previous.inventory.paths().filter(|path| path.ends_with(".yaml")) {
        // Hand-over files and the root's own directory hold nothing that a part applies.
        let Some((part, file)) = split(path) else { continue };
        let Some(blob) = plan.cluster.root.join(path).ok().and_then(|path| previous.files.get(&path).cloned()) else {
            continue;
        };
        let Ok(nodes) = yaml::parse(blob.bytes(), Dialect::Kubernetes, Limits::MANIFEST) else { continue };
        for resource in nodes.iter().filter_map(|node| Resource::new(node.to_value())) {
            if !is_retained(&resource) || parts.has(&resource) {
                continue;
            }
            // In console mode people keep the patches; an empty list from here would undo their work for ever.
            let by_hand = plan.cluster.intent.spec.gitops.patch_mode == PatchMode::ManualSnippet;
            if is_partial(&resource) && !(by_hand && resource.kind() == "Kustomization") {
                parts.put_back(part, file, emptied(resource));
            } else {
                warnings.push(
                    Diagnostic::new(
                        codes::OBJECT_LEFT_BEHIND,
                        format!("{} stays in the cluster as it is", resource.id()),
                    )
                    .file(plan.cluster.file.clone())
                    .hint("Flux never deletes it; delete or change it by hand if it is no longer wanted"),
                );
            }
        }
    }
    warnings
}

/// Splits a path into part and file.
fn split(path: &str) -> Option<(&str, &str)> {
    let (first, rest) = path.split_once('/')?;
    match first {
        "flux" | "install" | "hosts" => None,
        "modules" => {
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
