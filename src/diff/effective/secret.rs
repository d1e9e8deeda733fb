//! What must not be shown of an object that is no Secret.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::build::flux::{Cluster, ValuesKind};
use crate::diagnostic::mask::HIDDEN;
use crate::diff::fields::FieldChange;
use crate::diff::path::Step;
use crate::render::Resource;

/// Values of Secrets from this length are hidden inside of other texts too; shorter ones only where they are the whole text.
const TELLING: usize = 6;
/// Shorter values say nothing; to hide them would hide half of all fields.
const SHORTEST: usize = 4;

/// The values of Secrets that Flux substitutes: they stand in objects that are no Secrets.
pub(super) struct Values(Vec<String>);

impl Values {
    pub(super) fn of(clusters: &[&Cluster]) -> Self {
        let mut values = BTreeSet::new();
        for cluster in clusters {
            let kustomizations = cluster.built.iter().filter_map(|built| built.kustomization.as_ref());
            let names: BTreeSet<(&str, &str)> = kustomizations
                .flat_map(|one| {
                    one.post_build.iter().flat_map(|post| &post.substitute_from).map(move |from| (one, from))
                })
                .filter(|(_, from)| from.kind == ValuesKind::Secret)
                .map(|(one, from)| (one.id.namespace.as_str(), from.name.as_str()))
                .collect();
            let objects = cluster.built.iter().flat_map(|built| &built.objects).map(|object| &object.resource);
            let is_meant = |resource: &&Resource| {
                let namespace = resource.namespace().filter(|namespace| !namespace.is_empty()).unwrap_or("default");
                resource.group().is_empty()
                    && resource.kind() == "Secret"
                    && names.contains(&(namespace, resource.name()))
            };
            for resource in objects.filter(is_meant) {
                values.extend(texts(&resource.body));
            }
        }
        let mut values: Vec<String> = values.into_iter().collect();
        // A value may be the beginning of another one.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self(values)
    }

    pub(super) fn hide_text(&self, text: &str) -> String {
        if self.0.iter().any(|value| value == text) {
            return HIDDEN.to_owned();
        }
        let long = self.0.iter().filter(|value| value.len() >= TELLING);
        long.fold(text.to_owned(), |text, value| if text.contains(value) { text.replace(value, HIDDEN) } else { text })
    }

    pub(super) fn hide(&self, value: Value) -> Value {
        match value {
            _ if self.0.is_empty() => value,
            Value::String(text) => self.hide_text(&text).into(),
            Value::Number(number) if self.0.contains(&number.to_string()) => HIDDEN.into(),
            Value::Array(items) => items.into_iter().map(|item| self.hide(item)).collect(),
            Value::Object(map) => {
                Value::Object(map.into_iter().map(|(key, value)| (self.hide_text(&key), self.hide(value))).collect())
            }
            other => other,
        }
    }

    pub(super) fn hide_field(&self, field: &mut FieldChange) {
        field.before = field.before.take().map(|value| self.hide(value));
        field.after = field.after.take().map(|value| self.hide(value));
        for step in &mut field.path.0 {
            match step {
                Step::Key(text) => *text = self.hide_text(text),
                Step::Item(item) => item.label = self.hide_text(&item.label),
                Step::Inside => {}
            }
        }
    }
}

/// The values of a Secret as texts, whole and line by line.
fn texts(secret: &Value) -> Vec<String> {
    let field = |name: &str| secret.get(name).and_then(Value::as_object).into_iter().flatten();
    let decode = |text: &str| {
        let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        String::from_utf8(STANDARD.decode(bare).ok()?).ok()
    };
    let data = field("data").filter_map(|(_, value)| decode(value.as_str()?));
    let plain = field("stringData").filter_map(|(_, value)| value.as_str().map(str::to_owned));
    let mut found = Vec::new();
    for text in data.chain(plain) {
        found.extend(text.lines().map(|line| line.trim().to_owned()));
        found.push(text);
    }
    found.retain(|text| text.trim().len() >= SHORTEST && !matches!(text.as_str(), "true" | "false" | "null"));
    found
}
