//! Values on one line, in the flow style of YAML, with nothing in them that acts on a terminal or a page.

use serde_json::Value;

use crate::yaml;

/// Values up to this many characters stand on one line.
pub(super) const SHORT: usize = 90;

/// Writes a value on one line, if it is short enough.
pub(super) fn inline(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) if text.contains('\n') => return None,
        Value::String(_) => return Some(yaml::emit(value).trim_end().to_owned()),
        _ => flow(value),
    };
    (text.chars().count() <= SHORT).then_some(text)
}

/// Writes a value in the flow style of YAML.
fn flow(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let fields = map.iter().map(|(key, value)| format!("{}: {}", word(key), flow(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => word(text),
        _ => value.to_string(),
    }
}

/// A text inside of flow style.
fn word(text: &str) -> String {
    let plain = yaml::emit(&Value::from(text)).trim_end().to_owned();
    if plain.contains([',', '[', ']', '{', '}', '\n']) { Value::from(text).to_string() } else { plain }
}

/// A text in which nothing acts on a terminal.
pub(in crate::report) fn visible(text: String) -> String {
    let shown = |c: char| if c.is_control() && c != '\t' { c.escape_default().to_string() } else { c.to_string() };
    if text.contains(char::is_control) { text.chars().map(shown).collect() } else { text }
}
