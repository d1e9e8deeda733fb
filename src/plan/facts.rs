//! The facts of a cluster: what templates and CEL rules see as `cluster`. Fields without value are absent, never null.

use base64::Engine;
use serde_json::{Map, Value, json};

use super::{PlannedController, PlannedModule, PlannedPort};
use crate::catalog::{Catalog, Platform};
use crate::intent::Cluster;
use crate::intent::manifest::{
    ClusterIntent, Controller, ExposedPort, Mirror, ModuleState, NodeExposure, PlatformDelivery, PortRef, Protocol,
    StreamFlags, Subject,
};

/// Resolves the ingress controllers and sorts their ports by number, then protocol.
pub(super) fn controllers(intent: &ClusterIntent, platform: &Platform) -> Vec<PlannedController> {
    let declared: Vec<Controller> = if intent.spec.ingress.controllers.is_empty() {
        platform.ingress.default_controller.iter().map(|name| Controller::named(name)).collect()
    } else {
        intent.spec.ingress.controllers.iter().cloned().collect()
    };
    let single = declared.len() == 1;
    declared
        .into_iter()
        .map(|controller| {
            let known = platform.ingress.controllers.iter().find(|known| known.name == controller.name);
            let name = |given: &Option<String>, known: Option<&String>| {
                given.clone().or_else(|| known.cloned()).unwrap_or_default()
            };
            let mut ports: Vec<PlannedPort> = intent
                .spec
                .exposed_ports
                .indexed()
                .filter(|(_, port)| match &port.controller {
                    Some(wanted) => *wanted == controller.name,
                    None => single,
                })
                .map(|(index, port)| planned_port(index, port))
                .collect();
            ports.sort_by_key(|port| (port.port, port.protocol));
            let of = |protocol| ports.iter().filter(|port| port.protocol == protocol).cloned().collect();
            let deployment = name(&controller.deployment, known.and_then(|k| k.deployment.as_ref()));
            let daemon_set = name(&controller.daemon_set, known.and_then(|k| k.daemon_set.as_ref()));
            // What the intent names wins over what the platform knows.
            let is_deployment = controller.deployment.is_some() || daemon_set.is_empty() && !deployment.is_empty();
            PlannedController {
                namespace: name(&controller.namespace, known.map(|k| &k.namespace)),
                service: name(&controller.service, known.map(|k| &k.service)),
                workload_kind: if is_deployment { "Deployment" } else { "DaemonSet" },
                workload: if is_deployment { deployment } else { daemon_set },
                tcp_config_map: name(&controller.tcp_config_map, known.map(|k| &k.tcp_config_map)),
                udp_config_map: name(&controller.udp_config_map, known.map(|k| &k.udp_config_map)),
                kustomization: name(&controller.kustomization, known.map(|k| &k.kustomization)),
                node_exposure: node_exposure(&controller, platform),
                stream_flags: controller.stream_flags.unwrap_or_else(|| {
                    match known.and_then(|k| k.stream_flags.as_deref()) {
                        Some("Add") => StreamFlags::Add,
                        _ => StreamFlags::Present,
                    }
                }),
                patch_format: controller.patch_format,
                config_map_ownership: controller.config_map_ownership,
                tcp: of(Protocol::TCP),
                udp: of(Protocol::UDP),
                ports,
                name: controller.name,
            }
        })
        .collect()
}

/// How a controller's ports reach the node: as the intent says, else as the platform runs it.
pub(super) fn node_exposure(controller: &Controller, platform: &Platform) -> NodeExposure {
    let known = platform.ingress.controllers.iter().find(|known| known.name == controller.name);
    controller.node_exposure.unwrap_or_else(|| match known.and_then(|k| k.node_exposure.as_deref()) {
        Some("HostPort") => NodeExposure::HostPort,
        Some("Service") => NodeExposure::Service,
        _ => NodeExposure::HostNetwork,
    })
}

fn planned_port(index: usize, port: &ExposedPort) -> PlannedPort {
    let target = match &port.backend.port {
        PortRef::Number(number) => number.to_string(),
        PortRef::Name(name) => name.clone(),
    };
    let proxy = port.proxy_protocol.unwrap_or_default();
    let suffix = match (port.protocol, proxy.decode, proxy.encode) {
        (Protocol::UDP, _, _) | (_, false, false) => "",
        (_, true, false) => ":PROXY",
        (_, true, true) => ":PROXY:PROXY",
        (_, false, true) => "::PROXY",
    };
    PlannedPort {
        port: port.port,
        protocol: port.protocol,
        name: port.name.clone().unwrap_or_else(|| format!("{:?}-{}", port.protocol, port.port).to_lowercase()),
        upstream: format!("{}/{}:{target}{suffix}", port.backend.namespace, port.backend.service),
        at: format!("/spec/exposedPorts/{index}"),
    }
}

/// The facts of one module.
pub(super) fn module(module: &PlannedModule) -> Value {
    let options_at = format!("{}/{}", module.at, module.name);
    let mut value = json!({
        "name": module.name, "state": module.state, "kustomization": module.kustomization,
        "namespace": module.namespace, "at": module.at, "optionsAt": options_at,
        // Whether its objects come from a Kustomization of somebody else, so that patches are the way to change them.
        "patched": module.helm.is_none(),
        "helm": module.helm.as_ref().map(|helm| json!({"chart": helm.chart, "version": helm.spec.source.version})),
    });
    drop_nulls(&mut value);
    value
}

/// The facts of the cluster; contents of files only when the cluster is valid.
pub(super) fn cluster(
    intent: &ClusterIntent,
    platform: &Platform,
    catalog: &Catalog,
    controllers: &[PlannedController],
    modules: &[PlannedModule],
    cluster: Option<&Cluster>,
) -> Value {
    let spec = &intent.spec;
    let text = |file: Option<&str>| file.and_then(|file| cluster?.file(file)?.text().map(str::to_owned));
    let offline = spec.platform.delivery == PlatformDelivery::Offline;
    let mut endpoints = if offline { Map::new() } else { to_map(&platform.endpoints) };
    endpoints.extend(to_map(&spec.platform.endpoints));
    let enabled: Vec<&String> = modules
        .iter()
        // Also those of disabled modules: a pull secret for a namespace that is not there would block everything else.
        .filter(|module| module.state != ModuleState::Existing)
        .filter_map(|module| module.namespace.as_ref())
        .collect();
    let mut value = json!({
        "name": intent.metadata.name,
        "platform": platform.name,
        "kubernetesVersion": spec.platform.kubernetes_version,
        "kubernetesMinor": spec.platform.kubernetes_minor(),
        "nodes": spec.platform.nodes,
        "offline": offline,
        "universe": spec.platform.universe.as_ref().map(|u| &u.host),
        "endpoints": endpoints,
        "caTrustBundle": spec.platform.ca_trust_bundle.as_ref().map(|ca| json!({
            "text": ca.inline.clone().or_else(|| text(ca.file.as_deref())),
        })),
        "gitops": {
            "namespace": super::namespace(intent, platform),
            "source": spec.gitops.source,
            "patchMode": super::patch_mode(intent, platform),
        },
        "controllers": controllers,
        "proxy": spec.proxy.as_ref().filter(|proxy| {
            // Half an object would take away the trust that is there. Rules look at it whole, whatever files hold.
            let file = proxy.trusted_ca.as_ref().and_then(|ca| ca.file.as_deref());
            cluster.is_none() || file.is_none() || text(file).is_some()
        }).map(|proxy| {
            let mut references: Vec<_> =
                [&proxy.http, &proxy.https].iter().filter_map(|server| server.credentials_ref.clone()).collect();
            references.dedup();
            json!({
                "http": proxy.http,
                "https": proxy.https,
                "noProxy": proxy.no_proxy,
                "credentials": references,
                "trustedCaBase64": proxy.trusted_ca.as_ref().and_then(|ca| match &ca.base64 {
                    Some(data) => Some(data.split_whitespace().collect::<String>()),
                    None => text(ca.file.as_deref()).map(|pem| base64::engine::general_purpose::STANDARD.encode(pem)),
                }),
            })
        }),
        "registries": spec.registries.indexed().map(|(index, registry)| json!({
            "at": format!("/spec/registries/{index}"),
            "name": registry.name,
            "host": registry.host,
            "type": registry.kind,
            "externalHost": registry.external_host,
            "mirrors": registry.mirrors.iter().map(|mirror| match mirror {
                Mirror::Host(upstream) => json!({"upstream": upstream}),
                Mirror::Project(project) => json!(project),
            }).collect::<Vec<_>>(),
            "caName": registry.tls.ca_file.as_ref().and_then(|file| file.rsplit('/').next()),
            "caText": text(registry.tls.ca_file.as_deref()),
            "pullSecret": registry.pull_secret.as_ref().map(|secret| {
                let mut value = json!(secret);
                let directory = secret.delivery.sops.as_ref().and_then(|sops| sops.directory.clone());
                value["delivery"]["directory"] = json!(directory.unwrap_or_else(|| "registries".into()));
                // With Reflector one namespace gets the Secret, and the others their copies of it.
                let source = secret.reflector.as_ref().map(|reflector| &reflector.source_namespace);
                let (direct, copies): (Vec<&String>, Vec<&String>) =
                    secret.namespaces.iter().partition(|name| source.is_none_or(|source| source == *name));
                value["deliverTo"] = json!(direct);
                value["copyTo"] = json!(copies);
                value
            }),
        })).collect::<Vec<_>>(),
        "pullGrants": pull_grants(intent, catalog),
        "baseModules": platform.base_modules.iter().map(|base| &base.name).collect::<Vec<_>>(),
        "modules": modules.iter().map(module).collect::<Vec<_>>(),
        "enabledNamespaces": enabled,
    });
    drop_nulls(&mut value);
    value
}

/// Grants of one name and namespace are one RoleBinding with all subjects, in the order of the intent.
fn pull_grants(intent: &ClusterIntent, catalog: &Catalog) -> Vec<Value> {
    let mut merged: Vec<(Value, Vec<Subject>)> = Vec::new();
    for (index, registry) in intent.spec.registries.indexed() {
        let Some(facts) = catalog.registry_type(&registry.kind).and_then(|kind| kind.pull_grants.as_ref()) else {
            continue;
        };
        for (number, grant) in registry.pull_grants.indexed() {
            let head = json!({
                "name": grant.name, "imageNamespace": grant.image_namespace,
                "clusterRole": facts.cluster_role, "resource": facts.resource, "host": registry.host,
                "at": format!("/spec/registries/{index}/pullGrants/{number}"),
            });
            let same = |(known, _): &&mut (Value, Vec<Subject>)| {
                known["name"] == head["name"] && known["imageNamespace"] == head["imageNamespace"]
            };
            match merged.iter_mut().find(same) {
                Some((_, subjects)) => {
                    let new: Vec<Subject> =
                        grant.subjects.iter().filter(|one| !subjects.contains(one)).cloned().collect();
                    subjects.extend(new);
                }
                None => merged.push((head, grant.subjects.iter().cloned().collect())),
            }
        }
    }
    let whole = |(mut head, subjects): (Value, Vec<Subject>)| {
        head["subjects"] = json!(subjects);
        head
    };
    merged.into_iter().map(whole).collect()
}

fn to_map(value: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, child| !child.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
