//! What the platform does not know, and where its own repository is.

use crate::catalog::Platform;
use crate::diagnostic::codes;
use crate::intent::Findings;
use crate::intent::manifest::{ClusterIntent, PlatformDelivery};

pub(super) fn check(intent: &ClusterIntent, platform: &Platform, findings: &mut Findings) {
    unknown(intent, platform, findings);
    universe(intent, platform, findings);
    source(intent, platform, findings);
}

/// Sections and fields that the platform does not know.
fn unknown(intent: &ClusterIntent, platform: &Platform, findings: &mut Findings) {
    let spec = &intent.spec;
    let endpoints = &spec.platform.endpoints;
    let endpoints = [&endpoints.image_hub, &endpoints.licence, &endpoints.git, &endpoints.configuration_manager];
    let given = [
        ("exposedPorts", &platform.sections, !spec.exposed_ports.is_empty()),
        ("proxy", &platform.sections, spec.proxy.is_some()),
        ("registries", &platform.sections, !spec.registries.is_empty()),
        ("patches", &platform.sections, !spec.patches.is_empty()),
        ("platform/universe", &platform.fields, spec.platform.universe.is_some()),
        ("platform/endpoints", &platform.fields, endpoints.iter().any(|endpoint| endpoint.is_some())),
        ("platform/caTrustBundle", &platform.fields, spec.platform.ca_trust_bundle.is_some()),
    ];
    for (path, known, _) in given.iter().filter(|(_, _, given)| *given) {
        let name = path.rsplit('/').next().unwrap_or(path);
        if known.iter().any(|one| one == name) {
            continue;
        }
        let instead = platform.instead.get(name).cloned();
        findings
            .add_at_key(
                codes::SECTION_UNSUPPORTED,
                &format!("/spec/{path}"),
                format!("platform {} does not know `{name}`", platform.name),
            )
            .hint =
            Some(instead.unwrap_or_else(|| format!("remove it; the platform knows: {}", platform.sections.join(", "))));
    }
}

/// A closed network has a machine that stands for the public endpoints, where the platform brings one.
fn universe(intent: &ClusterIntent, platform: &Platform, findings: &mut Findings) {
    if !platform.fields.iter().any(|field| field == "universe") {
        return;
    }
    let own = &intent.spec.platform;
    match (own.delivery, &own.universe) {
        (PlatformDelivery::Offline, None) => {
            findings
                .add(
                    codes::UNIVERSE_REQUIRED,
                    "/spec/platform/universe",
                    "`universe` is required when `delivery` is Offline: it takes the place of the public endpoints",
                )
                .hint = Some("add `universe: {host: ...}`".into());
        }
        (PlatformDelivery::Online, Some(_)) => {
            findings
                .add(
                    codes::UNIVERSE_FORBIDDEN,
                    "/spec/platform/universe",
                    "`universe` must not be set when `delivery` is Online",
                )
                .hint = Some("remove it, or set `delivery: Offline`".into());
        }
        _ => {}
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
