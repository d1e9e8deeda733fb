//! Following the path of a field through an object.

use serde_json::{Map, Value};

use super::config::{FieldSpec, Step};
use crate::build::identity::Identity;
use crate::build::print::is_taken_for_text;

/// What is made where a field is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Make {
    /// A map.
    Map,
    /// A value, which the setter fills.
    Scalar,
}

impl Make {
    fn value(self) -> Value {
        match self {
            Make::Map => Value::Object(Map::new()),
            Make::Scalar => Value::Null,
        }
    }
}

/// A field that cannot be followed or set.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    /// The path of the field.
    pub(super) path: String,
    pub(super) id: String,
    pub(super) reason: String,
}

/// Sets one value, which stands at a JSON pointer.
pub(super) type Set<'s> = dyn FnMut(&mut Value, &str) -> Result<(), String> + 's;

/// Calls a setter for every place of a field in an object of the kinds of the field. A missing field is made if the field
/// says so and `make` says what; else it is passed over.
pub(super) fn visit(
    spec: &FieldSpec,
    id: &Identity,
    body: &mut Value,
    make: Option<Make>,
    set: &mut Set<'_>,
) -> Result<(), Fault> {
    if !spec.kinds.select(id) {
        return Ok(());
    }
    let make = make.filter(|_| spec.create);
    walk(body, &spec.steps, make, &mut String::new(), set).map_err(|reason| Fault {
        path: spec.path.clone(),
        id: id.to_string(),
        reason,
    })
}

fn walk(
    node: &mut Value,
    steps: &[Step],
    make: Option<Make>,
    pointer: &mut String,
    set: &mut Set<'_>,
) -> Result<(), String> {
    let Some((step, rest)) = steps.split_first() else { return set(node, pointer) };
    let length = pointer.len();
    match node {
        Value::Null => Ok(()),
        Value::Array(items) => items.iter_mut().enumerate().try_for_each(|(index, item)| {
            pointer.push('/');
            pointer.push_str(&index.to_string());
            walk(item, steps, make, pointer, set)?;
            pointer.truncate(length);
            Ok(())
        }),
        Value::Object(map) => {
            if step.key.is_empty() {
                return Err("has a step without name".into());
            }
            let wanted = match make {
                Some(make) if !step.list => Some(if rest.is_empty() { make } else { Make::Map }),
                _ => None,
            };
            if let Some(make) = wanted {
                let child = map.entry(step.key.as_str()).or_insert_with(|| make.value());
                if child.is_null() {
                    *child = make.value();
                }
            }
            let Some(child) = map.get_mut(&step.key) else { return Ok(()) };
            // A list that is null becomes an empty one when the path says that it is a list.
            if step.list && child.is_null() {
                *child = Value::Array(Vec::new());
            }
            push_key(pointer, &step.key);
            walk(child, rest, make, pointer, set)?;
            pointer.truncate(length);
            Ok(())
        }
        _ => Err("leads through a value that is neither a map nor a list".into()),
    }
}

/// Adds a key to a JSON pointer.
pub(super) fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    if key.contains(['~', '/']) {
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
    } else {
        pointer.push_str(key);
    }
}

/// Puts a value in the place of another scalar.
pub(super) fn scalar(place: &mut Value, value: Value) -> Result<(), String> {
    match place {
        Value::Array(_) | Value::Object(_) => Err("is not a scalar".into()),
        place => {
            *place = value;
            Ok(())
        }
    }
}

/// Returns a scalar as the text that stands for it; nothing for a map or a list.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => Some("null".to_owned()),
        Value::Array(_) | Value::Object(_) => None,
        scalar => Some(scalar.to_string()),
    }
}

/// Says why kustomize cannot keep a key: on its way it forgets quotes, and what it then reads is no text. `yes` and the
/// like only matter where they pass through it twice, as labels and annotations do.
pub(super) fn odd_key(key: &str, twice: bool) -> Option<String> {
    let word = matches!(key.to_ascii_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off");
    let odd = key == "<<" || (!is_taken_for_text(key) && (twice || !word));
    odd.then(|| format!("has the key `{key}`, which YAML does not read as a text; use another one"))
}
