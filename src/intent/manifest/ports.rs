//! Ingress controllers and the ports that they pass through.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::intent::items::Items;

/// Ingress controllers that expose ports.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ingress {
    /// The controllers; default: one, the platform's controller for user services.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-map-keys" = ["name"]))]
    pub controllers: Items<Controller>,
}

/// One ingress controller. Object names that the platform knows need not be given.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Controller {
    /// Name by which ports refer to it.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub name: String,
    /// Namespace of the controller's objects.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub namespace: Option<String>,
    /// Service of the controller.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub service: Option<String>,
    /// DaemonSet of the controller; or give `deployment`.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
    pub daemon_set: Option<String>,
    /// Deployment of the controller, when it is no DaemonSet.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
    pub deployment: Option<String>,
    /// ConfigMap behind `--tcp-services-configmap`.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
    pub tcp_config_map: Option<String>,
    /// ConfigMap behind `--udp-services-configmap`.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
    pub udp_config_map: Option<String>,
    /// Flux Kustomization that deploys the controller.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
    pub kustomization: Option<String>,
    /// How the controller's ports reach the node; default: as the platform runs it, else HostNetwork.
    pub node_exposure: Option<NodeExposure>,
    /// Whether the controller has the flags that name its ConfigMaps; default: as the platform runs it, else Present.
    pub stream_flags: Option<StreamFlags>,
    /// Form of the patches for the controller's Service and DaemonSet.
    #[serde(default)]
    pub patch_format: PatchFormat,
    /// Who writes the ConfigMaps.
    #[serde(default)]
    pub config_map_ownership: ConfigMapOwnership,
}

impl Controller {
    /// A controller of which only the name is given.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespace: None,
            service: None,
            daemon_set: None,
            deployment: None,
            tcp_config_map: None,
            udp_config_map: None,
            kustomization: None,
            node_exposure: None,
            stream_flags: None,
            patch_format: PatchFormat::default(),
            config_map_ownership: ConfigMapOwnership::default(),
        }
    }
}

/// How the controller's ports reach the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum NodeExposure {
    /// The controller runs in the node's network; nothing but the Service is patched.
    #[default]
    HostNetwork,
    /// The controller's DaemonSet or Deployment is patched with host ports too.
    HostPort,
    /// Only the Service is patched; it decides (ClusterIP, NodePort or LoadBalancer).
    Service,
}

/// Whether the controller has the flags `--tcp-services-configmap` and `--udp-services-configmap`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum StreamFlags {
    /// The controller has them.
    #[default]
    Present,
    /// The controller lacks them; they are patched in for the ConfigMaps in use.
    Add,
}

/// Form of the patches for the controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum PatchFormat {
    /// A list of operations with ascending indexes, as the platform's documentation shows it.
    #[default]
    JSON6902,
    /// A strategic merge patch without target: it merges by port and protocol, and fails when its object is missing.
    StrategicMerge,
}

/// Who writes the ConfigMaps of a controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ConfigMapOwnership {
    /// This tree holds the ConfigMaps.
    #[default]
    Own,
    /// The ConfigMaps belong to the controller's Kustomization and are patched through it.
    Patch,
}

/// One port that an ingress controller passes through: a ConfigMap entry and a Service port.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExposedPort {
    /// Port on which the controller listens; also the port of its Service.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u32,
    /// Transport protocol.
    #[serde(default)]
    pub protocol: Protocol,
    /// Name of the ingress controller; default: the only one.
    pub controller: Option<String>,
    /// Name of the Service port; default `<protocol>-<port>`, as in `tcp-1540`.
    pub name: Option<String>,
    /// The Service that gets the traffic.
    pub backend: Backend,
    /// PROXY protocol on either side; TCP only.
    pub proxy_protocol: Option<ProxyProtocol>,
}

/// Transport protocols that ingress-nginx can pass through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum Protocol {
    /// TCP.
    #[default]
    TCP,
    /// UDP.
    UDP,
}

/// The Service that gets the traffic of an exposed port.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Backend {
    /// Namespace of the Service.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub namespace: String,
    /// Name of the Service.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub service: String,
    /// Port of the Service: a number or a port name.
    pub port: PortRef,
}

/// A Service port by number or by name.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum PortRef {
    /// By number.
    Number(u32),
    /// By name.
    Name(String),
}

impl JsonSchema for PortRef {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PortRef".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        // One schema without `anyOf`: a wrong value then names its fault instead of two failed branches.
        schemars::json_schema!({
            "type": ["integer", "string"],
            "minimum": 1,
            "maximum": 65535,
            "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
            "maxLength": 15
        })
    }
}

/// PROXY protocol of an exposed port.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProxyProtocol {
    /// The controller expects the PROXY header from the client's side.
    #[serde(default)]
    pub decode: bool,
    /// The controller sends the PROXY header to the backend.
    #[serde(default)]
    pub encode: bool,
}
