//! A platform: what is true of every cluster that runs one product.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Files, invalid, parse};
use crate::diagnostic::Diagnostic;

/// The facts of a platform, from `platform.yaml`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Platform {
    /// Always `fluxwright.dev/v1alpha1`.
    pub api_version: String,
    /// Always `Platform`.
    pub kind: String,
    /// Name, the value of `spec.platform.type`.
    pub name: String,
    /// One line for `fluxwright modules`.
    pub summary: String,
    /// Whether `fluxwright init` takes it when none is named.
    #[serde(default)]
    pub default: bool,
    /// Sections of the intent that the platform knows.
    pub sections: Vec<String>,
    /// What to do instead, for sections and fields of `spec.platform` that the platform does not know.
    #[serde(default)]
    pub instead: BTreeMap<String, String>,
    /// Fields of `spec.platform` that the platform knows, beyond product, version and nodes.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Flux on this platform.
    pub gitops: GitopsFacts,
    /// Public addresses of an online cluster, by purpose.
    #[serde(default)]
    pub endpoints: BTreeMap<String, String>,
    /// Ingress on this platform.
    #[serde(default)]
    pub ingress: IngressFacts,
    /// ServiceAccounts that the platform gives pull secrets itself.
    #[serde(default)]
    pub managed_service_accounts: Vec<String>,
    /// Modules that are always installed.
    #[serde(default)]
    pub base_modules: Vec<BaseModule>,
}

/// Flux on a platform.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitopsFacts {
    /// Namespace of the platform's Flux objects.
    pub namespace: String,
    /// Name of a component's Kustomization; `{component}` stands for the component.
    pub kustomization_name: String,
    /// Name of the platform's own Flux source, when it has one.
    pub release_source: Option<String>,
    /// How patches reach Kustomizations that this tree does not own: `MergeAnnotation` or `ManualSnippet`.
    pub patch_mode: String,
    /// How a person brings patches into place, in Markdown; `{kustomization}`, `{namespace}` and `{file}` are filled in.
    pub by_hand: String,
}

/// Ingress on a platform; empty where the intent must name every object.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct IngressFacts {
    /// Controller for user services.
    pub default_controller: Option<String>,
    /// Controllers whose object names are known.
    pub controllers: Vec<KnownController>,
    /// Ports that the controllers' Services have already.
    pub service_ports: Vec<ServicePortFact>,
    /// Ports that ingress-nginx keeps for itself.
    pub reserved_ports: Vec<PortFact>,
    /// Ports of the admission webhook.
    pub webhook_ports: Vec<PortFact>,
    /// Ports that node processes listen on.
    pub node_ports: Vec<PortFact>,
    /// Ports that a platform service may listen on.
    pub contended_ports: Vec<PortFact>,
    /// The NodePort range.
    pub node_port_range: PortRange,
}

/// The object names of one controller, and how the platform runs it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KnownController {
    /// Name of the controller.
    pub name: String,
    /// Namespace of its objects.
    pub namespace: String,
    /// Its Service.
    pub service: String,
    /// Its DaemonSet, when it is one.
    pub daemon_set: Option<String>,
    /// Its Deployment, when it is one.
    pub deployment: Option<String>,
    /// Its ConfigMap for TCP services.
    pub tcp_config_map: String,
    /// Its ConfigMap for UDP services.
    pub udp_config_map: String,
    /// Kustomization that deploys it.
    pub kustomization: String,
    /// How its ports reach the node: `HostNetwork`, `HostPort` or `Service`.
    pub node_exposure: Option<String>,
    /// Whether it has the flags that name its ConfigMaps: `Present` or `Add`.
    pub stream_flags: Option<String>,
}

/// A named port of a Service.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServicePortFact {
    /// Name of the port.
    pub name: String,
    /// Number of the port.
    pub port: u32,
}

/// A port and who listens on it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PortFact {
    /// Number of the port.
    pub port: u32,
    /// Who listens on it.
    pub owner: String,
}

/// A range of ports, both ends included; that of Kubernetes unless the platform says otherwise.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PortRange {
    /// First port.
    pub first: u32,
    /// Last port.
    pub last: u32,
}

impl Default for PortRange {
    fn default() -> Self {
        Self { first: 30000, last: 32767 }
    }
}

/// A module that is always installed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BaseModule {
    /// Name of the module; also its component.
    pub name: String,
    /// What it is, in a few words.
    pub summary: String,
    /// Who would revert a change.
    pub owner: Owner,
    /// Why it cannot be patched, when Flux does not own it.
    pub reason: Option<String>,
    /// Base modules that no cluster has besides this one.
    #[serde(default)]
    pub excludes: Vec<String>,
    /// Fewest infra nodes with which it is installed.
    #[serde(default)]
    pub min_infra_nodes: u32,
}

/// Who owns a base module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Owner {
    /// Flux: its Kustomization can be patched.
    FluxCD,
    /// The platform's Configuration Manager: changes would be reverted.
    #[serde(rename = "Configuration Manager")]
    ConfigurationManager,
}

impl Platform {
    /// Returns the name of a component's Kustomization.
    pub fn kustomization(&self, component: &str) -> String {
        self.gitops.kustomization_name.replace("{component}", component)
    }

    /// Tells whether a name follows the platform's rule for Kustomizations.
    pub fn is_kustomization(&self, name: &str) -> bool {
        match self.gitops.kustomization_name.split_once("{component}") {
            Some((before, after)) => {
                name.len() > before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
            }
            None => name == self.gitops.kustomization_name,
        }
    }

    /// Returns a base module by name.
    pub fn base_module(&self, name: &str) -> Option<&BaseModule> {
        self.base_modules.iter().find(|module| module.name == name)
    }
}

/// Reads the folder of a platform.
pub(super) fn read(dir: &str, files: &Files) -> Result<Platform, Vec<Diagnostic>> {
    let file = format!("{dir}/platform.yaml");
    let text = files.get("platform.yaml").map(String::as_str).unwrap_or_default();
    let platform: Platform = parse(&file, text)?;
    if platform.api_version != "fluxwright.dev/v1alpha1" || platform.kind != "Platform" {
        return Err(vec![invalid(&file, "expected `apiVersion: fluxwright.dev/v1alpha1` and `kind: Platform`")]);
    }
    let mut faults = Vec::new();
    let mut fault = |message: String| faults.push(invalid(&file, message));
    let ingress = &platform.ingress;
    if let Some(default) = &ingress.default_controller
        && !ingress.controllers.iter().any(|controller| controller.name == *default)
    {
        fault("`ingress.defaultController` is not one of `ingress.controllers`".into());
    }
    if !["MergeAnnotation", "ManualSnippet"].contains(&platform.gitops.patch_mode.as_str()) {
        fault("`gitops.patchMode` is MergeAnnotation or ManualSnippet".into());
    }
    for controller in &ingress.controllers {
        if controller.daemon_set.is_some() == controller.deployment.is_some() {
            fault(format!("controller `{}` needs exactly one of `daemonSet` and `deployment`", controller.name));
        }
        for (field, value, known) in [
            ("nodeExposure", &controller.node_exposure, ["HostNetwork", "HostPort", "Service"].as_slice()),
            ("streamFlags", &controller.stream_flags, &["Present", "Add"]),
        ] {
            if value.as_deref().is_some_and(|value| !known.contains(&value)) {
                fault(format!("`{field}` of controller `{}` is one of {}", controller.name, known.join(", ")));
            }
        }
    }
    for base in platform.base_modules.iter().filter(|base| base.owner != Owner::FluxCD && base.reason.is_none()) {
        fault(format!("base module `{}` needs `reason`: why it cannot be patched", base.name));
    }
    if faults.is_empty() { Ok(platform) } else { Err(faults) }
}
