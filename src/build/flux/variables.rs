//! Where the values of variables come from: the Kustomization itself, and ConfigMaps and Secrets of the repository.
//!
//! Values of Secrets are never shown by anything here.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::fault::{FluxFault, shown_reference};
use super::kustomization::{Kustomization, PostBuild, Reference, ValuesKind};
use super::mask;
use super::substitute::Lookup;
use crate::render::Resource;

/// Kind, namespace and name of an object that holds values.
pub(super) type Holder = (ValuesKind, String, String);

/// What an object holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Values {
    Known(BTreeMap<String, Vec<u8>>),
    /// They are encrypted; their names are not.
    Encrypted(BTreeSet<String>),
}

/// Reads the values of an object, if it is one that holds any.
pub(super) fn values(resource: &Resource) -> Option<(Holder, Values)> {
    let kind = match (resource.api_version(), resource.kind()) {
        ("v1", "ConfigMap") => ValuesKind::ConfigMap,
        ("v1", "Secret") => ValuesKind::Secret,
        _ => return None,
    };
    let holder = (kind, resource.namespace().unwrap_or("default").to_owned(), resource.name().to_owned());
    if mask::is_encrypted(resource) {
        let maps = ["data", "stringData"].map(|field| resource.body.get(field).and_then(Value::as_object));
        let names = maps.into_iter().flatten().flat_map(|map| map.keys().cloned()).collect();
        return Some((holder, Values::Encrypted(names)));
    }
    let mut found = BTreeMap::new();
    let texts = |field: &str| {
        let map = resource.body.get(field).and_then(Value::as_object);
        map.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
    };
    match kind {
        ValuesKind::ConfigMap => {
            found.extend(texts("data").map(|(key, value)| (key, without_breaks(value.as_bytes()))))
        }
        ValuesKind::Secret => {
            for (key, value) in texts("data") {
                let bare: String = value.chars().filter(|c| !c.is_ascii_whitespace()).collect();
                // What is no base64 the API server would refuse.
                found.extend(STANDARD.decode(bare).ok().map(|value| (key, without_breaks(&value))));
            }
            found.extend(texts("stringData").map(|(key, value)| (key, without_breaks(value.as_bytes()))));
        }
    }
    Some((holder, Values::Known(found)))
}

fn without_breaks(value: &[u8]) -> Vec<u8> {
    value.iter().copied().filter(|byte| *byte != b'\n').collect()
}

/// The variables of one Kustomization.
pub(super) struct Variables<'k> {
    post: &'k PostBuild,
    inline: BTreeMap<&'k str, Vec<u8>>,
    /// The references, last one first: the first that has a value wins.
    from: Vec<(&'k Reference, Option<Values>)>,
    namespace: &'k str,
}

impl<'k> Variables<'k> {
    /// Gathers what is known; `None` when the Kustomization substitutes nothing.
    pub(super) fn of(
        kustomization: &'k Kustomization,
        known: &impl Fn(&Holder) -> Option<Values>,
    ) -> Result<Option<Self>, Vec<FluxFault>> {
        let Some(post) = &kustomization.post_build else { return Ok(None) };
        let namespace = kustomization.id.namespace.as_str();
        let from = post.substitute_from.iter().rev();
        let from = from.map(|r| (r, known(&(r.kind, namespace.to_owned(), r.name.clone()))));
        let inline =
            post.substitute.iter().map(|(name, value)| (name.as_str(), without_breaks(value.as_bytes()))).collect();
        let variables = Self { post, inline, from: from.collect(), namespace };
        let mut faults = Vec::new();
        let mut check = |name: &str, from: String| {
            let starts = name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
            if !starts || !name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) {
                faults.push(FluxFault::VariableName { name: name.to_owned(), from });
            }
        };
        variables.inline.keys().for_each(|name| check(name, "`spec.postBuild.substitute`".into()));
        for (reference, values) in &variables.from {
            if let Some(Values::Known(values)) = values {
                values.keys().for_each(|name| check(name, shown_reference(reference, namespace, "")));
            }
        }
        if faults.is_empty() { Ok(Some(variables)) } else { Err(faults) }
    }

    /// Whether anything is substituted at all: there is a variable, or there may be one.
    pub(super) fn acts(&self) -> bool {
        let given = |(reference, values): &(&Reference, Option<Values>)| match values {
            Some(Values::Known(values)) => !values.is_empty(),
            Some(Values::Encrypted(names)) => !names.is_empty(),
            None => !reference.optional,
        };
        self.post.always || !self.inline.is_empty() || self.from.iter().any(given)
    }

    /// Looks a variable up.
    pub(super) fn lookup(&self, name: &str) -> Lookup<'_> {
        if let Some(value) = self.inline.get(name) {
            return Lookup::Value(Cow::Borrowed(value));
        }
        let mut perhaps = false;
        for (reference, values) in &self.from {
            match values {
                Some(Values::Known(values)) => {
                    if let Some(value) = values.get(name) {
                        return Lookup::Value(Cow::Borrowed(value));
                    }
                }
                Some(Values::Encrypted(names)) if !names.contains(name) => {}
                // As long as something else gives a value, what need not be there counts as absent.
                None if reference.optional => perhaps = true,
                Some(Values::Encrypted(_)) | None => return Lookup::Elsewhere,
            }
        }
        if perhaps { Lookup::Perhaps } else { Lookup::Unset }
    }

    /// Says where the value of a variable that is not known would come from.
    pub(super) fn whence(&self, name: &str) -> String {
        let unknown = self.from.iter().rev().filter_map(|(reference, values)| {
            let why = match values {
                Some(Values::Known(_)) => return None,
                Some(Values::Encrypted(names)) if !names.contains(name) => return None,
                Some(Values::Encrypted(_)) => ", which is encrypted",
                None => ", which is not in the repository",
            };
            Some(shown_reference(reference, self.namespace, why))
        });
        unknown.collect::<Vec<_>>().join(", or ")
    }

    /// The objects that would give more values if they were known.
    pub(super) fn missing(&self) -> bool {
        self.from.iter().any(|(_, values)| values.is_none())
    }
}
