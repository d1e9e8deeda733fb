//! Paths of replacements and variables: `spec.containers.[name=web].image`, `list.0`, `list.*`.

use regex::Regex;
use serde_json::{Map, Value};

use super::config::split;
use super::fields;
use crate::build::print::print_value;

/// Splits a path at its dots; what stands in brackets belongs together.
pub(super) fn parts(path: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut open: Option<String> = None;
    for part in split(path, '.') {
        match open.take() {
            Some(begun) => {
                let joined = format!("{begun}.{part}");
                if part.ends_with(']') { out.push(unbracketed(joined)) } else { open = Some(joined) }
            }
            None if part.starts_with('[') && !part.ends_with(']') => open = Some(part),
            None => out.push(part),
        }
    }
    out.extend(open.map(unbracketed));
    out
}

/// Brackets with `=` choose items of a list; others only keep dots together.
fn unbracketed(part: String) -> String {
    if part.contains('=') { part } else { part.trim_matches(['[', ']']).to_owned() }
}

/// One part of a path.
enum Part<'p> {
    Index(usize),
    /// Items whose field (or, with an empty one, that themselves) match.
    Items(&'p str, &'p str),
    Every,
    Key(&'p str),
}

fn part(text: &str) -> Result<Part<'_>, String> {
    if let Ok(index) = text.parse::<usize>() {
        return Ok(Part::Index(index));
    }
    if text.starts_with('[') && text.ends_with(']') && text.len() > 1 {
        let inner = &text[1..text.len() - 1];
        let (key, value) = inner.split_once('=').ok_or_else(|| format!("has `{text}`, which is not `[key=value]`"))?;
        return Ok(Part::Items(key, value));
    }
    Ok(if text == "*" { Part::Every } else { Part::Key(text) })
}

/// Reads the value at a path; nothing when it is not there.
pub(super) fn read<'v>(value: &'v Value, path: &[String]) -> Result<Option<&'v Value>, String> {
    Ok(follow(value, path)?.map(|(value, _)| value))
}

/// Returns the JSON pointer of what a path leads to.
pub(super) fn pointer(value: &Value, path: &[String]) -> Option<String> {
    follow(value, path).ok().flatten().map(|(_, pointer)| pointer)
}

fn follow<'v>(value: &'v Value, path: &[String]) -> Result<Option<(&'v Value, String)>, String> {
    let (mut at, mut pointer) = (value, String::new());
    for text in path.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        if at.is_null() {
            return Ok(None);
        }
        let index = match part(text)? {
            Part::Every => return Err("has `*`, which a source cannot have".into()),
            Part::Index(index) => Some(index),
            Part::Items(key, wanted) => list(at)?.iter().position(|item| {
                let value = if key.is_empty() { Some(item) } else { item.get(key) };
                value.and_then(fields::text).is_some_and(|text| text == wanted)
            }),
            Part::Key("-") => list(at)?.len().checked_sub(1),
            Part::Key(key) => match at {
                Value::Object(map) => {
                    let Some(next) = map.get(key) else { return Ok(None) };
                    fields::push_key(&mut pointer, key);
                    at = next;
                    continue;
                }
                _ => return Err(format!("has `{key}` below something that is not a map")),
            },
        };
        let Some((index, next)) = index.and_then(|index| Some((index, list(at).ok()?.get(index)?))) else {
            list(at)?;
            return Ok(None);
        };
        pointer.push_str(&format!("/{index}"));
        at = next;
    }
    Ok(Some((at, pointer)))
}

fn list(value: &Value) -> Result<&[Value], String> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| "goes into a list that is none".to_owned())
}

/// What stands at the end of a path.
pub(super) struct Found<'v> {
    pub(super) value: &'v mut Value,
    /// Whether it was just made.
    pub(super) made: bool,
    /// Where it stands.
    pub(super) pointer: &'v str,
}

/// Whether and how missing parts of a path are made.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Missing {
    Skip,
    /// What stands at the end is a scalar, a map or a list.
    Scalar,
    Map,
    List,
}

impl Missing {
    fn end(self) -> Value {
        match self {
            Missing::Map => Value::Object(Map::new()),
            Missing::List => Value::Array(Vec::new()),
            Missing::Skip | Missing::Scalar => Value::Null,
        }
    }

    /// What is made in front of a part.
    fn before(self, next: Option<&String>) -> Value {
        match next.map(|next| part(next)) {
            None => self.end(),
            Some(Ok(Part::Index(_) | Part::Items(..))) => Value::Array(Vec::new()),
            Some(_) => Value::Object(Map::new()),
        }
    }
}

/// Calls a function for everything that a path leads to, and returns how many there were.
pub(super) fn change(
    value: &mut Value,
    path: &[String],
    missing: Missing,
    set: &mut dyn FnMut(Found<'_>) -> Result<(), String>,
) -> Result<usize, String> {
    Walk { missing, set, pointer: String::new() }.go(value, path, false)
}

struct Walk<'s> {
    missing: Missing,
    set: &'s mut dyn FnMut(Found<'_>) -> Result<(), String>,
    pointer: String,
}

impl Walk<'_> {
    /// Goes on below a step of the path.
    fn below(&mut self, step: &str, value: &mut Value, path: &[String], made: bool) -> Result<usize, String> {
        let length = self.pointer.len();
        fields::push_key(&mut self.pointer, step);
        let count = self.go(value, path, made);
        self.pointer.truncate(length);
        count
    }

    fn go(&mut self, value: &mut Value, path: &[String], made: bool) -> Result<usize, String> {
        let Some((text, rest)) = path.split_first() else {
            return (self.set)(Found { value, made, pointer: &self.pointer }).map(|()| 1);
        };
        let missing = self.missing;
        let make = missing != Missing::Skip;
        match part(text)? {
            Part::Index(index) => {
                let items = items(value)?;
                let append = make && index == items.len();
                if append {
                    items.push(missing.before(rest.first()));
                }
                let length = items.len();
                let item = items
                    .get_mut(index)
                    .ok_or_else(|| format!("goes to item {index} of a list that has {length} items"))?;
                self.below(&index.to_string(), item, rest, append)
            }
            Part::Every => {
                let mut count = 0;
                for (index, item) in items(value)?.iter_mut().enumerate() {
                    count += self.below(&index.to_string(), item, rest, false)?;
                }
                Ok(count)
            }
            Part::Items(key, wanted) => {
                let expression = Regex::new(wanted).map_err(|_| format!("has `{text}`, which is no expression"))?;
                let items = items(value)?;
                let matches = |item: &Value| {
                    let value = if key.is_empty() { Some(item) } else { item.get(key) };
                    value.is_some_and(|value| expression.is_match(print_value(value).trim()))
                };
                // An item that is a scalar has nothing below it.
                let rest = if key.is_empty() { &[] } else { rest };
                let mut count = 0;
                for (index, item) in items.iter_mut().enumerate().filter(|(_, item)| matches(item)) {
                    count += self.below(&index.to_string(), item, rest, false)?;
                }
                if count > 0 || !make {
                    return Ok(count);
                }
                let scalar = super::plain(wanted);
                let mut item =
                    if key.is_empty() { scalar } else { Value::Object(Map::from_iter([(key.to_owned(), scalar)])) };
                if !matches(&item) {
                    return Err(format!("has `{text}`, of which no item can be made"));
                }
                let count = self.below(&items.len().to_string(), &mut item, rest, false)?;
                items.push(item);
                Ok(count)
            }
            Part::Key("") => Err("has an empty part".into()),
            Part::Key(key) => match value {
                // Nothing is made below null, and kustomize is content with that.
                Value::Null => Ok(usize::from(make)),
                Value::Object(map) => {
                    let is_new = !map.contains_key(key);
                    if is_new && !make {
                        return Ok(0);
                    }
                    let child = map.entry(key).or_insert_with(|| missing.before(rest.first()));
                    self.below(key, child, rest, is_new && rest.is_empty())
                }
                _ => Err(format!("has `{key}` below something that is not a map")),
            },
        }
    }
}

fn items(value: &mut Value) -> Result<&mut Vec<Value>, String> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err("goes into a list that is none".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn brackets_keep_dots() {
        assert_eq!(parts("a.[k=x.y].b"), ["a", "[k=x.y]", "b"]);
        assert_eq!(parts("a.[x.y/z].b"), ["a", "x.y/z", "b"]);
        assert_eq!(parts("a.x\\.y"), ["a", "x.y"]);
    }

    #[test]
    fn what_is_missing_is_made_as_the_path_says() {
        let mut value = json!({});
        let mut set = |found: Found<'_>| {
            *found.value = json!(found.made);
            Ok(())
        };
        assert_eq!(change(&mut value, &parts("a.[k=x].b"), Missing::Scalar, &mut set), Ok(1));
        assert_eq!(value, json!({"a": [{"k": "x", "b": true}]}));
        assert_eq!(change(&mut value, &parts("a.0.b"), Missing::Skip, &mut set), Ok(1));
        assert_eq!(value, json!({"a": [{"k": "x", "b": false}]}));
        assert_eq!(change(&mut value, &parts("a.*.c"), Missing::Skip, &mut set), Ok(0));
        assert!(change(&mut value, &parts("a.2.c"), Missing::Scalar, &mut set).is_err());
    }
}
