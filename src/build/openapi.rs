//! The schema that a kustomization brings along (`openapi.path`): which lists of its kinds are merged by which keys.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Map, Value};

use super::schema::{Field, OPEN, Shape, builtin_type};

/// Kinds of a schema file.
#[derive(Debug)]
pub(super) struct Custom {
    kinds: HashMap<(String, String), &'static Shape>,
}

/// Schema files that were read, by their bytes. Shapes live as long as the process, so that each file is read once.
static KNOWN: Mutex<Vec<(Vec<u8>, bool, &'static Custom)>> = Mutex::new(Vec::new());

impl Custom {
    /// Takes a schema. `key` are the bytes that it was read from; `with_builtin` says whether it may refer to the types
    /// of Kubernetes.
    ///
    /// # Errors
    /// Says what this engine cannot do with it.
    pub(super) fn new(key: &[u8], schema: &Value, with_builtin: bool) -> Result<&'static Self, String> {
        let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((.., custom)) = known.iter().find(|(bytes, with, _)| bytes == key && *with == with_builtin) {
            return Ok(custom);
        }
        let custom: &'static Self = Box::leak(Box::new(read(schema, with_builtin)?));
        known.push((key.to_vec(), with_builtin, custom));
        Ok(custom)
    }

    /// Returns the shape of a kind of the schema.
    pub(super) fn shape(&self, api_version: &str, kind: &str) -> Option<&'static Shape> {
        self.kinds.get(&(api_version.to_owned(), kind.to_owned())).copied()
    }
}

fn read(schema: &Value, with_builtin: bool) -> Result<Custom, String> {
    let definitions = match schema.get("definitions") {
        Some(Value::Object(definitions)) => definitions,
        None if schema.is_object() => return Ok(Custom { kinds: HashMap::new() }),
        _ => return Err("has no map `definitions`".into()),
    };
    let mut reader = Reader { definitions, with_builtin, done: HashMap::new() };
    let mut kinds = HashMap::new();
    for (name, definition) in definitions {
        let text = |kind: &Value, key: &str| kind.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        for kind in definition.get("x-kubernetes-group-version-kind").and_then(Value::as_array).into_iter().flatten() {
            let (group, version) = (text(kind, "group"), text(kind, "version"));
            let api_version = if group.is_empty() { version } else { format!("{group}/{version}") };
            kinds.insert((api_version, text(kind, "kind")), reader.definition(name)?);
        }
    }
    Ok(Custom { kinds })
}

struct Reader<'d> {
    definitions: &'d Map<String, Value>,
    with_builtin: bool,
    done: HashMap<String, &'static Shape>,
}

impl Reader<'_> {
    /// Reads a definition once. One that refers to itself has no merged lists below that reference.
    fn definition(&mut self, name: &str) -> Result<&'static Shape, String> {
        if let Some(shape) = self.done.get(name) {
            return Ok(shape);
        }
        self.done.insert(name.to_owned(), &OPEN);
        let definitions = self.definitions;
        let shape = match definitions.get(name) {
            Some(definition) => self.shape(definition)?,
            None => builtin_type(name).filter(|_| self.with_builtin).unwrap_or(&OPEN),
        };
        self.done.insert(name.to_owned(), shape);
        Ok(shape)
    }

    fn referred(&mut self, schema: &Value) -> Result<&'static Shape, String> {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.definition(reference.trim_start_matches("#/definitions/")),
            None => self.shape(schema),
        }
    }

    fn shape(&mut self, schema: &Value) -> Result<&'static Shape, String> {
        let Some(Value::Object(properties)) = schema.get("properties") else { return Ok(&OPEN) };
        let mut fields: Vec<(&'static str, Field)> = Vec::new();
        for (name, property) in properties {
            if let Some(field) = self.field(property)? {
                fields.push((String::leak(name.clone()), field));
            }
        }
        Ok(if fields.is_empty() { &OPEN } else { Box::leak(Box::new(Shape::of(Vec::leak(fields)))) })
    }

    fn field(&mut self, property: &Value) -> Result<Option<Field>, String> {
        let strategy = property.get("x-kubernetes-patch-strategy").and_then(Value::as_str).unwrap_or_default();
        let merges = strategy.split(',').any(|word| word == "merge");
        let is_list = property.get("type").and_then(Value::as_str) == Some("array");
        if !is_list {
            let below = self.referred(property)?;
            return Ok((!std::ptr::eq(below, &OPEN)).then_some(Field::Map(below)));
        }
        if !merges {
            return Ok(None);
        }
        let keys: Vec<String> = match property.get("x-kubernetes-list-map-keys").and_then(Value::as_array) {
            Some(keys) => keys.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            None => property
                .get("x-kubernetes-patch-merge-key")
                .and_then(Value::as_str)
                .map(str::to_owned)
                .into_iter()
                .collect(),
        };
        if keys.len() > 2 {
            return Err(format!("merges a list by {} keys", keys.len()));
        }
        if keys.is_empty() {
            return Ok(Some(Field::Set));
        }
        let below = match property.get("items") {
            Some(items) => self.referred(items)?,
            None => &OPEN,
        };
        let keys: Vec<&'static str> = keys.into_iter().map(|key| &*String::leak(key)).collect();
        Ok(Some(Field::Keyed(Vec::leak(keys), below)))
    }
}
