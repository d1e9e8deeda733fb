//! Modules of the platform and how Flux delivers them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::NameRef;
use crate::intent::items::Items;

/// One module.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Module {
    /// Name of the module; `fluxwright modules` lists them.
    pub name: String,
    /// What should be: installed by this tree, absent, or installed by somebody else and only patched.
    #[serde(default)]
    pub state: ModuleState,
    /// Namespace of the module's objects; default: where the platform, or the module's own manifests, put them.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub namespace: Option<String>,
    /// The Flux Kustomization that delivers the module, when the platform or somebody else has one.
    pub release: Option<Release>,
    /// The Helm chart that this tree installs the module from, where no Kustomization of the platform does.
    pub helm: Option<Helm>,
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
    /// HelmRelease that the Kustomization deploys; the module's options are merged into its values.
    pub helm_release: Option<HelmReleaseRef>,
}

/// A HelmRelease of the platform.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HelmReleaseRef {
    /// Name of the HelmRelease.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
    pub name: String,
    /// API version of the HelmRelease.
    #[serde(default = "helm_v2")]
    #[schemars(regex(pattern = r"^helm\.toolkit\.fluxcd\.io/v2(beta[12])?$"))]
    pub api_version: String,
    /// Namespace of the HelmRelease; default: the GitOps namespace.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub namespace: Option<String>,
}

fn helm_v2() -> String {
    "helm.toolkit.fluxcd.io/v2".into()
}

/// A HelmRelease of this tree with its HelmRepository, both in the GitOps namespace.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Helm {
    /// Where the chart comes from.
    pub source: HelmSource,
    /// Name of the release in Helm; default: that of the module.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 53))]
    pub release_name: Option<String>,
    /// How often Flux compares the release, as in `30m`.
    #[serde(default = "thirty_minutes")]
    #[schemars(regex(pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))]
    pub interval: String,
    /// How long an installation or upgrade may take, as in `15m`.
    #[serde(default = "ten_minutes")]
    #[schemars(regex(pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))]
    pub timeout: String,
    /// ServiceAccount that Flux impersonates for the release.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
    pub service_account_name: Option<String>,
    /// Kustomizations in the GitOps namespace that must be ready first.
    #[serde(default)]
    #[schemars(inner(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253)))]
    pub depends_on: Items<String>,
    /// Further values of the chart; they win over those that follow from the module's options. Never credentials.
    #[serde(default)]
    pub values: BTreeMap<String, Value>,
    /// ConfigMaps and Secrets in the GitOps namespace with further values; the place for what must not stand in Git.
    #[serde(default)]
    pub values_from: Items<ValuesFrom>,
}

fn thirty_minutes() -> String {
    "30m".into()
}

fn ten_minutes() -> String {
    "10m".into()
}

/// Where a chart comes from.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HelmSource {
    /// Address of the chart repository (`https://` or `http://`), or of the chart in a registry (`oci://registry/path/chart`).
    #[schemars(regex(pattern = r"^(https?|oci)://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._-]+)*/?$"))]
    pub url: String,
    /// Name of the chart; default: for `oci://` the last part of `url`, else the module's own chart.
    #[schemars(regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"), length(max = 253))]
    pub chart: Option<String>,
    /// Version of the chart, exact or a range such as `1.10.x`.
    #[schemars(regex(pattern = r"^[0-9A-Za-z.*+~^<>=!|, -]+$"), length(max = 64))]
    pub version: String,
    /// How often Flux looks for versions in a range, as in `1h`.
    #[serde(default = "one_hour")]
    #[schemars(regex(pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))]
    pub interval: String,
    /// Secret in the GitOps namespace with the credentials of the chart repository; default: the pull secret of the
    /// registry in `url`, when it is delivered to the GitOps namespace.
    pub secret_ref: Option<NameRef>,
}

fn one_hour() -> String {
    "1h".into()
}

/// A source of chart values.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValuesFrom {
    /// Kind of the object.
    pub kind: VarsKind,
    /// Name of the object.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
    pub name: String,
    /// Key in the object.
    #[serde(default = "values_yaml")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]+$"), length(max = 253))]
    pub values_key: String,
    /// Path in the values that the key's content becomes, as in `s3.accessKey`; default: the content is a values file.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_]([A-Za-z0-9._\[\]-]*[A-Za-z0-9\]])?$"), length(max = 250))]
    pub target_path: Option<String>,
    /// Whether Flux goes on when the object is missing.
    #[serde(default)]
    pub optional: bool,
}

fn values_yaml() -> String {
    "values.yaml".into()
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
