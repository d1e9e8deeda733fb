//! The `namespace` field and the NamespaceTransformer: where a namespace goes.

use serde_json::Value;

use super::config::FieldSpec;
use super::fields::{self, Fault, Make};
use crate::build::identity::Tracked;

/// Which subjects of role bindings get the namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subjects {
    /// Those called `default`, whatever their kind.
    Default,
    /// All ServiceAccounts.
    Accounts,
    None,
}

/// How a namespace is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Namespace<'n> {
    pub(super) name: &'n str,
    pub(super) subjects: Subjects,
    /// Whether only empty fields are set.
    pub(super) unset_only: bool,
}

/// Moves an object to a namespace. Unknown kinds count as namespaced, and a Namespace takes the name.
pub(super) fn set(object: &mut Tracked, namespace: Namespace<'_>, specs: &[FieldSpec]) -> Result<(), Fault> {
    let id = object.id().clone();
    let core = object.resource().api_version() == "v1";
    let is_binding = matches!(id.kind.as_str(), "RoleBinding" | "ClusterRoleBinding");
    object.edit(|body| {
        if !id.cluster_scoped {
            let spec = FieldSpec::new(Default::default(), "metadata/namespace", true);
            fields::visit(&spec, &id, body, Some(Make::Scalar), &mut |value, _| namespace.put(value))?;
        }
        if is_binding {
            namespace.subjects(body).map_err(|reason| Fault { path: "subjects".into(), id: id.to_string(), reason })?;
        }
        for spec in specs {
            let elsewhere = match spec.path.as_str() {
                "metadata/namespace" => true,
                "metadata/name" => !core,
                "subjects/namespace" => matches!(spec.kinds.kind.as_str(), "RoleBinding" | "ClusterRoleBinding"),
                _ => false,
            };
            if !elsewhere {
                fields::visit(spec, &id, body, Some(Make::Scalar), &mut |value, _| namespace.put(value))?;
            }
        }
        Ok(())
    })
}

impl Namespace<'_> {
    fn put(self, value: &mut Value) -> Result<(), String> {
        let is_empty = match &value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        if self.unset_only && !is_empty {
            return Ok(());
        }
        fields::scalar(value, self.name.into())
    }

    fn subjects(self, body: &mut Value) -> Result<(), String> {
        let (key, wanted) = match self.subjects {
            Subjects::None => return Ok(()),
            Subjects::Default => ("name", "default"),
            Subjects::Accounts => ("kind", "ServiceAccount"),
        };
        match body.get_mut("subjects") {
            None | Some(Value::Null) => Ok(()),
            Some(Value::Array(subjects)) => subjects.iter_mut().try_for_each(|subject| {
                let Value::Object(subject) = subject else { return Err("has an item that is not a map".to_owned()) };
                if subject.get(key).and_then(Value::as_str) == Some(wanted) {
                    self.put(subject.entry("namespace").or_insert(Value::Null))?;
                }
                Ok(())
            }),
            Some(_) => Err("is not a list".into()),
        }
    }
}
