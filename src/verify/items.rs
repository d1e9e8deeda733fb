//! Patches on objects that came from outside: what the intent makes of the items of a KRM function.
//!
//! Of each Kustomization either all patches are meant for the items or none: when one of them finds its object, the
//! others should find theirs. Objects of which the tree applies a part are merged as the API server would.

use super::patches::{open, parse, prove};
use super::{Ground, Proof};
use crate::build::{Merged, is_or_was, matching, merge};
use crate::diagnostic::codes;
use crate::intent::Findings;
use crate::layout::{LaidPatch, Layout};
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
    let mut items: Vec<Option<Resource>> = items.into_iter().map(Some).collect();
    let mut proofs = Vec::new();
    let mut names: Vec<&str> = layout.patches.iter().map(|patch| patch.kustomization.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let patches = layout.patches.iter().filter(|patch| patch.kustomization == name);
        land_all(plan, patches, &mut items, &mut proofs, findings);
    }
    let merged = merge_partial(layout, &mut items, findings);
    if proofs.is_empty() && merged == 0 {
        let message = format!("none of the {} patches is for any of the {} items", layout.patches.len(), items.len());
        findings.add(codes::ITEM_MISSING, "", message).hint =
            Some("list the function where the objects of the patched Kustomization are built".into());
    }
    (items, proofs)
}

/// Puts the patches of one Kustomization on the items.
fn land_all<'l>(
    plan: &Plan,
    patches: impl Iterator<Item = &'l LaidPatch>,
    items: &mut [Option<Resource>],
    proofs: &mut Vec<Proof>,
    findings: &mut Findings,
) {
    let present: Vec<usize> = (0..items.len()).filter(|index| items[*index].is_some()).collect();
    let mut meant = Vec::new();
    let mut origin: Vec<usize> = Vec::new();
    for patch in patches {
        // Patches that cannot be read are reported by the proofs on the contract.
        let Some(parsed) = parse(patch, &mut Findings::new("")) else { continue };
        let found = matching(&parsed, items.iter().flatten()).unwrap_or_default();
        origin.extend(found.iter().map(|at| present[*at]));
        meant.push((patch, parsed, found.is_empty()));
    }
    if origin.is_empty() {
        return;
    }
    origin.sort_unstable();
    origin.dedup();
    let mut resources: Vec<Resource> = origin.iter().filter_map(|index| items[*index].take()).collect();
    for (patch, parsed, missing) in meant {
        if missing {
            let object = patch.object();
            let message =
                format!("the items hold no {object}, which a patch of Kustomization `{}` is for", patch.kustomization);
            findings.add(codes::ITEM_MISSING, &patch.at, message).hint =
                Some("check that the items are all that this Kustomization deploys".into());
            continue;
        }
        let mut proof = open(plan, patch, String::new(), Ground::Items);
        let applications = prove(patch, &parsed, &mut resources, &mut proof, findings);
        proofs.push(proof);
        let mut deleted: Vec<usize> = applications.iter().filter(|one| one.deleted).map(|one| one.index).collect();
        deleted.sort_unstable();
        deleted.into_iter().rev().for_each(|index| {
            origin.remove(index);
        });
    }
    for (index, resource) in origin.into_iter().zip(resources) {
        items[index] = Some(resource);
    }
}

/// Merges the objects of which the tree applies a part; returns how many.
fn merge_partial(layout: &Layout, items: &mut [Option<Resource>], findings: &mut Findings) -> usize {
    let mut count = 0;
    for (own, part) in layout.objects.iter().filter_map(|own| Some((own, own.merged_part()?))) {
        for item in items.iter_mut().flatten().filter(|item| is_or_was(item, &own.resource)) {
            // The item may have another name by now, and keeps it.
            let mut part = part.clone();
            for field in ["name", "namespace"] {
                match item.body.pointer(&format!("/metadata/{field}")) {
                    Some(now) => part["metadata"][field] = now.clone(),
                    None => drop(part["metadata"].as_object_mut().map(|metadata| metadata.shift_remove(field))),
                }
            }
            match merge(item, &part) {
                Ok(Merged::Changed { body, .. }) => {
                    count += 1;
                    item.body = body;
                }
                Ok(Merged::Deleted) => {}
                Err(fault) => {
                    let message = format!("{} cannot be merged: {fault}", own.resource.id());
                    findings.add(codes::PATCH_INVALID, &own.at, message).hint =
                        Some("compare the item with the object in the rendered tree".into());
                }
            }
        }
    }
    count
}
