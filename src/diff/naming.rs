//! What the items of a list are called, so that they are found again wherever they stand: by the merge key of
//! Kubernetes, by `name` and the like, patches by their target, operations by what they do.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;
use similar::{Algorithm, capture_diff_slices};

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
        Kind::Patches => return Some(numbered(Named::Target, before, after, patches::target)),
        Kind::Operations => return Some(numbered(Named::Operation, before, after, patches::operation)),
        Kind::Merged(keys) => {
            if let Some(names) = all(Named::Key, &|items| distinct_keys(items, keys)) {
                return Some(names);
            }
        }
        Kind::Any => {}
    }
    KEYS.iter().find_map(|key| all(Named::Key, &|items| distinct(items, key)))
}

/// Names the items of three lists alike; `None` when not every item has a name of its own in its list. Operations have
/// none: what one of them means depends on those before it.
pub(super) fn common(kind: Kind, lists: [&[Value]; 3]) -> Option<(Named, [Vec<String>; 3])> {
    let all = |name: &dyn Fn(&[Value]) -> Option<Vec<String>>| {
        let [a, b, c] = lists.map(name);
        Some([a?, b?, c?])
    };
    let names = match kind {
        Kind::Operations => return None,
        Kind::Patches => {
            return Some((Named::Target, all(&|items| unique(items.iter().map(patches::target).collect()))?));
        }
        Kind::Merged(keys) => all(&|items| distinct_keys(items, keys)),
        Kind::Any => None,
    };
    let names = names.or_else(|| KEYS.iter().find_map(|key| all(&|items| distinct(items, key))))?;
    Some((Named::Key, names))
}

fn unique(names: Vec<String>) -> Option<Vec<String>> {
    (names.iter().collect::<HashSet<_>>().len() == names.len()).then_some(names)
}

fn distinct(items: &[Value], key: &str) -> Option<Vec<String>> {
    unique(items.iter().map(|item| scalar(item.as_object()?.get(key)?)).collect::<Option<_>>()?)
}

pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Tells items of equal names apart by a number. Those of one name are aligned by their content, so that one put in
/// between leaves the others what they are; what is gone counts behind what stays.
fn numbered(named: Named, before: &[Value], after: &[Value], name: fn(&Value) -> String) -> Names {
    let mut groups: BTreeMap<String, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (at, item) in before.iter().enumerate() {
        groups.entry(name(item)).or_default().0.push(at);
    }
    for (at, item) in after.iter().enumerate() {
        groups.entry(name(item)).or_default().1.push(at);
    }
    let mut names = Names { named, before: vec![String::new(); before.len()], after: vec![String::new(); after.len()] };
    for (name, (old, new)) in groups {
        let label = |at: usize| if at == 0 { name.clone() } else { format!("{name} #{}", at + 1) };
        for (number, at) in new.iter().enumerate() {
            names.after[*at] = label(number);
        }
        let items = |all: &'_ [usize], of: &[Value]| -> Vec<Value> { all.iter().map(|at| of[*at].clone()).collect() };
        let mut gone = new.len();
        for op in capture_diff_slices(Algorithm::Myers, &items(&old, before), &items(&new, after)) {
            let mut stay = op.new_range();
            for at in op.old_range() {
                names.before[old[at]] = label(stay.next().unwrap_or_else(|| {
                    gone += 1;
                    gone - 1
                }));
            }
        }
    }
    names
}
