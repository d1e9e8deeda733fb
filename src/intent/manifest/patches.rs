//! Patches that no field covers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::intent::items::Items;

/// A patch that no field of the intent covers.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchEntry {
    /// Kustomization of the platform that deploys the patched object.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"), length(max = 253))]
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
    #[schemars(regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$"), length(max = 253))]
    pub name: String,
    /// Namespace of the object; leave it out for objects without namespace.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
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
