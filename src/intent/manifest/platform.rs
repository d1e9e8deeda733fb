//! What the cluster runs on: product, version, nodes, trust.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the cluster runs on.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Platform {
    /// The product. It picks object names, namespaces and what may be patched.
    #[serde(rename = "type")]
    pub kind: String,
    /// Minor version of Kubernetes in quotes, as in `"1.28"`; rules that depend on the version use it.
    #[schemars(regex(pattern = r"^1\.[0-9]{1,2}$"))]
    pub kubernetes_version: String,
    /// How many nodes have which role.
    #[serde(default)]
    pub nodes: Nodes,
    /// Where images, releases and configuration come from.
    #[serde(default)]
    pub delivery: PlatformDelivery,
    /// The Universe machine of a closed network; required with `delivery: Offline` where the platform has one, forbidden
    /// otherwise.
    pub universe: Option<Universe>,
    /// Addresses that replace the public ones of an online cluster.
    #[serde(default)]
    pub endpoints: Endpoints,
    /// Root certificates that the nodes trust. An install-time parameter: rendered under `install/`, never applied by Flux.
    pub ca_trust_bundle: Option<CaBundle>,
}

impl Platform {
    /// Returns the minor version of Kubernetes, as in 28.
    pub fn kubernetes_minor(&self) -> Option<u32> {
        self.kubernetes_version.strip_prefix("1.")?.parse().ok()
    }
}

/// How many nodes have which role.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Nodes {
    /// Nodes with the role `infra`. From 3 on, modules that need a quorum run highly available.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub infra: u32,
    /// Nodes with the role `ingress`; 0 means that ingress runs on infra nodes.
    #[serde(default)]
    #[schemars(range(max = 1000))]
    pub ingress: u32,
}

impl Default for Nodes {
    fn default() -> Self {
        Self { infra: 1, ingress: 0 }
    }
}

fn one() -> u32 {
    1
}

/// Where images, releases and configuration come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum PlatformDelivery {
    /// From the vendor's public endpoints, directly or through the proxy.
    #[default]
    Online,
    /// From a machine in a closed network.
    Offline,
}

/// The machine that serves images, releases and configuration in a closed network.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Universe {
    /// Host name or IP address, without scheme and port.
    #[schemars(regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$"), length(max = 253))]
    pub host: String,
}

/// Addresses that replace the public ones of an online cluster, each as `host` or `host:port`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoints {
    /// Image hub.
    #[schemars(regex(pattern = r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$"))]
    pub image_hub: Option<String>,
    /// Licence service.
    #[schemars(regex(pattern = r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$"))]
    pub licence: Option<String>,
    /// Git server with the release repository.
    #[schemars(regex(pattern = r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$"))]
    pub git: Option<String>,
    /// Configuration Manager.
    #[schemars(regex(pattern = r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$"))]
    pub configuration_manager: Option<String>,
}

/// A bundle of certificates in PEM: exactly one of `file` and `inline`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaBundle {
    /// PEM file, relative to the intent file.
    #[schemars(extend("x-fluxwright-file" = true))]
    pub file: Option<String>,
    /// PEM text.
    pub inline: Option<String>,
}
