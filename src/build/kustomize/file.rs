//! The kustomization file: a closed list of fields, each of them read, refused by name, or unknown.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::BuildError;
use super::config::FieldSpec;
use super::object::located;
use super::read::{self, Fault, FaultKind};
use crate::build::source;
use crate::build::target::Target;
use crate::tree::{RepoPath, Tree};

/// Texts by name: labels, annotations.
pub(super) type Texts = BTreeMap<String, String>;

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

/// A kustomization file, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Kustomization {
    api_version: String,
    kind: String,
    #[serde(rename = "metadata")]
    _metadata: Option<Metadata>,
    pub(super) openapi: Texts,
    pub(super) name_prefix: String,
    pub(super) name_suffix: String,
    pub(super) namespace: String,
    pub(super) common_labels: Texts,
    pub(super) labels: Vec<Label>,
    pub(super) common_annotations: Texts,
    pub(super) patches_strategic_merge: Vec<String>,
    pub(super) patches_json6902: Vec<PatchEntry>,
    pub(super) patches: Vec<PatchEntry>,
    pub(super) images: Vec<Image>,
    image_tags: Vec<Image>,
    pub(super) replacements: Vec<Replacement>,
    pub(super) replicas: Vec<Replica>,
    pub(super) vars: Vec<Var>,
    pub(super) sort_options: Option<SortOptions>,
    pub(super) resources: Vec<String>,
    pub(super) components: Vec<String>,
    pub(super) crds: Vec<String>,
    bases: Vec<String>,
    pub(super) config_map_generator: Vec<Generator>,
    pub(super) secret_generator: Vec<Generator>,
    helm_globals: Value,
    helm_charts: Value,
    helm_chart_inflation_generator: Value,
    pub(super) generator_options: Option<GeneratorOptions>,
    pub(super) configurations: Vec<String>,
    pub(super) generators: Vec<String>,
    pub(super) transformers: Vec<String>,
    pub(super) validators: Vec<String>,
    pub(super) build_metadata: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Metadata {
    #[serde(rename = "name")]
    _name: String,
    pub(super) namespace: String,
    #[serde(rename = "labels")]
    _labels: Texts,
    #[serde(rename = "annotations")]
    _annotations: Texts,
}

/// One entry of `patches` or `patchesJson6902`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PatchEntry {
    pub(super) path: String,
    pub(super) patch: String,
    pub(super) target: Option<Target>,
    pub(super) options: PatchOptions,
}

/// What a patch may change besides fields.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PatchOptions {
    pub(super) allow_name_change: bool,
    pub(super) allow_kind_change: bool,
}

/// One entry of `labels`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Label {
    pub(super) pairs: Texts,
    pub(super) include_selectors: bool,
    pub(super) include_templates: bool,
    pub(super) fields: Vec<FieldSpec>,
}

/// One entry of `images`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Image {
    pub(super) name: String,
    pub(super) new_name: String,
    pub(super) tag_suffix: String,
    pub(super) new_tag: String,
    pub(super) digest: String,
}

/// One entry of `replicas`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Replica {
    pub(super) name: String,
    pub(super) count: i64,
}

/// One entry of `replacements`: written out, or the path of a file that holds one or several.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Replacement {
    pub(super) source: Option<ReplacementSource>,
    pub(super) targets: Option<Vec<ReplacementTarget>>,
    pub(super) source_value: Option<String>,
    pub(super) path: String,
}

/// Where a replacement takes its value from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ReplacementSource {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) field_path: String,
    pub(super) options: Option<FieldOptions>,
}

/// Where a replacement puts its value.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ReplacementTarget {
    pub(super) select: Option<Target>,
    pub(super) reject: Vec<Target>,
    pub(super) field_paths: Vec<String>,
    pub(super) options: Option<FieldOptions>,
}

/// Which part of a field a replacement means.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct FieldOptions {
    pub(super) delimiter: String,
    pub(super) index: i64,
    /// kustomize reads this and does nothing with it.
    #[serde(rename = "encoding")]
    _encoding: String,
    pub(super) create: bool,
}

/// One entry of `vars`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Var {
    pub(super) name: String,
    pub(super) objref: ObjectReference,
    pub(super) fieldref: FieldReference,
}

/// The object of a variable.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ObjectReference {
    pub(super) api_version: String,
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: String,
}

/// The field of a variable.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct FieldReference {
    pub(super) field_path: String,
}

/// The order in which objects are printed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SortOptions {
    pub(super) order: String,
    pub(super) legacy_sort_options: Option<LegacySortOptions>,
}

/// Kinds that come first and last.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LegacySortOptions {
    pub(super) order_first: Vec<String>,
    pub(super) order_last: Vec<String>,
}

/// One entry of `configMapGenerator` or `secretGenerator`, and a ConfigMapGenerator or SecretGenerator of `generators`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Generator {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) behavior: String,
    pub(super) literals: Vec<String>,
    pub(super) files: Vec<String>,
    pub(super) envs: Vec<String>,
    env: String,
    pub(super) options: Option<GeneratorOptions>,
    #[serde(rename = "type")]
    pub(super) secret_type: String,
}

impl Generator {
    /// Returns the files of variables; the deprecated `env` comes last.
    pub(super) fn env_files(&self) -> impl Iterator<Item = &String> {
        self.envs.iter().chain(Some(&self.env).filter(|env| !env.is_empty()))
    }
}

/// Options of generators.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct GeneratorOptions {
    pub(super) labels: Texts,
    pub(super) annotations: Texts,
    pub(super) disable_name_suffix_hash: bool,
    pub(super) immutable: bool,
}

impl Kustomization {
    /// Reads a kustomization file.
    pub(super) fn read(tree: &Tree, path: &RepoPath) -> Result<Self, BuildError> {
        let bytes = tree.get(path).map(|blob| blob.bytes()).unwrap_or_default();
        let file = path.as_str();
        let fault = |field: &str, reason: &str| BuildError::Field {
            file: file.to_owned(),
            field: field.to_owned(),
            reason: reason.to_owned(),
        };
        let value = value(file, bytes)?;
        let map = match &value {
            Value::Object(map) => map,
            Value::Null => return Err(fault("", "is empty")),
            _ => return Err(fault("", "is not a map")),
        };
        let mut read: Self = read::from_value(&value).map_err(|e| error(file, e))?;
        let kind = read.kind().ok_or_else(|| fault("kind", "is neither `Kustomization` nor `Component`"))?;
        if !read.api_version.is_empty() && read.api_version != kind.api_version() {
            return Err(fault("apiVersion", &format!("is not `{}`", kind.api_version())));
        }
        if map.iter().all(|(key, value)| value.is_null() || matches!(key.as_str(), "apiVersion" | "kind")) {
            return Err(fault("", "is empty"));
        }
        let charts =
            [("helmCharts", &read.helm_charts), ("helmChartInflationGenerator", &read.helm_chart_inflation_generator)];
        if let Some((field, _)) = charts.into_iter().find(|(_, value)| !is_empty(value)) {
            return Err(BuildError::Unsupported { file: file.to_owned(), field: field.to_owned() });
        }
        if let Some(at) = read.config_map_generator.iter().position(|generator| !generator.secret_type.is_empty()) {
            let field = format!("configMapGenerator[{at}].type");
            return Err(BuildError::UnknownField { file: file.to_owned(), field, candidate: None });
        }
        read.resources.append(&mut read.bases);
        read.images.append(&mut read.image_tags);
        Ok(read)
    }

    /// Lists the labels and annotations that the file adds, with their fields.
    pub(super) fn all_texts(&self) -> impl Iterator<Item = (String, &Texts)> {
        let labels =
            self.labels.iter().enumerate().map(|(index, label)| (format!("labels[{index}].pairs"), &label.pairs));
        let common =
            [("commonLabels", &self.common_labels), ("commonAnnotations", &self.common_annotations)].into_iter();
        labels.chain(common.map(|(field, texts)| (field.to_owned(), texts)))
    }

    /// Returns what the file is; nothing when it is neither.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self.kind.as_str() {
            "" | "Kustomization" => Some(Kind::Kustomization),
            "Component" => Some(Kind::Component),
            _ => None,
        }
    }
}

/// Reads a YAML file of one document as kustomize reads its own files; an empty file is null.
pub(super) fn value(file: &str, bytes: &[u8]) -> Result<Value, BuildError> {
    let nodes = source::lenient(bytes)
        .map_err(|faults| BuildError::Yaml { faults: located(faults, file), file: file.to_owned() })?;
    if nodes.len() > 1 {
        let reason = "holds several documents, of which kustomize would read only the first".into();
        return Err(BuildError::Field { file: file.to_owned(), field: String::new(), reason });
    }
    Ok(nodes.first().map(|node| source::yaml_1_1(node, bytes)).unwrap_or_default())
}

/// Names the file of a fault.
pub(super) fn error(file: &str, fault: Fault) -> BuildError {
    let (file, field) = (file.to_owned(), fault.field);
    match fault.kind {
        FaultKind::Unknown(candidate) => BuildError::UnknownField { file, field, candidate },
        FaultKind::Type(reason) => BuildError::Field { file, field, reason },
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
