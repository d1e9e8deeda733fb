//! The order in which the command line tool prints objects: what others need comes first, webhooks last.

use crate::render::Resource;

/// Kinds that come first, in this order.
const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
/// Kinds that come last, in this order.
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// What stands for an empty group or namespace: it comes behind every letter.
const NONE: &str = "~";

/// Sorts objects as `kustomize build` does when the kustomization says nothing else.
pub(super) fn legacy(resources: &mut [Resource]) {
    resources.sort_by_cached_key(|resource| {
        let or_none = |text: &str| if text.is_empty() { NONE.to_owned() } else { text.to_owned() };
        let kind = resource.kind();
        let rank = FIRST.iter().position(|first| *first == kind).map(|at| at as i32 - FIRST.len() as i32);
        let rank = rank.or_else(|| LAST.iter().position(|last| *last == kind).map(|at| at as i32 + 1)).unwrap_or(0);
        // The tool compares texts whose parts are joined, so that a part that goes on comes before one that ends.
        let type_meta = format!("{}_{}_{kind}", or_none(resource.group()), resource.version());
        let place = format!("{}|{}", or_none(resource.namespace().unwrap_or_default()), resource.name());
        (rank, type_meta, place)
    });
}
