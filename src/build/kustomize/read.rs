//! YAML values to the types of a kustomization file, as kustomize's JSON decoder takes them.
//!
//! Keys of a struct match whatever their case, null is the same as absent, and an unknown key is a fault. Every fault
//! names the path of the field: `images[0].newTag`.

use serde::de::value::{MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::diagnostic::did_you_mean;

/// Why a value does not fit its type.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    /// Path of the field; empty for the file as a whole.
    pub(super) field: String,
    pub(super) kind: FaultKind,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FaultKind {
    /// There is no such field; the one that was probably meant.
    Unknown(Option<String>),
    /// The value is of another type: `is 1, not a text`.
    Type(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            FaultKind::Unknown(_) => write!(f, "`{}` does not exist", self.field),
            FaultKind::Type(what) => write!(f, "`{}` {what}", self.field),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: std::fmt::Display>(what: T) -> Self {
        Self { field: String::new(), kind: FaultKind::Type(what.to_string()) }
    }
}

/// Reads a value.
pub(super) fn from_value<'v, T: Deserialize<'v>>(value: &'v Value) -> Result<T, Fault> {
    T::deserialize(Reader { value, field: String::new(), open: false })
}

/// Reads a value and passes over unknown keys, as kustomize does in the configuration of a generator or transformer.
pub(super) fn from_open_value<'v, T: Deserialize<'v>>(value: &'v Value) -> Result<T, Fault> {
    T::deserialize(Reader { value, field: String::new(), open: true })
}

#[derive(Clone)]
struct Reader<'v> {
    value: &'v Value,
    field: String,
    /// Whether unknown keys are passed over.
    open: bool,
}

impl<'v> Reader<'v> {
    fn fault<T>(&self, expected: &str) -> Result<T, Fault> {
        let found = match self.value {
            Value::Null => "null".to_owned(),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "a map".to_owned(),
            scalar => scalar.to_string(),
        };
        let hint = if expected == "a text" && !matches!(self.value, Value::Array(_) | Value::Object(_)) {
            "; put it in quotes"
        } else {
            ""
        };
        Err(Fault { field: self.field.clone(), kind: FaultKind::Type(format!("is {found}, not {expected}{hint}")) })
    }

    /// Gives a fault that has no field yet the one that was read.
    fn placed<T>(&self, result: Result<T, Fault>) -> Result<T, Fault> {
        result
            .map_err(|fault| if fault.field.is_empty() { Fault { field: self.field.clone(), ..fault } } else { fault })
    }

    fn child(&self, key: &str, value: &'v Value) -> Self {
        let field = if self.field.is_empty() { key.to_owned() } else { format!("{}.{key}", self.field) };
        Self { value, field, open: self.open }
    }
}

/// Numbers, null and everything that is not named below.
macro_rules! numbers {
    ($($method:ident $visit:ident $read:ident,)*) => {
        $(fn $method<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.value {
                Value::Null => visitor.$visit(Default::default()),
                value => match value.$read() {
                    Some(number) => self.placed(visitor.$visit(number)),
                    None => self.fault("a whole number"),
                },
            }
        })*
    };
}

impl<'v> Deserializer<'v> for Reader<'v> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => visitor.visit_i64(number),
                (None, Some(number)) => visitor.visit_u64(number),
                _ => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            },
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    numbers! {
        deserialize_i64 visit_i64 as_i64,
        deserialize_u64 visit_u64 as_u64,
    }

    fn deserialize_bool<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_bool(false),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            _ => self.fault("true or false"),
        }
    }

    fn deserialize_string<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_borrowed_str(""),
            Value::String(text) => self.placed(visitor.visit_borrowed_str(text)),
            _ => self.fault("a text"),
        }
    }

    fn deserialize_str<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'v>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_seq(SeqDeserializer::new(std::iter::empty::<String>())),
            Value::Array(items) => visitor.visit_seq(Items { parent: &self, items: items.iter().enumerate() }),
            _ => self.fault("a list"),
        }
    }

    fn deserialize_map<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_map(MapDeserializer::new(std::iter::empty::<(String, String)>())),
            Value::Object(map) => {
                let entries = map.iter().map(|(key, value)| (key.clone(), value)).collect::<Vec<_>>().into_iter();
                visitor.visit_map(Entries { parent: &self, entries, value: None })
            }
            _ => self.fault("a map"),
        }
    }

    fn deserialize_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let Value::Object(map) = self.value else {
            if self.value.is_null() {
                return visitor.visit_map(MapDeserializer::new(std::iter::empty::<(String, String)>()));
            }
            return self.fault("a map");
        };
        let mut entries: Vec<(String, &Value)> = Vec::with_capacity(map.len());
        // The decoder sees the keys in order.
        let mut pairs: Vec<(&String, &Value)> = map.iter().collect();
        pairs.sort_unstable_by_key(|(key, _)| *key);
        for (key, value) in pairs {
            let known = fields.iter().find(|field| *field == key);
            let known = known.or_else(|| fields.iter().find(|field| field.eq_ignore_ascii_case(key)));
            match known {
                Some(_) if value.is_null() => {}
                // Of a key that is written in two ways the last one counts.
                Some(field) => {
                    entries.retain(|(earlier, _)| earlier != field);
                    entries.push(((*field).to_owned(), value));
                }
                None if self.open => {}
                None => {
                    let candidate = did_you_mean(key, fields.iter().copied()).map(str::to_owned);
                    let field = self.child(key, value).field;
                    return Err(Fault { field, kind: FaultKind::Unknown(candidate) });
                }
            }
        }
        let result = visitor.visit_map(Entries { parent: &self, entries: entries.into_iter(), value: None });
        self.placed(result)
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'v>>
        i8 i16 i32 i128 u8 u16 u32 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
        ignored_any
    }
}

struct Items<'p, 'v> {
    parent: &'p Reader<'v>,
    items: std::iter::Enumerate<std::slice::Iter<'v, Value>>,
}

impl<'v> SeqAccess<'v> for Items<'_, 'v> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'v>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some((index, value)) = self.items.next() else { return Ok(None) };
        let field = format!("{}[{index}]", self.parent.field);
        seed.deserialize(Reader { value, field, open: self.parent.open }).map(Some)
    }
}

struct Entries<'p, 'v> {
    parent: &'p Reader<'v>,
    entries: std::vec::IntoIter<(String, &'v Value)>,
    value: Option<Reader<'v>>,
}

impl<'v> MapAccess<'v> for Entries<'_, 'v> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'v>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(self.parent.child(&key, value));
        let key: StringDeserializer<Fault> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'v>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let reader = self.value.take().ok_or_else(|| de::Error::custom("has no value"))?;
        seed.deserialize(reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, Default, serde::Deserialize, PartialEq)]
    #[serde(default, rename_all = "camelCase")]
    struct Outer {
        new_name: String,
        inner: Vec<Inner>,
        count: Option<i64>,
    }

    #[derive(Debug, Default, serde::Deserialize, PartialEq)]
    #[serde(default, rename_all = "camelCase")]
    struct Inner {
        flag: bool,
        pairs: std::collections::BTreeMap<String, String>,
    }

    #[test]
    fn keys_match_whatever_their_case_and_null_is_absent() {
        let value =
            json!({"newname": "a", "inner": [{"FLAG": true, "pairs": {"Flag": "x", "none": null}}], "count": null});
        let pairs = [("Flag".to_owned(), "x".to_owned()), ("none".to_owned(), String::new())].into();
        let expected = Outer { new_name: "a".into(), inner: vec![Inner { flag: true, pairs }], count: None };
        assert_eq!(from_value::<Outer>(&value), Ok(expected));
    }

    #[test]
    fn faults_name_the_field() {
        let fault = |value: Value| from_value::<Outer>(&value).expect_err("faulty").to_string();
        assert_eq!(fault(json!({"newName": 1})), "`newName` is 1, not a text; put it in quotes");
        assert_eq!(fault(json!({"inner": [{}, {"flag": "yes"}]})), "`inner[1].flag` is \"yes\", not true or false");
        assert_eq!(fault(json!({"inner": [{"pairs": {"a": []}}]})), "`inner[0].pairs.a` is a list, not a text");
        assert_eq!(fault(json!({"inner": [{"flags": 1}]})), "`inner[0].flags` does not exist");
        assert_eq!(fault(json!({"inner": {}})), "`inner` is a map, not a list");
        assert_eq!(fault(json!({"count": 1.5})), "`count` is 1.5, not a whole number");
    }
}
