//! The objects behind a change of files: which are added, changed, removed.

use std::collections::BTreeMap;

use super::{ChangeKind, ChangeSet};
use crate::render::Resource;
use crate::tree::{Blob, RepoPath};
use crate::yaml::{self, Dialect, Limits};

/// A change of one object.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectChange {
    /// What happens to the object.
    pub change: ObjectKind,
    /// The object, as in `v1 ConfigMap namespace/name`.
    pub object: String,
    /// The file that holds it, after the change when it still does.
    pub path: String,
}

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ObjectKind {
    /// It is new.
    Added,
    /// It differs.
    Changed,
    /// It is gone.
    Removed,
}

/// Lists the objects that a change set adds, changes and removes, sorted by object.
///
/// An object that only moves between files is not a change. Files that do not parse, and hand-over files, hold none.
pub fn objects(changes: &ChangeSet, applied: impl Fn(&RepoPath) -> bool) -> Vec<ObjectChange> {
    let mut before = BTreeMap::new();
    let mut after = BTreeMap::new();
    for change in &changes.files {
        if matches!(change.kind, ChangeKind::HandEdited | ChangeKind::Foreign) || !applied(&change.path) {
            continue;
        }
        read(change.before.as_ref(), &change.path, &mut before);
        read(change.after.as_ref(), &change.path, &mut after);
    }
    let mut found = Vec::new();
    for (object, (path, resource)) in &after {
        let change = match before.get(object) {
            None => ObjectKind::Added,
            Some((_, old)) if old != resource => ObjectKind::Changed,
            Some(_) => continue,
        };
        found.push(ObjectChange { change, object: object.clone(), path: path.clone() });
    }
    for (object, (path, _)) in &before {
        if !after.contains_key(object) {
            found.push(ObjectChange { change: ObjectKind::Removed, object: object.clone(), path: path.clone() });
        }
    }
    found.sort_by(|a, b| (&a.object, a.change).cmp(&(&b.object, b.change)));
    found
}

fn read(blob: Option<&Blob>, path: &RepoPath, into: &mut BTreeMap<String, (String, Resource)>) {
    if !path.as_str().ends_with(".yaml") || path.name() == "kustomization.yaml" {
        return;
    }
    let Some(nodes) = blob.and_then(|blob| yaml::parse(blob.bytes(), Dialect::Kubernetes, Limits::MANIFEST).ok())
    else {
        return;
    };
    for resource in nodes.iter().filter_map(|node| Resource::new(node.to_value())) {
        into.insert(resource.id(), (path.to_string(), resource));
    }
}
