//! Patches of kustomize as what they do: a text becomes the operations or the object that it holds, and each patch is
//! named by its target.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::fields::document;
use super::naming::{KEYS, scalar};
use crate::yaml;

/// Where an object holds patches of kustomize.
pub(super) fn fields(object: &Value) -> &'static [&'static str] {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    match (text("kind"), text("apiVersion").split('/').next()) {
        ("Kustomization", Some("kustomize.toolkit.fluxcd.io")) => &["spec", "patches"],
        ("Kustomization" | "Component", Some("kustomize.config.k8s.io")) => &["patches"],
        _ => &[],
    }
}

/// Returns an object with the texts of its patches read. What the other one patches is an empty list here, so that a patch
/// is told apart from the fields around it.
pub(super) fn open<'a>(object: &'a Value, other: &Value) -> Cow<'a, Value> {
    let fields = fields(object);
    let list = |object: &Value| fields.iter().try_fold(object, |value, field| value.get(field))?.as_array().cloned();
    let found = match (list(object), list(other)) {
        _ if fields.is_empty() => return Cow::Borrowed(object),
        (None, None) => return Cow::Borrowed(object),
        (None, Some(other)) if other.is_empty() => return Cow::Borrowed(object),
        (found, _) => found.unwrap_or_default(),
    };
    let mut copy = object.clone();
    let mut at = &mut copy;
    for field in fields {
        let Value::Object(map) = at else { return Cow::Borrowed(object) };
        at = map.entry(*field).or_insert_with(|| json!({}));
    }
    *at = found.into_iter().map(read).collect();
    Cow::Owned(copy)
}

/// Reads the text of one patch; one that is no map or list stays a text.
pub(super) fn read(mut patch: Value) -> Value {
    if let Some(body) = patch.get("patch").and_then(Value::as_str).and_then(document) {
        patch["patch"] = body;
    }
    patch
}

/// Lists the comments in the texts of patches.
pub(super) fn comments(object: &Value) -> Vec<String> {
    let list = fields(object).iter().try_fold(object, |value, field| value.get(field));
    let texts = list.and_then(Value::as_array).into_iter().flatten().filter_map(|patch| patch.get("patch")?.as_str());
    texts.flat_map(yaml::comments).collect()
}

/// Names a patch: by its target, by the object in it, or by its file.
pub(super) fn target(patch: &Value) -> String {
    let object = match patch.get("target") {
        Some(Value::Object(target)) => Some(target.clone()),
        _ => {
            let body = patch.get("patch").and_then(Value::as_object);
            body.map(|body| {
                let mut target = body.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
                target.insert("kind".into(), body.get("kind").cloned().unwrap_or_default());
                target
            })
        }
    };
    let path = patch.get("path").and_then(Value::as_str);
    match (object, path) {
        (Some(target), _) => of_target(&target),
        (None, Some(path)) => path.to_owned(),
        (None, None) => "every object".to_owned(),
    }
}

/// Names of a target are expressions: a dot is escaped there, and shown as it is meant.
fn of_target(target: &Map<String, Value>) -> String {
    let text = |key: &str| target.get(key).and_then(Value::as_str).map(|text| text.replace("\\.", "."));
    let kind = text("kind").unwrap_or_else(|| "object".to_owned());
    let name = text("name").unwrap_or_else(|| "*".to_owned());
    let mut shown = match text("namespace") {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    };
    for selector in ["labelSelector", "annotationSelector"] {
        if let Some(text) = text(selector) {
            shown.push_str(&format!(" with {text}"));
        }
    }
    shown
}

/// Names an operation by what it does and where. An item that is added to a list keeps its name at any index.
pub(super) fn operation(operation: &Value) -> String {
    let text = |key: &str| operation.get(key).and_then(Value::as_str).unwrap_or_default();
    let (op, path) = (text("op"), text("path"));
    let list = path.rsplit_once('/').filter(|(_, last)| *last == "-" || last.bytes().all(|b| b.is_ascii_digit()));
    let item = match (list, operation.get("value")) {
        (Some((list, _)), Some(value)) if op == "add" => {
            let name = scalar(value).or_else(|| KEYS.iter().find_map(|key| scalar(value.get(key)?)));
            name.map(|name| format!("{list}[{name}]"))
        }
        _ => None,
    };
    format!("{op} {}", item.as_deref().unwrap_or(path))
}

/// An operation with the path of another one of the same name: that an item has another index is told once, as order.
pub(super) fn at_path_of(operation: &Value, other: &Value) -> Value {
    let mut operation = operation.clone();
    if let (Some(path), Some(other)) = (operation.get_mut("path"), other.get("path")) {
        *path = other.clone();
    }
    operation
}

/// Names an operation with its index.
pub(super) fn place_in_list(label: &str, operation: &Value) -> String {
    let path = operation.get("path").and_then(Value::as_str).unwrap_or_default();
    match path.rsplit_once('/') {
        Some((_, index)) if !label.ends_with(path) => format!("{label} at {index}"),
        _ => label.to_owned(),
    }
}
