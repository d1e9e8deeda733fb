//! The generator: rendered objects join the items.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Item, ResourceList};
use crate::diagnostic::{codes, did_you_mean};
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
    let package = list.config_path().and_then(|path| path.rsplit_once('/')).map(|(dir, _)| format!("{dir}/"));
    let package = package.unwrap_or_default();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (index, item) in list.items.iter().enumerate() {
        if let Some(resource) = item.resource() {
            known.insert(resource.id(), index);
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
        let at = known.get(&object.resource.id()).copied();
        let before = at.map(|at| &list.items[at]);
        match before.and_then(Item::path) {
            Some(other) if other != file => {
                let message = format!("{} is in `{other}` already", object.resource.id());
                findings.add(codes::ITEM_IN_THE_WAY, &object.at, message).hint =
                    Some(format!("remove it there; the generator keeps it in `{file}`"));
            }
            _ => ready.push((at, annotated(&object.resource, before, &file, index))),
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

/// The object with the place that it should be written to, and with what others have noted on its earlier form.
fn annotated(resource: &Resource, before: Option<&Item>, file: &str, index: usize) -> Value {
    let mut value = resource.body.clone();
    crate::yaml::order(&mut value);
    let noted = before.and_then(|item| item.value().pointer("/metadata/annotations")).and_then(Value::as_object);
    let own = value.pointer("/metadata/annotations").and_then(Value::as_object).cloned().unwrap_or_default();
    let annotations = &mut value["metadata"]["annotations"];
    *annotations = json!({});
    for (key, text) in noted.into_iter().flatten().chain(&own) {
        annotations[key.as_str()] = text.clone();
    }
    PATHS.iter().for_each(|key| annotations[*key] = json!(file));
    INDEXES.iter().for_each(|key| annotations[*key] = json!(index.to_string()));
    value
}
