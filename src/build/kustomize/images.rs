//! The `images` field: other names, tags and digests for the images of containers.

use std::cell::Cell;

use regex::Regex;
use serde_json::Value;

use super::config::FieldSpec;
use super::fields::{self, Fault};
use super::file::Image;
use crate::build::identity::Tracked;

/// An entry of `images` that is ready to match.
pub(super) struct Change<'i> {
    expression: Regex,
    image: &'i Image,
    found: Cell<bool>,
}

impl<'i> Change<'i> {
    /// Prepares an entry. The name is an expression to kustomize, with an optional tag and digest behind it.
    pub(super) fn new(image: &'i Image) -> Option<Self> {
        let name = &image.name;
        let expression = format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$");
        Some(Self { expression: Regex::new(&expression).ok()?, image, found: Cell::new(false) })
    }

    /// Tells whether it found anything to change.
    pub(super) fn found(&self) -> bool {
        self.found.get()
    }

    /// Changes the images in every list that is called `containers` or `initContainers`, at any depth, and in the
    /// configured fields. Definitions of custom resources are left alone.
    pub(super) fn apply(&self, objects: &mut [Tracked], specs: &[FieldSpec]) -> Result<(), Fault> {
        for object in objects.iter_mut().filter(|object| object.id().kind != "CustomResourceDefinition") {
            let id = object.id().clone();
            object.edit(|body| {
                self.containers(body);
                specs.iter().try_for_each(|spec| {
                    fields::visit(spec, &id, body, None, &mut |value, _| match value {
                        Value::Array(_) | Value::Object(_) => Err("is not a text".into()),
                        value => {
                            self.change(value);
                            Ok(())
                        }
                    })
                })
            })?;
        }
        Ok(())
    }

    fn containers(&self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                for (key, child) in map.iter_mut() {
                    self.containers(child);
                    if matches!(key.as_str(), "containers" | "initContainers")
                        && let Value::Array(items) = child
                    {
                        items.iter_mut().filter_map(|item| item.get_mut("image")).for_each(|text| self.change(text));
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.containers(item)),
            _ => {}
        }
    }

    fn change(&self, value: &mut Value) {
        let Some(text) = fields::text(value).filter(|text| self.expression.is_match(text)) else { return };
        self.found.set(true);
        let (name, tag, digest) = split(&text);
        let Image { new_name, new_tag, tag_suffix, digest: new_digest, .. } = self.image;
        let (tag, digest) = match (new_tag.as_str(), new_digest.as_str(), tag_suffix.as_str()) {
            ("", "", "") => (tag.to_owned(), digest),
            ("", "", suffix) => (format!("{tag}{suffix}"), ""),
            (new_tag, new_digest, _) => (new_tag.to_owned(), new_digest),
        };
        let mut out = if new_name.is_empty() { name.to_owned() } else { new_name.clone() };
        for (sign, part) in [(':', tag.as_str()), ('@', digest)] {
            if !part.is_empty() {
                out.push(sign);
                out.push_str(part);
            }
        }
        *value = Value::String(out);
    }
}

/// Takes an image apart: name, tag, digest. A colon before the first slash belongs to the port of a registry.
fn split(image: &str) -> (&str, &str, &str) {
    let path = image.find('/').filter(|slash| *slash > 0).unwrap_or(0);
    let at = |sign: char| image[path..].find(sign).map(|found| path + found);
    match (at(':'), at('@')) {
        (Some(colon), Some(sign)) if colon < sign => (&image[..colon], &image[colon + 1..sign], &image[sign + 1..]),
        (_, Some(sign)) => (&image[..sign], "", &image[sign + 1..]),
        (Some(colon), None) => (&image[..colon], &image[colon + 1..], ""),
        (None, None) => (image, "", ""),
    }
}
