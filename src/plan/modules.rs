//! Modules of the intent, resolved against catalog and platform.

use serde_json::{Value, json};

use super::{PlannedHelm, PlannedModule};
use crate::catalog::{Catalog, ModuleDelivery, ModuleFacts, Platform};
use crate::intent::manifest::{ClusterIntent, DeliveryType, Helm, Module, ModuleState, PullSecret, Registry};

/// Returns the facts of a module on a platform. Base modules have no plugin and come with the platform's release.
pub(super) fn facts(name: &str, platform: &Platform, catalog: &Catalog) -> ModuleFacts {
    let plugin = catalog.module(name).filter(|plugin| plugin.works_on(&platform.name));
    plugin.and_then(|plugin| plugin.module_on(&platform.name)).unwrap_or_default()
}

/// Resolves the modules in the order of the intent; the first entry of a name counts.
pub(super) fn resolve(intent: &ClusterIntent, platform: &Platform, catalog: &Catalog) -> Vec<PlannedModule> {
    let mut planned: Vec<PlannedModule> = Vec::new();
    for (index, module) in intent.spec.modules.indexed() {
        if planned.iter().any(|known| known.name == module.name) {
            continue;
        }
        let facts = facts(&module.name, platform, catalog);
        let release = module.release.clone().unwrap_or_default();
        let component = facts.component.as_deref().unwrap_or(&module.name);
        let own = facts.delivery == ModuleDelivery::Helm && module.state != ModuleState::Existing;
        let namespace = module.namespace.clone().or(facts.namespace).or_else(|| own.then(|| module.name.clone()));
        let kustomization = match &release.kustomization {
            Some(name) => name.clone(),
            None if own => super::release_part(&intent.spec.gitops.source.name, &module.name),
            None => platform.kustomization(component),
        };
        let health_checks = facts.health_checks.into_iter().map(|check| located(check, namespace.as_deref())).collect();
        planned.push(PlannedModule {
            name: module.name.clone(),
            state: module.state,
            kustomization,
            health_checks,
            helm: module.helm.as_ref().filter(|_| own).map(|helm| {
                let (url, chart) = chart(module, helm, facts.chart.as_deref());
                PlannedHelm { secret: secret(intent, platform, helm), url, chart, spec: helm.clone() }
            }),
            after: facts.after,
            namespace,
            release,
            at: format!("/spec/modules/{index}"),
        });
    }
    planned
}

/// A health check without namespace is about the module's own.
fn located(mut check: Value, namespace: Option<&str>) -> Value {
    if let (None, Some(namespace)) = (check.get("namespace"), namespace) {
        check["namespace"] = json!(namespace);
    }
    check
}

/// Splits the address of a chart into repository and chart.
fn chart(module: &Module, helm: &Helm, known: Option<&str>) -> (String, String) {
    let url = helm.source.url.trim_end_matches('/');
    if let Some(chart) = &helm.source.chart {
        return (url.to_owned(), chart.clone());
    }
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    match (url.starts_with("oci://"), url.rsplit_once('/')) {
        (true, Some((repository, chart))) if path.contains('/') => (repository.to_owned(), chart.to_owned()),
        _ => (url.to_owned(), known.unwrap_or(&module.name).to_owned()),
    }
}

/// The registry of the intent that holds a chart, with its pull secret.
fn registry<'a>(intent: &'a ClusterIntent, helm: &Helm) -> Option<(&'a Registry, &'a PullSecret)> {
    let host = helm.source.url.strip_prefix("oci://")?.split('/').next()?;
    let registry = intent.spec.registries.iter().find(|registry| registry.host == host)?;
    Some((registry, registry.pull_secret.as_ref()?))
}

/// The Secret of a chart repository: the one given, or the pull secret of its registry in the GitOps namespace.
fn secret(intent: &ClusterIntent, platform: &Platform, helm: &Helm) -> Option<String> {
    if let Some(given) = &helm.source.secret_ref {
        return Some(given.name.clone());
    }
    let namespace = super::namespace(intent, platform);
    let (_, secret) = registry(intent, helm)?;
    secret.namespaces.iter().any(|one| *one == namespace).then(|| secret.name.clone())
}

/// Names the registry that wants credentials which Flux would not have for a chart.
pub(super) fn needs_secret(intent: &ClusterIntent, platform: &Platform, helm: &Helm) -> Option<String> {
    let (registry, known) = registry(intent, helm)?;
    let existing = known.delivery.kind == DeliveryType::Existing;
    (secret(intent, platform, helm).is_none() && !existing).then(|| registry.name.clone())
}
