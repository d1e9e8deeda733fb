//! The emitter with a comment behind each value: what is printed is read again to learn which line holds which value.

use std::collections::BTreeMap;

use super::emit::emit;
use super::node::{Body, Node};
use super::parse::{Dialect, Limits, parse};

/// Lines that are longer get their comment behind them, and do not push those of the others to the right.
const WIDEST: usize = 72;

/// Prints a document as [`emit`] does, with a comment behind each scalar and each empty collection, in one column.
pub fn emit_annotated(node: &Node, comment: impl Fn(&Node) -> String) -> String {
    let text = emit(&node.to_value());
    let mut comments = BTreeMap::new();
    if let Ok(printed) = parse(text.as_bytes(), Dialect::Kubernetes, Limits::MANIFEST)
        && let [printed] = printed.as_slice()
    {
        let line = printed.span.line;
        walk(node, printed, line, &text, &mut |node, line| drop(comments.insert(line, comment(node))));
    }
    let width = |line: &str| line.chars().count();
    let noted = (1..).zip(text.lines()).filter(|(number, _)| comments.contains_key(number));
    let column = noted.map(|(_, line)| width(line)).filter(|width| *width <= WIDEST).max().unwrap_or_default();
    let mut out = String::with_capacity(text.len() * 2);
    for (number, line) in (1..).zip(text.lines()) {
        out.push_str(line);
        if let Some(comment) = comments.get(&number) {
            out.extend(std::iter::repeat_n(' ', column.saturating_sub(width(line)) + 2));
            out.push_str("# ");
            out.push_str(comment);
        }
        out.push('\n');
    }
    out
}

/// Walks a document and what was read back of it, and gives each leaf the line on which it starts.
fn walk<'n>(node: &'n Node, printed: &Node, line: usize, text: &str, visit: &mut impl FnMut(&'n Node, usize)) {
    match (&node.body, &printed.body) {
        (Body::Mapping(entries), Body::Mapping(lines)) if !entries.is_empty() => {
            for ((_, _, child), (_, key, printed)) in entries.iter().zip(lines) {
                walk(child, printed, key.line, text, visit);
            }
        }
        (Body::Sequence(items), Body::Sequence(lines)) if !items.is_empty() => {
            for (child, printed) in items.iter().zip(lines) {
                // A literal block stands below the dash and the sign that open it.
                let before = text.get(..printed.span.start).and_then(|before| before.rsplit('\n').next());
                let below = usize::from(before.is_some_and(|before| before.trim().is_empty()));
                walk(child, printed, printed.span.line - below.min(printed.span.line - 1), text, visit);
            }
        }
        _ => visit(node, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse_one;

    #[test]
    fn comments_stand_behind_values_and_change_none() {
        let text = "a: {b: [], c: 1, \"d#\": [x, [y], {z: null, \"q\": \"two\\nlines\\n\"}]}\ne: |\n  x\n   y\nf: [\"- a\\n# b\\n\", '']\n";
        let node = parse_one(text.as_bytes(), Dialect::Strict, Limits::INTENT).expect("valid");
        let printed = emit_annotated(&node, |node| format!("line {}", node.span.line));
        insta::assert_snapshot!(printed, @r#"
        a:
          b: []        # line 1
          c: 1         # line 1
          d#:
            - x        # line 1
            - - "y"    # line 1
            - z: null  # line 1
              q: |     # line 1
                two
                lines
        e: |           # line 3
          x
           y
        f:
          - |          # line 5
            - a
            # b
          - ""         # line 5
        "#);
        let again = parse_one(printed.as_bytes(), Dialect::Strict, Limits::INTENT).expect("valid");
        assert_eq!(again.to_value(), node.to_value());
    }
}
