//! Defaults of a module's options, taken from its schema so that Rust never mirrors them.

use serde_json::{Map, Value};

/// Fills the `default`s of a schema into a value, nested objects included.
pub fn with_defaults(value: &mut Value, schema: &Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(map) = value else { return };
    for (name, property) in properties {
        if let (false, Some(default)) = (map.contains_key(name), property.get("default")) {
            map.insert(name.clone(), default.clone());
        }
        if let Some(child) = map.get_mut(name) {
            with_defaults(child, property);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn defaults_nest_and_never_override() {
        let schema = json!({"properties": {
            "a": {"default": 1},
            "b": {"default": {}, "properties": {"c": {"default": "x"}, "d": {}}},
            "e": {"properties": {"f": {"default": 2}}},
        }});
        let mut value = json!({"a": 5});
        with_defaults(&mut value, &schema);
        assert_eq!(value, json!({"a": 5, "b": {"c": "x"}}));
        let mut value = json!({"e": {}});
        with_defaults(&mut value, &schema);
        assert_eq!(value, json!({"e": {"f": 2}, "a": 1, "b": {"c": "x"}}));
    }
}
