//! Registries: what their type allows, and who trusts them.

use crate::catalog::{Catalog, Platform, RegistryType};
use crate::diagnostic::codes;
use crate::intent::Findings;
use crate::intent::manifest::{ClusterIntent, Registry, SubjectKind};

pub(super) fn check(intent: &ClusterIntent, platform: &Platform, catalog: &Catalog, findings: &mut Findings) {
    for (index, registry) in intent.spec.registries.indexed() {
        let at = format!("/spec/registries/{index}");
        trust(intent, platform, registry, findings);
        let Some(kind) = catalog.registry_type(&registry.kind) else { continue };
        of_type(registry, kind, catalog, &at, findings);
        grants(registry, &at, findings);
        managed_accounts(registry, kind, platform, &at, findings);
    }
}

/// Nodes of some platforms trust nothing but the roots that they were installed with.
fn trust(intent: &ClusterIntent, platform: &Platform, registry: &Registry, findings: &mut Findings) {
    let Some(file) = &registry.tls.ca_file else { return };
    let known = platform.fields.iter().any(|field| field == "caTrustBundle");
    if known && intent.spec.platform.ca_trust_bundle.is_none() {
        findings
            .add(
                codes::CA_TRUST_BUNDLE_REQUIRED,
                "/spec/platform",
                format!(
                    "`caTrustBundle` is required: registry `{}` has its own CA and the nodes trust only caTrustBundle",
                    registry.name
                ),
            )
            .hint = Some(format!("add `caTrustBundle: {{file: {file}}}`"));
    }
}

/// Fields that only some types of registries have, and the host that pods should use.
fn of_type(registry: &Registry, kind: &RegistryType, catalog: &Catalog, at: &str, findings: &mut Findings) {
    let has = |field: &str, kind: &RegistryType| match field {
        "pullGrants" => kind.pull_grants.is_some(),
        _ => !kind.in_cluster_hosts.is_empty(),
    };
    let fields = [("pullGrants", !registry.pull_grants.is_empty()), ("externalHost", registry.external_host.is_some())];
    for (field, given) in fields {
        if given && !has(field, kind) {
            let types = catalog.registry_types().filter(|kind| has(field, kind)).map(|kind| kind.name.as_str());
            findings
                .add_at_key(
                    codes::REGISTRY_FIELD_UNSUPPORTED,
                    &format!("{at}/{field}"),
                    format!("`{field}` applies to registries of type {} only", types.collect::<Vec<_>>().join(", ")),
                )
                .hint = Some("remove it, or set the `type` of the registry".into());
        }
    }
    if !kind.in_cluster_hosts.is_empty() && !kind.in_cluster_hosts.contains(&registry.host) {
        findings
            .add(
                codes::REGISTRY_HOST_EXTERNAL,
                &format!("{at}/host"),
                format!(
                    "pods of the cluster should pull by {}; another host is for pushing and for outside use",
                    kind.in_cluster_hosts.join(" or ")
                ),
            )
            .hint = Some("use that name as `host`, and this one as `externalHost`".into());
    }
}

/// Subjects of grants: a ServiceAccount has a namespace, users and groups have none.
fn grants(registry: &Registry, at: &str, findings: &mut Findings) {
    for (number, grant) in registry.pull_grants.indexed() {
        for (index, subject) in grant.subjects.indexed() {
            let place = format!("{at}/pullGrants/{number}/subjects/{index}");
            match (subject.kind, &subject.namespace) {
                (SubjectKind::ServiceAccount, None) => {
                    findings
                        .add(codes::GRANT_NAMESPACE_REQUIRED, &place, "`namespace` is required for a ServiceAccount")
                        .hint = Some("add the namespace of the pods that pull".into());
                }
                (SubjectKind::ServiceAccount, Some(namespace)) if *namespace == grant.image_namespace => {
                    findings
                        .add(
                            codes::GRANT_REDUNDANT,
                            &place,
                            format!("namespace `{namespace}` can pull its own images already; the grant is redundant"),
                        )
                        .hint = Some("remove the subject".into());
                }
                (SubjectKind::ServiceAccount, Some(_)) => {}
                (kind, Some(_)) => {
                    findings
                        .add_at_key(
                            codes::GRANT_NAMESPACE_FORBIDDEN,
                            &format!("{place}/namespace"),
                            format!("`namespace` must not be set for a {kind:?}"),
                        )
                        .hint = Some("remove it: users and groups belong to the whole cluster".into());
                }
                (_, None) => {}
            }
        }
    }
}

/// imagePullSecrets is an atomic list: whoever writes it drops the entry that the platform put there.
fn managed_accounts(registry: &Registry, kind: &RegistryType, platform: &Platform, at: &str, findings: &mut Findings) {
    let Some(secret) = &registry.pull_secret else { return };
    for (index, account) in secret.service_accounts.indexed() {
        let managed = [&kind.managed_service_accounts, &platform.managed_service_accounts];
        if managed.iter().any(|list| list.contains(&account.name)) {
            findings
                .add(
                    codes::SERVICE_ACCOUNT_MANAGED,
                    &format!("{at}/pullSecret/serviceAccounts/{index}"),
                    format!(
                        "the platform manages ServiceAccount `{}`; imagePullSecrets is an atomic list, and its own entry would be lost",
                        account.name
                    ),
                )
                .hint = Some("use a ServiceAccount of your own, or name the Secret in the pods".into());
        }
    }
}
