//! `vars`: `$(NAME)` in configured fields stands for a field of an object.

use std::collections::BTreeMap;

use serde_json::Value;

use super::config::FieldSpec;
use super::fields::{self, Fault};
use super::file::{ObjectReference, Var};
use super::paths;
use crate::build::identity::Tracked;
use crate::build::schema::is_cluster_scoped;

/// Takes the variables of a directory in: each remembers its object, which may be renamed later.
pub(super) fn declare(objects: &mut [Tracked], known: &mut Vec<Var>, vars: &[Var]) -> Result<(), (usize, String)> {
    for (index, var) in vars.iter().enumerate() {
        let ObjectReference { api_version, group, version, kind, name, namespace } = &var.objref;
        let (group, version) = match api_version.split_once('/') {
            Some((group, version)) => (group, version),
            None if api_version.is_empty() => (group.as_str(), version.as_str()),
            None => (group.as_str(), api_version.as_str()),
        };
        let full = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        let cluster_scoped = is_cluster_scoped(&full, kind);
        let effective = if namespace.is_empty() { "default" } else { namespace };
        let is_meant = |object: &&mut Tracked| {
            std::iter::once(object.id()).chain(object.past()).any(|id| {
                (id.name.as_str(), id.group.as_str(), id.version.as_str(), id.kind.as_str())
                    == (name.as_str(), group, version, kind.as_str())
                    && (namespace.is_empty() || cluster_scoped || id.effective_namespace() == effective)
            })
        };
        let mut found: Vec<&mut Tracked> = objects.iter_mut().filter(is_meant).collect();
        match found.as_mut_slice() {
            [] => {}
            [object] => object.memory.vars.push(var.name.clone()),
            several => return Err((index, format!("names an object of which there are {}", several.len()))),
        }
        add(known, var.clone()).map_err(|reason| (index, reason))?;
    }
    Ok(())
}

/// Adds a variable.
pub(super) fn add(known: &mut Vec<Var>, var: Var) -> Result<(), String> {
    if known.iter().any(|other| other.name == var.name) {
        return Err(format!("is called `{}`, as another one is", var.name));
    }
    known.push(var);
    Ok(())
}

/// Looks the values up; nothing for one that is a map or a list, which kustomize leaves as it is.
pub(super) fn values(objects: &[Tracked], vars: &[Var]) -> Result<BTreeMap<String, Option<Value>>, (String, String)> {
    let mut out = BTreeMap::new();
    let mut sorted: Vec<&Var> = vars.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    for var in sorted {
        let object = objects.iter().find(|object| object.memory.vars.contains(&var.name));
        let Some(object) = object else {
            return Err((var.name.clone(), "names an object that does not exist".into()));
        };
        let path = Some(var.fieldref.field_path.as_str()).filter(|path| !path.is_empty()).unwrap_or("metadata.name");
        let value = lookup(object.body(), path).ok_or_else(|| {
            (var.name.clone(), format!("names the field `{path}`, which `{}` does not have", object.resource().id()))
        })?;
        let scalar = Some(value).filter(|value| !matches!(value, Value::Array(_) | Value::Object(_) | Value::Null));
        out.insert(var.name.clone(), scalar.cloned());
    }
    Ok(out)
}

/// Follows a path such as `spec.ports[0].port`, in which a dot behind a backslash belongs to its key.
fn lookup<'v>(body: &'v Value, path: &str) -> Option<&'v Value> {
    let mut at = body;
    for part in paths::parts(path) {
        let (key, indexes) = match part.split_once('[') {
            Some((key, rest)) if rest.ends_with(']') => (key, rest.trim_end_matches(']')),
            _ => (part.as_str(), ""),
        };
        if !key.is_empty() {
            at = at.get(key)?;
        }
        for index in indexes.split("][").filter(|index| !index.is_empty()) {
            at = at.get(index.parse::<usize>().ok()?)?;
        }
    }
    Some(at)
}

/// Replaces the variables in all configured fields.
pub(super) fn expand(
    objects: &mut [Tracked],
    specs: &[FieldSpec],
    values: &BTreeMap<String, Option<Value>>,
) -> Result<(), Fault> {
    for object in objects {
        let id = object.id().clone();
        let untyped = std::mem::take(&mut object.memory.untyped);
        // A scalar without type is a text to this step, and one from now on.
        let settle = |value: &mut Value, pointer: &str| {
            if let Some((_, text)) = untyped.iter().find(|(place, _)| place == pointer) {
                *value = Value::from(text.as_str());
            }
        };
        let mut set = |value: &mut Value, pointer: &str| match value {
            Value::Array(items) => items.iter_mut().enumerate().try_for_each(|(index, item)| {
                settle(item, &format!("{pointer}/{index}"));
                match item {
                    Value::String(_) => {
                        replace(item, values);
                        Ok(())
                    }
                    _ => Err("has an item that is not a text".to_owned()),
                }
            }),
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    let mut pointer = pointer.to_owned();
                    fields::push_key(&mut pointer, key);
                    settle(value, &pointer);
                    replace(value, values);
                }
                Ok(())
            }
            value => {
                settle(value, pointer);
                replace(value, values);
                Ok(())
            }
        };
        object.edit(|body| specs.iter().try_for_each(|spec| fields::visit(spec, &id, body, None, &mut set)))?;
    }
    Ok(())
}

fn replace(value: &mut Value, values: &BTreeMap<String, Option<Value>>) {
    let Value::String(text) = value else { return };
    if text.contains('$') {
        *value = expanded(text, values);
    }
}

/// A text that is one variable and nothing else takes its type, too. `$$` is a dollar.
fn expanded(text: &str, values: &BTreeMap<String, Option<Value>>) -> Value {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let Some(next) = behind.chars().next() else {
            out.push('$');
            return Value::String(out);
        };
        match (next, behind.find(')')) {
            ('$', _) => {
                out.push('$');
                rest = &behind[1..];
            }
            ('(', Some(end)) => {
                let name = &behind[1..end];
                match values.get(name) {
                    Some(Some(value)) if text.len() == name.len() + 3 => return value.clone(),
                    Some(Some(Value::String(value))) => out.push_str(value),
                    Some(Some(value)) => out.push_str(&value.to_string()),
                    _ => out.push_str(&format!("$({name})")),
                }
                rest = &behind[end + 1..];
            }
            (c, _) => {
                out.push('$');
                out.push(c);
                rest = &behind[c.len_utf8()..];
            }
        }
    }
    out.push_str(rest);
    Value::String(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_variable_alone_keeps_its_type() {
        let values =
            [("N".to_owned(), Some(json!(2))), ("S".to_owned(), Some(json!("x"))), ("M".to_owned(), None)].into();
        let expand = |text: &str| expanded(text, &values);
        assert_eq!(expand("$(N)"), json!(2));
        assert_eq!(expand("a-$(N)$(S)"), json!("a-2x"));
        assert_eq!(expand("$$(N) $(unknown) $(M) $x $(N $"), json!("$(N) $(unknown) $(M) $x $(N $"));
    }
}
