//! What the items of a list are called, so that they are found again wherever they stand: by the merge key of
//! Kubernetes, by `name` and the like, patches by their target, operations by what they do.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::patches;
use super::path::Named;
use crate::build::distinct_keys;

/// Keys that name items of lists which Kubernetes does not merge; the first that all items have, each its own, counts.
pub(super) const KEYS: [&str; 5] = ["name", "key", "host", "path", "port"];

/// What is known of a list from the place where it stands.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Nothing.
    Any,
    /// A list that Kubernetes merges by these keys.
    Merged(&'static [&'static str]),
    /// The patches of a Kustomization.
    Patches,
    /// The operations of a patch.
    Operations,
}

/// The names of the items before and after.
pub(super) struct Names {
    pub(super) named: Named,
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
}

/// Names the items of a list; `None` when they have no names and are told apart by their place only.
pub(super) fn names(kind: Kind, before: &[Value], after: &[Value]) -> Option<Names> {
    let all = |named, name: &dyn Fn(&[Value]) -> Option<Vec<String>>| {
        Some(Names { named, before: name(before)?, after: name(after)? })
    };
    match kind {
        Kind::Patches => return all(Named::Target, &|items| Some(numbered(items.iter().map(patches::target)))),
        Kind::Operations => {
            return all(Named::Operation, &|items| Some(numbered(items.iter().map(patches::operation))));
        }
        Kind::Merged(keys) => {
            if let Some(names) = all(Named::Key, &|items| distinct_keys(items, keys)) {
                return Some(names);
            }
        }
        Kind::Any => {}
    }
    KEYS.iter().find_map(|key| all(Named::Key, &|items| distinct(items, key)))
}

fn distinct(items: &[Value], key: &str) -> Option<Vec<String>> {
    let names: Vec<String> = items.iter().map(|item| scalar(item.as_object()?.get(key)?)).collect::<Option<_>>()?;
    (names.iter().collect::<HashSet<_>>().len() == names.len()).then_some(names)
}

pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Tells equal names apart by a number.
fn numbered(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    names
        .map(|name| {
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            if *count == 1 { name } else { format!("{name} #{count}") }
        })
        .collect()
}
