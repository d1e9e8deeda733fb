//! Hides credentials in changes of fields: only here the name of a value and the kind of its object are known.

use serde_json::Value;

use super::fields::{FieldChange, FieldKind};
use super::patches;
use super::path::{Item, Named, Path, Step};
use super::shown;
use crate::diagnostic::mask::{self, HIDDEN};

/// Hides every credential of a change.
pub(super) fn conceal(change: &mut FieldChange) {
    let name = name(&change.path.0);
    let patch = change.path.patch().is_some_and(|(target, _)| is_of_secret(target));
    let secret = change.secret || patch && is_value(&change.path);
    let names = change.change == FieldKind::Moved;
    if let (Some(Value::String(before)), Some(Value::String(after)), false) = (&change.before, &change.after, secret)
        && !names_secret(&name)
    {
        let (before, after) = shown::texts(Some(before), Some(after));
        (change.before, change.after) = (before.map(Value::String), after.map(Value::String));
    }
    let shown = |side: Value| match side {
        Value::Array(items) if names => items.iter().filter_map(Value::as_str).map(|text| label(text, patch)).collect(),
        side if secret => hidden(side),
        side if patch => value(hide_operations(side), &name),
        side => value(side, &name),
    };
    change.before = change.before.take().map(shown);
    change.after = change.after.take().map(shown);
    for step in &mut change.path.0 {
        match step {
            Step::Item(Item { named: Named::Operation, label: text, .. }) => *text = label(text, patch),
            Step::Key(text) | Step::Item(Item { label: text, .. }) => *text = mask::mask(text),
            Step::Inside => {}
        }
    }
}

/// Hides the item in the name of an operation, where that may be a credential.
fn label(text: &str, of_secret: bool) -> String {
    match text.split_once('[') {
        Some((list, _)) if of_secret || names_secret(&last(list)) => format!("{list}[{HIDDEN}]"),
        _ => mask::mask(text),
    }
}

/// Hides credentials in a value that a proof found at a JSON pointer of an object, as in `v1 Secret namespace/name`.
pub fn proven(object: Option<&str>, pointer: &str, found: Value) -> Value {
    let of_secret = object.is_some_and(|object| object.split(' ').nth(1) == Some("Secret"));
    let values = ["", "data", "stringData"].contains(&pointer.split('/').nth(1).unwrap_or_default());
    if of_secret && values { hidden(found) } else { value(found, &last(pointer)) }
}

/// Tells whether a path leads into a value that the patch of a Secret sets.
fn is_value(path: &Path) -> bool {
    let key = |step: &Step, name: &str| matches!(step, Step::Key(key) if key == name);
    match path.patch() {
        Some((_, [patch])) => key(patch, "patch"),
        Some((_, [_, Step::Item(_), field, ..])) => key(field, "value"),
        Some((_, [_, field, ..])) => key(field, "data"),
        _ => false,
    }
}

/// Tells whether the target of a patch is a Secret, or may be one: its kind is an expression, or not given.
fn is_of_secret(target: &str) -> bool {
    let kind = target.split(' ').next().unwrap_or_default();
    matches!(kind, "Secret" | "object") || !kind.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Hides the values that operations put into a Secret: those of one operation, or of all in a patch.
fn hide_operations(mut side: Value) -> Value {
    let operations = match side.get_mut("patch") {
        Some(Value::Array(operations)) => operations.iter_mut().collect(),
        _ => vec![&mut side],
    };
    for operation in operations.into_iter().filter(|operation| operation.get("op").is_some()) {
        if let Some(value) = operation.get_mut("value") {
            *value = hidden(value.take());
        }
    }
    side
}

/// The name of what a path leads to; for the `value` of an item that has a name or a path, that one.
fn name(steps: &[Step]) -> String {
    match steps {
        [.., Step::Item(item), Step::Key(key)] if key == "value" && item.named != Named::Index => last(&item.label),
        [.., Step::Key(key), Step::Item(_)] | [.., Step::Key(key)] => key.clone(),
        _ => String::new(),
    }
}

/// The last part of the path of an operation, without the item and its index.
fn last(label: &str) -> String {
    let path = label.split('[').next().unwrap_or_default();
    let is_index = |part: &&str| *part == "-" || part.bytes().all(|b| b.is_ascii_digit());
    path.rsplit('/').find(|part| !is_index(part)).unwrap_or_default().to_owned()
}

/// Hides the credentials in a value of this name.
pub(super) fn value(value: Value, name: &str) -> Value {
    within(value, name, 0)
}

/// Does the same for a value that stands in texts of texts, so many levels deep.
pub(super) fn within(value: Value, name: &str, level: usize) -> Value {
    match value {
        Value::Object(ref map) if is_secret(&value) => {
            let map = map.clone();
            let fields = map.into_iter().map(|(key, inner)| match key.as_str() {
                "data" | "stringData" => (key, hidden(inner)),
                _ => (key.clone(), within(inner, &key, level)),
            });
            Value::Object(fields.collect())
        }
        Value::Object(map) => {
            let of_secret = map.get("patch").is_some_and(Value::is_string)
                && is_of_secret(&patches::target(&patches::read(Value::Object(map.clone()))));
            let named = ["name", "path"].iter().find_map(|key| map.get(*key)?.as_str().map(last));
            let fields = map.into_iter().map(|(key, inner)| {
                let inner = match (&named, key.as_str()) {
                    (_, "stringData") => hidden(inner),
                    (_, "patch") if of_secret => hidden(inner),
                    (Some(name), "value") => within(inner, name, level),
                    _ => within(inner, &key, level),
                };
                (mask::mask(&key), inner)
            });
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.into_iter().map(|item| within(item, name, level)).collect(),
        Value::String(text) if names_secret(name) && !mask::is_reference(&text) => HIDDEN.into(),
        Value::String(text) => shown::text(&text, level + 1).into(),
        Value::Number(number) if !names_secret(name) => Value::Number(number),
        Value::Number(_) => HIDDEN.into(),
        Value::Null | Value::Bool(_) => value,
    }
}

pub(super) fn is_secret(value: &Value) -> bool {
    value.get("kind").and_then(Value::as_str) == Some("Secret")
}

/// Hides every value and keeps the keys.
fn hidden(value: Value) -> Value {
    match value {
        Value::Object(map) => map.into_iter().map(|(key, inner)| (mask::mask(&key), hidden(inner))).collect(),
        Value::Null => Value::Null,
        _ => HIDDEN.into(),
    }
}

/// Tells whether a text would be hidden behind this name.
pub(super) fn names_secret(name: &str) -> bool {
    if name.is_empty() {
        return false;
    }
    let line = format!("{name}: x");
    mask::mask(&line) != line
}
