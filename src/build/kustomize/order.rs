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

/// Returns the place of a kind among those that come first (negative) and last (positive); 0 for all others.
pub(super) fn rank(kind: &str) -> i32 {
    rank_in(kind, &FIRST, &LAST)
}

fn rank_in<S: AsRef<str>>(kind: &str, first: &[S], last: &[S]) -> i32 {
    // An entry that is there twice counts where it stands last, and `last` wins.
    let at = |kinds: &[S]| kinds.iter().rposition(|known| known.as_ref() == kind).and_then(|at| i32::try_from(at).ok());
    match (at(last), at(first)) {
        (Some(at), _) => at + 1,
        (None, Some(at)) => at - i32::try_from(first.len()).unwrap_or(i32::MAX),
        (None, None) => 0,
    }
}

/// Returns the text by which kustomize orders kinds. Its parts are joined, so that a part that goes on comes before one that
/// ends.
pub(super) fn type_text(group: &str, version: &str, kind: &str) -> String {
    let or_none = |text: &str| if text.is_empty() { NONE.to_owned() } else { text.to_owned() };
    format!("{}_{}_{}", or_none(group), or_none(version), or_none(kind))
}

/// Sorts objects as `kustomize build` does when the kustomization says nothing else.
pub(super) fn legacy(resources: &mut [Resource]) {
    by_kinds(resources, &FIRST, &LAST);
}

/// Sorts objects with other kinds first and last.
pub(super) fn by_kinds<S: AsRef<str>>(resources: &mut [Resource], first: &[S], last: &[S]) {
    resources.sort_by_cached_key(|resource| {
        let kind = resource.kind();
        let rank = rank_in(kind, first, last);
        // Of several kinds called Namespace that of Kubernetes itself comes first.
        let core = kind == "Namespace" && rank != 0 && resource.group().is_empty();
        let place = resource.namespace().filter(|namespace| !namespace.is_empty()).unwrap_or(NONE);
        (rank, !core, type_text(resource.group(), resource.version(), kind), format!("{place}|{}", resource.name()))
    });
}
