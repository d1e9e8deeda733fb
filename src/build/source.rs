//! Text to values, for what kustomize reads with a YAML 1.1 reader: its own file and JSON6902 patches.
//!
//! There plain `yes`, `no`, `on`, `off`, `y` and `n` are booleans, as values and as keys. Manifests and strategic merge
//! patches are read differently (they keep these texts) and need nothing of this file.

use serde_json::{Map, Value};

use crate::diagnostic::Diagnostic;
use crate::yaml::{Body, Dialect, Limits, Node, parse};

/// Parses manifests or strategic merge patches.
pub(super) fn documents(bytes: &[u8]) -> Result<Vec<Node>, Vec<Diagnostic>> {
    let mut nodes = parse(bytes, Dialect::Kubernetes, Limits::MANIFEST)?;
    nodes.retain(|node| !matches!(node.body, Body::Scalar(Value::Null)));
    Ok(nodes)
}

/// Parses a file of kustomize itself, in which of two equal keys the last one counts.
pub(super) fn lenient(bytes: &[u8]) -> Result<Vec<Node>, Vec<Diagnostic>> {
    let mut nodes = parse(bytes, Dialect::Lenient, Limits::MANIFEST)?;
    nodes.retain(|node| !matches!(node.body, Body::Scalar(Value::Null)));
    Ok(nodes)
}

/// Returns the value of a node as a YAML 1.1 reader types it.
pub(super) fn yaml_1_1(node: &Node, bytes: &[u8]) -> Value {
    // Spans count from behind the byte order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    convert(node, bytes)
}

fn convert(node: &Node, bytes: &[u8]) -> Value {
    match &node.body {
        Body::Scalar(Value::String(text)) => match boolean(text) {
            Some(flag) if is_plain(bytes, node.span.start, text) => Value::Bool(flag),
            _ => Value::String(text.clone()),
        },
        Body::Scalar(value) => value.clone(),
        Body::Sequence(items) => Value::Array(items.iter().map(|item| convert(item, bytes)).collect()),
        Body::Mapping(entries) => {
            let mut map = Map::with_capacity(entries.len());
            for (key, span, child) in entries {
                let key = match boolean(key) {
                    Some(flag) if is_plain(bytes, span.start, key) => flag.to_string(),
                    _ => key.clone(),
                };
                map.insert(key, convert(child, bytes));
            }
            Value::Object(map)
        }
    }
}

/// A quoted scalar starts with its quote and a block scalar with its indicator, so only a plain one starts with its text.
fn is_plain(bytes: &[u8], start: usize, text: &str) -> bool {
    bytes.get(start..).is_some_and(|rest| rest.starts_with(text.as_bytes()))
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_yes_is_true_and_quoted_yes_is_a_text() {
        let text = b"{a: yes, b: 'yes', c: \"no\", d: Off, e: yEs, n: 1, f: 010}";
        let nodes = documents(text).expect("valid YAML");
        assert_eq!(
            yaml_1_1(&nodes[0], text),
            json!({"a": true, "b": "yes", "c": "no", "d": false, "e": "yEs", "false": 1, "f": 8})
        );
    }
}
