//! Image registries: hosts, trust, and Secrets that never stand in plain text.

use std::collections::HashMap;

use serde_json::Value;

use super::super::cluster::{root, sops_files};
use super::super::findings::Findings;
use super::super::manifest::{DeliveryType, Mirror, PlatformDelivery, PullSecret, Registry};
use super::super::read::Intent;
use super::ca::{self, Need};
use crate::diagnostic::{codes, mask};
use crate::tree::{Blob, Tree};
use crate::yaml::{self, Dialect, Limits};

pub(super) fn check(intent: &Intent, files: &Tree, findings: &mut Findings) {
    let spec = &intent.manifest.spec;
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut upstreams: HashMap<&str, usize> = HashMap::new();
    let mut secrets: HashMap<(&str, &str), usize> = HashMap::new();
    let mut variables: HashMap<&str, &str> = HashMap::new();
    for (index, registry) in spec.registries.indexed() {
        let at = format!("/spec/registries/{index}");
        if let Some(first) = names.insert(&registry.name, index) {
            let first = findings.name_of(&format!("/spec/registries/{first}"), &at);
            findings
                .add(
                    codes::REGISTRY_DUPLICATE,
                    &format!("{at}/name"),
                    format!("registry `{}` is declared already by {first}", registry.name),
                )
                .hint = Some("registry names are unique; modules refer to them".into());
        }
        if !is_host(&registry.host) {
            let bare = registry
                .host
                .split("://")
                .last()
                .unwrap_or_default()
                .split('/')
                .next()
                .unwrap_or_default()
                .to_lowercase();
            findings
                .add(
                    codes::REGISTRY_HOST_INVALID,
                    &format!("{at}/host"),
                    format!("{} must be host[:port] without scheme, path or upper case", mask::quote(&registry.host)),
                )
                .hint = Some(if is_host(&bare) {
                format!("write `{bare}`")
            } else {
                "write it as in an image name, for example `registry.corp.example:5000`".into()
            });
        }
        for (number, mirror) in registry.mirrors.indexed() {
            let upstream = match mirror {
                Mirror::Host(host) => host.as_str(),
                Mirror::Project(project) => project.upstream.as_str(),
            };
            if let Some(first) = upstreams.insert(upstream, index) {
                let first = findings.name_of(&format!("/spec/registries/{first}"), &at);
                findings
                    .add(
                        codes::MIRROR_DUPLICATE,
                        &format!("{at}/mirrors/{number}"),
                        format!("`{upstream}` is mirrored already by {first}"),
                    )
                    .hint = Some("containerd reads one hosts.toml per upstream".into());
            }
        }
        check_trust(intent, registry, files, &at, findings);
        if let Some(secret) = &registry.pull_secret {
            let at = format!("{at}/pullSecret");
            for (number, namespace) in secret.namespaces.indexed() {
                if let Some(first) = secrets.insert((namespace.as_str(), secret.name.as_str()), index) {
                    let first = findings.name_of(&format!("/spec/registries/{first}"), &at);
                    findings
                        .add(
                            codes::PULL_SECRET_DUPLICATE,
                            &format!("{at}/namespaces/{number}"),
                            format!(
                                "Secret `{}` in namespace `{namespace}` is delivered already by {first}",
                                secret.name
                            ),
                        )
                        .hint = Some("give each registry a Secret of its own; a pod can list several".into());
                }
            }
            if let Some(from) = &secret.delivery.substitute_from {
                let first = variables.insert(&from.variable, &from.name).unwrap_or(&from.name);
                if from.variable == "q" || first != from.name {
                    let message = if from.variable == "q" {
                        "the variable `q` is taken: it holds a quotation mark".to_owned()
                    } else {
                        format!(
                            "Secrets `{first}` and `{}` both define the variable `{}`; Flux takes the last one",
                            from.name, from.variable
                        )
                    };
                    findings
                        .add(codes::VARIABLE_COLLISION, &format!("{at}/delivery/substituteFrom/variable"), message)
                        .hint = Some("give the variable another name".into());
                }
            }
            check_secret(intent, registry, secret, files, &at, findings);
        }
    }
}

fn check_trust(intent: &Intent, registry: &Registry, files: &Tree, at: &str, findings: &mut Findings) {
    let platform = &intent.manifest.spec.platform;
    match &registry.tls.ca_file {
        Some(file) => {
            ca::check_file(intent, files, file, &format!("{at}/tls/caFile"), Need::HandOver, findings);
        }
        None if platform.delivery == PlatformDelivery::Offline => {
            findings
                .add(codes::REGISTRY_CA_UNKNOWN, at, format!("registry `{}` gives no CA; in a closed network nodes must be told to trust it, or they refuse to pull", registry.name))
                .hint = Some("add `tls: {caFile: ...}`, or make sure that its certificate is publicly trusted".into());
        }
        None => {}
    }
}

fn check_secret(
    intent: &Intent,
    registry: &Registry,
    secret: &PullSecret,
    files: &Tree,
    at: &str,
    findings: &mut Findings,
) {
    let delivery = &secret.delivery;
    let settings = [
        ("sops", DeliveryType::SOPS, delivery.sops.is_some(), false),
        ("externalSecret", DeliveryType::ExternalSecret, delivery.external_secret.is_some(), true),
        ("starVaultCSI", DeliveryType::StarVaultCSI, delivery.star_vault_csi.is_some(), true),
        ("substituteFrom", DeliveryType::SubstituteFrom, delivery.substitute_from.is_some(), true),
    ];
    for (field, kind, given, required) in settings {
        if delivery.kind == kind && required && !given {
            findings
                .add(
                    codes::DELIVERY_SETTINGS_MISSING,
                    &format!("{at}/delivery"),
                    format!("`{field}` is required when `type` is {kind:?}"),
                )
                .hint =
                Some(format!("`fluxwright explain spec.registries.pullSecret.delivery.{field}` lists its fields"));
        }
        if delivery.kind != kind && given {
            findings
                .add_at_key(
                    codes::DELIVERY_SETTINGS_UNUSED,
                    &format!("{at}/delivery/{field}"),
                    format!("`{field}` must not be set when `type` is {:?}", delivery.kind),
                )
                .hint = Some(format!("remove it, or set `type: {kind:?}`"));
        }
    }
    if delivery.kind == DeliveryType::StarVaultCSI {
        findings
            .add(
                codes::SECRET_NEEDS_MOUNT,
                &format!("{at}/delivery/type"),
                "the Secret exists only while a pod mounts it; a Deployment that does nothing else is rendered",
            )
            .hint = Some("nodes must be able to pull `starVaultCSI.syncImage` without this Secret".into());
    }
    if let Some(reflector) = &secret.reflector
        && !secret.namespaces.iter().any(|namespace| *namespace == reflector.source_namespace)
    {
        findings
            .add(
                codes::REFLECTOR_SOURCE_UNKNOWN,
                &format!("{at}/reflector/sourceNamespace"),
                format!("`{}` is not in `namespaces`", reflector.source_namespace),
            )
            .hint = Some("name the namespace that gets the Secret first, and list it too".into());
    }
    for (index, account) in secret.service_accounts.indexed() {
        if !secret.namespaces.iter().any(|namespace| *namespace == account.namespace) {
            findings
                .add(
                    codes::SERVICE_ACCOUNT_WITHOUT_SECRET,
                    &format!("{at}/serviceAccounts/{index}/namespace"),
                    format!(
                        "`{}` is not in `namespaces`; a pull secret must lie in the pod's namespace",
                        account.namespace
                    ),
                )
                .hint = Some(format!("add `{}` to `pullSecret.namespaces`", account.namespace));
        }
    }
    if delivery.kind == DeliveryType::SOPS {
        if intent.manifest.spec.gitops.decryption.is_none() {
            findings
                .add(
                    codes::DECRYPTION_REQUIRED,
                    &format!("{at}/delivery/type"),
                    format!(
                        "`spec.gitops.decryption` is required: registry `{}` delivers its pull secret with SOPS",
                        registry.name
                    ),
                )
                .hint = Some("add `decryption: {provider: sops, secretRef: {name: sops-age}}` to spec.gitops".into());
        }
        for (namespace, file) in sops_files(secret) {
            let Some(path) = root(intent).and_then(|root| root.join(&file).ok()) else { continue };
            match files.get(&path) {
                Some(blob) => check_sops_file(blob, path.as_str(), secret, &namespace, findings),
                None => {
                    findings
                        .add(
                            codes::SOPS_FILE_MISSING,
                            &format!("{at}/delivery"),
                            format!(
                                "`{path}` does not exist; until then pods in `{namespace}` cannot pull from `{}`",
                                registry.host
                            ),
                        )
                        .hint = Some("the commands that create it stand in the rendered `HANDOVER.md`".into());
                }
            }
        }
    }
}

/// Checks that a file in the repository is the encrypted Secret that the intent describes.
fn check_sops_file(blob: &Blob, path: &str, secret: &PullSecret, namespace: &str, findings: &mut Findings) {
    let node = match yaml::parse_one(blob.bytes(), Dialect::Kubernetes, Limits::INTENT) {
        Ok(node) => node,
        Err(faults) => {
            findings.extend(faults.into_iter().map(|fault| fault.file(path)));
            return;
        }
    };
    let value = node.to_value();
    let sealed = value.get("sops").is_some_and(Value::is_object);
    let open = ["data", "stringData"].into_iter().find(|field| {
        value.get(*field).and_then(Value::as_object).is_some_and(|entries| {
            entries.values().any(|entry| !entry.as_str().is_some_and(|text| text.starts_with("ENC[")))
        })
    });
    let mut report = |code, pointer: &str, message: String, hint: String| {
        let at = crate::diagnostic::Diagnostic::new(code, message)
            .file(path)
            .span(node.span_at(pointer))
            .field(crate::diagnostic::field_path(pointer))
            .hint(hint);
        findings.extend([at]);
    };
    if !sealed || open.is_some() {
        report(
            codes::PLAINTEXT_SECRET,
            &open.map_or_else(String::new, |field| format!("/{field}")),
            "the Secret is not encrypted with SOPS".into(),
            "treat the credential as leaked if it was committed; then `sops encrypt --in-place --encrypted-regex '^(data|stringData)$' FILE`".into(),
        );
        return;
    }
    let expected = [
        ("/kind", "Secret"),
        ("/type", "kubernetes.io/dockerconfigjson"),
        ("/metadata/name", secret.name.as_str()),
        ("/metadata/namespace", namespace),
    ];
    for (pointer, wanted) in expected {
        let found = value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        if found != wanted {
            report(
                codes::SOPS_FILE_MISMATCH,
                pointer,
                format!("expected `{wanted}`, found {}", mask::quote(found)),
                "create the file again with the commands in the rendered `HANDOVER.md`".into(),
            );
        }
    }
}

fn is_host(text: &str) -> bool {
    let (host, port) = text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label) && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}
