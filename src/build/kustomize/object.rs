//! Files to objects: documents, lists, and what is not an object.

use serde_json::Value;

use super::BuildError;
use crate::build::merge::annotations_to_text;
use crate::build::source;
use crate::render::Resource;

/// Reads all objects of a file; empty documents are skipped, lists unwrapped.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Vec<Resource>, BuildError> {
    let nodes = source::documents(bytes)
        .map_err(|faults| BuildError::Yaml { file: file.to_owned(), faults: located(faults, file) })?;
    let mut out = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        unwrap(node.to_value(), &mut out).map_err(|reason| BuildError::NotAnObject {
            file: file.to_owned(),
            document: index + 1,
            reason,
        })?;
    }
    Ok(out)
}

/// Names the file in findings of the YAML reader, which does not know it.
pub(super) fn located(faults: Vec<crate::diagnostic::Diagnostic>, file: &str) -> Vec<crate::diagnostic::Diagnostic> {
    faults.into_iter().map(|fault| fault.file(file)).collect()
}

/// Every kind whose name ends in `List` and that has `items` is a list, whatever its group.
fn unwrap(value: Value, out: &mut Vec<Resource>) -> Result<(), String> {
    let is_list = value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    if is_list {
        match value.get("items") {
            Some(Value::Array(items)) => return items.iter().try_for_each(|item| unwrap(item.clone(), out)),
            Some(Value::Null) => return Ok(()),
            _ => {}
        }
    }
    let reason = missing(&value);
    let mut resource = Resource::new(value).ok_or(reason)?;
    annotations_to_text(&mut resource.body);
    out.push(resource);
    Ok(())
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
