//! Modules of the intent, resolved against catalog and platform.

use super::PlannedModule;
use crate::catalog::{Catalog, Platform};
use crate::intent::manifest::ClusterIntent;

/// Resolves the modules in the order of the intent; the first entry of a name counts.
pub(super) fn resolve(intent: &ClusterIntent, platform: &Platform, catalog: &Catalog) -> Vec<PlannedModule> {
    let mut planned: Vec<PlannedModule> = Vec::new();
    for (index, module) in intent.spec.modules.indexed() {
        if planned.iter().any(|known| known.name == module.name) {
            continue;
        }
        let facts = catalog.module(&module.name).and_then(|plugin| plugin.module.clone()).unwrap_or_default();
        let release = module.release.clone().unwrap_or_default();
        let component = facts.component.as_deref().unwrap_or(&module.name);
        planned.push(PlannedModule {
            name: module.name.clone(),
            state: module.state,
            namespace: facts.namespace,
            kustomization: release.kustomization.clone().unwrap_or_else(|| platform.kustomization(component)),
            health_checks: facts.health_checks,
            release,
            at: format!("/spec/modules/{index}"),
        });
    }
    planned
}
