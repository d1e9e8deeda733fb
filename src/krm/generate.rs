//! The generator: rendered objects join the items.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Item, ResourceList};
use crate::diagnostic::{codes, did_you_mean, mask};
use crate::intent::Findings;
use crate::layout::Layout;
use crate::plan::Plan;
use crate::render::Resource;
use crate::tree::RepoPath;

/// The keys under which kustomize and kpt keep the file of an object, and its place there.
const PATHS: [&str; 2] = ["config.kubernetes.io/path", "internal.config.kubernetes.io/path"];
const INDEXES: [&str; 2] = ["config.kubernetes.io/index", "internal.config.kubernetes.io/index"];

/// Adds the objects below a directory of the cluster's tree; an object of an earlier run is replaced in its place.
pub(super) fn add(
    list: &mut ResourceList,
    plan: &Plan,
    layout: &Layout,
    path: Option<&RepoPath>,
    findings: &mut Findings,
) {
    let package = match list.config_path() {
        Ok(path) => path.and_then(|path| path.parent()).map(|dir| format!("{dir}/")).unwrap_or_default(),
        Err((message, hint)) => {
            findings.add(codes::FUNCTION_INVALID, "", message).hint = Some(hint.into());
            return;
        }
    };
    let mut known: BTreeMap<Identity, Vec<usize>> = BTreeMap::new();
    for (index, item) in list.items.iter().enumerate() {
        if let Some(resource) = item.resource() {
            known.entry(identity(&resource)).or_default().push(index);
        }
    }
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut dirs: BTreeSet<&str> = BTreeSet::new();
    let mut found = false;
    let mut ready: Vec<(Option<usize>, Value)> = Vec::new();
    for object in &layout.objects {
        let relative = object.path.strip_prefix(&plan.cluster.root).unwrap_or(object.path.as_str());
        let number = numbers.entry(relative).or_default();
        let index = std::mem::replace(number, *number + 1);
        dirs.extend(relative.rsplit_once('/').map(|(dir, _)| dir));
        let below = |dir: &RepoPath| relative.strip_prefix(dir.as_str()).is_some_and(|rest| rest.starts_with('/'));
        if !path.is_none_or(below) {
            continue;
        }
        found = true;
        let file = format!("{package}{relative}");
        let same = known.get(&identity(&object.resource)).map(Vec::as_slice).unwrap_or_default();
        let is_elsewhere = |at: &&usize| list.items[**at].path().is_some_and(|other| other != file);
        if let Some(other) = same.iter().find(is_elsewhere).and_then(|at| list.items[*at].path()) {
            let message = format!("{} is in {} already", object.resource.id(), mask::quote(other));
            findings.add(codes::ITEM_IN_THE_WAY, &object.at, message).hint =
                Some(format!("remove it there; the generator keeps it in `{file}`"));
        } else if same.len() > 1 {
            let message = format!("{} is among the items {} times", object.resource.id(), same.len());
            findings.add(codes::ITEM_IN_THE_WAY, &object.at, message).hint =
                Some(format!("keep one of them; the generator keeps it in `{file}`"));
        } else {
            let at = same.first().copied();
            ready.push((at, annotated(&object.resource, at.map(|at| &list.items[at]), &file, index)));
        }
    }
    if let Some(path) = path.filter(|_| !found) {
        let near = did_you_mean(path.as_str(), dirs.iter().copied());
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("directories with objects: {}; `.` is all of them", Vec::from_iter(dirs).join(", ")),
        };
        let message = format!("no object is rendered below `{path}`, which `fluxwright.dev/path` names");
        findings.add(codes::FUNCTION_INVALID, "", message).hint = Some(hint);
    }
    if findings.has_errors() {
        return;
    }
    for (at, value) in ready {
        match at {
            Some(at) => list.items[at].set(value),
            None => list.items.push(Item::new(value)),
        }
    }
}

/// What the API server tells objects apart by: the version is no part of it.
type Identity = (String, String, Option<String>, String);

fn identity(resource: &Resource) -> Identity {
    let own = |text: &str| text.to_owned();
    (own(resource.group()), own(resource.kind()), resource.namespace().map(own), own(resource.name()))
}

/// Whether an annotation is a note of kustomize or kpt. All others of a generated object are those of the rendering: one
/// that is rendered no longer, such as the leave to copy a Secret, must go.
fn is_note(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    ["config.kubernetes.io", "config.k8s.io", "kpt.dev"]
        .iter()
        .any(|tool| domain.strip_suffix(tool).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// The object with the place that it should be written to, and with what the tools have noted on its earlier form.
fn annotated(resource: &Resource, before: Option<&Item>, file: &str, index: usize) -> Value {
    let mut value = resource.body.clone();
    crate::yaml::order(&mut value);
    let noted = before.and_then(|item| item.value().pointer("/metadata/annotations")).and_then(Value::as_object);
    let own = value.pointer("/metadata/annotations").and_then(Value::as_object).cloned().unwrap_or_default();
    let annotations = &mut value["metadata"]["annotations"];
    *annotations = json!({});
    for (key, text) in noted.into_iter().flatten().filter(|(key, _)| is_note(key)).chain(&own) {
        annotations[key.as_str()] = text.clone();
    }
    PATHS.iter().for_each(|key| annotations[*key] = json!(file));
    INDEXES.iter().for_each(|key| annotations[*key] = json!(index.to_string()));
    value
}
