//! [`Items`]: a list whose elements keep the index at which the user wrote them.
//!
//! When an element of a list is faulty, it is taken out and reported, and the rules still run over the others. They name
//! places by index, so the indexes must stay those of the file.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A list with the original index of each element. A `null` element is skipped when read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Items<T>(Vec<(usize, T)>);

impl<T> Items<T> {
    /// Walks index and element.
    pub fn indexed(&self) -> impl DoubleEndedIterator<Item = (usize, &T)> {
        self.0.iter().map(|(index, item)| (*index, item))
    }

    /// Walks the elements.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.iter().map(|(_, item)| item)
    }

    /// Tells whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many elements there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> FromIterator<T> for Items<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().enumerate().collect())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<Option<T>>::deserialize(deserializer)?;
        Ok(Self(items.into_iter().enumerate().filter_map(|(index, item)| Some((index, item?))).collect()))
    }
}

impl<T: Serialize> Serialize for Items<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<T: JsonSchema> JsonSchema for Items<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Items_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<T>::json_schema(generator)
    }
}
