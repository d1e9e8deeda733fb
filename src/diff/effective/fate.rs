//! What Flux does with an object that a Kustomization applies no longer.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Effect, Sides, key};
use crate::build::flux::{Id, Kustomization, Object, Policy};
use crate::render::Resource;

/// The group of Flux Kustomizations.
const GROUP: &str = "kustomize.toolkit.fluxcd.io";

impl Sides<'_> {
    /// What becomes of an object that `from` applies no longer, and perhaps another one does; `None` when it is not known.
    pub(super) fn effect(&self, object: &Object, from: &Id, to: Option<&Id>) -> Option<Effect> {
        let kustomization = |id: &Id| self.after.get(id).and_then(|built| built.kustomization.as_ref());
        let to = to.filter(|to| !kustomization(to).is_some_and(|kustomization| kustomization.suspend));
        let kept = object.is_kept() || object.policy() == Policy::Ignore;
        Some(match (!kept && self.deletes(from)?, to) {
            (false, None) => Effect::LeftBehind,
            (true, None) => Effect::Deleted,
            (false, Some(_)) => Effect::TakenOver,
            // Flux deletes what still has the labels of the Kustomization; who waits for the other one is late for that.
            (true, Some(to)) if self.waits(from, to) => Effect::TakenOver,
            (true, Some(_)) => Effect::Recreated,
        })
    }

    /// Tells whether Flux deletes what a Kustomization applied and applies no longer.
    fn deletes(&self, id: &Id) -> Option<bool> {
        if self.abandoned {
            return Some(false);
        }
        let mut id = id;
        let mut seen = BTreeSet::new();
        loop {
            let built = self.before.get(id)?;
            let before = built.kustomization.as_ref()?;
            if let Some(after) = self.after.get(id) {
                return after.kustomization.as_ref().map(|after| after.prune && !after.suspend);
            }
            // It is gone itself: what it does then counts if somebody deletes it.
            if before.suspend || !deletes_when_gone(before) {
                return Some(false);
            }
            let Some((by, _)) = built.brought_by.as_ref().filter(|_| seen.insert(id)) else { return Some(true) };
            let brought = self.before.get(by).into_iter().flat_map(|by| &by.objects);
            let is_it = |resource: &Resource| {
                let (_, group, kind, namespace, name) = key("", resource);
                (group, kind, namespace, name) == (GROUP, "Kustomization", id.namespace.as_str(), id.name.as_str())
            };
            if brought.into_iter().any(|object| object.is_kept() && is_it(&object.resource)) {
                return Some(false);
            }
            id = by;
        }
    }

    /// Tells whether one Kustomization waits for another one, directly or not.
    fn waits(&self, from: &Id, to: &Id) -> bool {
        let mut seen = BTreeSet::new();
        let mut queue = vec![from];
        while let Some(id) = queue.pop() {
            let kustomization = self.after.get(id).and_then(|built| built.kustomization.as_ref());
            for next in kustomization.into_iter().flat_map(|kustomization| &kustomization.depends_on) {
                if next == to {
                    return true;
                }
                if seen.insert(next) {
                    queue.push(next);
                }
            }
        }
        false
    }
}

/// Tells whether a Kustomization deletes its objects when it is deleted itself.
fn deletes_when_gone(kustomization: &Kustomization) -> bool {
    match kustomization.spec.get("deletionPolicy").and_then(Value::as_str) {
        Some("Orphan") => false,
        Some("Delete" | "WaitForTermination") => true,
        _ => kustomization.prune,
    }
}

/// What goes with an object that is deleted.
pub(super) fn loss(resource: &Resource) -> Option<&'static str> {
    match (resource.group(), resource.kind()) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") => Some("all objects of its kind"),
        ("", "Namespace") => Some("everything in it"),
        ("", "PersistentVolumeClaim") => Some("its data"),
        _ => None,
    }
}
