//! The three-way merge of values: maps by key, lists by the names of their items, all else whole.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};

use super::super::conceal;
use super::super::fields::Place;
use super::super::naming;
use super::super::path::{Item, Path, Step};
use super::{Clash, order};

/// A conflict with what it is about; it may hold credentials still.
pub(super) struct Found {
    pub(super) clash: Clash,
    pub(super) path: Path,
    pub(super) secret: bool,
    pub(super) yours: Option<Value>,
    pub(super) rendering: Option<Value>,
}

impl Found {
    pub(super) fn at(clash: Clash, path: Path, secret: bool) -> Self {
        Self { clash, path, secret, yours: None, rendering: None }
    }
}

/// The last rendering, the hand edit, and the new rendering of one value.
type Sides<'v> = [Option<&'v Value>; 3];

/// Merges one document. What comes back means something only while there is no conflict.
pub(super) fn merge(sides: Sides<'_>) -> (Option<Value>, Vec<Found>) {
    let place = sides.into_iter().flatten().last().map(Place::of_document);
    let mut merger = Merger(Vec::new());
    let merged = place.and_then(|place| merger.value(sides, &Path::default(), place));
    (merged, merger.0)
}

struct Merger(Vec<Found>);

impl Merger {
    fn value(&mut self, sides: Sides<'_>, path: &Path, place: Place) -> Option<Value> {
        let [base, yours, rendering] = sides;
        if yours == rendering || rendering == base {
            return yours.cloned();
        }
        if yours == base {
            return rendering.cloned();
        }
        match (base, yours, rendering) {
            (Some(Value::Object(_)) | None, Some(Value::Object(yours)), Some(Value::Object(rendering))) => {
                let base = base.and_then(Value::as_object);
                Some(Value::Object(self.map(base, yours, rendering, path, place)))
            }
            (Some(Value::Array(_)) | None, Some(Value::Array(yours)), Some(Value::Array(rendering))) => {
                let base = base.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                self.list([base, yours, rendering], path, place)
            }
            _ => self.clash(sides, path, place),
        }
    }

    fn clash(&mut self, [_, yours, rendering]: Sides<'_>, path: &Path, place: Place) -> Option<Value> {
        let of_secret = |side: Option<&Value>| side.is_some_and(conceal::is_secret);
        let secret = place.secret || place.is_secret && !of_secret(yours) && !of_secret(rendering);
        let found = Found::at(Clash::Value, path.clone(), secret);
        self.0.push(Found { yours: yours.cloned(), rendering: rendering.cloned(), ..found });
        yours.cloned()
    }

    fn map(
        &mut self,
        base: Option<&Map<String, Value>>,
        yours: &Map<String, Value>,
        rendering: &Map<String, Value>,
        path: &Path,
        place: Place,
    ) -> Map<String, Value> {
        let secret = |side: &Map<String, Value>| side.get("kind").and_then(Value::as_str) == Some("Secret");
        let place = place.in_secret(secret(yours) || secret(rendering));
        // A key that only the last rendering had is gone on both sides.
        let keys = rendering.keys().chain(yours.keys().filter(|key| !rendering.contains_key(*key)));
        let mut merged = Map::new();
        for key in keys {
            let sides = [base.and_then(|base| base.get(key)), yours.get(key), rendering.get(key)];
            let Some(any) = sides.into_iter().flatten().last() else { continue };
            if let Some(value) = self.value(sides, &path.key(key), place.field(key, any)) {
                merged.insert(key.clone(), value);
            }
        }
        merged
    }

    fn list(&mut self, lists: [&[Value]; 3], path: &Path, place: Place) -> Option<Value> {
        let Some((named, names)) = naming::common(place.list, lists) else {
            let found = Found::at(Clash::Value, path.clone(), place.secret);
            let [_, yours, rendering] = lists.map(|list| Some(Value::Array(list.to_vec())));
            self.0.push(Found { yours: yours.clone(), rendering, ..found });
            return yours;
        };
        let items: [HashMap<&str, &Value>; 3] =
            [0, 1, 2].map(|side| names[side].iter().map(String::as_str).zip(lists[side]).collect());
        let mut merged: HashMap<&str, Value> = HashMap::new();
        let known = self.0.len();
        let labels: BTreeSet<&str> = names.iter().flatten().map(String::as_str).collect();
        for label in labels {
            let sides = [0, 1, 2].map(|side| items[side].get(label).copied());
            let item = Item { named, label: label.to_owned(), before: None, after: None };
            if let Some(value) = self.value(sides, &path.then(Step::Item(item)), place.item(named)) {
                merged.insert(label, value);
            }
        }
        // Which items stay is not known while they are in conflict, and neither is their order.
        if self.0.len() > known {
            return None;
        }
        let stays: HashSet<&str> = merged.keys().copied().collect();
        let Some(order) = order::merge([&names[0], &names[1], &names[2]], |label| stays.contains(label)) else {
            let found = Found::at(Clash::Order, path.clone(), place.secret);
            let list = |names: &[String]| Some(names.iter().map(|name| Value::from(name.as_str())).collect());
            self.0.push(Found { yours: list(&names[1]), rendering: list(&names[2]), ..found });
            return None;
        };
        Some(order.iter().filter_map(|label| merged.remove(label.as_str())).collect())
    }
}
