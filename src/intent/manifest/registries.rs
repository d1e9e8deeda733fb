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
    /// `host` or `host:port`, without scheme and path; the name by which pods of the cluster pull.
    pub host: String,
    /// Host for pushing and for pulls from outside the cluster, where the type of registry has one.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$"), length(max = 253))]
    pub external_host: Option<String>,
    /// Kind of registry; it decides what else may be set.
    #[serde(default = "generic", rename = "type")]
    pub kind: String,
    /// Registries that this one mirrors; for each a containerd `hosts.toml` is rendered for hand-over.
    #[serde(default)]
    pub mirrors: Items<Mirror>,
    /// Trust in the registry's certificate.
    #[serde(default)]
    pub tls: Tls,
    /// Secret with which pods pull from the registry.
    pub pull_secret: Option<PullSecret>,
    /// Who may pull the images of which namespace, where the type of registry asks for such grants.
    #[serde(default)]
    pub pull_grants: Items<PullGrant>,
}

fn generic() -> String {
    "Generic".into()
}

/// A RoleBinding to the ClusterRole `system:image-puller` in the namespace of the images.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PullGrant {
    /// Name of the RoleBinding; grants of one name and namespace become one RoleBinding.
    #[serde(default = "cross_ns_pull")]
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
    pub name: String,
    /// Namespace whose images may be pulled; the first part of the image's path in the registry.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub image_namespace: String,
    /// Who may pull them.
    #[schemars(length(min = 1))]
    pub subjects: Items<Subject>,
}

fn cross_ns_pull() -> String {
    "cross-ns-pull".into()
}

/// Who may pull images.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subject {
    /// Kind of the subject.
    pub kind: SubjectKind,
    /// Name of the ServiceAccount, user or group.
    #[schemars(regex(pattern = r"^[^\x00-\x1f\x7f]+$"), length(max = 253))]
    pub name: String,
    /// Namespace of a ServiceAccount; not for users and groups.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub namespace: Option<String>,
}

/// Kinds of subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum SubjectKind {
    /// A ServiceAccount; pods of it may pull.
    ServiceAccount,
    /// A user of the platform.
    User,
    /// A group of users.
    Group,
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
    /// Host of the upstream, as in `quay.io`.
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
            "maxLength": 253,
            "properties": {
                "upstream": {
                    "type": "string",
                    "pattern": host,
                    "maxLength": 253,
                    "description": "Host of the upstream registry, as in `quay.io`."
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
    #[schemars(extend("x-fluxwright-file" = true))]
    pub ca_file: Option<String>,
}

/// A `kubernetes.io/dockerconfigjson` Secret, the same in every namespace.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PullSecret {
    /// Name of the Secret.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 58))]
    pub name: String,
    /// Namespaces of the pods that pull from the registry.
    #[schemars(length(min = 1), inner(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63)))]
    pub namespaces: Items<String>,
    /// ServiceAccounts that get the Secret as imagePullSecret.
    #[serde(default)]
    pub service_accounts: Items<ServiceAccountRef>,
    /// How the Secret reaches the cluster.
    pub delivery: Delivery,
    /// Delivers the Secret to one namespace only, and lets Reflector copy it to the others.
    pub reflector: Option<Reflector>,
}

/// Copies of a Secret by Reflector (`reflector.v1.k8s.emberstack.com`).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reflector {
    /// Namespace that gets the Secret by `delivery`; one of `namespaces`.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub source_namespace: String,
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
    /// Settings of `StarVaultCSI`.
    #[serde(rename = "starVaultCSI")]
    pub star_vault_csi: Option<StarVaultCsi>,
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
    /// A SecretProviderClass of the Secrets Store CSI driver, and a Deployment that mounts it so that the Secret stays.
    StarVaultCSI,
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

/// Settings of delivery by the Secrets Store CSI driver from StarVault.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StarVaultCsi {
    /// Name of the CSI driver's provider, as its DaemonSet registers it.
    #[serde(default = "vault")]
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub provider: String,
    /// Address of StarVault, as in `https://starvault.example:8200`.
    #[schemars(regex(pattern = r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$"))]
    pub address: String,
    /// Role that the ServiceAccount of the Deployment logs in with.
    #[schemars(regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$"), length(max = 253))]
    pub role: String,
    /// Path of the entry, as in `secret/data/registries/corp`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$"), length(max = 253))]
    pub path: String,
    /// Key of the entry that holds the whole `.dockerconfigjson`.
    #[serde(default = "dockerconfigjson")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9._-]*$"), length(max = 253))]
    pub key: String,
    /// ServiceAccount of the Deployment; it is created in each namespace.
    #[serde(default = "sync_account")]
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
    pub service_account_name: String,
    /// Image of the Deployment; it does nothing, and nodes must be able to pull it without this very Secret.
    #[serde(default = "pause")]
    #[schemars(regex(
        pattern = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@sha256:[0-9a-f]{64})?$"
    ))]
    pub sync_image: String,
}

fn vault() -> String {
    "vault".into()
}

fn dockerconfigjson() -> String {
    "dockerconfigjson".into()
}

fn sync_account() -> String {
    "registry-credentials-sync".into()
}

fn pause() -> String {
    "registry.k8s.io/pause:3.10".into()
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
