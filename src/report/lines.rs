//! Changes of fields as signed lines, for every format that people read: one line a change where it fits, blocks of YAML
//! and lines of texts where it does not. The values come without credentials.

use serde_json::Value;
use similar::{Algorithm, ChangeTag, TextDiff};

use super::inline::{SHORT, ended, inline, visible};
use crate::diff::{FieldChange, FieldKind, FileChange, Step, shown, shown_files};
use crate::yaml::{self, Dialect, Limits};

/// Lines of up to this many characters are shown whole.
const LONG: usize = 300;

/// How many characters around a difference are shown of a longer line.
const AROUND: usize = 40;

/// Orders of up to this many items are spelled out.
const FEW: usize = 8;

/// One line: `+`, `-`, `~`, or a blank for what frames others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) sign: char,
    pub(super) depth: usize,
    pub(super) text: String,
}

/// Writes the changes of an object, those of one patch below its target.
pub(super) fn of_fields(fields: &[FieldChange]) -> Vec<Line> {
    of_each(fields).into_iter().flatten().collect()
}

/// Writes the changes of an object, for each its lines; the first one of a patch has the target above it.
pub(super) fn of_each(fields: &[FieldChange]) -> Vec<Vec<Line>> {
    let mut open: Option<&str> = None;
    let each = fields.iter().map(|field| {
        let mut lines = Lines(Vec::new());
        match field.path.patch() {
            None => {
                open = None;
                lines.change(0, &shown(&field.path.0), field);
            }
            Some((target, [])) => {
                open = None;
                let (sign, patch) = match field.change {
                    FieldKind::Removed => ('-', field.before.as_ref()),
                    _ => ('+', field.after.as_ref()),
                };
                lines.push(sign, 0, format!("patch for {target}:"));
                lines.patch(sign, patch.unwrap_or(&Value::Null));
            }
            Some((target, rest)) => {
                if open.replace(target) != Some(target) {
                    lines.push(' ', 0, format!("patch for {target}:"));
                }
                lines.in_patch(rest, field);
            }
        }
        lines.0
    });
    each.collect()
}

/// Writes a value behind its name.
pub(super) fn of_value(sign: char, depth: usize, name: &str, value: &Value) -> Vec<Line> {
    let mut lines = Lines(Vec::new());
    lines.value(sign, depth, name, value);
    lines.0
}

/// Writes what differs in a file that is no object.
pub(super) fn of_text(change: &FileChange) -> Vec<Line> {
    let (before, after) = shown_files(change.before.as_ref(), change.after.as_ref());
    let mut lines = Lines(Vec::new());
    let broken = change.before.as_ref().filter(|blob| {
        change.path.as_str().ends_with(".yaml")
            && yaml::parse(blob.bytes(), Dialect::Kubernetes, Limits::MANIFEST).is_err()
    });
    if broken.is_some() {
        lines.push(' ', 0, "the file as it is cannot be read as YAML".to_owned());
    }
    let lf = |text: Option<String>| text.unwrap_or_default().replace("\r\n", "\n");
    lines.differing(0, &lf(before), &lf(after));
    lines.0
}

struct Lines(Vec<Line>);

impl Lines {
    fn push(&mut self, sign: char, depth: usize, text: String) {
        self.0.push(Line { sign, depth, text: visible(text) });
    }

    fn change(&mut self, depth: usize, name: &str, field: &FieldChange) {
        let null = Value::Null;
        let (before, after) = (field.before.as_ref().unwrap_or(&null), field.after.as_ref().unwrap_or(&null));
        match field.change {
            FieldKind::Added => self.value('+', depth, name, after),
            FieldKind::Removed => self.value('-', depth, name, before),
            FieldKind::Moved => self.push('~', depth, format!("{name}: {}", order(before, after))),
            FieldKind::Changed if before == after => {
                self.push('~', depth, format!("{name}: what differs is hidden"));
            }
            FieldKind::Changed => match (inline(before), inline(after)) {
                (Some(old), Some(new)) if old.len() + new.len() <= SHORT => {
                    self.push('~', depth, format!("{name}: {old} -> {new}"));
                }
                _ => {
                    self.push('~', depth, format!("{name}:"));
                    match (before, after) {
                        (Value::String(old), Value::String(new)) => self.differing(depth + 1, old, new),
                        _ => {
                            self.block('-', depth + 1, before);
                            self.block('+', depth + 1, after);
                        }
                    }
                }
            },
        }
    }

    fn value(&mut self, sign: char, depth: usize, name: &str, value: &Value) {
        match inline(value) {
            Some(text) => self.push(sign, depth, format!("{name}: {text}")),
            None => {
                self.push(sign, depth, format!("{name}:"));
                self.block(sign, depth + 1, value);
            }
        }
    }

    fn block(&mut self, sign: char, depth: usize, value: &Value) {
        let text = match value {
            Value::String(text) => text.clone(),
            _ => yaml::emit(value),
        };
        for line in text.lines() {
            self.push(sign, depth, line.to_owned());
        }
    }

    /// Writes a whole patch: its operations, or the object that is merged in.
    fn patch(&mut self, sign: char, patch: &Value) {
        match patch.get("patch") {
            Some(Value::Array(operations)) => {
                for operation in operations {
                    self.operation(sign, 1, operation);
                }
            }
            Some(body) => self.block(sign, 1, body),
            None => self.block(sign, 1, patch),
        }
    }

    fn operation(&mut self, sign: char, depth: usize, operation: &Value) {
        let text = |key: &str| operation.get(key).and_then(Value::as_str).unwrap_or_default();
        let name = match text("from") {
            "" => format!("{} {}", text("op"), text("path")),
            from => format!("{} {from} to {}", text("op"), text("path")),
        };
        match operation.get("value") {
            Some(value) => self.value(sign, depth, &name, value),
            None => self.push(sign, depth, name),
        }
    }

    /// Writes a change inside of a patch: `rest` leads from the patch to the field.
    fn in_patch(&mut self, rest: &[Step], field: &FieldChange) {
        match rest {
            [Step::Key(patch), Step::Item(_)] if patch == "patch" => match (&field.before, &field.after) {
                (None, Some(operation)) => self.operation('+', 1, operation),
                (Some(operation), None) => self.operation('-', 1, operation),
                _ => self.change(1, &shown(&rest[1..]), field),
            },
            [Step::Key(patch), Step::Item(item), below @ ..] if patch == "patch" => {
                let below = match below {
                    [Step::Key(value), deeper @ ..] if value == "value" => deeper,
                    other => other,
                };
                let space = if below.is_empty() { "" } else { " " };
                self.change(1, &format!("{}{space}{}", item.label, shown(below)), field);
            }
            [Step::Key(patch)] if patch == "patch" => self.change(1, "operations", field),
            [Step::Key(patch), below @ ..] if patch == "patch" => self.change(1, &shown(below), field),
            _ => self.change(1, &shown(rest), field),
        }
    }

    /// Writes the lines in which two texts differ, with one line around them.
    fn differing(&mut self, depth: usize, before: &str, after: &str) {
        let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(before, after);
        let ends = before.ends_with('\n') != after.ends_with('\n');
        let mut first = true;
        for hunk in diff.unified_diff().context_radius(1).iter_hunks() {
            if !std::mem::take(&mut first) {
                self.push(' ', depth, "...".to_owned());
            }
            let all: Vec<_> = hunk.iter_changes().collect();
            let pairs = pairs(&all);
            for (at, line) in all.iter().enumerate() {
                let sign = match line.tag() {
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                    ChangeTag::Equal => ' ',
                };
                let text = line.value().trim_end_matches('\n');
                let text = cut(text, pairs[at].map(|other| all[other].value().trim_end_matches('\n')));
                self.push(sign, depth, if sign == ' ' { text } else { ended(&text) });
                if ends && line.missing_newline() && sign != ' ' {
                    self.push(' ', depth, "\\ no newline at end".to_owned());
                }
            }
        }
        if first {
            self.push(' ', depth, "what differs is hidden".to_owned());
        }
    }
}

/// Finds for each line the one that stands for it on the other side: in the order of a run of removed and added ones.
fn pairs(lines: &[similar::Change<&str>]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; lines.len()];
    let run = |from: usize, tag| from + lines[from..].iter().take_while(|line| line.tag() == tag).count();
    let mut at = 0;
    while at < lines.len() {
        let removed = run(at, ChangeTag::Delete);
        let added = run(removed, ChangeTag::Insert);
        for (old, new) in (at..removed).zip(removed..added) {
            (pairs[old], pairs[new]) = (Some(new), Some(old));
        }
        at = added.max(at + 1);
    }
    pairs
}

/// Cuts a long line to what surrounds its difference from the other one, or to its start.
fn cut(line: &str, other: Option<&str>) -> String {
    let count = line.chars().count();
    if count <= LONG {
        return line.to_owned();
    }
    let (from, to) = match other {
        Some(other) => {
            let same = line.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
            let rest = count.min(other.chars().count()) - same;
            let behind = line.chars().rev().zip(other.chars().rev()).take(rest).take_while(|(a, b)| a == b).count();
            (same.saturating_sub(AROUND), (count - behind + AROUND).min(count))
        }
        None => (0, LONG),
    };
    let (start, end) = (if from > 0 { "…" } else { "" }, if to < count { "…" } else { "" });
    format!("{start}{}{end}", line.chars().skip(from).take(to - from).collect::<String>())
}

/// Writes another order of items; of operations that keep their order, only the other indexes.
fn order(before: &Value, after: &Value) -> String {
    let names = |value: &Value| -> Vec<String> {
        let names = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        names.map(str::to_owned).collect()
    };
    let (before, after) = (names(before), names(after));
    let indexes: Option<Vec<String>> = before
        .iter()
        .zip(&after)
        .filter(|(old, new)| old != new)
        .map(|(old, new)| match (old.rsplit_once(" at "), new.rsplit_once(" at ")) {
            (Some((old, from)), Some((new, to))) if old == new => Some(format!("{old} at {from} -> {to}")),
            _ => None,
        })
        .collect();
    match indexes {
        Some(indexes) if indexes.len() <= FEW => return indexes.join(", "),
        Some(indexes) => return format!("{} at other indexes", indexes.len()),
        None if before.len() > FEW => return format!("order of {} items", before.len()),
        None => {}
    }
    format!("order {} -> {}", before.join(", "), after.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diff::Path;

    fn shown(before: Option<Value>, after: Option<Value>) -> Vec<String> {
        let change = match (&before, &after) {
            (None, _) => FieldKind::Added,
            (_, None) => FieldKind::Removed,
            _ => FieldKind::Changed,
        };
        let path = Path(vec![Step::Key("a.b".into()), Step::Key("c".into())]);
        let lines = of_fields(&[FieldChange { path, change, before, after, secret: false }]);
        lines.iter().map(|line| format!("{}{:indent$}{}", line.sign, "", line.text, indent = 2 * line.depth)).collect()
    }

    #[test]
    fn short_values_stand_on_one_line() {
        assert_eq!(shown(Some(json!(1)), Some(json!("1"))), [r#"~["a.b"].c: 1 -> "1""#]);
        assert_eq!(shown(None, Some(json!({"x": ["a, b", null]}))), [r#"+["a.b"].c: {x: ["a, b", null]}"#]);
        assert_eq!(shown(Some(json!("\u{1b}[31m")), None), [r#"-["a.b"].c: "\x1b[31m""#]);
        assert_eq!(shown(Some(json!("***")), Some(json!("***"))), [r#"~["a.b"].c: what differs is hidden"#]);
    }

    #[test]
    fn long_values_are_blocks_and_texts_are_lines() {
        let long = "x".repeat(100);
        assert_eq!(shown(None, Some(json!({"k": long}))), [r#"+["a.b"].c:"#.to_owned(), format!("+  k: {long}")]);
        // What differs is seen, also where it has no look, and without all of a long line.
        assert_eq!(shown(Some(json!("a b")), Some(json!("a\u{a0}b"))), [r#"~["a.b"].c: a b -> a\u{a0}b"#]);
        assert_eq!(shown(Some(json!("a \nb\n")), Some(json!("a\nb\n")))[1..3], ["-  a·", "+  a"]);
        assert_eq!(
            shown(Some(json!("a\nb\n")), Some(json!("a\nb")))[1..],
            ["   a", "-  b", "+  b", "   \\ no newline at end"]
        );
        let cut =
            shown(Some(json!(format!("{long}1{long}{long}{long}"))), Some(json!(format!("{long}{long}{long}{long}"))));
        let around = "x".repeat(40);
        assert_eq!(cut[1..], [format!("-  …{around}1{around}…"), format!("+  …{around}{around}…")]);
        assert_eq!(
            shown(Some(json!("a\nb\nc\nd\n")), Some(json!("a\nb\nx\nd\n"))),
            [r#"~["a.b"].c:"#, "   b", "-  c", "+  x", "   d"]
        );
    }
}
