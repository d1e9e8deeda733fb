//! The JSON Schema of the intent for editors: in draft-07, which all of them understand, with texts as Markdown. Pure
//! translation; it knows no field.
//!
//! Keywords that draft-07 lacks and that say nothing in its words stay as they are: a reader of draft-07 passes them
//! over, so that the translated schema accepts more, never less.

use serde_json::{Map, Value, json};

/// Keywords whose value maps names to schemas.
const MAPS: [&str; 5] = ["properties", "patternProperties", "definitions", "$defs", "dependencies"];

/// Keywords whose value is data, whatever it looks like.
const DATA: [&str; 4] = ["default", "const", "enum", "examples"];

/// Translates a schema of draft 2020-12 into draft-07, and adds the texts as `markdownDescription`.
pub fn draft7(schema: &Value) -> Value {
    let mut root = Map::new();
    root.insert("$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
    if let Value::Object(map) = one(schema) {
        root.extend(map);
    }
    Value::Object(root)
}

fn one(schema: &Value) -> Value {
    let Value::Object(from) = schema else { return schema.clone() };
    let tuple = from.contains_key("prefixItems");
    let mut to = Map::new();
    for (keyword, value) in from {
        match keyword.as_str() {
            // A schema within the schema names no draft of its own.
            "$schema" => {}
            "$defs" => drop(to.insert("definitions".into(), map(value))),
            "$ref" => {
                let text = value.as_str().unwrap_or_default().replace("#/$defs/", "#/definitions/");
                to.insert("$ref".into(), json!(text));
            }
            "prefixItems" => drop(to.insert("items".into(), list(value))),
            "items" if tuple => drop(to.insert("additionalItems".into(), one(value))),
            "dependentRequired" | "dependentSchemas" => {
                let dependencies = to.entry("dependencies").or_insert_with(|| json!({}));
                if let (Value::Object(all), Value::Object(more)) = (dependencies, map(value)) {
                    all.extend(more);
                }
            }
            // yaml-language-server shows a plain description with its backticks.
            "description" | "enumDescriptions" if value.to_string().contains('`') => {
                let (first, rest) = keyword.split_at(1);
                let markdown = format!("markdown{}{rest}", first.to_uppercase());
                to.insert(keyword.clone(), value.clone());
                to.insert(markdown, value.clone());
            }
            name if DATA.contains(&name) => drop(to.insert(keyword.clone(), value.clone())),
            name if MAPS.contains(&name) => drop(to.insert(keyword.clone(), map(value))),
            _ => drop(to.insert(keyword.clone(), if value.is_array() { list(value) } else { one(value) })),
        }
    }
    Value::Object(to)
}

fn map(schemas: &Value) -> Value {
    match schemas {
        Value::Object(map) => map.iter().map(|(name, schema)| (name.clone(), one(schema))).collect(),
        other => other.clone(),
    }
}

fn list(schemas: &Value) -> Value {
    match schemas {
        Value::Array(items) => items.iter().map(one).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_translated_and_data_is_not() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": "#/$defs/a",
            "properties": {
                "$defs": {"$schema": "x", "const": {"$schema": "x", "$defs": {}}},
                "pair": {"prefixItems": [{"$ref": "#/$defs/a"}], "items": {"$ref": "#/$defs/a"}},
                "list": {"items": {"$ref": "#/$defs/a"}, "default": {"$ref": "#/$defs/a"}},
                "text": {"description": "see `list`", "enumDescriptions": ["plain"]},
            },
            "dependentRequired": {"a": ["b"]},
            "dependentSchemas": {"c": {"$ref": "#/$defs/a"}},
            "$defs": {"a": true},
        });
        let expected = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$ref": "#/definitions/a",
            "properties": {
                "$defs": {"const": {"$schema": "x", "$defs": {}}},
                "pair": {"items": [{"$ref": "#/definitions/a"}], "additionalItems": {"$ref": "#/definitions/a"}},
                "list": {"items": {"$ref": "#/definitions/a"}, "default": {"$ref": "#/$defs/a"}},
                "text": {
                    "description": "see `list`", "markdownDescription": "see `list`", "enumDescriptions": ["plain"],
                },
            },
            "dependencies": {"a": ["b"], "c": {"$ref": "#/definitions/a"}},
            "definitions": {"a": true},
        });
        assert_eq!(draft7(&schema), expected);
    }
}
