//! The emitter: block style, two spaces, and quotes wherever any YAML 1.1 or 1.2 reader could misread a plain text.

use serde_json::{Number, Value};

use super::order::{Place, in_order};
use super::scalar::needs_quotes;

/// Longest key that YAML allows on one line before `:`; longer ones take the `? ` form.
const LONGEST_KEY: usize = 1000;

/// Prints one document, without `---`, ending in a line break.
pub fn emit(value: &Value) -> String {
    let mut out = String::new();
    document(value, Place::Any, &mut out);
    out
}

/// Adds an object to a text, its fields as [`order`](super::order()) puts them.
pub fn emit_object(value: &Value, out: &mut String) {
    document(value, Place::Top, out);
}

fn document(value: &Value, place: Place, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => block(value, place, 0, out),
        Value::Array(items) if !items.is_empty() => block(value, place, 0, out),
        _ => {
            inline(value, 0, out);
            out.push('\n');
        }
    }
}

/// Prints the lines of a non-empty collection; the cursor stands at the start of a line, or behind `- `.
fn block(value: &Value, place: Place, indent: usize, out: &mut String) {
    let mut first = true;
    let mut pad = |out: &mut String| {
        if !std::mem::take(&mut first) || out.is_empty() || out.ends_with('\n') {
            spaces(indent, out);
        }
    };
    match value {
        Value::Object(map) => {
            for (key, child) in in_order(map, place) {
                pad(out);
                let start = out.len();
                flow_string(key, out);
                if out.len() - start > LONGEST_KEY {
                    out.insert_str(start, "? ");
                    out.push('\n');
                    spaces(indent, out);
                }
                out.push(':');
                entry(child, place.field(key), indent + 2, out);
            }
        }
        Value::Array(items) => {
            for child in items {
                pad(out);
                out.push('-');
                match child {
                    Value::Object(map) if !map.is_empty() => {
                        out.push(' ');
                        block(child, place.item(), indent + 2, out);
                    }
                    Value::Array(inner) if !inner.is_empty() => {
                        out.push(' ');
                        block(child, place.item(), indent + 2, out);
                    }
                    _ => entry(child, place.item(), indent + 2, out),
                }
            }
        }
        _ => {}
    }
}

/// Prints what follows `key:` or `-`, line break included.
fn entry(child: &Value, place: Place, indent: usize, out: &mut String) {
    match child {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            block(child, place, indent, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            block(child, place, indent, out);
        }
        _ => {
            out.push(' ');
            inline(child, indent, out);
            out.push('\n');
        }
    }
}

/// Prints a scalar or an empty collection.
fn inline(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number_text(number)),
        Value::String(text) => string(text, indent, out),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

/// A float always has a point, and a sign in its exponent: `1e+21` is a string to YAML 1.1, `1.0e+21` is not.
fn number_text(number: &Number) -> String {
    let text = number.to_string();
    match text.split_once(['e', 'E']) {
        None => text,
        Some((mantissa, exponent)) => {
            let point = if mantissa.contains('.') { "" } else { ".0" };
            let sign = if exponent.starts_with(['-', '+']) { "" } else { "+" };
            format!("{mantissa}{point}e{sign}{exponent}")
        }
    }
}

fn string(text: &str, indent: usize, out: &mut String) {
    if literal_fits(text) {
        out.push('|');
        if !text.ends_with('\n') {
            out.push('-');
        }
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            out.push('\n');
            if !line.is_empty() {
                spaces(indent, out);
                out.push_str(line);
            }
        }
    } else {
        flow_string(text, out);
    }
}

/// Tells whether a text comes back unchanged from a literal block without indentation indicator.
fn literal_fits(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    text.contains('\n')
        && !body.is_empty()
        && !body.starts_with([' ', '\n', '\t'])
        && !body.ends_with('\n')
        && body.split('\n').all(|line| !line.ends_with([' ', '\t']) && !line.starts_with('\t'))
        && body.split(['\n', '\t']).all(all_printable)
}

fn all_printable(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || text.chars().all(printable)
}

/// Prints a text on one line: plain, single or double quoted.
fn flow_string(text: &str, out: &mut String) {
    if plain_fits(text) {
        out.push_str(text);
        return;
    }
    if all_printable(text) && text.contains(['"', '\\']) && !text.contains('\'') {
        out.extend(["'", text, "'"]);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if printable(c) => out.push(c),
            c if (c as u32) < 0x100 => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if (c as u32) < 0x1_0000 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push_str(&format!("\\U{:08x}", c as u32)),
        }
    }
    out.push('"');
}

fn plain_fits(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let start = first.is_alphanumeric() || matches!(first, '_' | '/' | '.' | '$' | '+' | '(' | ';');
    let dash = first == '-'
        && text[1..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-')
        && !text.starts_with("---");
    (start || dash)
        && text != "..."
        && !text.starts_with("... ")
        && !text.ends_with([' ', ':'])
        && !text.as_bytes().windows(2).any(|pair| matches!(pair, b": " | b" #"))
        && all_printable(text)
        && !needs_quotes(text)
}

/// Characters that every reader takes as they are. Emoji and other characters above the basic plane are escaped,
/// because readers built on UTF-16 differ on them.
fn printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn spaces(count: usize, out: &mut String) {
    const MANY: &str = "                                ";
    (0..count / MANY.len()).for_each(|_| out.push_str(MANY));
    out.push_str(&MANY[..count % MANY.len()]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Dialect, Limits, parse};
    use proptest::prelude::*;
    use serde_json::json;

    fn round_trip(value: &Value) -> Value {
        let text = emit(value);
        for dialect in [Dialect::Strict, Dialect::Kubernetes] {
            let nodes = parse(text.as_bytes(), dialect, Limits::MANIFEST).unwrap_or_else(|e| panic!("{text:?}: {e:?}"));
            assert_eq!(nodes.len(), 1, "{text}");
            assert_eq!(&nodes[0].to_value(), value, "{text}");
        }
        parse(text.as_bytes(), Dialect::Strict, Limits::MANIFEST).expect("valid")[0].to_value()
    }

    #[test]
    fn looks_as_people_write_it() {
        let value = json!({
            "apiVersion": "v1", "data": {"1540": "1c-test/1c-1540:1540", "yes": "on"},
            "list": [{"name": "a", "items": [1, 2]}, "x", [], {}, [["deep"]]],
            "text": "line one\nline two\n", "empty": "", "var": "${q}${user}${q}", "float": 1e21,
        });
        insta::assert_snapshot!(emit(&value), @r#"
        apiVersion: v1
        data:
          "1540": 1c-test/1c-1540:1540
          "yes": "on"
        list:
          - name: a
            items:
              - 1
              - 2
          - x
          - []
          - {}
          - - - deep
        text: |
          line one
          line two
        empty: ""
        var: ${q}${user}${q}
        float: 1.0e+21
        "#);
        round_trip(&value);
    }

    #[test]
    fn texts_that_readers_misread_come_back() {
        for text in [
            "yes",
            "No",
            "ON",
            "y",
            "~",
            "null",
            "1e3",
            "012",
            "0o17",
            "0x1f",
            "0b1",
            "1_000",
            "12:30",
            "12:30:45",
            "2024-01-01",
            "2024-01-01T00:00:00Z",
            ".5",
            "5.",
            "+1",
            "-1",
            ".inf",
            "-.INF",
            ".NaN",
            "=",
            "<<",
            "-",
            "--- a",
            "...",
            "? a",
            ": a",
            "a: b",
            "a #b",
            "#a",
            " a",
            "a ",
            "\ta",
            "a\tb",
            "\n",
            "a\n",
            "a\n\n",
            "\na",
            " a\nb",
            "a \nb",
            "a\r\nb",
            "\u{85}",
            "\u{2028}",
            "\u{feff}a",
            "\u{7f}",
            "\u{1f600}",
            "'",
            "\"",
            "\\",
            "it's \"x\"",
            "{a}",
            "[a]",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "|",
            ">",
            "1.0e+21",
            "0",
            "-0",
            "08",
            "1__0",
            "_1",
            "0x",
            "9223372036854775808",
        ] {
            round_trip(&json!({ "key": text, text: [text] }));
        }
        round_trip(&json!({ "k".repeat(2000): "long key", "a": {"k".repeat(3000): ["x"]} }));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn objects_are_printed_in_their_order(keys in proptest::collection::vec("kind|metadata|name|namespace|labels|spec|x", 0..12)) {
            let nested = keys.chunks(3).rev().fold(json!([]), |inner, keys| {
                let map: serde_json::Map<String, Value> = keys.iter().map(|key| (key.clone(), inner.clone())).collect();
                json!([Value::Object(map.clone()), {"metadata": map.clone(), "b": map}])
            });
            let mut object = nested[1].clone();
            let mut printed = String::new();
            emit_object(&object, &mut printed);
            crate::yaml::order(&mut object);
            prop_assert_eq!(printed, emit(&object));
        }

        #[test]
        fn any_text_comes_back(text in "\\PC*|[ \\t\\n\\r:#-?'\"\\\\a0e.+_~]{0,12}|(.|\\n){0,20}") {
            round_trip(&json!({ "key": text.clone(), "list": [text.clone(), {"name": text}] }));
        }
    }
}
