//! Ingress controllers and exposed ports against what the platform uses itself.

use crate::catalog::{Platform, PortFact};
use crate::diagnostic::{Code, codes, mask};
use crate::intent::Findings;
use crate::intent::manifest::{ClusterIntent, Controller, NodeExposure};
use crate::plan::{PlannedController, facts};

pub(super) fn check(intent: &ClusterIntent, platform: &Platform, findings: &mut Findings) {
    controllers(intent, platform, findings);
    ports(intent, platform, findings);
    shared(intent, platform, findings);
}

/// What several controllers, or several ports of one Service, cannot have at once.
fn shared(intent: &ClusterIntent, platform: &Platform, findings: &mut Findings) {
    let planned = facts::controllers(intent, platform);
    for (index, controller) in planned.iter().enumerate() {
        let on_node = |one: &PlannedController| one.node_exposure != NodeExposure::Service;
        for port in controller.ports.iter().filter(|_| on_node(controller)) {
            let same = |other: &&PlannedController| {
                on_node(other) && other.ports.iter().any(|one| (one.port, one.protocol) == (port.port, port.protocol))
            };
            if let Some(other) = planned[..index].iter().find(same) {
                findings
                    .add(
                        codes::PORT_SHARED_BY_CONTROLLERS,
                        &format!("{}/port", port.at),
                        format!(
                            "controllers `{}` and `{}` both listen on {:?} port {} of the node",
                            other.name, controller.name, port.protocol, port.port
                        ),
                    )
                    .hint = Some("make sure that no node runs both, or choose another port".into());
            }
        }
        let minor = intent.spec.platform.kubernetes_minor();
        let first = controller.udp.first().filter(|_| !on_node(controller) && !controller.tcp.is_empty());
        if let (Some(port), true) = (first, minor.is_some_and(|minor| minor < 26)) {
            findings
                .add(
                    codes::MIXED_PROTOCOL_SERVICE,
                    &format!("{}/protocol", port.at),
                    format!("TCP and UDP in Service `{}`: before Kubernetes 1.26 a Service of type LoadBalancer may be refused", controller.service),
                )
                .hint = Some("with ClusterIP or NodePort all is well; else upgrade, or use a second controller".into());
        }
    }
}

fn controllers(intent: &ClusterIntent, platform: &Platform, findings: &mut Findings) {
    let planned = facts::controllers(intent, platform);
    for (index, controller) in planned.iter().enumerate() {
        let same = |other: &&PlannedController| {
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
        if controller.daemon_set.is_some() && controller.deployment.is_some() {
            findings
                .add_at_key(
                    codes::CONTROLLER_WORKLOAD_CHOICE,
                    &format!("/spec/ingress/controllers/{index}/deployment"),
                    format!("controller `{}` is a DaemonSet or a Deployment, not both", controller.name),
                )
                .hint = Some("keep the one that `kubectl get daemonset,deployment -A` shows".into());
        }
        if platform.ingress.controllers.iter().any(|known| known.name == controller.name) {
            continue;
        }
        let workload = controller.daemon_set.clone().or_else(|| controller.deployment.clone());
        let missing: Vec<&str> = [
            ("namespace", &controller.namespace),
            ("service", &controller.service),
            ("daemonSet or deployment", &workload),
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
            let known = match known.as_slice() {
                [] => "no controller's names".to_owned(),
                names => format!("only the names of controller {}", names.join(", ")),
            };
            findings
                .add(
                    codes::CONTROLLER_NAMES_UNKNOWN,
                    &format!("/spec/ingress/controllers/{index}/name"),
                    format!("{known} are known on {}; missing here: {}", platform.name, missing.join(", ")),
                )
                .hint = Some(
                "read the names off the cluster with `kubectl get service,daemonset,deployment,configmap -A` and set them"
                    .into(),
            );
        }
    }
}

fn ports(intent: &ClusterIntent, platform: &Platform, findings: &mut Findings) {
    let known = &platform.ingress;
    let Some(default) = known.default_controller.as_deref().map(Controller::named).or_else(|| {
        // A platform without known controllers: those of the intent are all there is.
        intent.spec.ingress.controllers.iter().next().cloned()
    }) else {
        return;
    };
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
        let exposure = facts::node_exposure(controller, platform);
        let on_node = exposure != NodeExposure::Service;
        let find = |list: &[PortFact]| list.iter().find(|fact| fact.port == number).map(|fact| fact.owner.clone());
        let mut report = |code: Code, message: String, hint: &str| {
            findings.add(code, &format!("{at}/port"), message).hint = Some(hint.into());
        };
        if let Some(owner) = find(&known.reserved_ports) {
            report(
                codes::PORT_RESERVED,
                format!(
                    "{number} is reserved by ingress-nginx ({owner}); the controller would log a warning and ignore the entry"
                ),
                "choose another port",
            );
        } else if let Some(owner) = find(&known.webhook_ports) {
            report(
                codes::PORT_WEBHOOK,
                format!(
                    "{number} is the controller's {owner} listener; ingress-nginx does not reject it, and nginx would fail to bind"
                ),
                "choose another port",
            );
        } else if let (Some(owner), true) = (find(&known.node_ports), on_node) {
            report(
                codes::PORT_ON_NODE,
                format!("{number} is used on the node by {owner}, and the controller is exposed through {exposure:?}"),
                "choose another port, or `nodeExposure: Service`",
            );
        } else if (known.node_port_range.first..=known.node_port_range.last).contains(&number) {
            let range = format!("{}-{}", known.node_port_range.first, known.node_port_range.last);
            report(
                codes::PORT_IN_NODE_PORT_RANGE,
                format!("{number} lies in the default NodePort range {range}"),
                "a Service of type NodePort may take it; choose a port outside the range",
            );
        } else if let (Some(owner), true) = (find(&known.contended_ports), on_node) {
            report(
                codes::PORT_MAY_BE_TAKEN,
                format!("{number} may be taken by {owner}"),
                "check with `ss -lnptu` on the nodes, or choose another port",
            );
        }
        if let Some(name) = &port.name
            && known.service_ports.iter().any(|fact| fact.name == *name)
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
