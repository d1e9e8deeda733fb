//! Helm: the HelmRelease of a module that this tree installs, and values for one that the platform installs.

use serde_json::{Map, Value, json};

use super::flux::{canonical, object};
use super::patches::{LaidPatch, entry};
use crate::plan::{Plan, PlannedHelm, PlannedModule};
use crate::render::Resource;

/// The HelmRepository and the HelmRelease of a module, by file.
///
/// OCI charts go through a HelmRepository of type `oci`: OCIRepository is not in `v1` before Flux 2.6.
pub(super) fn release(
    plan: &Plan,
    module: &PlannedModule,
    helm: &PlannedHelm,
    values: Value,
) -> Vec<(&'static str, Resource)> {
    let name = helm.spec.release_name.as_deref().unwrap_or(&module.name);
    let namespace = module.namespace.as_deref().unwrap_or(&module.name);
    let mut repository = object("source.toolkit.fluxcd.io/v1", "HelmRepository", name, &plan.namespace);
    let spec = &mut repository["spec"];
    if helm.url.starts_with("oci://") {
        spec["type"] = json!("oci");
    }
    spec["interval"] = json!(canonical(&helm.spec.source.interval));
    spec["url"] = json!(helm.url);
    if let Some(secret) = &helm.secret {
        spec["secretRef"] = json!({"name": secret});
    }
    let mut release = object("helm.toolkit.fluxcd.io/v2", "HelmRelease", name, &plan.namespace);
    let spec = &mut release["spec"];
    spec["interval"] = json!(canonical(&helm.spec.interval));
    spec["timeout"] = json!(canonical(&helm.spec.timeout));
    spec["releaseName"] = json!(name);
    spec["targetNamespace"] = json!(namespace);
    spec["storageNamespace"] = json!(namespace);
    if let Some(account) = &helm.spec.service_account_name {
        spec["serviceAccountName"] = json!(account);
    }
    spec["chart"] = json!({"spec": {
        "chart": helm.chart,
        "version": helm.spec.source.version,
        "sourceRef": {"kind": "HelmRepository", "name": name},
    }});
    // CRDs of a chart are installed once by Helm and never upgraded; Flux does better.
    spec["install"] = json!({"createNamespace": true, "crds": "CreateReplace", "remediation": {"retries": 3}});
    spec["upgrade"] = json!({"crds": "CreateReplace", "remediation": {"retries": 3}});
    let mut values = values;
    merge(&mut values, &json!(helm.spec.values));
    if values.as_object().is_some_and(|map| !map.is_empty()) {
        spec["values"] = values;
    }
    if !helm.spec.values_from.is_empty() {
        let from = helm.spec.values_from.iter().map(|source| {
            let mut entry = json!({"kind": source.kind, "name": source.name, "valuesKey": source.values_key});
            if let Some(path) = &source.target_path {
                entry["targetPath"] = json!(path);
            }
            if source.optional {
                entry["optional"] = json!(true);
            }
            entry
        });
        spec["valuesFrom"] = from.collect();
    }
    vec![("helm-release.yaml", Resource { body: release }), ("helm-repository.yaml", Resource { body: repository })]
}

/// The patch that brings values into a HelmRelease of the platform. Without target, so that Flux fails when there is none.
pub(super) fn patch(plan: &Plan, module: &PlannedModule, values: &Value) -> Option<LaidPatch> {
    let mut body = platform_release(plan, module)?;
    body["spec"] = json!({"values": values});
    let at = format!("{}/{}", module.at, module.name);
    Some(LaidPatch {
        kustomization: module.kustomization.clone(),
        entry: entry(body, None),
        at,
        operations_at: Vec::new(),
    })
}

/// The HelmRelease of the platform that the intent names for a module, without content.
pub(crate) fn platform_release(plan: &Plan, module: &PlannedModule) -> Option<Value> {
    let reference = module.release.helm_release.as_ref()?;
    let namespace = reference.namespace.as_ref().unwrap_or(&plan.namespace);
    Some(object(&reference.api_version, "HelmRelease", &reference.name, namespace))
}

/// Lays one tree of values over another, as Helm does: maps merge, everything else is replaced.
pub(super) fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key.clone()).or_insert_with(|| Value::Object(Map::new())), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_merge_as_helm_merges_them() {
        let mut values = json!({"a": {"b": 1, "c": [1, 2]}, "d": "x"});
        merge(&mut values, &json!({"a": {"c": [3], "e": null}, "d": {"f": true}}));
        assert_eq!(values, json!({"a": {"b": 1, "c": [3], "e": null}, "d": {"f": true}}));
    }
}
