//! The objects behind a change of files: which are added, changed, moved, removed, and in which fields; and what is to
//! be said of files that hold none.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;
use serde_json::{Value, json};

use super::conceal::conceal;
use super::fields::{FieldChange, compare};
use super::patches;
use super::{ChangeKind, ChangeSet, FileChange};
use crate::layout::inventory;
use crate::render::Resource;
use crate::tree::{Blob, RepoPath};
use crate::yaml::{self, Dialect, Limits};

/// What a change set means.
#[derive(Clone, Debug, Default)]
pub struct Meaning {
    /// The objects, sorted.
    pub objects: Vec<ObjectChange>,
    /// The files that the objects do not tell all about, sorted by path.
    pub files: Vec<FileMeaning>,
}

/// A change of one object.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectChange {
    /// What happens to the object.
    pub change: ObjectKind,
    /// The object, as in `v1 ConfigMap namespace/name`.
    pub object: String,
    /// The file that holds it, after the change when it still does.
    pub path: String,
    /// The file that held it, when it was another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The fields that differ, without credentials. An added object has all of its fields, a removed one none.
    pub fields: Vec<FieldChange>,
}

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ObjectKind {
    /// It is new.
    Added,
    /// It differs.
    Changed,
    /// It is the same in another file.
    Moved,
    /// It is gone.
    Removed,
}

impl ObjectKind {
    /// All kinds in the order in which they are counted.
    pub const ALL: [ObjectKind; 4] = [Self::Added, Self::Changed, Self::Moved, Self::Removed];

    /// Returns the sign that stands before an object.
    pub fn sign(self) -> &'static str {
        match self {
            ObjectKind::Added => "+",
            ObjectKind::Changed => "~",
            ObjectKind::Moved => ">",
            ObjectKind::Removed => "-",
        }
    }
}

/// Counts objects in words, as in `2 added, 1 changed`; empty when there is none.
pub fn counts<'a>(objects: impl Iterator<Item = &'a ObjectChange> + Clone) -> String {
    count_kinds(objects.map(|object| object.change))
}

/// Counts kinds of changes in the same words.
pub fn count_kinds(kinds: impl Iterator<Item = ObjectKind> + Clone) -> String {
    let words = ["added", "changed", "moved", "removed"];
    let count = |kind| kinds.clone().filter(|one| *one == kind).count();
    let all = ObjectKind::ALL.into_iter().zip(words).map(|(kind, word)| (count(kind), word));
    all.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

/// What happens to a file beyond its objects.
#[derive(Clone, Debug)]
pub struct FileMeaning {
    /// Path in the repository.
    pub path: RepoPath,
    /// What is done with it.
    pub kind: ChangeKind,
    /// What is to be said.
    pub what: FileKind,
}

/// What is to be said of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum FileKind {
    /// It has the content of a file that is deleted.
    Renamed(RepoPath),
    /// The inventory: it follows from all other files.
    Bookkeeping,
    /// A `kustomization.yaml`, field by field.
    Fields(Vec<FieldChange>),
    /// Anything else: its lines say it.
    Text,
}

/// Finds out what a change set means, in parallel over files and objects.
///
/// `applied` tells which files Flux applies: hand-over files hold objects that it never sees.
pub fn describe(changes: &ChangeSet, applied: impl Fn(&RepoPath) -> bool + Sync) -> Meaning {
    let ours = |change: &&FileChange| !change.kind.is_conflict();
    let files: Vec<&FileChange> = changes.files.iter().filter(ours).collect();
    let read: Vec<(Content, Content)> = files
        .par_iter()
        .map(|change| {
            let read = |blob: Option<&Blob>| read(blob, &change.path, &applied);
            (read(change.before.as_ref()), read(change.after.as_ref()))
        })
        .collect();
    let mut before = BTreeMap::new();
    let mut after = BTreeMap::new();
    for (change, (old, new)) in files.iter().zip(&read) {
        before.extend(old.objects.iter().map(|object| (object.id(), (change.path.as_str(), object))));
        after.extend(new.objects.iter().map(|object| (object.id(), (change.path.as_str(), object))));
    }
    // Of a file that cannot be read nobody knows which objects are new.
    for (change, _) in files.iter().zip(&read).filter(|(_, (old, _))| old.broken) {
        after.retain(|id, (path, _)| *path != change.path.as_str() || before.contains_key(id));
    }
    let ids: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let ids: Vec<&String> = ids.into_iter().collect();
    let objects: Vec<ObjectChange> =
        ids.par_iter().filter_map(|id| object(id, before.get(*id), after.get(*id))).collect();
    let told: BTreeSet<&str> =
        objects.iter().flat_map(|o| [Some(o.path.as_str()), o.from.as_deref()]).flatten().collect();
    let silent = |o: &&ObjectChange| o.change == ObjectKind::Changed && o.fields.is_empty();
    let silent: BTreeSet<&str> = objects.iter().filter(silent).map(|o| o.path.as_str()).collect();
    let renames = renames(&files);
    let deleted: BTreeSet<&RepoPath> = renames.values().copied().collect();
    let meanings = files.par_iter().zip(&read).filter_map(|(change, (old, new))| {
        let what = if let Some(from) = renames.get(&change.path) {
            FileKind::Renamed((*from).clone())
        } else if deleted.contains(&change.path) {
            return None;
        } else if change.path.name() == inventory::FILE {
            FileKind::Bookkeeping
        } else if old.kustomization.is_some() || new.kustomization.is_some() {
            let bare = |other: &Content| {
                let kind = |key: &str| other.kustomization.as_ref().and_then(|value| value.get(key).cloned());
                json!({"apiVersion": kind("apiVersion"), "kind": kind("kind")})
            };
            let of = |content: &Content, other| content.kustomization.clone().unwrap_or_else(|| bare(other));
            match fields(&of(old, new), &of(new, old)) {
                fields if fields.is_empty() => FileKind::Text,
                _ if change.after.is_none() => FileKind::Fields(Vec::new()),
                fields => FileKind::Fields(fields),
            }
        } else if old.complete && new.complete && told.contains(change.path.as_str()) {
            let whole = change.before.is_none() || change.after.is_none() || old.comments == new.comments;
            if whole && !silent.contains(change.path.as_str()) {
                return None;
            }
            FileKind::Text
        } else {
            FileKind::Text
        };
        Some(FileMeaning { path: change.path.clone(), kind: change.kind, what })
    });
    let files = meanings.collect();
    Meaning { objects, files }
}

/// What was read of one side of a file.
#[derive(Default)]
struct Content {
    objects: Vec<Resource>,
    kustomization: Option<Value>,
    /// Whether the file holds nothing else, and each object once.
    complete: bool,
    /// Whether the file should hold objects and cannot be read.
    broken: bool,
    comments: Vec<String>,
}

fn read(blob: Option<&Blob>, path: &RepoPath, applied: &impl Fn(&RepoPath) -> bool) -> Content {
    let Some(blob) = blob else { return Content { complete: true, ..Content::default() } };
    if !path.as_str().ends_with(".yaml") || !applied(path) {
        return Content::default();
    }
    let Ok(nodes) = yaml::parse(blob.bytes(), Dialect::Kubernetes, Limits::MANIFEST) else {
        return Content { broken: true, ..Content::default() };
    };
    let values: Vec<Value> = nodes.iter().map(yaml::Node::to_value).filter(|value| !value.is_null()).collect();
    if path.name() == "kustomization.yaml" {
        let [value] = values.as_slice() else { return Content::default() };
        return Content { kustomization: Some(value.clone()), ..Content::default() };
    }
    let count = values.len();
    let objects: Vec<Resource> = values.into_iter().filter_map(Resource::new).collect();
    let ids: BTreeSet<String> = objects.iter().map(Resource::id).collect();
    let mut comments = blob.text().map(yaml::comments).unwrap_or_default();
    comments.extend(objects.iter().flat_map(|object| patches::comments(&object.body)));
    Content { complete: ids.len() == count, objects, comments, ..Content::default() }
}

type Side<'a> = Option<&'a (&'a str, &'a Resource)>;

fn object(id: &str, before: Side<'_>, after: Side<'_>) -> Option<ObjectChange> {
    let made = |change, path: &str, from: Option<&str>, fields| {
        let from = from.filter(|from| *from != path).map(str::to_owned);
        Some(ObjectChange { change, object: id.to_owned(), path: path.to_owned(), from, fields })
    };
    match (before, after) {
        (Some((from, old)), Some((path, new))) if old == new => {
            if from == path {
                return None;
            }
            made(ObjectKind::Moved, path, Some(from), Vec::new())
        }
        (Some((from, old)), Some((path, new))) => {
            made(ObjectKind::Changed, path, Some(from), fields(&old.body, &new.body))
        }
        (None, Some((path, new))) => made(ObjectKind::Added, path, None, fields(&identity(new), &new.body)),
        (Some((path, _)), None) => made(ObjectKind::Removed, path, None, Vec::new()),
        (None, None) => None,
    }
}

/// The part of an object that its name tells already.
pub(super) fn identity(resource: &Resource) -> Value {
    let mut body = json!({
        "apiVersion": resource.api_version(),
        "kind": resource.kind(),
        "metadata": {"name": resource.name()},
    });
    if let Some(namespace) = resource.namespace() {
        body["metadata"]["namespace"] = namespace.into();
    }
    body
}

pub(super) fn fields(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut changes = compare(before, after);
    changes.iter_mut().for_each(conceal);
    changes
}

/// Finds the deleted file that a created one has its content of.
fn renames<'a>(files: &[&'a FileChange]) -> HashMap<&'a RepoPath, &'a RepoPath> {
    let mut deleted: HashMap<&[u8], Vec<&RepoPath>> = HashMap::new();
    for change in files.iter().rev().filter(|change| change.kind == ChangeKind::Deleted) {
        if let Some(blob) = &change.before {
            deleted.entry(blob.bytes()).or_default().push(&change.path);
        }
    }
    let created = files.iter().filter(|change| change.kind == ChangeKind::Created);
    created
        .filter_map(|change| {
            let from = deleted.get_mut(change.after.as_ref()?.bytes())?.pop()?;
            Some((&change.path, from))
        })
        .collect()
}
