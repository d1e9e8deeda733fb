//! The merge of two lists of maps by key, as kustomize does it.
//!
//! Lists with one key (containers) take the order of the patch; lists with two keys of which the second is in use
//! (ports) keep the order of the base behind the new items. With two keys kustomize loses items silently; those are
//! reported in [`Merger::dropped`]. What it does to items without a key at all depends on luck and is refused.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::change::ListItem;
use super::merge::{MergeFault, Merger, strip_directive};
use super::schema::Shape;

/// The texts of the two keys; an absent key is an empty text, as it is to kustomize.
type Key = (String, String);

/// One item of the base, which a patch item may change or delete.
struct Held {
    key: Key,
    body: Map<String, Value>,
    deleted: bool,
}

/// Where an item of the result comes from.
#[derive(Clone, Copy, PartialEq)]
enum Source {
    Base(usize),
    New(usize),
}

impl Merger {
    /// Merges patch items into the items of a list.
    pub(super) fn keyed(
        &mut self,
        base: Vec<Value>,
        patch: &[Value],
        keys: &[&'static str],
        shape: &'static Shape,
        path: &str,
    ) -> Result<Vec<Value>, MergeFault> {
        if patch.is_empty() {
            return Ok(base);
        }
        let mut held = Vec::with_capacity(base.len());
        for (index, item) in base.into_iter().enumerate() {
            let Value::Object(body) = item else { return Err(self.keyless(path, index, keys, false)) };
            let key = read_key(&body, keys).ok_or_else(|| self.keyless(path, index, keys, false))?;
            held.push(Held { key, body, deleted: false });
        }
        let mut wanted = Vec::with_capacity(patch.len());
        for (index, item) in patch.iter().enumerate() {
            let body = item.as_object().ok_or_else(|| self.keyless(path, index, keys, true))?;
            let key = read_key(body, keys).ok_or_else(|| self.keyless(path, index, keys, true))?;
            wanted.push((key, body));
        }
        let two = held.iter().map(|h| &h.key).chain(wanted.iter().map(|(k, _)| k)).any(|key| !key.1.is_empty());
        if two {
            refuse_ambiguous(&held, &wanted, keys, path)?;
        }

        let mut new: Vec<(Key, Option<Map<String, Value>>)> = Vec::new();
        let mut order: Vec<Source> = Vec::new();
        for (at, (key, body)) in wanted.iter().enumerate() {
            let repeated = wanted[..at].iter().any(|(earlier, _)| earlier == key);
            // kustomize takes the item for the base item that has the second key, and then finds no patch for that.
            let shadowed = two && key.1.is_empty() && held.iter().any(|h| h.key.0 == key.0 && !h.key.1.is_empty());
            if repeated || shadowed {
                self.drop_item(path, key);
                continue;
            }
            let existing = held.iter().position(|h| !h.deleted && h.key == *key);
            match (strip_directive(body, path)?, existing) {
                (Some("delete"), _) if two && key.1.is_empty() => self.drop_item(path, key),
                (Some("delete"), _) => {
                    held.iter_mut().filter(|h| h.key == *key).for_each(|h| h.deleted = true);
                }
                // For an item that exists the directive only moves it; what it should replace it with is lost.
                (Some("replace"), Some(index)) => {
                    self.drop_item(path, key);
                    order.extend((!two).then_some(Source::Base(index)));
                }
                (_, Some(index)) => {
                    let mut target = std::mem::take(&mut held[index].body);
                    self.map(&mut target, body, shape, path)?;
                    held[index].body = target;
                    order.extend((!two).then_some(Source::Base(index)));
                }
                (_, None) => {
                    order.push(Source::New(new.len()));
                    new.push((key.clone(), Some(self.fresh(body, shape, path)?)));
                }
            }
        }
        order.extend((0..held.len()).filter(|i| !held[*i].deleted).map(Source::Base));

        let kept = settle(&order, two, |source| match source {
            Source::Base(index) => &held[index].key,
            Source::New(index) => &new[index].0,
        });
        for (index, (key, _)) in new.iter().enumerate() {
            if !kept.contains(&Source::New(index)) {
                self.drop_item(path, key);
            }
        }
        let mut held: Vec<Option<Map<String, Value>>> = held.into_iter().map(|h| Some(h.body)).collect();
        Ok(kept
            .into_iter()
            .filter_map(|source| match source {
                Source::Base(index) => held[index].take(),
                Source::New(index) => new[index].1.take(),
            })
            .map(Value::Object)
            .collect())
    }

    fn drop_item(&mut self, path: &str, key: &Key) {
        self.dropped.push(ListItem { list: path.to_owned(), key: shown(key) });
    }

    fn keyless(&self, path: &str, index: usize, keys: &[&'static str], in_patch: bool) -> MergeFault {
        MergeFault::ItemWithoutKey { list: path.to_owned(), index, key: keys[0], in_patch }
    }
}

/// Lays the sources into one list: a later item takes the place of an earlier one with the same key, or, with two keys,
/// drives it out. An empty second key stands for any.
fn settle<'k>(order: &[Source], two: bool, key: impl Fn(Source) -> &'k Key) -> Vec<Source> {
    let mut kept: Vec<Source> = Vec::new();
    for source in order {
        let wanted = key(*source);
        let same = |other: &Source| {
            let other = key(*other);
            other.0 == wanted.0 && (!two || wanted.1.is_empty() || other.1 == wanted.1)
        };
        if two {
            kept.retain(|other| !same(other));
            kept.push(*source);
        } else {
            match kept.iter().position(same) {
                Some(index) => kept[index] = *source,
                None => kept.push(*source),
            }
        }
    }
    kept
}

/// Two items for one port, one with and one without protocol: in the patch, or in the base under a directive. What
/// kustomize makes of them depends on their order in ways that nobody can want.
fn refuse_ambiguous(
    held: &[Held],
    wanted: &[(Key, &Map<String, Value>)],
    keys: &[&'static str],
    path: &str,
) -> Result<(), MergeFault> {
    let in_patch = |(key, _): &&(Key, &Map<String, Value>)| {
        key.1.is_empty() && wanted.iter().any(|(other, _)| other.0 == key.0 && !other.1.is_empty())
    };
    let in_base = |(key, body): &&(Key, &Map<String, Value>)| {
        let directive = body.get("$patch").and_then(Value::as_str);
        matches!(directive, Some("delete" | "replace"))
            && !key.1.is_empty()
            && held.iter().any(|h| h.key == *key)
            && held.iter().any(|h| h.key.0 == key.0 && h.key.1.is_empty())
    };
    match wanted.iter().find(|item| in_patch(item) || in_base(item)) {
        None => Ok(()),
        Some((key, _)) => Err(MergeFault::AmbiguousItems {
            list: path.to_owned(),
            key: key.0.clone(),
            second: keys.get(1).copied().unwrap_or_default(),
        }),
    }
}

fn shown(key: &Key) -> String {
    if key.1.is_empty() { key.0.clone() } else { format!("{}/{}", key.0, key.1) }
}

/// Reads the keys of an item; `None` when the first one is absent or not a scalar.
fn read_key(item: &Map<String, Value>, keys: &[&'static str]) -> Option<Key> {
    let text = |key: &str| match item.get(key) {
        None | Some(Value::Null) => Some(String::new()),
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Array(_) | Value::Object(_)) => None,
        Some(scalar) => Some(scalar.to_string()),
    };
    let first = text(keys.first()?)?;
    let second = keys.get(1).map_or(Some(String::new()), |key| text(key))?;
    (!first.is_empty()).then_some((first, second))
}

/// Returns the merge keys of all items, as [`ListItem::key`] shows them, if every item has one and no two the same.
pub fn distinct_keys(items: &[Value], keys: &[&'static str]) -> Option<Vec<String>> {
    let key = |item: &Value| read_key(item.as_object()?, keys).map(|key| shown(&key));
    let found: Vec<String> = items.iter().map(key).collect::<Option<_>>()?;
    (found.iter().collect::<HashSet<_>>().len() == found.len()).then_some(found)
}
