//! [`Resource`]: one Kubernetes object.

use serde_json::Value;

/// One Kubernetes object: a mapping with apiVersion, kind and metadata.name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The whole object.
    pub body: Value,
}

impl Resource {
    /// Takes a value that has apiVersion, kind and metadata.name as non-empty strings.
    pub fn new(body: Value) -> Option<Self> {
        let resource = Self { body };
        let texts = [resource.api_version(), resource.kind(), resource.name()];
        let is_complete = !texts.contains(&"");
        is_complete.then_some(resource)
    }

    fn metadata(&self, field: &str) -> Option<&Value> {
        self.body.get("metadata")?.get(field)
    }

    /// Returns apiVersion, as in `apps/v1`.
    pub fn api_version(&self) -> &str {
        text(self.body.get("apiVersion"))
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
        text(self.body.get("kind"))
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        text(self.metadata("name"))
    }

    /// Returns the namespace, if the object has one.
    pub fn namespace(&self) -> Option<&str> {
        self.metadata("namespace").and_then(Value::as_str)
    }

    /// Tells whether both have the same apiVersion, kind, namespace and name.
    pub fn is_same(&self, other: &Self) -> bool {
        self.name() == other.name()
            && self.kind() == other.kind()
            && self.namespace() == other.namespace()
            && self.api_version() == other.api_version()
    }

    /// Returns what people call the object: `apps/v1 Deployment namespace/name`.
    pub fn id(&self) -> String {
        let namespace = self.namespace().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        format!("{} {} {namespace}{}", self.api_version(), self.kind(), self.name())
    }
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}
