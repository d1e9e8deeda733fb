//! The kustomization file that kustomize-controller builds: the one of the directory, or one that it makes, with what
//! the Flux Kustomization adds.
//!
//! The controller reads the file less strictly than kustomize does: fields that it does not know vanish, and numbers
//! become texts where a text is wanted.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fault::FluxFault;
use super::kustomization::Kustomization;
use crate::build::KUSTOMIZATION_FILES;
use crate::tree::{Blob, RepoPath, Tree};
use crate::yaml::{Dialect, Limits, parse};

/// The fields of a kustomization file.
const FIELDS: [&str; 34] = [
    "apiVersion",
    "kind",
    "metadata",
    "openapi",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "images",
    "imageTags",
    "replacements",
    "replicas",
    "vars",
    "sortOptions",
    "resources",
    "components",
    "crds",
    "bases",
    "configMapGenerator",
    "secretGenerator",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
    "generatorOptions",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "buildMetadata",
];
/// Those that are texts, lists of texts, or maps of texts.
const TEXTS: [&str; 13] = [
    "apiVersion",
    "kind",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "resources",
    "components",
    "crds",
    "bases",
    "commonLabels",
    "commonAnnotations",
    "configurations",
    "buildMetadata",
];

/// The kustomization file that the controller builds a directory with.
pub(super) struct Overlay {
    /// Where it stands, or would.
    pub(super) path: RepoPath,
    /// Its text.
    pub(super) text: String,
    /// What of it comes from the Flux Kustomization.
    pub(super) borrowed: Borrowed,
}

/// Fields of a kustomization file that a Flux Kustomization gives: `patches[2]` may be its `spec.patches[0]`.
pub type Borrowed = BTreeMap<String, String>;

/// Resolves `spec.path`. As in the controller, `..` does not lead out of the source.
pub(super) fn directory(path: &str) -> Result<Option<RepoPath>, FluxFault> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Ok(None);
    }
    RepoPath::parse(&parts.join("/"))
        .map(Some)
        .map_err(|error| FluxFault::Field { field: "spec.path".into(), reason: format!("cannot be used: {error}") })
}

/// Tells whether a directory is there.
pub(super) fn exists(tree: &Tree, dir: Option<&RepoPath>) -> bool {
    dir.map_or(!tree.is_empty(), |dir| tree.below(dir).next().is_some())
}

/// Makes the file.
///
/// # Errors
/// The first fault of the file or the Kustomization.
pub(super) fn overlay(
    tree: &Tree,
    dir: Option<&RepoPath>,
    kustomization: Option<&Kustomization>,
) -> Result<Overlay, FluxFault> {
    let existing = KUSTOMIZATION_FILES
        .iter()
        .filter_map(|name| RepoPath::resolve(dir, name).ok())
        .find(|path| tree.contains(path));
    let mut file = match &existing {
        Some(path) => {
            let mut file = read(path, tree.get(path).map(Blob::bytes).unwrap_or_default())?;
            if file.get("resources").and_then(Value::as_array).is_none_or(Vec::is_empty) {
                file.insert("buildMetadata".into(), json!(["originAnnotations"]));
            }
            file
        }
        None => generated(tree, dir),
    };
    let mut borrowed = Borrowed::new();
    if let Some(kustomization) = kustomization {
        merge(&mut file, kustomization, tree, dir, &mut borrowed)?;
    }
    let unusable = |_| FluxFault::Field { field: "spec.path".into(), reason: "is too long".into() };
    let path = match existing {
        Some(path) => path,
        None => RepoPath::resolve(dir, KUSTOMIZATION_FILES[0]).map_err(unusable)?,
    };
    Ok(Overlay { path, text: Value::Object(file).to_string(), borrowed })
}

/// Reads a kustomization file as the controller does.
fn read(path: &RepoPath, bytes: &[u8]) -> Result<Map<String, Value>, FluxFault> {
    let fault = |reason: String| {
        FluxFault::from(crate::build::BuildError::Field { file: path.to_string(), field: String::new(), reason })
    };
    let nodes = parse(bytes, Dialect::Yaml11, Limits::MANIFEST).map_err(|faults| {
        let faults = faults.into_iter().map(|one| one.file(path.as_str())).collect();
        FluxFault::from(crate::build::BuildError::Yaml { file: path.to_string(), faults })
    })?;
    // Of several documents only the first is read.
    let given = match nodes.first().map(crate::yaml::Node::to_value) {
        Some(Value::Object(map)) => map,
        None | Some(Value::Null) => Map::new(),
        Some(_) => return Err(fault("is not a map".into())),
    };
    let mut file = Map::new();
    for (key, mut value) in given {
        let known = FIELDS.iter().find(|name| **name == key);
        let Some(name) = known.or_else(|| FIELDS.iter().find(|name| name.eq_ignore_ascii_case(&key))) else { continue };
        if value.is_null() {
            continue;
        }
        if TEXTS.contains(name) {
            to_texts(&mut value);
        }
        let inner: &[&str] = match *name {
            "images" => &["name", "newName", "newTag", "tagSuffix", "digest"],
            "patches" | "patchesJson6902" => &["path", "patch", "target", "options"],
            _ => &[],
        };
        if let (false, Value::Array(items)) = (inner.is_empty(), &mut value) {
            for item in items.iter_mut().filter_map(Value::as_object_mut) {
                item.retain(|key, value| inner.contains(&key.as_str()) && !value.is_null());
                item.iter_mut().filter(|(_, value)| !value.is_object()).for_each(|(_, value)| to_texts(value));
            }
        }
        file.insert((*name).to_owned(), value);
    }
    Ok(file)
}

/// Makes texts of the scalars in a value, as the controller's reader does where texts are wanted.
fn to_texts(value: &mut Value) {
    match value {
        Value::Bool(flag) => *value = Value::String(flag.to_string()),
        // Numbers with a point are written in the shortest form of 32 bits.
        Value::Number(number) => {
            let text = match number.as_f64() {
                Some(float) if number.is_f64() => (float as f32).to_string(),
                _ => number.to_string(),
            };
            *value = Value::String(text);
        }
        Value::Array(items) => items.iter_mut().for_each(to_texts),
        Value::Object(map) => map.values_mut().for_each(to_texts),
        Value::Null | Value::String(_) => {}
    }
}

/// Makes the file of a directory that has none: all its YAML files and all directories below with a file of their own.
fn generated(tree: &Tree, dir: Option<&RepoPath>) -> Map<String, Value> {
    let files: Vec<&RepoPath> = match dir {
        Some(dir) => tree.below(dir).map(|(path, _)| path).collect(),
        None => tree.iter().map(|(path, _)| path).collect(),
    };
    let relative = |path: &RepoPath| match dir {
        Some(dir) => path.strip_prefix(dir).unwrap_or_default().to_owned(),
        None => path.to_string(),
    };
    let mut found: Vec<Vec<String>> = Vec::new();
    let mut own: Vec<String> = Vec::new();
    for path in &files {
        if KUSTOMIZATION_FILES.contains(&path.name()) {
            own.extend(relative(path).rsplit_once('/').map(|(dir, _)| dir.to_owned()));
        }
    }
    own.sort_unstable();
    for path in files {
        let path = relative(path);
        // The outermost directory that has a file of its own stands for all below it.
        let within = path.match_indices('/').map(|(at, _)| path.get(..at).unwrap_or_default());
        let within = within.into_iter().find(|dir| own.binary_search_by(|own| own.as_str().cmp(dir)).is_ok());
        let resource = match within {
            Some(dir) => dir,
            None if path.ends_with(".yaml") || path.ends_with(".yml") => &path,
            None => continue,
        };
        found.push(resource.split('/').map(str::to_owned).collect());
    }
    // A walk compares names, not paths: `a/x` comes before `a-b/x`.
    found.sort();
    found.dedup();
    let mut file = Map::new();
    file.insert("apiVersion".into(), json!("kustomize.config.k8s.io/v1beta1"));
    file.insert("kind".into(), json!("Kustomization"));
    if found.is_empty() {
        // kustomize refuses an empty file; this field gives it something to do.
        file.insert("namespace".into(), json!("_placeholder"));
    } else {
        let entries = found.into_iter().map(|parts| Value::String(format!("./{}", parts.join("/")))).collect();
        file.insert("resources".into(), Value::Array(entries));
    }
    file
}

/// Puts the fields of the Kustomization into the file.
fn merge(
    file: &mut Map<String, Value>,
    kustomization: &Kustomization,
    tree: &Tree,
    dir: Option<&RepoPath>,
    borrowed: &mut Borrowed,
) -> Result<(), FluxFault> {
    let spec = &kustomization.spec;
    for (field, key) in [("targetNamespace", "namespace"), ("namePrefix", "namePrefix"), ("nameSuffix", "nameSuffix")] {
        match spec.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => {
                file.insert(key.to_owned(), Value::String(text.clone()));
                borrowed.insert(key.to_owned(), format!("spec.{field}"));
            }
            Some(_) => return Err(wrong(field, "is not a text; put it in quotes")),
        }
    }
    for (index, patch) in list(spec, "patches")?.iter().enumerate() {
        let field = format!("patches[{index}]");
        let Some(text) = patch.get("patch").and_then(Value::as_str) else {
            return Err(wrong(&format!("{field}.patch"), "is not a text"));
        };
        let mut entry = json!({"patch": text});
        if let Some(target) = patch.get("target").filter(|target| !target.is_null()) {
            entry["target"] = target.clone();
        }
        let at = append(file, "patches", entry);
        borrowed.insert(at, format!("spec.{field}"));
    }
    for (index, component) in list(spec, "components")?.iter().enumerate() {
        let field = format!("components[{index}]");
        let component = component.as_str().ok_or_else(|| wrong(&field, "is not a text"))?;
        if !is_local(component) {
            return Err(wrong(&field, "must be a relative path in the source"));
        }
        let there =
            RepoPath::resolve(dir, &format!("{component}/_")).is_ok_and(|path| exists(tree, path.parent().as_ref()));
        if there || spec.get("ignoreMissingComponents") != Some(&Value::Bool(true)) {
            let at = append(file, "components", json!(component));
            borrowed.insert(at, format!("spec.{field}"));
        }
    }
    // Fields of v1beta2 that v1 has no more.
    for (index, patch) in list(spec, "patchesStrategicMerge")?.iter().enumerate() {
        let at = append(file, "patchesStrategicMerge", Value::String(patch.to_string()));
        borrowed.insert(at, format!("spec.patchesStrategicMerge[{index}]"));
    }
    for (index, patch) in list(spec, "patchesJson6902")?.iter().enumerate() {
        let Some(operations) = patch.get("patch").filter(|patch| patch.is_array()) else {
            return Err(wrong(&format!("patchesJson6902[{index}].patch"), "is not a list"));
        };
        let target = patch.get("target").cloned().unwrap_or_default();
        let at = append(file, "patchesJson6902", json!({"patch": operations.to_string(), "target": target}));
        borrowed.insert(at, format!("spec.patchesJson6902[{index}]"));
    }
    for (index, image) in list(spec, "images")?.iter().enumerate() {
        let image = image.as_object().ok_or_else(|| wrong(&format!("images[{index}]"), "is not a map"))?;
        if let Some(at) = merge_image(file, image) {
            borrowed.insert(at, format!("spec.images[{index}]"));
        }
    }
    let metadata = list(spec, "buildMetadata")?;
    if !metadata.is_empty() {
        file.insert("buildMetadata".into(), Value::Array(metadata.to_vec()));
    }
    Ok(())
}

/// An image of the same name is changed: its new name alone, its tag and digest as one. Any other is a new entry, whose
/// place is returned.
fn merge_image(file: &mut Map<String, Value>, image: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| image.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let name = text("name").unwrap_or_default();
    let mut fresh = Map::new();
    for key in ["name", "newName", "newTag", "digest"] {
        fresh.extend(text(key).map(|text| (key.to_owned(), json!(text))));
    }
    let images = file.get_mut("images").and_then(Value::as_array_mut);
    let known = images.into_iter().flatten().filter_map(Value::as_object_mut);
    match { known }.find(|known| known.get("name").and_then(Value::as_str).unwrap_or_default() == name) {
        Some(known) => {
            if text("newTag").or(text("digest")).is_some() {
                known.retain(|key, _| !matches!(key.as_str(), "newTag" | "digest"));
            }
            known.extend(fresh);
            None
        }
        None => Some(append(file, "images", Value::Object(fresh))),
    }
}

/// Adds an entry to a list, and says where it stands.
fn append(file: &mut Map<String, Value>, key: &str, entry: Value) -> String {
    let list = file.entry(key).or_insert_with(|| json!([]));
    // What is no list is a fault that kustomize tells about.
    if let Some(items) = list.as_array_mut() {
        items.push(entry);
    }
    format!("{key}[{}]", list.as_array().map_or(0, |items| items.len().saturating_sub(1)))
}

fn list<'s>(spec: &'s Map<String, Value>, key: &str) -> Result<&'s [Value], FluxFault> {
    match spec.get(key) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(wrong(key, "is not a list")),
    }
}

fn wrong(field: &str, reason: &str) -> FluxFault {
    FluxFault::Field { field: format!("spec.{field}"), reason: reason.to_owned() }
}

/// Tells whether the path of a component is a relative one and no address.
fn is_local(path: &str) -> bool {
    const REMOTE: [&str; 8] = ["git::", "gh:", "ssh://", "https://", "http://", "git@", "github.com:", "github.com/"];
    let lower = path.to_lowercase();
    let local = lower.strip_prefix("file://").unwrap_or(&lower);
    !REMOTE.iter().any(|prefix| lower.starts_with(prefix)) && !local.starts_with('/')
}
