//! Files to objects: documents, lists, and what is not an object.

use serde_json::Value;

use super::BuildError;
use crate::build::merge::annotations_to_text;
use crate::build::source;
use crate::render::Resource;

/// Reads all objects of a file; empty documents are skipped. The items of lists come after all other objects, as kustomize
/// takes them.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Vec<Resource>, BuildError> {
    let nodes = source::documents(bytes)
        .map_err(|faults| BuildError::Yaml { file: file.to_owned(), faults: located(faults, file) })?;
    let mut out = Vec::with_capacity(nodes.len());
    let mut next: Vec<(usize, Value)> =
        nodes.iter().enumerate().map(|(index, node)| (index + 1, source::manifest(node, bytes))).collect();
    while !next.is_empty() {
        let mut items = Vec::new();
        for (document, mut value) in next {
            if let Some(list) = take_items(&mut value) {
                items.extend(list.into_iter().map(|item| (document, item)));
                continue;
            }
            let fault = |reason| BuildError::NotAnObject { file: file.to_owned(), document, reason };
            let reason = missing(&value);
            let mut resource = Resource::new(value).ok_or_else(|| fault(reason))?;
            annotations_to_text(&mut resource.body);
            out.push(resource);
        }
        next = items;
    }
    Ok(out)
}

/// Names the file in findings of the YAML reader, which does not know it.
pub(super) fn located(faults: Vec<crate::diagnostic::Diagnostic>, file: &str) -> Vec<crate::diagnostic::Diagnostic> {
    faults.into_iter().map(|fault| fault.file(file)).collect()
}

/// Every kind whose name ends in `List` and that has `items` is a list, whatever its group.
fn take_items(value: &mut Value) -> Option<Vec<Value>> {
    if !value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List")) {
        return None;
    }
    match value.get_mut("items") {
        Some(Value::Array(items)) => Some(std::mem::take(items)),
        Some(Value::Null) => Some(Vec::new()),
        _ => None,
    }
}

fn missing(value: &Value) -> String {
    if !value.is_object() {
        return "it is not a map".into();
    }
    let pointers = ["/apiVersion", "/kind", "/metadata/name"];
    let lacking = pointers.iter().find(|p| value.pointer(p).and_then(Value::as_str).is_none_or(str::is_empty));
    match lacking {
        Some(pointer) if value.pointer(pointer).is_some_and(|v| !v.is_null() && v.as_str() != Some("")) => {
            format!("its `{}` is not a text", crate::diagnostic::field_path(pointer))
        }
        Some(pointer) => format!("it has no `{}`", crate::diagnostic::field_path(pointer)),
        None => "it is not an object".into(),
    }
}
