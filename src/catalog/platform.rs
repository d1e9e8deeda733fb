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
    /// Sections of the intent that the platform knows.
    pub sections: Vec<String>,
    /// Flux on this platform.
    pub gitops: GitopsFacts,
    /// Public addresses of an online cluster, by purpose.
    #[serde(default)]
    pub endpoints: BTreeMap<String, String>,
    /// Ingress on this platform.
    pub ingress: IngressFacts,
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
    /// Name of the platform's own Flux source.
    pub release_source: String,
}

/// Ingress on a platform.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IngressFacts {
    /// Controller for user services.
    pub default_controller: String,
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

/// The object names of one controller.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KnownController {
    /// Name of the controller.
    pub name: String,
    /// Namespace of its objects.
    pub namespace: String,
    /// Its Service.
    pub service: String,
    /// Its DaemonSet.
    pub daemon_set: String,
    /// Its ConfigMap for TCP services.
    pub tcp_config_map: String,
    /// Its ConfigMap for UDP services.
    pub udp_config_map: String,
    /// Kustomization that deploys it.
    pub kustomization: String,
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

/// A range of ports, both ends included.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PortRange {
    /// First port.
    pub first: u32,
    /// Last port.
    pub last: u32,
}

/// A module that is always installed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BaseModule {
    /// Name of the module; also its component.
    pub name: String,
    /// Who would revert a change.
    pub owner: Owner,
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
    let known = platform.ingress.controllers.iter().any(|c| c.name == platform.ingress.default_controller);
    if !known {
        return Err(vec![invalid(&file, "`ingress.defaultController` is not one of `ingress.controllers`")]);
    }
    Ok(platform)
}
