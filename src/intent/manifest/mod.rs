//! The intent as written: closed serde types whose doc comments are the user's documentation.
//!
//! The JSON Schema is derived from these types; a module's own options are stitched in by the catalog. One file for each
//! section of the intent.

mod gitops;
mod modules;
mod patches;
mod platform;
mod ports;
mod proxy;
mod registries;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::items::Items;

pub use gitops::*;
pub use modules::*;
pub use patches::*;
pub use platform::*;
pub use ports::*;
pub use proxy::*;
pub use registries::*;

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
    /// Files that this one is laid over, the last one wins: paths relative to this file, inside the repository. A base is an
    /// intent of which nothing but `apiVersion` and `kind` is required, and may extend others. `fluxwright check
    /// --show-merged` shows what comes out, docs/fleets.md says how it is merged.
    pub extends: Option<Extends>,
    /// Name of the cluster and free annotations.
    pub metadata: Metadata,
    /// What the cluster should be.
    pub spec: Spec,
}

/// The files that an intent extends: one path, or a list.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Extends {
    /// One base.
    One(String),
    /// Several bases; later ones win.
    Many(Items<String>),
}

impl JsonSchema for Extends {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Extends".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        // One schema without `anyOf`: a wrong value then names its fault instead of two failed branches.
        schemars::json_schema!({
            "type": ["string", "array"],
            "minLength": 1,
            "items": {"type": "string", "minLength": 1},
            "minItems": 1,
            "uniqueItems": true
        })
    }
}

/// Name, labels and annotations of the intent.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Name of the cluster, a DNS-1123 label; its tree lies in `clusters/<name>/`.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 53))]
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
    #[schemars(extend("x-kubernetes-list-map-keys" = ["port", "protocol", "controller"]))]
    pub exposed_ports: Items<ExposedPort>,
    /// The HTTP proxy of the cluster's nodes and platform services.
    pub proxy: Option<Proxy>,
    /// Image registries: pull secrets and mirrors.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-map-keys" = ["name"]))]
    pub registries: Items<Registry>,
    /// Modules of the platform to install, remove or patch.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-map-keys" = ["name"]))]
    pub modules: Items<Module>,
    /// Further patches for Kustomizations of the platform, for what no field covers.
    #[serde(default)]
    pub patches: Items<PatchEntry>,
}
