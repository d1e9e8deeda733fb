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

/// A line with the blanks at its end as dots, which nobody sees otherwise.
pub(super) fn ended(line: &str) -> String {
    let text = line.trim_end_matches(' ');
    format!("{text}{}", "·".repeat(line.len() - text.len()))
}

/// A text in which nothing acts on a terminal, and nothing is invisible but blanks.
pub(in crate::report) fn visible(text: String) -> String {
    if !text.contains(acts) {
        return text;
    }
    text.chars().map(|c| if acts(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// Tells whether a character acts on a terminal or looks like none or another one: controls, blanks other than a space,
/// marks of the direction, those of no width.
fn acts(c: char) -> bool {
    let unseen = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}');
    unseen || ((c.is_control() || c.is_whitespace()) && !matches!(c, ' ' | '\t'))
}
