//! The kustomization file: a closed list of fields, each of them read, refused by name, or unknown.

use regex::Regex;
use serde_json::{Map, Value};

use super::BuildError;
use super::images::Image;
use super::object::located;
use crate::build::source;
use crate::diagnostic::did_you_mean;
use crate::tree::{RepoPath, Tree};

/// Fields that are read.
const SUPPORTED: [&str; 11] = [
    "apiVersion",
    "kind",
    "metadata",
    "resources",
    "bases",
    "components",
    "namespace",
    "images",
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
];
/// Fields that kustomize has and this engine refuses when they hold anything.
const REFUSED: [&str; 23] = [
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "configMapGenerator",
    "configurations",
    "crds",
    "generatorOptions",
    "generators",
    "helmChartInflationGenerator",
    "helmCharts",
    "helmGlobals",
    "imageTags",
    "labels",
    "namePrefix",
    "nameSuffix",
    "openapi",
    "replacements",
    "replicas",
    "secretGenerator",
    "sortOptions",
    "transformers",
    "validators",
    "vars",
];

/// What a kustomization file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Kustomization,
    Component,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Kustomization => "Kustomization",
            Kind::Component => "Component",
        }
    }

    fn api_version(self) -> &'static str {
        match self {
            Kind::Kustomization => "kustomize.config.k8s.io/v1beta1",
            Kind::Component => "kustomize.config.k8s.io/v1alpha1",
        }
    }
}

/// One entry of `patches` or `patchesJson6902`, as written.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) inline: Option<String>,
    pub(super) path: Option<String>,
    pub(super) target: Option<Value>,
    /// Whether only JSON6902 may stand there.
    pub(super) operations_only: bool,
}

/// A kustomization file, read.
#[derive(Clone, Debug)]
pub(super) struct Kustomization {
    pub(super) kind: Kind,
    pub(super) resources: Vec<String>,
    pub(super) components: Vec<String>,
    pub(super) namespace: Option<String>,
    pub(super) images: Vec<Image>,
    pub(super) patches: Vec<Entry>,
    pub(super) strategic_merges: Vec<String>,
    pub(super) json_patches: Vec<Entry>,
}

impl Kustomization {
    /// Reads a kustomization file.
    pub(super) fn read(tree: &Tree, path: &RepoPath) -> Result<Self, BuildError> {
        let bytes = tree.get(path).map(|blob| blob.bytes()).unwrap_or_default();
        let reader = Reader { file: path.to_string() };
        let nodes = source::documents(bytes)
            .map_err(|faults| BuildError::Yaml { faults: located(faults, path.as_str()), file: path.to_string() })?;
        if nodes.len() > 1 {
            return Err(reader.fault("", "holds several documents, of which kustomize would read only the first"));
        }
        let value = nodes.first().map(|node| source::yaml_1_1(node, bytes)).unwrap_or_default();
        let map = match value {
            Value::Object(map) => map,
            Value::Null => return Err(reader.fault("", "is empty")),
            _ => return Err(reader.fault("", "is not a map")),
        };
        reader.closed(&map)?;
        let kind = reader.kind(&map)?;
        if map.iter().all(|(key, value)| value.is_null() || matches!(key.as_str(), "apiVersion" | "kind")) {
            return Err(reader.fault("", "is empty"));
        }
        let mut resources = reader.texts(&map, "resources")?;
        resources.extend(reader.texts(&map, "bases")?);
        Ok(Self {
            kind,
            resources,
            components: reader.texts(&map, "components")?,
            namespace: reader.text(&map, "namespace", "namespace")?.filter(|n| !n.is_empty()),
            images: reader.images(&map)?,
            patches: reader.entries(&map, "patches", false)?,
            strategic_merges: reader.texts(&map, "patchesStrategicMerge")?,
            json_patches: reader.entries(&map, "patchesJson6902", true)?,
        })
    }
}

struct Reader {
    file: String,
}

impl Reader {
    fn fault(&self, field: &str, reason: &str) -> BuildError {
        BuildError::Field { file: self.file.clone(), field: field.to_owned(), reason: reason.to_owned() }
    }

    fn closed(&self, map: &Map<String, Value>) -> Result<(), BuildError> {
        for (key, value) in map {
            if SUPPORTED.contains(&key.as_str()) {
                continue;
            }
            // kustomize reads `namePrefix` from `nameprefix` too; we do not, and say so.
            let miswritten =
                SUPPORTED.iter().chain(&REFUSED).any(|known| *known != key && known.eq_ignore_ascii_case(key));
            if !REFUSED.contains(&key.as_str()) && !miswritten {
                return Err(self.unknown(key.clone(), key, &SUPPORTED));
            }
            if !is_empty(value) {
                return Err(BuildError::Unsupported { file: self.file.clone(), field: key.clone() });
            }
        }
        Ok(())
    }

    fn unknown(&self, field: String, key: &str, candidates: &[&str]) -> BuildError {
        let candidate = did_you_mean(key, candidates.iter().copied()).map(str::to_owned);
        BuildError::UnknownField { file: self.file.clone(), field, candidate }
    }

    fn kind(&self, map: &Map<String, Value>) -> Result<Kind, BuildError> {
        let kind = match self.text(map, "kind", "kind")?.as_deref() {
            None | Some("" | "Kustomization") => Kind::Kustomization,
            Some("Component") => Kind::Component,
            Some(_) => return Err(self.fault("kind", "is neither `Kustomization` nor `Component`")),
        };
        match self.text(map, "apiVersion", "apiVersion")?.as_deref() {
            None | Some("") => {}
            Some(given) if given == kind.api_version() => {}
            Some(_) => return Err(self.fault("apiVersion", &format!("is not `{}`", kind.api_version()))),
        }
        Ok(kind)
    }

    fn text(&self, map: &Map<String, Value>, key: &str, field: &str) -> Result<Option<String>, BuildError> {
        match map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.fault(field, &format!("is {other}, not a text; put it in quotes"))),
        }
    }

    fn list<'m>(&self, map: &'m Map<String, Value>, key: &str) -> Result<&'m [Value], BuildError> {
        match map.get(key) {
            None | Some(Value::Null) => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.fault(key, "is not a list")),
        }
    }

    fn texts(&self, map: &Map<String, Value>, key: &str) -> Result<Vec<String>, BuildError> {
        let text = |(index, item): (usize, &Value)| match item {
            Value::String(text) => Ok(text.clone()),
            _ => Err(self.fault(&format!("{key}[{index}]"), "is not a text")),
        };
        self.list(map, key)?.iter().enumerate().map(text).collect()
    }

    fn entries(&self, map: &Map<String, Value>, key: &str, operations_only: bool) -> Result<Vec<Entry>, BuildError> {
        const FIELDS: [&str; 4] = ["patch", "path", "target", "options"];
        let mut out = Vec::new();
        for (index, item) in self.list(map, key)?.iter().enumerate() {
            let field = format!("{key}[{index}]");
            let item = item.as_object().ok_or_else(|| self.fault(&field, "is not a map"))?;
            if let Some(wrong) = item.keys().find(|k| !FIELDS.contains(&k.as_str())) {
                return Err(self.unknown(format!("{field}.{wrong}"), wrong, &FIELDS));
            }
            let options = item.get("options").and_then(Value::as_object);
            if let Some((option, _)) = options.and_then(|o| o.iter().find(|(_, value)| **value != Value::Bool(false))) {
                return Err(BuildError::Unsupported {
                    file: self.file.clone(),
                    field: format!("{field}.options.{option}"),
                });
            }
            let text = |name: &str| self.text(item, name, &format!("{field}.{name}"));
            out.push(Entry {
                inline: text("patch")?.filter(|t| !t.is_empty()),
                path: text("path")?.filter(|t| !t.is_empty()),
                target: item.get("target").filter(|t| !t.is_null()).cloned(),
                operations_only,
            });
        }
        Ok(out)
    }

    fn images(&self, map: &Map<String, Value>) -> Result<Vec<Image>, BuildError> {
        const FIELDS: [&str; 5] = ["name", "newName", "newTag", "digest", "tagSuffix"];
        let mut out = Vec::new();
        for (index, item) in self.list(map, "images")?.iter().enumerate() {
            let field = format!("images[{index}]");
            let item = item.as_object().ok_or_else(|| self.fault(&field, "is not a map"))?;
            if let Some(wrong) = item.keys().find(|k| !FIELDS.contains(&k.as_str())) {
                return Err(self.unknown(format!("{field}.{wrong}"), wrong, &FIELDS));
            }
            let text = |name: &str| {
                self.text(item, name, &format!("{field}.{name}")).map(|t| t.filter(|text| !text.is_empty()))
            };
            if text("tagSuffix")?.is_some() {
                return Err(BuildError::Unsupported { file: self.file.clone(), field: format!("{field}.tagSuffix") });
            }
            // The name is an expression to kustomize, with an optional tag and digest behind it.
            let name = text("name")?.unwrap_or_default();
            let expression = format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$");
            let expression = Regex::new(&expression)
                .map_err(|_| self.fault(&format!("{field}.name"), "is not a regular expression"))?;
            out.push(Image {
                expression,
                new_name: text("newName")?,
                new_tag: text("newTag")?,
                digest: text("digest")?,
            });
        }
        Ok(out)
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}
