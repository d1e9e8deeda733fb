//! Rules that need the platform's facts, one file per family: its names, its ports, its modules, its registries.

mod modules;
mod platform;
mod ports;
mod registries;

use crate::catalog::{Catalog, Platform};
use crate::diagnostic::{codes, mask};
use crate::intent::Findings;
use crate::intent::manifest::{ClusterIntent, PatchMode};

/// Runs all families.
pub(super) fn check(intent: &ClusterIntent, platform: &Platform, catalog: &Catalog, findings: &mut Findings) {
    platform::check(intent, platform, findings);
    ports::check(intent, platform, findings);
    registries::check(intent, platform, catalog, findings);
    modules::check(intent, platform, catalog, findings);
    patches(intent, platform, findings);
    patch_mode(intent, platform, findings);
}

/// Two Kustomizations that both apply one object with the rights of kustomize-controller take its fields from each other.
fn patch_mode(intent: &ClusterIntent, platform: &Platform, findings: &mut Findings) {
    let contested = platform.gitops.patch_mode == "ManualSnippet";
    if contested && intent.spec.gitops.patch_mode == Some(PatchMode::MergeAnnotation) {
        findings
            .add(
                codes::PATCH_MODE_CONTESTED,
                "/spec/gitops/patchMode",
                "a Kustomization that Flux applies from another repository would lose all but its patches",
            )
            .hint = Some(
            "remove the field, unless the patched Kustomizations were created with `kubectl` or `flux create`".into(),
        );
    }
}

/// A patch of the user's own is for a Kustomization that somebody deploys.
fn patches(intent: &ClusterIntent, platform: &Platform, findings: &mut Findings) {
    let spec = &intent.spec;
    for (index, patch) in spec.patches.indexed() {
        let own = spec
            .modules
            .iter()
            .any(|m| m.release.as_ref().and_then(|r| r.kustomization.as_ref()) == Some(&patch.kustomization));
        let controller =
            spec.ingress.controllers.iter().any(|c| c.kustomization.as_ref() == Some(&patch.kustomization));
        if !platform.is_kustomization(&patch.kustomization) && !own && !controller {
            findings
                .add(
                    codes::PATCH_KUSTOMIZATION_UNKNOWN,
                    &format!("/spec/patches/{index}/kustomization"),
                    format!("{} is not a Kustomization of the platform", mask::quote(&patch.kustomization)),
                )
                .hint = Some(format!(
                "they are called `{}`; `kubectl -n {} get kustomizations` lists them",
                platform.gitops.kustomization_name, platform.gitops.namespace
            ));
        }
    }
}
