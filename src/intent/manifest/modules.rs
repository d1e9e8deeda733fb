//! Modules of the platform and how Flux delivers them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::intent::items::Items;

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
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
    pub kustomization: Option<String>,
    /// Path in the platform's release source; required to enable a module.
    #[schemars(regex(pattern = r"^(\./|/)?[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?$"))]
    pub path: Option<String>,
    /// ServiceAccount that Flux impersonates for the module.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
    pub service_account_name: Option<String>,
    /// Kustomizations in the GitOps namespace that must be ready first.
    #[serde(default)]
    #[schemars(inner(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253)))]
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
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
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
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub namespace: Option<String>,
    /// Name of the object.
    #[schemars(length(min = 1))]
    pub name: String,
}
