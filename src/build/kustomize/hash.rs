//! The hash of the content that ends the names of generated objects.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::json;
use crate::render::Resource;

/// Characters of a hash.
const LENGTH: usize = 10;

/// Returns the hash of a ConfigMap or Secret. A patch may have made something else of it: of that kustomize hashes its own
/// notes, which nobody can know.
pub(super) fn hash(resource: &Resource) -> Option<String> {
    let get = |key: &str| resource.body.get(key).filter(|value| !value.is_null()).cloned();
    let or_empty = |value: Option<Value>| value.unwrap_or_else(|| Value::from(""));
    let hashed = match resource.kind() {
        kind @ ("ConfigMap" | "Secret") => {
            let mut map = Map::from_iter([
                ("kind".to_owned(), Value::from(kind)),
                // What is read is a field of the name `metadata/name`, which no object has.
                ("name".to_owned(), Value::from("")),
                ("data".to_owned(), or_empty(get("data"))),
            ]);
            let extra = if kind == "Secret" { "stringData" } else { "binaryData" };
            if kind == "Secret" {
                map.insert("type".into(), or_empty(get("type")));
            }
            if let Some(extra_map @ Value::Object(_)) = get(extra) {
                map.insert(extra.into(), extra_map);
            }
            Value::Object(map)
        }
        _ => return None,
    };
    let digest = Sha256::digest(json::text(&hashed, false).as_bytes());
    Some(digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(LENGTH).map(digit).collect())
}

/// Hexadecimal digits without those that could spell a word.
fn digit(value: u8) -> char {
    match value {
        0 => 'g',
        1 => 'h',
        3 => 'k',
        10 => 'm',
        14 => 't',
        other => char::from_digit(u32::from(other), 16).unwrap_or('g'),
    }
}
