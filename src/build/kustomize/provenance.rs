//! `buildMetadata`: annotations that tell where objects come from and what changed them.

use serde_json::{Map, Value};

use crate::build::identity::{ConfiguredBy, Source, Tracked};
use crate::build::merge::annotations_to_text;
use crate::build::print::print_value;
use crate::render::Resource;

/// The annotation of where an object comes from.
const ORIGIN: &str = "config.kubernetes.io/origin";
/// The annotation of what changed an object.
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";
/// Where kustomize keeps its own notes, which it takes off in the end.
const INTERNAL: [&str; 10] = [
    "internal.config.kubernetes.io/previousKinds",
    "internal.config.kubernetes.io/previousNames",
    "internal.config.kubernetes.io/prefixes",
    "internal.config.kubernetes.io/suffixes",
    "internal.config.kubernetes.io/previousNamespaces",
    "internal.config.kubernetes.io/allowNameChange",
    "internal.config.kubernetes.io/allowKindChange",
    "internal.config.kubernetes.io/refBy",
    "internal.config.kubernetes.io/generatorBehavior",
    "internal.config.kubernetes.io/needsHashSuffix",
];
/// The label of the program that made an object.
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "kustomize-v5.8.1");

/// Which annotations and labels are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    origin: bool,
    transformations: bool,
    managed_by: bool,
}

impl Wanted {
    /// Reads `buildMetadata`; unknown words mean nothing, as in kustomize.
    pub(super) fn of(words: &[String]) -> Self {
        let has = |word: &str| words.iter().any(|known| known == word);
        Self {
            origin: has("originAnnotations"),
            transformations: has("transformerAnnotations"),
            managed_by: has("managedByLabel"),
        }
    }

    /// Takes notes of kustomize off an object, and adds what is wanted.
    pub(super) fn finish(self, object: Tracked) -> Resource {
        let memory = object.memory.clone();
        let mut resource = object.into_resource();
        let origin = memory.source.as_ref().filter(|_| self.origin).map(Source::text);
        let transformations = Some(&memory.transformations).filter(|list| self.transformations && !list.is_empty());
        if let Some(Value::Object(metadata)) = resource.body.get_mut("metadata") {
            let mut annotations = match metadata.shift_remove("annotations") {
                Some(Value::Object(annotations)) => annotations,
                Some(other) if !other.is_null() => {
                    metadata.insert("annotations".into(), other);
                    Map::new()
                }
                _ => Map::new(),
            };
            for key in INTERNAL.iter().chain(&[ORIGIN, TRANSFORMATIONS]) {
                annotations.shift_remove(*key);
            }
            if let Some(text) = origin {
                annotations.insert(ORIGIN.into(), text.into());
            }
            if let Some(list) = transformations {
                let text: String = list.iter().map(Source::item).collect();
                annotations.insert(TRANSFORMATIONS.into(), text.into());
            }
            if !annotations.is_empty() {
                metadata.insert("annotations".into(), Value::Object(annotations));
            }
            if self.managed_by {
                let labels = metadata.entry("labels").or_insert(Value::Null);
                if labels.is_null() {
                    *labels = Value::Object(Map::new());
                }
                if let Value::Object(labels) = labels {
                    labels.insert(MANAGED_BY.0.into(), MANAGED_BY.1.into());
                }
            }
        }
        // Whatever put them there, annotations are texts in the end.
        annotations_to_text(&mut resource.body);
        resource
    }
}

impl Source {
    /// Describes a file.
    pub(super) fn file(path: String) -> Self {
        Self { path, ..Self::default() }
    }

    /// Describes a generator or transformer that is a field of a kustomization file.
    pub(super) fn field(file: String, kind: &str) -> Self {
        let by = ConfiguredBy { api_version: "builtin".into(), kind: kind.into(), ..ConfiguredBy::default() };
        Self { configured_in: file, configured_by: Some(by), ..Self::default() }
    }

    /// Describes a generator or transformer that is an object of its own, from where that comes from.
    pub(super) fn config(resource: &Resource, source: Option<&Self>) -> Option<Self> {
        let by = ConfiguredBy {
            api_version: resource.api_version().to_owned(),
            kind: resource.kind().to_owned(),
            name: resource.name().to_owned(),
            namespace: resource.namespace().unwrap_or_default().to_owned(),
        };
        source.map(|source| Self { configured_in: source.path.clone(), configured_by: Some(by), ..Self::default() })
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = |indent: &str, key: &str, text: &str| {
            if !text.is_empty() {
                lines.push(format!("{indent}{key}: {}", print_value(&Value::from(text)).trim_end()));
            }
        };
        line("", "path", &self.path);
        line("", "configuredIn", &self.configured_in);
        if let Some(by) = &self.configured_by {
            lines.push("configuredBy:".to_owned());
            let mut line = |key: &str, text: &str| {
                if !text.is_empty() {
                    lines.push(format!("  {key}: {}", print_value(&Value::from(text)).trim_end()));
                }
            };
            line("apiVersion", &by.api_version);
            line("kind", &by.kind);
            line("name", &by.name);
            line("namespace", &by.namespace);
        }
        lines
    }

    fn text(&self) -> String {
        self.lines().into_iter().map(|line| line + "\n").collect()
    }

    fn item(&self) -> String {
        let mut out = String::new();
        for (index, line) in self.lines().iter().enumerate() {
            out.push_str(if index == 0 { "- " } else { "  " });
            out.push_str(line);
            out.push('\n');
        }
        out
    }
}

/// Notes that a transformer ran: every object that was there has it as one more transformation; one that it made comes
/// from it.
pub(super) fn note(objects: &mut [Tracked], source: Option<&Source>) {
    let Some(source) = source else { return };
    for object in objects {
        let memory = &mut object.memory;
        if memory.source.is_none() {
            memory.source = Some(source.clone());
        } else {
            memory.transformations.push(source.clone());
        }
    }
}

/// Joins a path to that of a directory, both from the directory that is built.
pub(super) fn join(dir: &str, entry: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in dir.split('/').chain(entry.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
