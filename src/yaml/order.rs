//! The order of fields as people write them.

use serde_json::{Map, Value};

const TOP: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];
const METADATA: [&str; 4] = ["name", "namespace", "labels", "annotations"];

/// Puts `apiVersion`, `kind`, `metadata`, `spec` first in an object, `name` and `namespace` first in metadata, and `name`
/// first in every list item; all else keeps its order.
pub fn order(object: &mut Value) {
    if let Value::Object(map) = object {
        bring_forward(map, &TOP);
        if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
            bring_forward(metadata, &METADATA);
        }
    }
    names_first(object, false);
}

/// Where a map stands, which decides what comes first in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a value whose fields keep their order.
    Any,
    /// It is the object.
    Top,
    /// It is the metadata of the object.
    Metadata,
    /// It is the value of another field.
    Field,
    /// It is an item of a list.
    Item,
}

impl Place {
    /// The place of the value of a field.
    pub(super) fn field(self, key: &str) -> Self {
        match self {
            Self::Any => Self::Any,
            Self::Top if key == "metadata" => Self::Metadata,
            _ => Self::Field,
        }
    }

    /// The place of an item of a list.
    pub(super) fn item(self) -> Self {
        if self == Self::Any { Self::Any } else { Self::Item }
    }
}

/// Walks the fields of a map as [`order`] would put them.
pub(super) fn in_order(map: &Map<String, Value>, place: Place) -> impl Iterator<Item = (&String, &Value)> {
    let first: &[&str] = match place {
        Place::Top => &TOP,
        Place::Metadata => &METADATA,
        Place::Item if !map.keys().any(|key| key == "kind") => &["name"],
        _ => &[],
    };
    let leading = first.iter().filter_map(|wanted| map.iter().find(|(key, _)| key == wanted));
    leading.chain(map.iter().filter(|(key, _)| !first.contains(&key.as_str())))
}

fn names_first(value: &mut Value, item: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|v| names_first(v, true)),
        Value::Object(map) => {
            if item && map.contains_key("name") && !map.contains_key("kind") {
                bring_forward(map, &["name"]);
            }
            map.values_mut().for_each(|v| names_first(v, false));
        }
        _ => {}
    }
}

fn bring_forward(map: &mut Map<String, Value>, first: &[&str]) {
    let position = |key: &str| first.iter().position(|f| *f == key).unwrap_or(first.len());
    if map.keys().is_sorted_by_key(|key| position(key)) {
        return;
    }
    let mut entries: Vec<_> = std::mem::take(map).into_iter().collect();
    entries.sort_by_key(|(key, _)| position(key));
    map.extend(entries);
}
