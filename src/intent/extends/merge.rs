//! Merges files of intents, node by node, so that each value keeps its place.
//!
//! The rules are those of Kubernetes' strategic merge patch, with the keys of lists from the schema, where they stand as
//! Kubernetes writes them. A directive that changes nothing is an error, because it is most likely misspelt.

use std::collections::HashMap;

use serde_json::Value;

use super::super::document::Part;
use super::super::findings::Findings;
use super::FIELD;
use crate::diagnostic::{Code, Diagnostic, Span, codes, did_you_mean, field_path, mask};
use crate::yaml::{Body, Node, escape};

/// The keyword of the schema that names the keys of a list's items.
pub(in crate::intent) const LIST_KEYS: &str = "x-kubernetes-list-map-keys";
/// The key of a directive.
const DIRECTIVE: &str = "$patch";

/// Merges the files of an intent: its bases in their order, then its own file, which is the first part.
///
/// `file` of each node becomes the index of its part.
pub(in crate::intent) fn merge(parts: &[Part], schema: &Value, findings: &mut Findings) -> Node {
    let mut merged = None;
    for (file, part) in (0..).zip(parts).skip(1).chain((0..).zip(parts).take(1)) {
        let mut merge = Merge { schema, file, name: &part.name, faults: Vec::new() };
        merged = merge.root(merged, &part.node);
        findings.extend(merge.faults);
    }
    merged.unwrap_or(Node { span: Span::default(), file: 0, body: Body::Scalar(Value::Null) })
}

/// Follows the references of a schema.
pub(super) fn resolved<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let target = |schema: &'s Value| root.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?);
    let mut schema = schema;
    // A schema of a plugin may refer in a circle.
    for _ in 0..8 {
        match target(schema) {
            Some(next) => schema = next,
            None => break,
        }
    }
    schema
}

/// The schema of a field.
pub(super) fn field_schema<'s>(schema: &'s Value, name: &str, root: &'s Value) -> Option<&'s Value> {
    let schema = resolved(schema, root);
    let named = schema.get("properties").and_then(|fields| fields.get(name));
    named.or_else(|| schema.get("additionalProperties").filter(|any| any.is_object()))
}

/// What tells an item of a list from others: the value of each key. `None` as long as a key is missing that must be there.
type Identity = Option<Vec<Option<String>>>;

struct Merge<'m> {
    schema: &'m Value,
    file: u16,
    name: &'m str,
    faults: Vec<Diagnostic>,
}

impl<'m> Merge<'m> {
    fn root(&mut self, base: Option<Node>, over: &Node) -> Option<Node> {
        let mut over = over.clone();
        if let Body::Mapping(entries) = &mut over.body {
            if let Some((_, span, _)) = entries.iter().find(|(key, _, _)| key == DIRECTIVE) {
                let node = Node { span: *span, file: 0, body: Body::Scalar(Value::Null) };
                let hint = "remove it; a file that wants nothing of a base does not extend it";
                self.fault(codes::MERGE_DIRECTIVE_INVALID, &node, "/$patch", "a whole file has no directive", hint);
            }
            // What a base extends is among the bases already.
            let own = self.file == 0;
            entries.retain(|(key, _, _)| key != DIRECTIVE && (own || key != FIELD));
        }
        self.node(base, &over, Some(self.schema), &mut String::new())
    }

    /// Lays a value over that of the bases; `None` when nothing is left.
    fn node(&mut self, base: Option<Node>, over: &Node, schema: Option<&'m Value>, at: &mut String) -> Option<Node> {
        let base = base.filter(|node| node.body != Body::Scalar(Value::Null));
        let schema = schema.map(|schema| resolved(schema, self.schema));
        let body = match &over.body {
            Body::Scalar(Value::Null) if base.is_some() => return None,
            Body::Scalar(value) => Body::Scalar(value.clone()),
            Body::Sequence(items) => match schema.and_then(list_keys) {
                Some(keys) => Body::Sequence(self.keyed(base, over, items, &keys, schema, at)),
                None => {
                    self.plain_list(items, at);
                    Body::Sequence(items.iter().map(|item| self.taken(item, true)).collect())
                }
            },
            Body::Mapping(entries) => {
                let replace = match self.directive(over, at) {
                    Some(Directive::Delete) => {
                        self.only(entries, &[], at);
                        if base.is_none() {
                            self.without_effect(over, at, "there is nothing to delete", None);
                        }
                        return None;
                    }
                    Some(Directive::Replace) if base.is_none() => {
                        self.without_effect(over, at, "there is nothing to replace", None);
                        true
                    }
                    directive => directive.is_some(),
                };
                Body::Mapping(self.mapping(base.filter(|_| !replace), entries, schema, at))
            }
        };
        Some(Node { span: over.span, file: self.file, body })
    }

    fn mapping(
        &mut self,
        base: Option<Node>,
        entries: &[(String, Span, Node)],
        schema: Option<&'m Value>,
        at: &mut String,
    ) -> Vec<(String, Span, Node)> {
        let below = match base.map(|base| base.body) {
            Some(Body::Mapping(entries)) => entries,
            _ => Vec::new(),
        };
        let index: HashMap<String, usize> =
            below.iter().enumerate().map(|(index, (key, _, _))| (key.clone(), index)).collect();
        let mut merged: Vec<_> = below.into_iter().map(|(key, span, node)| (key, span, Some(node))).collect();
        let length = at.len();
        for (key, span, child) in entries.iter().filter(|(key, _, _)| key != DIRECTIVE) {
            at.push('/');
            at.push_str(&escape(key));
            let field = schema.and_then(|schema| field_schema(schema, key, self.schema));
            match index.get(key).and_then(|index| merged.get_mut(*index)) {
                Some((_, place, slot)) => {
                    *place = *span;
                    *slot = self.node(slot.take(), child, field, at);
                }
                None => merged.push((key.clone(), *span, self.node(None, child, field, at))),
            }
            at.truncate(length);
        }
        merged.into_iter().filter_map(|(key, span, node)| Some((key, span, node?))).collect()
    }

    /// Merges a list whose items have keys: items of the bases first, in their order, then new ones.
    fn keyed(
        &mut self,
        base: Option<Node>,
        list: &Node,
        items: &[Node],
        keys: &[&str],
        schema: Option<&'m Value>,
        at: &mut String,
    ) -> Vec<Node> {
        let item_schema = schema.and_then(|schema| schema.get("items")).map(|items| resolved(items, self.schema));
        let below = match base.map(|base| base.body) {
            Some(Body::Sequence(items)) => items,
            _ => Vec::new(),
        };
        let is_clearing = |item: &Node| matches!(&item.body, Body::Mapping(entries) if entries.len() == 1 && item.child(DIRECTIVE).is_some_and(|one| one.body == Body::Scalar("replace".into())));
        if items.is_empty() && !below.is_empty() {
            let message = format!("an empty list removes nothing from a list that is merged by {}", named(keys));
            self.without_effect(
                list,
                at,
                &message,
                Some("write `null`, or `[{$patch: replace}]`, to remove all of it".into()),
            );
        }
        let mut ids: HashMap<Vec<Option<String>>, Vec<usize>> = HashMap::new();
        for (index, item) in below.iter().enumerate() {
            if let Some(id) = identity(item, keys, item_schema) {
                ids.entry(id).or_default().push(index);
            }
        }
        let mut merged: Vec<Option<Node>> = below.into_iter().map(Some).collect();
        let length = at.len();
        for (index, item) in items.iter().enumerate() {
            at.push_str(&format!("/{index}"));
            let found = identity(item, keys, item_schema).map(|id| ids.get(&id).cloned().unwrap_or_default());
            if is_clearing(item) {
                if merged.iter().all(Option::is_none) || index > 0 {
                    self.without_effect(
                        item,
                        at,
                        "there is nothing to replace",
                        Some("write it first in the list".into()),
                    );
                }
                if index == 0 {
                    merged.iter_mut().for_each(|slot| *slot = None);
                }
            } else if matches!(self.peek(item), Some(Directive::Delete)) {
                match found {
                    None => {
                        let message = format!("an item of this list is deleted by {}", named(keys));
                        let hint = format!("name the item, as in `{{{}: ..., $patch: delete}}`", keys[0]);
                        self.fault(codes::MERGE_DIRECTIVE_INVALID, item, at, &message, &hint);
                    }
                    Some(found) => {
                        if let Body::Mapping(entries) = &item.body {
                            self.only(entries, keys, at);
                        }
                        let hit = found.iter().any(|index| merged.get(*index).is_some_and(Option::is_some));
                        if !hit {
                            let hint = known(&ids, &merged, item, keys);
                            self.without_effect(item, at, "the bases have no such item", Some(hint));
                        }
                        found.iter().filter_map(|index| merged.get_mut(*index).map(Option::take)).for_each(drop);
                    }
                }
            } else {
                // A second item of one key stays beside the first: rules report it.
                let slot = found.and_then(|found| {
                    found.into_iter().find(|at| {
                        merged.get(*at).is_some_and(|node| node.as_ref().is_some_and(|node| node.file != self.file))
                    })
                });
                match slot.and_then(|slot| merged.get_mut(slot)) {
                    Some(slot) => *slot = self.node(slot.take(), item, item_schema, at),
                    None => {
                        let new = self.node(None, item, item_schema, at);
                        merged.push(new);
                    }
                }
            }
            at.truncate(length);
        }
        merged.into_iter().flatten().collect()
    }

    /// A list without keys is taken as it is; directives of its items would be taken for data.
    fn plain_list(&mut self, items: &[Node], at: &str) {
        for (index, item) in items.iter().enumerate().filter(|(_, item)| item.child(DIRECTIVE).is_some()) {
            let message = "items of this list have no key; the list replaces that of the bases as a whole";
            let hint = "remove the directive, and list all items";
            self.fault(codes::MERGE_DIRECTIVE_INVALID, item, &format!("{at}/{index}"), message, hint);
        }
    }

    /// Copies a value as it is, but for a directive that was reported.
    fn taken(&self, node: &Node, is_item: bool) -> Node {
        let body = match &node.body {
            Body::Scalar(value) => Body::Scalar(value.clone()),
            Body::Sequence(items) => Body::Sequence(items.iter().map(|item| self.taken(item, false)).collect()),
            Body::Mapping(entries) => Body::Mapping(
                entries
                    .iter()
                    .filter(|(key, _, _)| !is_item || key != DIRECTIVE)
                    .map(|(key, span, child)| (key.clone(), *span, self.taken(child, false)))
                    .collect(),
            ),
        };
        Node { span: node.span, file: self.file, body }
    }

    fn peek(&self, node: &Node) -> Option<Directive> {
        match &node.child(DIRECTIVE)?.body {
            Body::Scalar(Value::String(text)) => match text.as_str() {
                "delete" => Some(Directive::Delete),
                "replace" => Some(Directive::Replace),
                _ => None,
            },
            _ => None,
        }
    }

    /// Reads the directive of a map, and reports what is none.
    fn directive(&mut self, node: &Node, at: &str) -> Option<Directive> {
        if !matches!(node.body, Body::Mapping(_)) {
            return None;
        }
        let given = node.child(DIRECTIVE)?;
        let known = self.peek(node);
        if known.is_none() {
            let (shown, meant) = match &given.body {
                Body::Scalar(Value::String(text)) => {
                    (mask::quote(text).to_string(), did_you_mean(text, ["delete", "replace"]))
                }
                _ => ("this".to_owned(), None),
            };
            let hint = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "write `delete` or `replace`; without directive the values are merged".to_owned(),
            };
            self.fault(
                codes::MERGE_DIRECTIVE_INVALID,
                given,
                &format!("{at}/{DIRECTIVE}"),
                &format!("{shown} is no directive"),
                &hint,
            );
        }
        known
    }

    /// Reports what stands beside `$patch: delete` and so means nothing.
    fn only(&mut self, entries: &[(String, Span, Node)], keys: &[&str], at: &str) {
        for (key, _, child) in entries.iter().filter(|(key, _, _)| key != DIRECTIVE && !keys.contains(&key.as_str())) {
            let message = "a field beside `$patch: delete` means nothing";
            let hint = "remove the field, or write `$patch: replace` to put it in place of the bases' value";
            self.fault(codes::MERGE_DIRECTIVE_INVALID, child, &format!("{at}/{}", escape(key)), message, hint);
        }
    }

    fn without_effect(&mut self, node: &Node, at: &str, message: &str, hint: Option<String>) {
        let hint = hint.unwrap_or_else(|| {
            "remove the directive, or correct the field: `fluxwright check --show-merged` shows what the bases say"
                .into()
        });
        self.fault(codes::MERGE_WITHOUT_EFFECT, node, at, message, &hint);
    }

    fn fault(&mut self, code: Code, node: &Node, at: &str, message: &str, hint: &str) {
        let fault = Diagnostic::new(code, message).hint(hint).field(field_path(at));
        self.faults.push(fault.file(self.name).span(node.span));
    }
}

enum Directive {
    Delete,
    Replace,
}

/// Returns the keys of the items of a list.
fn list_keys(schema: &Value) -> Option<Vec<&str>> {
    let keys = schema.get(LIST_KEYS)?.as_array()?;
    Some(keys.iter().filter_map(Value::as_str).collect())
}

fn identity(item: &Node, keys: &[&str], schema: Option<&Value>) -> Identity {
    if !matches!(item.body, Body::Mapping(_)) {
        return None;
    }
    let required = |key: &str| {
        let names = schema.and_then(|schema| schema.get("required")?.as_array());
        names.is_some_and(|names| names.iter().any(|name| name == key))
    };
    keys.iter()
        .map(|key| match item.child(key).map(|child| &child.body) {
            Some(Body::Scalar(value)) if !value.is_null() => Some(Some(text(value))),
            Some(Body::Sequence(_) | Body::Mapping(_)) => None,
            _ => match schema.and_then(|schema| schema.pointer(&format!("/properties/{key}/default"))) {
                Some(default) => Some(Some(text(default))),
                None if required(key) => None,
                None => Some(None),
            },
        })
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        // JSON Schema and Kubernetes take `5432.0` for 5432.
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
        other => other.to_string(),
    }
}

/// Names keys in a sentence.
fn named(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// Says which items the bases have, or the one that was meant.
fn known(
    ids: &HashMap<Vec<Option<String>>, Vec<usize>>,
    merged: &[Option<Node>],
    item: &Node,
    keys: &[&str],
) -> String {
    let is_there = |found: &[usize]| found.iter().any(|index| merged.get(*index).is_some_and(Option::is_some));
    let mut there: Vec<String> = ids
        .iter()
        .filter(|(_, found)| is_there(found))
        .map(|(id, _)| {
            let parts = keys.iter().zip(id).filter_map(|(key, value)| Some(format!("{key}: {}", value.as_ref()?)));
            parts.collect::<Vec<_>>().join(", ")
        })
        .collect();
    there.sort();
    let given = match keys {
        [key] => item.child(key).map(|child| match &child.body {
            Body::Scalar(value) => format!("{key}: {}", text(value)),
            _ => String::new(),
        }),
        _ => None,
    };
    let quoted = |text: &str| format!("`{{{}}}`", mask::mask(text));
    match given.and_then(|given| did_you_mean(&given, there.iter().map(String::as_str)).map(quoted)) {
        Some(meant) => format!("did you mean {meant}?"),
        None if there.is_empty() => "they have no item at all; remove this one".to_owned(),
        None => format!("they have {}", there.iter().map(|one| quoted(one)).collect::<Vec<_>>().join(", ")),
    }
}
