//! The JSON Schema of a file that is merged with others: what one file lacks another one has, so that nothing is required
//! but what tells an item of a list from others. For editors; fluxwright itself checks what was merged.

use serde_json::{Map, Value, json};

use super::extends::LIST_KEYS;

/// Relaxes a schema of draft 2020-12.
pub fn partial(schema: &Value) -> Value {
    let mut schema = schema.clone();
    relax(&mut schema);
    if let Value::Object(root) = &mut schema {
        // The two lines that make a file an intent stand in each file.
        root.insert("required".into(), json!(["apiVersion", "kind"]));
        root.insert("type".into(), json!("object"));
        if let Some(Value::Object(fields)) = root.get_mut("properties") {
            fields.shift_remove("$patch");
        }
    }
    schema
}

fn relax(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.shift_remove("required");
            map.shift_remove("minProperties");
            nullable(map);
            let closed = map.get("additionalProperties") == Some(&Value::Bool(false));
            if let Some(Value::Object(fields)) = map.get_mut("properties") {
                // A field may be called as a keyword is.
                fields.values_mut().for_each(relax);
                if closed {
                    fields.insert("$patch".into(), directive());
                }
            }
            let is_data = |key: &str| matches!(key, "properties" | "default" | "const" | "enum" | "examples");
            for (key, child) in map.iter_mut().filter(|(key, _)| !is_data(key) && *key != LIST_KEYS) {
                match child {
                    Value::Object(schemas) if key == "$defs" => schemas.values_mut().for_each(relax),
                    child => relax(child),
                }
            }
        }
        Value::Array(schemas) => schemas.iter_mut().for_each(relax),
        _ => {}
    }
}

/// `null` takes away what is inherited.
fn nullable(map: &mut Map<String, Value>) {
    match map.get_mut("type") {
        Some(Value::Array(types)) => types.push(json!("null")),
        Some(one) => *one = json!([one.take(), "null"]),
        None => {}
    }
    if let Some(Value::Array(values)) = map.get_mut("enum") {
        values.push(Value::Null);
    }
}

fn directive() -> Value {
    json!({
        "description": "What becomes of the inherited value: `delete` removes it, `replace` puts this one in its place.",
        "type": "string",
        "enum": ["delete", "replace"]
    })
}
