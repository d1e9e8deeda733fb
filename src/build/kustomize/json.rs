//! JSON as Go writes it: keys in order, and `<`, `>` and `&` as escapes, on which the hash of a name depends.

use serde_json::Value;

/// Writes a value on one line, or over several with two blanks for each level.
pub(super) fn text(value: &Value, pretty: bool) -> String {
    let mut out = String::new();
    write(value, pretty, 0, &mut out);
    out
}

fn write(value: &Value, pretty: bool, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        if pretty {
            out.push('\n');
            (0..depth).for_each(|_| out.push_str("  "));
        }
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                write(item, pretty, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        Value::Object(map) if !map.is_empty() => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                quoted(key, out);
                out.push_str(if pretty { ": " } else { ":" });
                write(item, pretty, depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
        Value::String(text) => quoted(text, out),
        other => out.push_str(&other.to_string()),
    }
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{0}'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_markup_is_escaped() {
        let value = json!({"b": [1, {}], "a": "<&>\u{1}\n\"é\u{2028}", "c": {"d": null}});
        assert_eq!(text(&value, false), r#"{"a":"\u003c\u0026\u003e\u0001\n\"é\u2028","b":[1,{}],"c":{"d":null}}"#);
        assert_eq!(text(&json!({"a": [1]}), true), "{\n  \"a\": [\n    1\n  ]\n}");
    }
}
