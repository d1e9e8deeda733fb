//! Image registries, pull secrets and mirrors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::intent::items::Items;

/// One image registry.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registry {
    /// Name by which modules refer to it.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
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
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
    pub name: String,
    /// Namespaces of the pods that pull from the registry.
    #[schemars(length(min = 1), inner(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63)))]
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
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub namespace: String,
    /// Name of the ServiceAccount.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
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
    #[schemars(regex(pattern = r"^registries(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$"))]
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
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
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
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
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
