//! The order of fields as people write them.

use serde_json::{Map, Value};

const TOP: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];
const METADATA: [&str; 4] = ["name", "namespace", "labels", "annotations"];

/// Puts `apiVersion`, `kind`, `metadata`, `spec` first in an object, `name` and `namespace` first in metadata, and `name`
/// first in every list item; all else keeps its order.
pub fn order(object: &mut Value) {
    if let Value::Object(map) = object {
        bring_forward(map, &TOP);
        if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
            bring_forward(metadata, &METADATA);
        }
    }
    names_first(object, false);
}

fn names_first(value: &mut Value, item: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|v| names_first(v, true)),
        Value::Object(map) => {
            if item && map.contains_key("name") && !map.contains_key("kind") {
                bring_forward(map, &["name"]);
            }
            map.values_mut().for_each(|v| names_first(v, false));
        }
        _ => {}
    }
}

fn bring_forward(map: &mut Map<String, Value>, first: &[&str]) {
    let position = |key: &str| first.iter().position(|f| *f == key).unwrap_or(first.len());
    if map.keys().is_sorted_by_key(|key| position(key)) {
        return;
    }
    let mut entries: Vec<_> = std::mem::take(map).into_iter().collect();
    entries.sort_by_key(|(key, _)| position(key));
    map.extend(entries);
}
