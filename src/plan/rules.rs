//! Rules that need the platform's facts: its names, its ports, its modules.

use std::collections::HashMap;

use crate::catalog::{Catalog, Owner, Platform, PortFact};
use crate::diagnostic::{Code, codes, did_you_mean, mask};
use crate::intent::Findings;
use crate::intent::manifest::{ClusterIntent, Controller, Module, ModuleState, NodeExposure};

pub(super) fn check(intent: &ClusterIntent, platform: &Platform, catalog: &Catalog, findings: &mut Findings) {
    source(intent, platform, findings);
    controllers(intent, platform, findings);
    ports(intent, platform, findings);
    let spec = &intent.spec;
    let sections = [
        ("exposedPorts", !spec.exposed_ports.is_empty()),
        ("proxy", spec.proxy.is_some()),
        ("registries", !spec.registries.is_empty()),
        ("patches", !spec.patches.is_empty()),
    ];
    for (section, _) in sections.iter().filter(|(name, given)| *given && !platform.sections.iter().any(|s| s == name)) {
        findings
            .add_at_key(
                codes::SECTION_UNSUPPORTED,
                &format!("/spec/{section}"),
                format!("platform {} does not know `{section}`", platform.name),
            )
            .hint = Some(format!("remove it; the platform knows: {}", platform.sections.join(", ")));
    }
    modules(intent, platform, catalog, findings);
    for (index, patch) in intent.spec.patches.indexed() {
        let own = intent
            .spec
            .modules
            .iter()
            .any(|m| m.release.as_ref().and_then(|r| r.kustomization.as_ref()) == Some(&patch.kustomization));
        let controller =
            intent.spec.ingress.controllers.iter().any(|c| c.kustomization.as_ref() == Some(&patch.kustomization));
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

/// The platform's Git server holds a mirror of the release that is overwritten by every synchronisation.
fn source(intent: &ClusterIntent, platform: &Platform, findings: &mut Findings) {
    let source = &intent.spec.gitops.source;
    let host = source.url.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    let endpoints = &intent.spec.platform.endpoints;
    let mirrors = [
        platform.endpoints.get("git").map(String::as_str),
        endpoints.git.as_deref(),
        intent.spec.platform.universe.as_ref().map(|universe| universe.host.as_str()),
    ];
    let is_mirror =
        mirrors.iter().flatten().any(|mirror| mirror.split(':').next().is_some_and(|m| m.eq_ignore_ascii_case(name)));
    let in_cluster = name.ends_with(".svc") || name.contains(".svc.");
    if is_mirror || (in_cluster && name.starts_with("gitea")) {
        findings
            .add(codes::RELEASE_MIRROR_AS_SOURCE, "/spec/gitops/source/url", "points at the platform's release mirror, which is not available for own purposes and is overwritten by mirroring")
            .hint = Some("use a repository of your own".into());
    }
}

fn controllers(intent: &ClusterIntent, platform: &Platform, findings: &mut Findings) {
    let planned = super::facts::controllers(intent, platform);
    for (index, controller) in planned.iter().enumerate() {
        let same = |other: &&super::PlannedController| {
            other.namespace == controller.namespace
                && !controller.namespace.is_empty()
                && (other.service == controller.service || other.tcp_config_map == controller.tcp_config_map)
                && other.name != controller.name
        };
        if let Some(first) = planned[..index].iter().find(same) {
            findings
                .add(
                    codes::CONTROLLER_DUPLICATE,
                    &format!("/spec/ingress/controllers/{index}/name"),
                    format!(
                        "controllers `{}` and `{}` have the same Service or ConfigMap",
                        first.name, controller.name
                    ),
                )
                .hint = Some("give each controller its own objects".into());
        }
    }
    for (index, controller) in intent.spec.ingress.controllers.indexed() {
        if platform.ingress.controllers.iter().any(|known| known.name == controller.name) {
            continue;
        }
        let missing: Vec<&str> = [
            ("namespace", &controller.namespace),
            ("service", &controller.service),
            ("daemonSet", &controller.daemon_set),
            ("tcpConfigMap", &controller.tcp_config_map),
            ("udpConfigMap", &controller.udp_config_map),
            ("kustomization", &controller.kustomization),
        ]
        .iter()
        .filter(|(_, given)| given.is_none())
        .map(|(field, _)| *field)
        .collect();
        if !missing.is_empty() {
            let known: Vec<&str> = platform.ingress.controllers.iter().map(|c| c.name.as_str()).collect();
            findings
                .add(
                    codes::CONTROLLER_NAMES_UNKNOWN,
                    &format!("/spec/ingress/controllers/{index}/name"),
                    format!(
                        "only the names of controller {} are known on {}; missing here: {}",
                        known.join(", "),
                        platform.name,
                        missing.join(", ")
                    ),
                )
                .hint = Some(
                "read the names off the cluster with `kubectl get service,daemonset,configmap -A` and set them".into(),
            );
        }
    }
}

fn ports(intent: &ClusterIntent, platform: &Platform, findings: &mut Findings) {
    let facts = &platform.ingress;
    let default = Controller::named(&facts.default_controller);
    let declared: Vec<&Controller> = intent.spec.ingress.controllers.iter().collect();
    for (index, port) in intent.spec.exposed_ports.indexed() {
        let at = format!("/spec/exposedPorts/{index}");
        let number = port.port;
        let controller = match &port.controller {
            Some(name) => declared.iter().copied().find(|c| c.name == *name),
            None => declared.first().copied(),
        };
        if let (true, Some(name)) = (declared.is_empty(), &port.controller)
            && *name != default.name
        {
            findings
                .add(
                    codes::CONTROLLER_UNKNOWN,
                    &format!("{at}/controller"),
                    format!("{} is not declared in spec.ingress.controllers", mask::quote(name)),
                )
                .hint = Some(format!("declare it there, or remove the field: the default is `{}`", default.name));
        }
        let controller = controller.unwrap_or(&default);
        let on_node = controller.node_exposure != NodeExposure::Service;
        let find = |list: &[PortFact]| list.iter().find(|fact| fact.port == number).map(|fact| fact.owner.clone());
        let mut report = |code: Code, message: String, hint: &str| {
            findings.add(code, &format!("{at}/port"), message).hint = Some(hint.into());
        };
        if let Some(owner) = find(&facts.reserved_ports) {
            report(
                codes::PORT_RESERVED,
                format!(
                    "{number} is reserved by ingress-nginx ({owner}); the controller would log a warning and ignore the entry"
                ),
                "choose another port",
            );
        } else if let Some(owner) = find(&facts.webhook_ports) {
            report(
                codes::PORT_WEBHOOK,
                format!(
                    "{number} is the controller's {owner} listener; ingress-nginx does not reject it, and nginx would fail to bind"
                ),
                "choose another port",
            );
        } else if let (Some(owner), true) = (find(&facts.node_ports), on_node) {
            report(
                codes::PORT_ON_NODE,
                format!(
                    "{number} is used on the node by {owner}, and the controller is exposed through {:?}",
                    controller.node_exposure
                ),
                "choose another port, or `nodeExposure: Service`",
            );
        } else if (facts.node_port_range.first..=facts.node_port_range.last).contains(&number) {
            let range = format!("{}-{}", facts.node_port_range.first, facts.node_port_range.last);
            report(
                codes::PORT_IN_NODE_PORT_RANGE,
                format!("{number} lies in the default NodePort range {range}"),
                "a Service of type NodePort may take it; choose a port outside the range",
            );
        } else if let (Some(owner), true) = (find(&facts.contended_ports), on_node) {
            report(
                codes::PORT_MAY_BE_TAKEN,
                format!("{number} may be taken by {owner}"),
                "check with `ss -lnptu` on the nodes, or choose another port",
            );
        }
        if let Some(name) = &port.name
            && facts.service_ports.iter().any(|fact| fact.name == *name)
        {
            findings
                .add(
                    codes::PORT_NAME_TAKEN,
                    &format!("{at}/name"),
                    format!("{} is already used by the controller's Service", mask::quote(name)),
                )
                .hint = Some("choose another name, or leave it out".into());
        }
    }
}

fn modules(intent: &ClusterIntent, platform: &Platform, catalog: &Catalog, findings: &mut Findings) {
    let mut kustomizations: HashMap<String, usize> = HashMap::new();
    for (index, module) in intent.spec.modules.indexed() {
        let at = format!("/spec/modules/{index}");
        let plugin =
            catalog.module(&module.name).filter(|p| p.platforms.is_empty() || p.platforms.contains(&platform.name));
        let base = platform.base_module(&module.name);
        for key in module.options.keys().filter(|key| **key != module.name) {
            findings
                .add_at_key(
                    codes::MODULE_OPTIONS_MISPLACED,
                    &format!("{at}/{key}"),
                    format!("`{key}` does not belong to module `{}`", module.name),
                )
                .hint = Some(format!("options of a module stand under its own name, here `{}`", module.name));
        }
        match (plugin, base) {
            (None, None) => unknown(module, &at, platform, catalog, findings),
            (_, Some(base)) => {
                if base.owner != Owner::FluxCD {
                    findings
                        .add(
                            codes::MODULE_NOT_PATCHABLE,
                            &format!("{at}/name"),
                            format!(
                                "`{}` is owned by Configuration Manager, not by FluxCD; changes would be reverted",
                                module.name
                            ),
                        )
                        .hint = Some("remove it here and set it in the cluster specification".into());
                } else if module.state != ModuleState::Existing {
                    findings
                        .add(
                            codes::BASE_MODULE_STATE,
                            &format!("{at}/state"),
                            format!(
                                "`{}` is a base module: it is always installed and cannot be {:?}",
                                module.name, module.state
                            ),
                        )
                        .hint = Some("use `state: Existing` to patch it".into());
                }
                if intent.spec.platform.nodes.infra < base.min_infra_nodes {
                    findings
                        .add(
                            codes::MODULE_NEEDS_NODES,
                            &format!("{at}/name"),
                            format!(
                                "`{}` is installed from {} infra nodes on; infra = {}",
                                module.name, base.min_infra_nodes, intent.spec.platform.nodes.infra
                            ),
                        )
                        .hint = Some("remove the module, or correct `platform.nodes.infra`".into());
                }
            }
            (Some(_), None) => {}
        }
        if plugin.is_some() || base.is_some_and(|base| base.owner == Owner::FluxCD) {
            release(intent, module, &at, platform, catalog, &mut kustomizations, index, findings);
        }
    }
}

fn unknown(module: &Module, at: &str, platform: &Platform, catalog: &Catalog, findings: &mut Findings) {
    let optional: Vec<&str> = catalog.modules().map(|plugin| plugin.name.as_str()).collect();
    let base = platform.base_modules.iter().map(|base| base.name.as_str());
    let meant = did_you_mean(&module.name, optional.iter().copied().chain(base));
    let hint = meant.map_or_else(
        || {
            format!(
                "modules: {}; base modules can only be patched (`fluxwright modules` lists all)",
                optional.join(", ")
            )
        },
        |name| format!("did you mean `{name}`?"),
    );
    findings
        .add(
            codes::MODULE_UNKNOWN,
            &format!("{at}/name"),
            format!("unknown module {} on platform {}", mask::quote(&module.name), platform.name),
        )
        .hint = Some(hint);
}

#[allow(clippy::too_many_arguments)]
fn release(
    intent: &ClusterIntent,
    module: &Module,
    at: &str,
    platform: &Platform,
    catalog: &Catalog,
    seen: &mut HashMap<String, usize>,
    index: usize,
    findings: &mut Findings,
) {
    let Some(release) = &module.release else {
        if module.state != ModuleState::Disabled {
            let component = catalog.module(&module.name).and_then(|p| p.module.as_ref()?.component.clone());
            let name = platform.kustomization(component.as_deref().unwrap_or(&module.name));
            findings
                .add(
                    codes::RELEASE_REQUIRED,
                    at,
                    format!("`release` is required: how the platform delivers `{}`", module.name),
                )
                .hint = Some(format!("add `release: {{kustomization: {name}}}`"));
        }
        return;
    };
    let component = catalog.module(&module.name).and_then(|p| p.module.as_ref()?.component.clone());
    let component = component.as_deref().unwrap_or(&module.name);
    let name = release.kustomization.clone().unwrap_or_else(|| platform.kustomization(component));
    if let Some(first) = seen.insert(name.clone(), index)
        && intent.spec.modules.indexed().any(|(number, other)| number == first && other.name != module.name)
    {
        findings
            .add(
                codes::RELEASE_NAME_SHARED,
                &format!("{at}/release"),
                format!("Kustomization `{name}` belongs to spec.modules[{first}] already"),
            )
            .hint = Some("give each module its own Kustomization".into());
    }
    for (number, dependency) in release.depends_on.indexed() {
        if *dependency == name {
            findings
                .add(
                    codes::MODULE_SELF_DEPENDENCY,
                    &format!("{at}/release/dependsOn/{number}"),
                    "a module cannot depend on itself",
                )
                .hint = Some("remove the entry".into());
        }
    }
    match module.state {
        ModuleState::Enabled => {
            if release.path.is_none() {
                findings
                    .add(
                        codes::RELEASE_PATH_REQUIRED,
                        &format!("{at}/release"),
                        "`path` is required to enable a module: its path in the platform's release repository",
                    )
                    .hint = Some(format!(
                    "look it up in the release repository, for example `./{}/main`, or use `state: Existing`",
                    module.name
                ));
            }
            if intent.spec.gitops.release_source.is_none() {
                findings
                    .add(
                        codes::RELEASE_SOURCE_REQUIRED,
                        "/spec/gitops",
                        format!("`releaseSource` is required to enable module `{}`", module.name),
                    )
                    .hint =
                    Some(format!("`kubectl -n {} get gitrepositories` lists the sources", platform.gitops.namespace));
            }
        }
        ModuleState::Existing => {
            let given = [
                ("serviceAccountName", release.service_account_name.is_some()),
                ("dependsOn", !release.depends_on.is_empty()),
                ("varsFrom", !release.vars_from.is_empty()),
                ("healthChecks", !release.health_checks.is_empty()),
            ];
            for (field, _) in given.iter().filter(|(_, given)| *given) {
                findings
                    .add_at_key(
                        codes::RELEASE_FIELD_NOT_OURS,
                        &format!("{at}/release/{field}"),
                        format!("`{field}` of an existing module belongs to the platform"),
                    )
                    .hint = Some("remove it; with `state: Existing` only variables and patches are merged in".into());
            }
        }
        ModuleState::Disabled => {}
    }
}
