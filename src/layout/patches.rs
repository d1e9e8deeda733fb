//! Patches of Kustomizations that belong to the platform: the whole list of each, in a stable order.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::intent::manifest::PatchEntry;
use crate::plan::Plan;
use crate::render::{Output, PatchOutput, Rendered};
use crate::yaml;

/// A patch as Flux will apply it.
#[derive(Clone, Debug, PartialEq)]
pub struct LaidPatch {
    /// Kustomization that applies it.
    pub kustomization: String,
    /// `patch` and `target` as they stand in `spec.patches`.
    pub entry: Value,
    /// JSON pointer of the intent that the patch comes from.
    pub at: String,
    /// JSON pointers of the intent for each operation of a JSON6902 patch.
    pub operations_at: Vec<String>,
}

impl LaidPatch {
    /// Returns what people call the object that the patch is for, ``Service `namespace/name` ``, and its namespace.
    pub fn object(&self) -> (String, String) {
        let text = |value: Option<&Value>, field: &str| {
            value.and_then(|value| value.get(field)).and_then(Value::as_str).map(|text| text.replace("\\.", "."))
        };
        let body = self.entry.get("patch").and_then(Value::as_str).unwrap_or_default();
        let documents = yaml::parse(body.as_bytes(), yaml::Dialect::Kubernetes, yaml::Limits::MANIFEST);
        let body = documents.ok().and_then(|nodes| Some(nodes.first()?.to_value())).unwrap_or_default();
        let (target, metadata) = (self.entry.get("target"), body.get("metadata"));
        let of = |field: &str, own: Option<&Value>| text(target, field).or_else(|| text(own, field));
        let kind = of("kind", Some(&body)).unwrap_or_else(|| "object".into());
        let namespace = of("namespace", metadata).unwrap_or_default();
        let place = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
        (format!("{kind} `{place}{}`", of("name", metadata).unwrap_or_default()), namespace)
    }
}

/// Collects the patches of plugins, in the order of the plan.
pub(super) fn of_plugins(rendered: &[Arc<Rendered>]) -> Vec<LaidPatch> {
    let patches = rendered.iter().filter_map(|one| match &one.output {
        Output::Patch(patch) => Some(lay(patch, &one.at)),
        _ => None,
    });
    patches.collect()
}

/// Collects the patches of the user, in their order. They come last, so that they have the last word.
pub(super) fn of_user(plan: &Plan) -> impl Iterator<Item = LaidPatch> {
    let patches = plan.cluster.intent.spec.patches.indexed();
    patches.map(|(index, patch)| own(patch, &format!("/spec/patches/{index}")))
}

fn lay(patch: &PatchOutput, at: &str) -> LaidPatch {
    let mut operations_at = Vec::new();
    let body = match (&patch.json6902, &patch.strategic_merge) {
        (Some(operations), _) => {
            let clean: Vec<Value> = operations
                .iter()
                .map(|operation| {
                    let mut operation = operation.clone();
                    let from = operation.shift_remove("from-intent");
                    operations_at
                        .push(from.and_then(|f| f.as_str().map(str::to_owned)).unwrap_or_else(|| at.to_owned()));
                    Value::Object(operation)
                })
                .collect();
            Value::Array(clean)
        }
        (None, Some(body)) => body.clone(),
        (None, None) => Value::Null,
    };
    LaidPatch {
        kustomization: patch.kustomization.clone(),
        entry: entry(body, patch.target.as_ref()),
        at: at.to_owned(),
        operations_at,
    }
}

/// Lays a patch of the user. A strategic merge patch names its object itself, without target, so that Flux fails when
/// the object is missing.
fn own(patch: &PatchEntry, at: &str) -> LaidPatch {
    let mut target = Map::new();
    let fields = [
        ("group", patch.target.group.as_deref()),
        ("version", patch.target.version.as_deref()),
        ("kind", Some(patch.target.kind.as_str())),
        ("name", Some(patch.target.name.as_str())),
        ("namespace", patch.target.namespace.as_deref()),
    ];
    for (field, value) in fields {
        if let Some(value) = value {
            target.insert(field.into(), json!(value));
        }
    }
    let operations_at = patch
        .json6902
        .as_ref()
        .map(|operations| operations.indexed().map(|(number, _)| format!("{at}/json6902/{number}")).collect())
        .unwrap_or_default();
    let (body, target) = match (&patch.json6902, &patch.strategic_merge) {
        (Some(operations), _) => {
            let operations = operations.iter().map(|operation| {
                let mut map = Map::new();
                map.insert("op".into(), json!(operation.op));
                map.insert("path".into(), json!(operation.path));
                if let Some(from) = &operation.from {
                    map.insert("from".into(), json!(from));
                }
                if let Some(value) = &operation.value {
                    map.insert("value".into(), value.clone());
                }
                Value::Object(map)
            });
            (Value::Array(operations.collect()), Some(target))
        }
        (None, body) => {
            let mut body = json!(body);
            yaml::order(&mut body);
            (body, None)
        }
    };
    LaidPatch {
        kustomization: patch.kustomization.clone(),
        entry: entry(body, target.as_ref()),
        at: at.to_owned(),
        operations_at,
    }
}

/// One element of `spec.patches`. Names in a target are expressions to kustomize; ours are exact.
pub(super) fn entry(body: Value, target: Option<&Map<String, Value>>) -> Value {
    let mut entry = Map::new();
    entry.insert("patch".into(), json!(yaml::emit(&body)));
    if let Some(target) = target {
        let exact = target.iter().map(|(field, value)| {
            let text = value.as_str().unwrap_or_default().replace('.', "\\.");
            (field.clone(), json!(text))
        });
        entry.insert("target".into(), Value::Object(exact.collect()));
    }
    Value::Object(entry)
}
