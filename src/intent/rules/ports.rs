//! Exposed ports and the controllers that they name. Facts of the platform are checked by `plan`.

use std::collections::HashMap;

use super::super::findings::Findings;
use super::super::manifest::{ExposedPort, NodeExposure, Protocol};
use super::super::read::Intent;
use crate::diagnostic::{codes, mask};

pub(super) fn check(intent: &Intent, findings: &mut Findings) {
    let spec = &intent.manifest.spec;
    let controllers = &spec.ingress.controllers;
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (index, controller) in controllers.indexed() {
        if let Some(first) = seen.insert(&controller.name, index) {
            let at = format!("/spec/ingress/controllers/{index}");
            let first = findings.name_of(&format!("/spec/ingress/controllers/{first}"), &at);
            findings.add(
                codes::CONTROLLER_DUPLICATE,
                &format!("{at}/name"),
                format!("controller `{}` is declared already by {first}", controller.name),
            );
        }
    }
    let names: Vec<&str> = controllers.iter().map(|c| c.name.as_str()).collect();
    let only = if names.len() == 1 { Some(names[0]) } else { None };
    let mut ports: HashMap<(Option<&str>, Protocol, u32), usize> = HashMap::new();
    let mut port_names: HashMap<(Option<&str>, String), usize> = HashMap::new();
    for (index, port) in spec.exposed_ports.indexed() {
        let at = format!("/spec/exposedPorts/{index}");
        // Without declarations there is one controller, whether a port names it or not.
        let controller = if names.is_empty() { None } else { port.controller.as_deref().or(only) };
        check_controller(port, &names, &at, findings);
        let protocol = port.protocol;
        let duplicate = ports.insert((controller, protocol, port.port), index);
        if let Some(first) = duplicate {
            let first = findings.name_of(&format!("/spec/exposedPorts/{first}"), &at);
            findings
                .add(
                    codes::PORT_DUPLICATE,
                    &format!("{at}/port"),
                    format!("{protocol:?} port {} is exposed already by {first}", port.port),
                )
                .hint =
                Some("one controller passes a port to one Service; use another port or another controller".into());
        }
        if protocol == Protocol::UDP && port.proxy_protocol.is_some_and(|p| p.decode || p.encode) {
            findings
                .add(
                    codes::PROXY_PROTOCOL_UDP,
                    &format!("{at}/proxyProtocol"),
                    "PROXY protocol works for TCP only; ingress-nginx ignores it for UDP",
                )
                .hint = Some("remove `proxyProtocol`".into());
        }
        let exposure = controllers.iter().find(|c| Some(c.name.as_str()) == controller).and_then(|c| c.node_exposure);
        check_name(port, exposure.unwrap_or_default(), &at, findings);
        if let Some(first) = port_names.insert((controller, port_name(port)), index)
            && duplicate.is_none()
        {
            let first = findings.name_of(&format!("/spec/exposedPorts/{first}"), &at);
            let pointer = if port.name.is_some() { format!("{at}/name") } else { at.clone() };
            findings
                .add(
                    codes::PORT_NAME_DUPLICATE,
                    &pointer,
                    format!("the name {} is used already by {first}", mask::quote(&port_name(port))),
                )
                .hint = Some("port names are unique in a Service".into());
        }
        if port.backend.service.starts_with(|c: char| c.is_ascii_digit()) {
            let minor = intent.manifest.spec.platform.kubernetes_minor().unwrap_or_default();
            if minor < 36 {
                findings
                    .add(
                        codes::SERVICE_NAME_STARTS_WITH_DIGIT,
                        &format!("{at}/backend/service"),
                        format!(
                            "{} starts with a digit: Kubernetes before 1.36 refuses such Service names",
                            mask::quote(&port.backend.service)
                        ),
                    )
                    .hint = Some("check with `kubectl get service` that the Service is really called so".into());
            }
        }
    }
}

/// The name of a Service port: the user's, or `<protocol>-<port>`.
fn port_name(port: &ExposedPort) -> String {
    port.name.clone().unwrap_or_else(|| format!("{:?}-{}", port.protocol, port.port).to_lowercase())
}

fn check_controller(port: &ExposedPort, names: &[&str], at: &str, findings: &mut Findings) {
    match &port.controller {
        None if names.len() > 1 => {
            findings
                .add(
                    codes::CONTROLLER_REQUIRED,
                    at,
                    format!(
                        "`controller` is required: several ingress controllers are declared ({})",
                        names.join(", ")
                    ),
                )
                .hint = Some("name the controller that should listen".into());
        }
        Some(name) if !names.is_empty() && !names.contains(&name.as_str()) => {
            let hint = crate::diagnostic::did_you_mean(name, names.iter().copied());
            findings
                .add(
                    codes::CONTROLLER_UNKNOWN,
                    &format!("{at}/controller"),
                    format!("{} is not declared in spec.ingress.controllers", mask::quote(name)),
                )
                .hint = Some(
                hint.map_or_else(|| format!("declared: {}", names.join(", ")), |h| format!("did you mean `{h}`?")),
            );
        }
        _ => {}
    }
}

fn check_name(port: &ExposedPort, exposure: NodeExposure, at: &str, findings: &mut Findings) {
    let name = port_name(port);
    let label = |max: usize| {
        name.len() <= max
            && !name.starts_with('-')
            && !name.ends_with('-')
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let pointer = if port.name.is_some() { format!("{at}/name") } else { at.to_owned() };
    if !label(63) {
        findings
            .add(
                codes::PORT_NAME_INVALID,
                &pointer,
                format!("{} is not a DNS-1123 label, as Service port names must be", mask::quote(&name)),
            )
            .hint = Some("use lower-case letters, digits and `-`, at most 63".into());
    } else if exposure == NodeExposure::HostPort
        && (!label(15) || name.contains("--") || !name.bytes().any(|b| b.is_ascii_lowercase()))
    {
        findings
            .add(
                codes::CONTAINER_PORT_NAME_INVALID,
                &pointer,
                format!("{} is not a container port name, which `nodeExposure: HostPort` needs", mask::quote(&name)),
            )
            .hint = Some("use at most 15 characters with at least one letter and no `--`".into());
    }
}
