//! Findings as `results` of a ResourceList.

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, mask};

/// Turns findings into results about the configuration of the function.
///
/// Fields as in the specification of KRM functions; code and hint go into the `tags` and the message.
pub fn results(diagnostics: &[Diagnostic], config: &Value) -> Vec<Value> {
    let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str).map(mask::mask);
    let mut about = json!({});
    for (field, pointer) in [("apiVersion", "/apiVersion"), ("kind", "/kind"), ("name", "/metadata/name")] {
        if let Some(text) = text(pointer) {
            about[field] = json!(text);
        }
    }
    diagnostics.iter().map(|diagnostic| result(diagnostic, &about)).collect()
}

fn result(diagnostic: &Diagnostic, about: &Value) -> Value {
    let hint = diagnostic.hint.as_ref().map(|hint| format!("; hint: {hint}")).unwrap_or_default();
    let mut result = json!({
        "message": format!("{}{hint}", diagnostic.message),
        "severity": diagnostic.severity,
        "resourceRef": about,
        "tags": {"code": diagnostic.code},
    });
    if let Some(field) = &diagnostic.field {
        result["field"] = json!({"path": field});
    }
    if let Some(file) = &diagnostic.file {
        result["file"] = json!({"path": file});
    }
    if let Some(span) = diagnostic.span {
        result["tags"]["line"] = json!(span.line.to_string());
        result["tags"]["column"] = json!(span.column.to_string());
    }
    result
}
