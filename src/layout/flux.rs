//! Flux objects: the root that is bootstrapped once, the Kustomization of each part, and those of the platform.
//!
//! Fields stay within what Flux 2.3 knows.

use serde_json::{Map, Value, json};

use super::parts::{Part, kustomization_name};
use super::patches::LaidPatch;
use super::{FLUX, annotate};
use crate::intent::manifest::Gitops;
use crate::plan::{Plan, PlannedModule};
use crate::render::{Resource, duration};

const KUSTOMIZATION: &str = "kustomize.toolkit.fluxcd.io/v1";

/// The name of the root Kustomization: that of the source.
pub(super) fn root_name(plan: &Plan) -> String {
    plan.cluster.intent.spec.gitops.source.name.clone()
}

/// The files of the `flux` directory: name, objects, a note under the header.
pub(super) fn frame(plan: &Plan, parts: &[Part]) -> Vec<(&'static str, Vec<Resource>, String)> {
    let gitops = &plan.cluster.intent.spec.gitops;
    let mut root = object(KUSTOMIZATION, "Kustomization", &root_name(plan), &plan.namespace);
    root["spec"] = json!(reconcile(gitops));
    root["spec"]["prune"] = json!(true);
    root["spec"]["path"] = json!(format!("./{}/flux", plan.cluster.root));
    source_ref(plan, &mut root);
    // Losing its own root must never make Flux delete the whole tree.
    annotate(&mut root, "prune", "disabled");
    let note = format!("# Bootstrap once: kubectl apply -f {}/flux/bootstrap.yaml\n", plan.cluster.root);
    let mut files = vec![("bootstrap.yaml", resources([git_repository(plan), root]), note)];
    if !parts.is_empty() {
        files.push(("kustomizations.yaml", resources(parts.iter().map(|part| child(plan, part))), String::new()));
    }
    files
}

fn resources(bodies: impl IntoIterator<Item = Value>) -> Vec<Resource> {
    bodies.into_iter().filter_map(Resource::new).collect()
}

pub(super) fn object(api_version: &str, kind: &str, name: &str, namespace: &str) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": {}})
}

fn git_repository(plan: &Plan) -> Value {
    let source = &plan.cluster.intent.spec.gitops.source;
    let mut body = object("source.toolkit.fluxcd.io/v1", "GitRepository", &source.name, &plan.namespace);
    body["spec"] = json!({
        "interval": canonical(&source.interval),
        "url": source.url,
        "ref": {"branch": source.branch},
    });
    if let Some(secret) = &source.secret_ref {
        body["spec"]["secretRef"] = json!({"name": secret.name});
    }
    annotate(&mut body, "prune", "disabled");
    body
}

pub(super) fn canonical(text: &str) -> String {
    duration(text).unwrap_or_else(|| text.to_owned())
}

fn reconcile(gitops: &Gitops) -> Map<String, Value> {
    let mut spec = Map::new();
    spec.insert("interval".into(), json!(canonical(&gitops.interval)));
    spec.insert("retryInterval".into(), json!(canonical(&gitops.retry_interval)));
    spec.insert("timeout".into(), json!(canonical(&gitops.timeout)));
    spec
}

fn source_ref(plan: &Plan, body: &mut Value) {
    let gitops = &plan.cluster.intent.spec.gitops;
    body["spec"]["sourceRef"] = json!({"kind": "GitRepository", "name": gitops.source.name});
    if let Some(account) = &gitops.service_account_name {
        body["spec"]["serviceAccountName"] = json!(account);
    }
}

/// The Kustomization of one part.
fn child(plan: &Plan, part: &Part) -> Value {
    let gitops = &plan.cluster.intent.spec.gitops;
    let mut body = object(KUSTOMIZATION, "Kustomization", &part.kustomization, &plan.namespace);
    body["spec"] = json!(reconcile(gitops));
    let spec = &mut body["spec"];
    if let Some(timeout) = &part.timeout {
        spec["timeout"] = json!(canonical(timeout));
    }
    spec["prune"] = json!(true);
    // `wait` makes Flux ignore health checks; readiness of the platform's Kustomizations is what counts where there are any.
    if part.health_checks.is_empty() {
        spec["wait"] = json!(true);
    }
    spec["path"] = json!(format!("./{}/{}", plan.cluster.root, part.dir));
    source_ref(plan, &mut body);
    let spec = &mut body["spec"];
    let source = &gitops.source.name;
    let first: Vec<String> = part.depends_on.iter().map(|name| kustomization_name(source, name)).collect();
    if !first.is_empty() || !part.waits_for.is_empty() {
        spec["dependsOn"] = first.iter().chain(&part.waits_for).map(|name| json!({"name": name})).collect();
    }
    if let (true, Some(decryption)) = (part.decrypt, &gitops.decryption) {
        spec["decryption"] = json!({"provider": decryption.provider});
        if let Some(secret) = &decryption.secret_ref {
            spec["decryption"]["secretRef"] = json!({"name": secret.name});
        }
    }
    if !part.variables.is_empty() {
        // kustomize strips quotes before Flux substitutes; ${q} brings them back, so that a numeric value stays a string.
        let from: Vec<Value> = part.variables.keys().map(|secret| json!({"kind": "Secret", "name": secret})).collect();
        spec["postBuild"] = json!({"substitute": {"q": "\""}, "substituteFrom": from});
    }
    if !part.health_checks.is_empty() {
        spec["healthChecks"] = part
            .health_checks
            .iter()
            .map(|name| json!({"apiVersion": KUSTOMIZATION, "kind": "Kustomization", "name": name, "namespace": plan.namespace}))
            .collect();
    }
    body
}

/// A Kustomization of the platform with our fields only: the whole patch list, and variables.
pub(super) fn partial(plan: &Plan, name: &str, patches: &[&LaidPatch]) -> Resource {
    let mut body = object(KUSTOMIZATION, "Kustomization", name, &plan.namespace);
    annotate(&mut body, "ssa", "Merge");
    annotate(&mut body, "prune", "disabled");
    annotate(&mut body, "substitute", "disabled");
    if !patches.is_empty() {
        body["spec"]["patches"] = patches.iter().map(|patch| patch.entry.clone()).collect();
    }
    if let Some(module) = plan.modules.iter().find(|module| module.kustomization == name)
        && !module.release.vars.is_empty()
    {
        body["spec"]["postBuild"] = json!({"substitute": module.release.vars});
    }
    Resource { body }
}

/// The Kustomization of an enabled module, whole.
pub(super) fn module(plan: &Plan, module: &PlannedModule, laid: &[LaidPatch]) -> Resource {
    let gitops = &plan.cluster.intent.spec.gitops;
    let release = &module.release;
    let mut body = object(KUSTOMIZATION, "Kustomization", &module.kustomization, &plan.namespace);
    annotate(&mut body, "substitute", "disabled");
    body["spec"] = json!(reconcile(gitops));
    let spec = &mut body["spec"];
    spec["prune"] = json!(true);
    spec["path"] = json!(release.path.as_deref().unwrap_or_default());
    if let Some(source) = &gitops.release_source {
        spec["sourceRef"] = json!({"kind": source.kind, "name": source.name});
    }
    if let Some(account) = &release.service_account_name {
        spec["serviceAccountName"] = json!(account);
    }
    if !release.depends_on.is_empty() {
        spec["dependsOn"] = release.depends_on.iter().map(|name| json!({"name": name})).collect();
    }
    if !release.vars.is_empty() || !release.vars_from.is_empty() {
        let mut post_build = Map::new();
        if !release.vars.is_empty() {
            post_build.insert("substitute".into(), json!(release.vars));
        }
        if !release.vars_from.is_empty() {
            let from = release.vars_from.iter().map(|source| {
                let mut entry = json!({"kind": source.kind, "name": source.name});
                if source.optional {
                    entry["optional"] = json!(true);
                }
                entry
            });
            post_build.insert("substituteFrom".into(), from.collect());
        }
        spec["postBuild"] = Value::Object(post_build);
    }
    let own: Vec<Value> =
        laid.iter().filter(|p| p.kustomization == module.kustomization).map(|p| p.entry.clone()).collect();
    if !own.is_empty() {
        spec["patches"] = json!(own);
    }
    let checks: Vec<Value> = if release.health_checks.is_empty() {
        module.health_checks.clone()
    } else {
        release.health_checks.iter().map(health_check).collect()
    };
    if checks.is_empty() {
        spec["wait"] = json!(true);
    } else {
        spec["healthChecks"] = json!(checks);
    }
    Resource { body }
}

fn health_check(check: &crate::intent::manifest::HealthCheck) -> Value {
    let mut value = json!({"apiVersion": check.api_version, "kind": check.kind, "name": check.name});
    if let Some(namespace) = &check.namespace {
        value["namespace"] = json!(namespace);
    }
    value
}

/// Tells whether an object is never pruned and only merged into somebody else's.
pub(super) fn is_partial(resource: &Resource) -> bool {
    annotation(resource, "ssa") == Some("Merge") && annotation(resource, "prune") == Some("disabled")
}

/// Tells whether an object is never pruned.
pub(super) fn is_retained(resource: &Resource) -> bool {
    annotation(resource, "prune") == Some("disabled")
}

fn annotation<'a>(resource: &'a Resource, key: &str) -> Option<&'a str> {
    resource.body.get("metadata")?.get("annotations")?.get(format!("{FLUX}/{key}"))?.as_str()
}
