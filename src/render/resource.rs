//! [`Resource`]: one Kubernetes object.

use serde_json::Value;

/// One Kubernetes object: a mapping with apiVersion, kind and metadata.name.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// The whole object.
    pub body: Value,
}

impl Resource {
    /// Takes a value that has apiVersion, kind and metadata.name as non-empty strings.
    pub fn new(body: Value) -> Option<Self> {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        (text("/apiVersion") && text("/kind") && text("/metadata/name")).then_some(Self { body })
    }

    fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns apiVersion, as in `apps/v1`.
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion")
    }

    /// Returns the API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version().rsplit_once('/').map_or("", |(group, _)| group)
    }

    /// Returns the API version without group.
    pub fn version(&self) -> &str {
        self.api_version().rsplit_once('/').map_or(self.api_version(), |(_, version)| version)
    }

    /// Returns the kind.
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// Returns the namespace, if the object has one.
    pub fn namespace(&self) -> Option<&str> {
        self.body.pointer("/metadata/namespace").and_then(Value::as_str)
    }

    /// Returns what people call the object: `apps/v1 Deployment namespace/name`.
    pub fn id(&self) -> String {
        let namespace = self.namespace().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        format!("{} {} {namespace}{}", self.api_version(), self.kind(), self.name())
    }
}
