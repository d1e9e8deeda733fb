//! Comments that survive a change: a value is printed with the comments of the text that it was read from.
//!
//! A comment belongs to the field or list item on its line, or to the next one below it. It goes where that one goes, and
//! away when it is gone. Style is not kept: quotes, flow style and indentation are those of [`emit`].

use std::collections::{HashMap, VecDeque};

use granit_parser::{Event, Parser, Placement};
use serde_json::Value;

use super::emit::emit;
use super::node::{Body, Node};
use super::parse::{Dialect, Limits, parse};

/// Prints a value as [`emit`] does, with the comments of `before`, the text of an earlier form of the value.
///
/// Where the text cannot be read there is nothing to keep, and the value is printed without comments.
pub fn emit_with_comments(value: &Value, before: &str, limits: Limits) -> String {
    let text = emit(value);
    let comments = found(before);
    if comments.is_empty() {
        return text;
    }
    let read = |text: &str| parse(text.as_bytes(), Dialect::Kubernetes, limits).ok()?.into_iter().next();
    let (Some(old), Some(new)) = (read(before), read(&text)) else { return text };
    let old_value = old.to_value();
    let old_places = places(&old);
    let new_lines: HashMap<String, usize> = places(&new).into_iter().map(|(line, pointer)| (pointer, line)).collect();
    let mut lines: Vec<Line<'_>> = text.lines().map(|text| Line { above: Vec::new(), text, right: None }).collect();
    let mut below = Vec::new();
    let mut follower = Follower::default();
    for comment in comments {
        let owner = if comment.right {
            let at = old_places.partition_point(|(line, _)| *line <= comment.line);
            at.checked_sub(1).and_then(|at| old_places.get(at))
        } else {
            old_places.get(old_places.partition_point(|(line, _)| *line <= comment.line))
        };
        let Some((_, pointer)) = owner else {
            below.push(comment.text);
            continue;
        };
        let Some(pointer) = follower.follow(pointer, &old_value, value) else { continue };
        let Some(line) = new_lines.get(&pointer).and_then(|line| lines.get_mut(line - 1)) else { continue };
        match comment.right {
            true if line.right.is_none() => line.right = Some(comment.text),
            _ => line.above.push(comment.text),
        }
    }
    print(&lines, &below)
}

struct Comment {
    line: usize,
    /// Whether it stands behind something.
    right: bool,
    text: String,
}

struct Line<'t> {
    above: Vec<String>,
    text: &'t str,
    right: Option<String>,
}

fn print(lines: &[Line<'_>], below: &[String]) -> String {
    let mut out = String::new();
    for line in lines {
        let indent = line.text.len() - line.text.trim_start_matches(' ').len();
        for comment in &line.above {
            out.push_str(&format!("{}#{comment}\n", " ".repeat(indent)));
        }
        out.push_str(line.text);
        if let Some(comment) = &line.right {
            out.push_str(&format!(" #{comment}"));
        }
        out.push('\n');
    }
    below.iter().for_each(|comment| out.push_str(&format!("#{comment}\n")));
    out
}

/// Lists the comments of a text, without their sign; none when it is not YAML.
pub fn comments(text: &str) -> Vec<String> {
    found(text).into_iter().map(|comment| comment.text).collect()
}

fn found(text: &str) -> Vec<Comment> {
    if !text.contains('#') {
        return Vec::new();
    }
    let options = granit_parser::options! { emit_comments: true, max_buffered_comment_events: text.len() };
    let mut found = Vec::new();
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Ok((Event::Comment(comment, placement), span)) => found.push(Comment {
                line: span.start.line(),
                right: placement == Placement::Right,
                text: comment.into_owned(),
            }),
            Ok(_) => {}
            Err(_) => return Vec::new(),
        }
    }
    found
}

/// Lists where fields and list items start: line and JSON pointer, in the order of the text. Of several on one line the
/// innermost comes last.
fn places(node: &Node) -> Vec<(usize, String)> {
    fn walk(node: &Node, pointer: &str, out: &mut Vec<(usize, String)>) {
        match &node.body {
            Body::Scalar(_) => {}
            Body::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    let here = format!("{pointer}/{index}");
                    out.push((item.span.line, here.clone()));
                    walk(item, &here, out);
                }
            }
            Body::Mapping(entries) => {
                for (key, span, child) in entries {
                    let here = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                    out.push((span.line, here.clone()));
                    walk(child, &here, out);
                }
            }
        }
    }
    let mut out = Vec::new();
    walk(node, "", &mut out);
    // Keys that a merge brought in stand where the anchor stands.
    out.sort_by_key(|(line, _)| *line);
    out
}

/// Knows where the items of each list have gone.
#[derive(Default)]
struct Follower {
    /// By the pointer of the old list: the new index of each of its items.
    lists: HashMap<String, Vec<Option<usize>>>,
}

impl Follower {
    /// Finds where a place of the old value is in the new one.
    fn follow(&mut self, pointer: &str, old: &Value, new: &Value) -> Option<String> {
        let (mut old, mut new) = (old, new);
        let (mut here, mut out) = (String::new(), String::new());
        for part in pointer.split('/').skip(1) {
            let key = part.replace("~1", "/").replace("~0", "~");
            (old, new) = match (old, new) {
                (Value::Object(before), Value::Object(after)) => {
                    out.push_str(&format!("/{part}"));
                    (before.get(&key)?, after.get(&key)?)
                }
                (Value::Array(before), Value::Array(after)) => {
                    let index: usize = key.parse().ok()?;
                    let gone = self.lists.entry(here.clone()).or_insert_with(|| destinations(before, after));
                    let at = (*gone.get(index)?)?;
                    out.push_str(&format!("/{at}"));
                    (&before[index], &after[at])
                }
                _ => return None,
            };
            here.push_str(&format!("/{part}"));
        }
        Some(out)
    }
}

/// Where each item of a list is in another: known by its content, then by its name, then, in a list of the same length, by
/// its number. No two items are the same one.
fn destinations(before: &[Value], after: &[Value]) -> Vec<Option<usize>> {
    let mut gone = vec![None; before.len()];
    let mut taken = vec![false; after.len()];
    let content: fn(&Value) -> Option<String> = |item| Some(item.to_string());
    let name: fn(&Value) -> Option<String> = |item| item.get("name").map(Value::to_string);
    for key in [content, name] {
        let mut free: HashMap<String, VecDeque<usize>> = HashMap::new();
        for (at, item) in after.iter().enumerate().filter(|(at, _)| !taken[*at]) {
            if let Some(key) = key(item) {
                free.entry(key).or_default().push_back(at);
            }
        }
        for (index, item) in before.iter().enumerate().filter(|(index, _)| gone[*index].is_none()).collect::<Vec<_>>() {
            let at = key(item).and_then(|key| free.get_mut(&key)?.pop_front());
            gone[index] = at;
            at.into_iter().for_each(|at| taken[at] = true);
        }
    }
    if before.len() == after.len() {
        for index in 0..before.len() {
            if gone[index].is_none() && !taken[index] {
                gone[index] = Some(index);
            }
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BEFORE: &str = "\
# head
kind: Service # kind
# of spec
spec:
  # the ports
  ports:
  - port: 80 # http
    name: a
  # second
  - {port: 81, name: b} # flow
  text: | # literal
    # no comment
  gone: 1 # gone
# foot
";

    fn read(text: &str) -> Value {
        parse(text.as_bytes(), Dialect::Kubernetes, Limits::MANIFEST).expect("valid")[0].to_value()
    }

    #[test]
    fn comments_go_with_their_fields() {
        let mut value = read(BEFORE);
        let spec = value["spec"].as_object_mut().expect("a map");
        spec.shift_remove("gone");
        spec["ports"].as_array_mut().expect("a list").insert(0, json!({"port": 5432}));
        spec["ports"][2]["port"] = json!(82);
        let text = emit_with_comments(&value, BEFORE, Limits::MANIFEST);
        insta::assert_snapshot!(text, @r"
        # head
        kind: Service # kind
        # of spec
        spec:
          # the ports
          ports:
            - port: 5432
            - port: 80 # http
              name: a
            # second
            - port: 82
              name: b # flow
          text: | # literal
            # no comment
        # foot
        ");
        assert_eq!(read(&text), value);
    }

    #[test]
    fn what_cannot_be_read_is_printed_plainly() {
        assert_eq!(emit_with_comments(&json!({"a": 1}), "a: [ # x", Limits::MANIFEST), "a: 1\n");
    }
}
