//! Objects as text, byte for byte as `kustomize build` prints them.
//!
//! The form is that of a YAML 1.1 writer with lines of 80 columns: keys in natural order, lists at the indentation of
//! their key, quotes where a YAML 1.1 reader would take a text for something else. It differs on purpose from
//! [`crate::yaml::emit`], which writes what people read.

mod order;
mod scalar;

pub(super) use scalar::is_taken_for_text;

use serde_json::Value;

use crate::render::Resource;

/// Column behind which a text is folded at its next space.
const WIDTH: usize = 80;
/// Longest key, in bytes, that stands on the line of its value.
const LONGEST_KEY: usize = 128;

/// Prints objects as a stream of documents.
pub fn print<'r>(resources: impl IntoIterator<Item = &'r Resource>) -> String {
    let mut out = String::new();
    for (index, resource) in resources.into_iter().enumerate() {
        if index > 0 {
            out.push_str("---\n");
        }
        out.push_str(&print_value(&resource.body));
    }
    out
}

/// Prints one document, which ends in a line break.
pub(super) fn print_value(value: &Value) -> String {
    let mut printer = Printer { out: String::new(), column: 0 };
    match value {
        Value::Object(map) if !map.is_empty() => printer.mapping(map, 0),
        Value::Array(items) if !items.is_empty() => printer.sequence(items, 0),
        _ => {
            printer.scalar(value, 2, false);
            printer.line();
        }
    }
    printer.out
}

/// Writes text and knows in which column it stands.
struct Printer {
    out: String,
    column: usize,
}

impl Printer {
    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column = if c == '\n' { 0 } else { self.column + 1 };
    }

    fn text(&mut self, text: &str) {
        text.chars().for_each(|c| self.put(c));
    }

    fn line(&mut self) {
        if !self.out.ends_with('\n') {
            self.put('\n');
        }
    }

    /// Brings the cursor to a column of a new line, or stays where it is behind `- ` and `? `.
    fn indent(&mut self, indent: usize) {
        if self.column > indent {
            self.line();
        }
        while self.column < indent {
            self.put(' ');
        }
    }

    fn mapping(&mut self, map: &serde_json::Map<String, Value>, indent: usize) {
        for key in order::sorted(map.keys()) {
            self.indent(indent);
            let simple = key.len() <= LONGEST_KEY && !key.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
            if simple {
                self.string(key, indent + 2, true);
            } else {
                self.text("? ");
                self.string(key, indent + 2, false);
                self.line();
                self.indent(indent);
            }
            self.put(':');
            match &map[key] {
                Value::Object(child) if !child.is_empty() => {
                    if simple {
                        self.line();
                    } else {
                        self.put(' ');
                    }
                    self.mapping(child, indent + 2);
                }
                Value::Array(items) if !items.is_empty() => {
                    if simple {
                        self.line();
                        self.sequence(items, indent);
                    } else {
                        self.put(' ');
                        self.sequence(items, indent + 2);
                    }
                }
                child => {
                    self.put(' ');
                    self.scalar(child, indent + 2, false);
                    self.line();
                }
            }
        }
    }

    fn sequence(&mut self, items: &[Value], indent: usize) {
        for item in items {
            self.indent(indent);
            self.text("- ");
            match item {
                Value::Object(map) if !map.is_empty() => self.mapping(map, indent + 2),
                Value::Array(inner) if !inner.is_empty() => self.sequence(inner, indent + 2),
                _ => {
                    self.scalar(item, indent + 2, false);
                    self.line();
                }
            }
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize, key: bool) {
        match value {
            Value::Null => self.text("null"),
            Value::Bool(flag) => self.text(if *flag { "true" } else { "false" }),
            Value::Number(number) => self.text(&scalar::number(number)),
            Value::String(text) => self.string(text, indent, key),
            Value::Array(_) => self.text("[]"),
            Value::Object(_) => self.text("{}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_stand_at_their_key_and_keys_in_natural_order() {
        let value = json!({
            "kind": "X", "apiVersion": "v1", "a10": 1, "a2": 2, "Z": 1, "_": 0, "list": [{"b": 1, "a": [1, [2, 3]]}, "x"],
            "empty": {"a": [], "b": {}, "c": "", "d": null}, "1": 1
        });
        assert_eq!(
            print_value(&value),
            "_: 0\n\"1\": 1\nZ: 1\na2: 2\na10: 1\napiVersion: v1\nempty:\n  a: []\n  b: {}\n  c: \"\"\n  d: null\nkind: X\nlist:\n- a:\n  - 1\n  - - 2\n    - 3\n  b: 1\n- x\n"
        );
    }

    #[test]
    fn long_keys_stand_alone() {
        let value = json!({"k".repeat(129): {"a": 1}, "b\nc": "x"});
        let long = "k".repeat(129);
        assert_eq!(print_value(&value), format!("? |-\n  b\n  c\n: x\n? {long}\n: a: 1\n"));
    }
}
