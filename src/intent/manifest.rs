//! The intent as written: closed serde types whose doc comments are the user's documentation.
//!
//! The JSON Schema is derived from these types; a module's own options are stitched in by the catalog.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::items::Items;

/// The apiVersion of an intent.
pub const API_VERSION: &str = "fluxwright.dev/v1alpha1";
/// The kind of an intent.
pub const KIND: &str = "ClusterIntent";

/// What one cluster should expose, use and run. fluxwright renders it into the repository tree that Flux applies.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterIntent {
    /// Always `fluxwright.dev/v1alpha1`.
    #[schemars(extend("const" = API_VERSION))]
    pub api_version: String,
    /// Always `ClusterIntent`.
    #[schemars(extend("const" = KIND))]
    pub kind: String,
    /// Name of the cluster and free annotations.
    pub metadata: Metadata,
    /// What the cluster should be.
    pub spec: Spec,
}

/// Name, labels and annotations of the intent.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Name of the cluster, a DNS-1123 label; its tree lies in `clusters/<name>/`.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$"))]
    pub name: String,
    /// Labels of the intent itself; they are not rendered.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the intent itself. `config.kubernetes.io/local-config: "true"` keeps kustomize from applying it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// The sections of an intent.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// What the cluster runs on: product, version, nodes, trust.
    pub platform: Platform,
    /// The repository that Flux reads, and how Flux reconciles it.
    pub gitops: Gitops,
    /// Ingress controllers that expose TCP and UDP ports.
    #[serde(default)]
    pub ingress: Ingress,
    /// TCP and UDP ports that an ingress controller passes through to a Service.
    #[serde(default)]
    pub exposed_ports: Items<ExposedPort>,
    /// The HTTP proxy of the cluster's nodes and platform services.
    pub proxy: Option<Proxy>,
    /// Image registries: pull secrets and mirrors.
    #[serde(default)]
    pub registries: Items<Registry>,
    /// Modules of the platform to install, remove or patch.
    #[serde(default)]
    pub modules: Items<Module>,
    /// Further patches for Kustomizations of the platform, for what no field covers.
    #[serde(default)]
    pub patches: Items<PatchEntry>,
}

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
    /// The Nova Universe machine of a closed network; required with `delivery: Offline`, forbidden otherwise.
    pub universe: Option<Universe>,
    /// Addresses that replace the public ones of an online cluster.
    #[serde(default)]
    pub endpoints: Endpoints,
    /// Root certificates that the nodes trust. An install-time parameter: rendered under `install/`, never applied by Flux.
    pub ca_trust_bundle: Option<CaBundle>,
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
    /// From a Nova Universe machine in a closed network.
    Offline,
}

/// The Nova Universe machine of a closed network.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Universe {
    /// Host name or IP address, without scheme and port.
    #[schemars(regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"))]
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
    pub file: Option<String>,
    /// PEM text.
    pub inline: Option<String>,
}

/// The repository that Flux reads, and how Flux reconciles it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gitops {
    /// Namespace of the Flux objects; default: the platform's own GitOps namespace.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
    pub namespace: Option<String>,
    /// The repository that this tree is pushed to. Never the platform's release mirror.
    pub source: Source,
    /// The platform's own Flux source with its release; needed to enable modules.
    pub release_source: Option<ReleaseSource>,
    /// How often Flux checks for drift, as in `10m`.
    #[serde(default = "ten_minutes")]
    #[schemars(regex(pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))]
    pub interval: String,
    /// How soon Flux tries again after a failure, as in `1m`.
    #[serde(default = "one_minute")]
    #[schemars(regex(pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))]
    pub retry_interval: String,
    /// How long Flux waits for objects to become ready, as in `5m`.
    #[serde(default = "five_minutes")]
    #[schemars(regex(pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))]
    pub timeout: String,
    /// ServiceAccount that Flux impersonates when it applies this tree; default: the controller's own rights.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub service_account_name: Option<String>,
    /// Decryption of SOPS files; required when a secret is delivered with SOPS.
    pub decryption: Option<Decryption>,
    /// How patches reach Kustomizations that belong to the platform.
    #[serde(default)]
    pub patch_mode: PatchMode,
}

fn ten_minutes() -> String {
    "10m".into()
}
fn one_minute() -> String {
    "1m".into()
}
fn five_minutes() -> String {
    "5m".into()
}

/// The Git repository of this tree.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// Name of the GitRepository; the Kustomizations of this tree are called `<name>-<part>`.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$"))]
    pub name: String,
    /// Address as Flux knows it: `https://`, `http://` or `ssh://`. Without user and password.
    #[schemars(regex(pattern = r"^(http|https|ssh)://[^\s/]+/\S+$"))]
    pub url: String,
    /// Branch that Flux follows.
    #[serde(default = "main_branch")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9._/-]*$"))]
    pub branch: String,
    /// Directory of this cluster in the repository; default `clusters/<metadata.name>`.
    pub path: Option<String>,
    /// How often Flux fetches the repository, as in `5m`.
    #[serde(default = "five_minutes")]
    #[schemars(regex(pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))]
    pub interval: String,
    /// Secret in the GitOps namespace with `username` and `password` (or `identity` and `known_hosts` for SSH), and `ca.crt`.
    pub secret_ref: Option<NameRef>,
}

fn main_branch() -> String {
    "main".into()
}

/// Reference to an object by name.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NameRef {
    /// Name of the object.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub name: String,
}

/// The platform's own Flux source.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseSource {
    /// Kind of the source.
    #[serde(default)]
    pub kind: SourceKind,
    /// Name of the source in the GitOps namespace.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub name: String,
}

/// Kinds of Flux sources that a Kustomization can read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum SourceKind {
    /// A Git repository.
    #[default]
    GitRepository,
    /// An OCI artifact.
    OCIRepository,
    /// An S3 bucket.
    Bucket,
}

/// Decryption of SOPS files by Flux.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decryption {
    /// Always `sops`.
    #[serde(default)]
    pub provider: DecryptionProvider,
    /// Secret in the GitOps namespace with the age or PGP key.
    pub secret_ref: Option<NameRef>,
}

/// Programs that Flux can decrypt with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DecryptionProvider {
    /// Mozilla SOPS.
    #[default]
    Sops,
}

/// How patches reach Kustomizations that belong to the platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum PatchMode {
    /// A partial Kustomization with `ssa: Merge` in this tree; Flux merges it into the platform's object.
    #[default]
    MergeAnnotation,
    /// The patch block is rendered under `install/patches/` with the steps for the platform's console; Flux applies nothing.
    ManualSnippet,
}

/// Ingress controllers that expose ports.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ingress {
    /// The controllers; default: one, the platform's controller for user services.
    #[serde(default)]
    pub controllers: Items<Controller>,
}

/// One ingress controller. Object names that the platform knows need not be given.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Controller {
    /// Name by which ports refer to it.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
    pub name: String,
    /// Namespace of the controller's objects.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
    pub namespace: Option<String>,
    /// Service of the controller.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
    pub service: Option<String>,
    /// DaemonSet of the controller.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub daemon_set: Option<String>,
    /// ConfigMap behind `--tcp-services-configmap`.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub tcp_config_map: Option<String>,
    /// ConfigMap behind `--udp-services-configmap`.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub udp_config_map: Option<String>,
    /// Flux Kustomization that deploys the controller.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub kustomization: Option<String>,
    /// How the controller's ports reach the node.
    #[serde(default)]
    pub node_exposure: NodeExposure,
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
            tcp_config_map: None,
            udp_config_map: None,
            kustomization: None,
            node_exposure: NodeExposure::default(),
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
    /// The controller's DaemonSet is patched with host ports too.
    HostPort,
    /// Only the Service is patched; it decides (ClusterIP, NodePort or LoadBalancer).
    Service,
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
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
    pub namespace: String,
    /// Name of the Service.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
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
            "pattern": "^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$"
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

/// The HTTP proxy of the cluster.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Proxy {
    /// Proxy for plain HTTP.
    pub http: ProxyServer,
    /// Proxy for HTTPS.
    pub https: ProxyServer,
    /// What is reached without the proxy: IP addresses, CIDRs and domain names (`.corp.example` covers subdomains).
    #[serde(default)]
    pub no_proxy: Items<String>,
    /// Certificates of a proxy that inspects TLS.
    #[serde(rename = "trustedCA")]
    pub trusted_ca: Option<TrustedCa>,
}

/// One proxy server.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProxyServer {
    /// Address without port and without credentials, as in `http://172.31.100.100`.
    pub server: String,
    /// Port of the proxy.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u32>,
    /// Secret in the GitOps namespace with user and password; Flux substitutes them, they never stand in the repository.
    pub credentials_ref: Option<CredentialsRef>,
}

/// A Secret whose keys Flux substitutes as variables.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialsRef {
    /// Name of the Secret.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub name: String,
    /// Key with the user name; also the name of the variable.
    #[serde(default = "username_key")]
    #[schemars(regex(pattern = r"^[_A-Za-z][_A-Za-z0-9]*$"))]
    pub username_key: String,
    /// Key with the password; also the name of the variable.
    #[serde(default = "password_key")]
    #[schemars(regex(pattern = r"^[_A-Za-z][_A-Za-z0-9]*$"))]
    pub password_key: String,
}

fn username_key() -> String {
    "proxy_username".into()
}
fn password_key() -> String {
    "proxy_password".into()
}

/// Certificates of the proxy: exactly one of `file` and `base64`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustedCa {
    /// PEM file, relative to the intent file.
    pub file: Option<String>,
    /// PEM text in base64.
    pub base64: Option<String>,
}

/// One image registry.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registry {
    /// Name by which modules refer to it.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
    pub name: String,
    /// `host` or `host:port`, without scheme and path.
    pub host: String,
    /// Kind of registry.
    #[serde(default, rename = "type")]
    pub kind: RegistryType,
    /// Upstream registries that this one mirrors; for each a containerd `hosts.toml` is rendered for hand-over.
    #[serde(default)]
    pub mirrors: Items<Mirror>,
    /// Trust in the registry's certificate.
    #[serde(default)]
    pub tls: Tls,
    /// Secret with which pods pull from the registry.
    pub pull_secret: Option<PullSecret>,
}

/// Kinds of registries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum RegistryType {
    /// Any registry that speaks the OCI distribution API.
    #[default]
    Generic,
}

/// An upstream registry by host, or with the project that mirrors it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Mirror {
    /// The upstream's host; the mirror serves it at its root.
    Host(String),
    /// The upstream's host and the project of the mirror that proxies it.
    Project(MirrorProject),
}

/// An upstream registry that a project of this registry proxies.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MirrorProject {
    /// Host of the upstream, as in `hub.nova-platform.io`.
    pub upstream: String,
    /// Project or path in this registry that proxies it.
    pub project: String,
}

impl JsonSchema for Mirror {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mirror".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let host = r"^[a-z0-9.-]+(:[0-9]{1,5})?$";
        schemars::json_schema!({
            "type": ["string", "object"],
            "pattern": host,
            "properties": {
                "upstream": {
                    "type": "string",
                    "pattern": host,
                    "description": "Host of the upstream registry, as in `hub.nova-platform.io`."
                },
                "project": {
                    "type": "string",
                    "pattern": r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$",
                    "description": "Project or path in this registry that proxies the upstream."
                }
            },
            "required": ["upstream", "project"],
            "additionalProperties": false
        })
    }
}

/// Trust in a registry's certificate.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the registry's root, relative to the intent file. It must also be part of `platform.caTrustBundle`.
    pub ca_file: Option<String>,
}

/// A `kubernetes.io/dockerconfigjson` Secret, the same in every namespace.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PullSecret {
    /// Name of the Secret.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub name: String,
    /// Namespaces of the pods that pull from the registry.
    #[schemars(length(min = 1), inner(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")))]
    pub namespaces: Items<String>,
    /// ServiceAccounts that get the Secret as imagePullSecret.
    #[serde(default)]
    pub service_accounts: Items<ServiceAccountRef>,
    /// How the Secret reaches the cluster.
    pub delivery: Delivery,
}

/// A ServiceAccount.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAccountRef {
    /// Namespace of the ServiceAccount.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
    pub namespace: String,
    /// Name of the ServiceAccount.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub name: String,
}

/// How a Secret reaches the cluster.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Delivery {
    /// The way of delivery.
    #[serde(rename = "type")]
    pub kind: DeliveryType,
    /// Settings of `SOPS`.
    pub sops: Option<Sops>,
    /// Settings of `ExternalSecret`.
    pub external_secret: Option<ExternalSecret>,
    /// Settings of `SubstituteFrom`.
    pub substitute_from: Option<SubstituteFrom>,
}

/// Ways in which a Secret reaches the cluster; none of them puts it into the repository in plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum DeliveryType {
    /// The Secret is in the cluster already.
    Existing,
    /// A SOPS-encrypted Secret in the repository, decrypted by Flux.
    SOPS,
    /// An ExternalSecret of the External Secrets Operator.
    ExternalSecret,
    /// A Secret whose content Flux substitutes from another Secret.
    SubstituteFrom,
}

/// Settings of SOPS delivery.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sops {
    /// Directory of the encrypted files `<secret>.<namespace>.sops.yaml`, relative to the intent file and below `registries/`; default `registries`.
    #[schemars(regex(pattern = r"^registries(/[A-Za-z0-9._-]+)*$"))]
    pub directory: Option<String>,
}

/// Settings of an ExternalSecret.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalSecret {
    /// The store that holds the credentials.
    pub store_ref: StoreRef,
    /// Key of the entry in the store, as in `secret/data/registries/corp`.
    #[schemars(length(min = 1))]
    pub key: String,
    /// Property of the entry with the user name.
    #[serde(default = "username")]
    pub username_property: String,
    /// Property of the entry with the password.
    #[serde(default = "password")]
    pub password_property: String,
    /// How often the operator reads the store, as in `1h`.
    #[serde(default = "one_hour")]
    #[schemars(regex(pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))]
    pub refresh_interval: String,
}

fn username() -> String {
    "username".into()
}
fn password() -> String {
    "password".into()
}
fn one_hour() -> String {
    "1h".into()
}

/// A store of the External Secrets Operator.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StoreRef {
    /// Kind of the store.
    #[serde(default)]
    pub kind: StoreKind,
    /// Name of the store.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub name: String,
}

/// Kinds of stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum StoreKind {
    /// A store for all namespaces.
    #[default]
    ClusterSecretStore,
    /// A store of the Secret's own namespace.
    SecretStore,
}

/// Settings of SubstituteFrom delivery.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubstituteFrom {
    /// Kind of the object with the variable.
    #[serde(default)]
    pub kind: SubstituteKind,
    /// Name of the object in the GitOps namespace.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub name: String,
    /// Key in the object and name of the variable; it holds the whole `.dockerconfigjson` in base64.
    #[schemars(regex(pattern = r"^[_A-Za-z][_A-Za-z0-9]*$"))]
    pub variable: String,
}

/// Kinds of objects that Flux substitutes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum SubstituteKind {
    /// A Secret.
    #[default]
    Secret,
}

/// One module of the platform.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Module {
    /// Name of the module; `fluxwright modules` lists them.
    pub name: String,
    /// What should be: installed by this tree, absent, or installed by somebody else and only patched.
    #[serde(default)]
    pub state: ModuleState,
    /// How the platform delivers the module through Flux.
    pub release: Option<Release>,
    /// The module's own options, under the module's name.
    #[serde(flatten)]
    #[schemars(skip)]
    pub options: BTreeMap<String, Value>,
}

/// What should be with a module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ModuleState {
    /// This tree installs it: its Kustomization is rendered whole.
    #[default]
    Enabled,
    /// It is not installed by this tree.
    Disabled,
    /// It is installed already; this tree only patches it.
    Existing,
}

/// The Flux Kustomization of a module.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// Name of the Kustomization; default: the platform's naming rule.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub kustomization: Option<String>,
    /// Path in the platform's release source; required to enable a module.
    #[schemars(regex(pattern = r"^\.?/?[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/?$"))]
    pub path: Option<String>,
    /// ServiceAccount that Flux impersonates for the module.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub service_account_name: Option<String>,
    /// Kustomizations in the GitOps namespace that must be ready first.
    #[serde(default)]
    #[schemars(inner(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")))]
    pub depends_on: Items<String>,
    /// Variables that Flux substitutes in the module; values are strings.
    #[serde(default)]
    pub vars: BTreeMap<String, String>,
    /// ConfigMaps and Secrets in the GitOps namespace with further variables.
    #[serde(default)]
    pub vars_from: Items<VarsFrom>,
    /// Objects that must be ready before the module counts as ready; default: those of the plugin.
    #[serde(default)]
    pub health_checks: Items<HealthCheck>,
}

/// A source of variables.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VarsFrom {
    /// Kind of the object.
    pub kind: VarsKind,
    /// Name of the object.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub name: String,
    /// Whether Flux goes on when the object is missing.
    #[serde(default)]
    pub optional: bool,
}

/// Kinds of objects with variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum VarsKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

/// An object whose readiness Flux waits for.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheck {
    /// API version of the object.
    #[schemars(length(min = 1))]
    pub api_version: String,
    /// Kind of the object.
    #[schemars(length(min = 1))]
    pub kind: String,
    /// Namespace of the object.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
    pub namespace: Option<String>,
    /// Name of the object.
    #[schemars(length(min = 1))]
    pub name: String,
}

/// A patch that no field of the intent covers.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchEntry {
    /// Kustomization of the platform that deploys the patched object.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))]
    pub kustomization: String,
    /// The object to patch.
    pub target: PatchTarget,
    /// Operations of a JSON6902 patch; exactly one of `json6902` and `strategicMerge`.
    pub json6902: Option<Items<JsonPatchOperation>>,
    /// A strategic merge patch: `apiVersion`, `kind`, `metadata.name` and the fields to merge.
    pub strategic_merge: Option<BTreeMap<String, Value>>,
}

/// The object that a patch targets. Names are exact, not expressions: a patch hits one object.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchTarget {
    /// API group; default: that of the matching object.
    pub group: Option<String>,
    /// API version.
    pub version: Option<String>,
    /// Kind of the object.
    #[schemars(regex(pattern = r"^[A-Z][A-Za-z0-9]*$"))]
    pub kind: String,
    /// Name of the object.
    #[schemars(regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$"))]
    pub name: String,
    /// Namespace of the object; leave it out for objects without namespace.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
    pub namespace: Option<String>,
}

/// One operation of a JSON6902 patch.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JsonPatchOperation {
    /// `add`, `remove`, `replace`, `move`, `copy` or `test`.
    pub op: String,
    /// JSON pointer of the place, as in `/spec/replicas`.
    pub path: String,
    /// Source of `move` and `copy`.
    pub from: Option<String>,
    /// Value of `add`, `replace` and `test`.
    #[serde(default, deserialize_with = "present")]
    pub value: Option<Value>,
}

/// Keeps `value: null` apart from a missing value.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
