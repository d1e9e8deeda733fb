//! The repository that Flux reads, and how Flux reconciles it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The repository that Flux reads, and how Flux reconciles it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gitops {
    /// Namespace of the Flux objects; default: the platform's own GitOps namespace.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
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
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
    pub service_account_name: Option<String>,
    /// Decryption of SOPS files; required when a secret is delivered with SOPS.
    pub decryption: Option<Decryption>,
    /// How patches reach Kustomizations that belong to somebody else; default: as it is right for the platform.
    pub patch_mode: Option<PatchMode>,
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
    /// Name of the GitRepository; the Kustomizations of this tree are called `<name>-<part>`, so it is short.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 28))]
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
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
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
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
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

/// How patches reach Kustomizations that belong to somebody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum PatchMode {
    /// A partial Kustomization with `ssa: Merge` in this tree; Flux merges it into the object that is there. Not for
    /// Kustomizations that Flux itself applies from another repository: the two would undo each other.
    #[default]
    MergeAnnotation,
    /// The patch block is rendered under `install/patches/`, with the steps that bring it into place; Flux applies nothing.
    ManualSnippet,
}
