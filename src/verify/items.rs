//! Patches on objects that came from outside: what the intent makes of the items of a KRM function.
//!
//! Items are usually what one Kustomization deploys, in one namespace: when one patch finds its object there, the others for
//! that namespace should find theirs. Objects of which the tree applies a part are merged as the API server would.

use std::collections::BTreeSet;

use serde_json::Value;

use super::patches::{open, parse, prove};
use super::{Ground, Proof};
use crate::build::{Merged, is_or_was, matching, merge};
use crate::diagnostic::codes;
use crate::intent::Findings;
use crate::layout::{LaidObject, LaidPatch, Layout};
use crate::plan::Plan;
use crate::render::Resource;

/// Puts every patch and every partial object of the tree on the items that they are for.
///
/// Returns the items in their order, `None` where a patch deletes one, and the proofs of the patches that were for them.
pub fn land(
    plan: &Plan,
    layout: &Layout,
    items: Vec<Resource>,
    findings: &mut Findings,
) -> (Vec<Option<Resource>>, Vec<Proof>) {
    let count = items.len();
    let mut landing = Landing {
        plan,
        items: items.into_iter().map(Some).collect(),
        proofs: Vec::new(),
        touched: BTreeSet::new(),
        missing: Vec::new(),
    };
    let mut names: Vec<&str> = layout.patches.iter().map(|patch| patch.kustomization.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        landing.patches(layout.patches.iter().filter(|patch| patch.kustomization == name), findings);
    }
    for (own, part) in layout.objects.iter().filter_map(|own| Some((own, own.merged_part()?))) {
        landing.merge(own, &part, findings);
    }
    if landing.touched.is_empty() {
        let message = format!("none of the {} patches is for any of the {count} items", layout.patches.len());
        findings.add(codes::ITEM_MISSING, "", message).hint =
            Some("list the function where the objects of the patched Kustomization are built".into());
    }
    for missing in landing.missing.iter().filter(|missing| landing.touched.contains(&missing.namespace)) {
        let message = format!("the items hold no {}, {}", missing.object, missing.what);
        findings.add(codes::ITEM_MISSING, &missing.at, message).hint =
            Some("check that the items are all that the patched Kustomization deploys".into());
    }
    (landing.items, landing.proofs)
}

/// The items while patches land on them.
struct Landing<'p> {
    plan: &'p Plan,
    items: Vec<Option<Resource>>,
    proofs: Vec<Proof>,
    /// Namespaces in which an item was changed: what else is meant for them should be among the items.
    touched: BTreeSet<String>,
    missing: Vec<Missing>,
}

/// Something that found no item.
struct Missing {
    at: String,
    what: String,
    object: String,
    namespace: String,
}

impl Landing<'_> {
    /// Puts the patches of one Kustomization on the items.
    fn patches<'l>(&mut self, patches: impl Iterator<Item = &'l LaidPatch>, findings: &mut Findings) {
        let present: Vec<usize> = (0..self.items.len()).filter(|index| self.items[*index].is_some()).collect();
        let mut meant = Vec::new();
        let mut origin: Vec<usize> = Vec::new();
        for patch in patches {
            // Patches that cannot be read are reported by the proofs on the contract.
            let Some(parsed) = parse(patch, &mut Findings::new("")) else { continue };
            let found = matching(&parsed, self.items.iter().flatten()).unwrap_or_default();
            if found.is_empty() {
                let (object, namespace) = patch.object();
                let what = format!("which a patch of Kustomization `{}` is for", patch.kustomization);
                self.missing.push(Missing { at: patch.at.clone(), what, object, namespace });
                continue;
            }
            self.touched.insert(patch.object().1);
            origin.extend(found.iter().map(|at| present[*at]));
            meant.push((patch, parsed));
        }
        origin.sort_unstable();
        origin.dedup();
        let mut resources: Vec<Resource> = origin.iter().filter_map(|index| self.items[*index].take()).collect();
        for (patch, parsed) in meant {
            let mut proof = open(self.plan, patch, String::new(), Ground::Items);
            let applications = prove(patch, &parsed, &mut resources, &mut proof, findings);
            self.proofs.push(proof);
            let mut deleted: Vec<usize> = applications.iter().filter(|one| one.deleted).map(|one| one.index).collect();
            deleted.sort_unstable();
            deleted.into_iter().rev().for_each(|index| {
                origin.remove(index);
            });
        }
        for (index, resource) in origin.into_iter().zip(resources) {
            self.items[index] = Some(resource);
        }
    }

    /// Merges an object of which the tree applies a part.
    fn merge(&mut self, own: &LaidObject, part: &Value, findings: &mut Findings) {
        let namespace = own.resource.namespace().unwrap_or_default().to_owned();
        let mut found: Vec<&mut Resource> =
            self.items.iter_mut().flatten().filter(|item| is_or_was(item, &own.resource)).collect();
        let item = match found.as_mut_slice() {
            [] => {
                let object = format!("{} `{namespace}/{}`", own.resource.kind(), own.resource.name());
                let what = format!("into which Kustomization `{}` merges a part", own.kustomization);
                self.missing.push(Missing { at: own.at.clone(), what, object, namespace });
                return;
            }
            [item] => item,
            several => {
                let message = format!("{} of the items are {}", several.len(), own.resource.id());
                findings.add(codes::PATCH_TARGET_AMBIGUOUS, &own.at, message).hint = Some("keep one of them".into());
                return;
            }
        };
        // The item may have another name by now, and keeps it.
        let mut part = part.clone();
        for field in ["name", "namespace"] {
            match item.body.pointer(&format!("/metadata/{field}")) {
                Some(now) => part["metadata"][field] = now.clone(),
                None => drop(part["metadata"].as_object_mut().map(|metadata| metadata.shift_remove(field))),
            }
        }
        self.touched.insert(namespace);
        match merge(item, &part) {
            Ok(Merged::Changed { body, .. }) => item.body = body,
            Ok(Merged::Deleted) => {}
            Err(fault) => {
                let message = format!("{} cannot be merged: {fault}", own.resource.id());
                findings.add(codes::PATCH_INVALID, &own.at, message).hint =
                    Some("compare the item with the object in the rendered tree".into());
            }
        }
    }
}
