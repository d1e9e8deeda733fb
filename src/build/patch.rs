//! [`Patch`]: text to patch, and patch to objects.
//!
//! Owns which objects a patch is for and what is reported about each. The two ways of changing an object are in
//! `json6902` and `merge`.

use serde_json::Value;

use super::change::{Change, Differences, ListItem};
use super::identity::{Identity, Tracked};
use super::json6902::{self, Op, Operation, OperationFault};
use super::merge::{self, MergeFault, Merged, annotations_to_text};
use super::schema;
use super::source;
use super::target::{Target, TargetFault};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::render::Resource;
use crate::yaml::Body;

/// One entry of `patches`.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// What to change.
    pub body: PatchBody,
    /// For which objects; `None` lets a strategic merge patch name its object itself.
    pub target: Option<Target>,
}

/// What a patch changes.
#[derive(Clone, Debug, PartialEq)]
pub enum PatchBody {
    /// A list of operations.
    Json6902(Vec<Operation>),
    /// Partial objects.
    StrategicMerge(Vec<Value>),
}

/// Why a patch cannot be read or applied.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PatchFault {
    /// The text is not YAML.
    #[error("the patch is not YAML: {}", .0.first().map_or("", |d| d.message.as_str()))]
    Yaml(Vec<Diagnostic>),
    /// The text starts with `[` and is not JSON.
    #[error("the patch starts with `[` and is not JSON: {0}")]
    Json(String),
    /// The text is neither operations nor objects.
    #[error("the patch is neither JSON6902 nor a strategic merge patch: {0}")]
    Unrecognised(String),
    /// Operations do not say what object they are for.
    #[error("a JSON6902 patch needs a target")]
    TargetRequired,
    /// Several partial objects cannot share a target.
    #[error("a target goes with one strategic merge patch, and here are {0}")]
    SeveralWithTarget(usize),
    /// The target cannot be used.
    #[error(transparent)]
    Target(#[from] TargetFault),
    /// A strategic merge patch names an object that does not exist.
    #[error("no object is `{id}`, which the patch names")]
    NoMatch {
        /// The object named.
        id: String,
        /// An object that was probably meant.
        candidate: Option<String>,
    },
    /// A strategic merge patch names several objects.
    #[error("several objects answer to `{id}`: {}", .matches.join(", "))]
    Ambiguous {
        /// The object named.
        id: String,
        /// The objects found.
        matches: Vec<String>,
    },
    /// An operation does not apply to an object.
    #[error("{id}: {fault}")]
    Operation {
        /// The object.
        id: String,
        /// What went wrong.
        fault: OperationFault,
    },
    /// A strategic merge patch does not fit an object.
    #[error("{id}: {fault}")]
    Merge {
        /// The object.
        id: String,
        /// What went wrong.
        fault: MergeFault,
    },
    /// The patch leaves something that is not an object any more.
    #[error("{id} has no apiVersion, kind or name left")]
    NotAnObject {
        /// The object as it was.
        id: String,
    },
}

/// What a patch did to one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// Position of the object in the list before the patch.
    pub index: usize,
    /// The object as it was named before the patch.
    pub id: String,
    /// Whether the object is gone.
    pub deleted: bool,
    /// What changed. For a strategic merge: the highest fields that differ; nothing when the patch repeats what is there.
    pub changes: Vec<Change>,
    /// Items that a strategic merge added to lists that exist: a wrong container name shows here.
    pub added_items: Vec<ListItem>,
    /// Items of a strategic merge patch that kustomize loses silently.
    pub dropped_items: Vec<ListItem>,
}

impl Patch {
    /// Reads a patch as kustomize does; an empty one is `None`.
    ///
    /// # Errors
    /// Tells what keeps the text from being a patch.
    pub fn parse(text: &str, target: Option<Target>) -> Result<Option<Self>, PatchFault> {
        let body = if text.trim_start().starts_with('[') {
            let items: Vec<Value> = serde_json::from_str(text).map_err(|e| PatchFault::Json(e.to_string()))?;
            PatchBody::Json6902(items.iter().enumerate().map(operation).collect::<Result<_, _>>()?)
        } else {
            let nodes = source::documents(text.as_bytes()).map_err(PatchFault::Yaml)?;
            match nodes.first().map(|node| &node.body) {
                None => return Ok(None),
                Some(Body::Sequence(_)) if nodes.len() > 1 => {
                    return Err(PatchFault::Unrecognised(format!(
                        "it holds {} documents, of which only the first would be applied",
                        nodes.len()
                    )));
                }
                Some(Body::Sequence(_)) => {
                    let items = source::yaml_1_1(&nodes[0], text.as_bytes());
                    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
                    PatchBody::Json6902(items.iter().enumerate().map(operation).collect::<Result<_, _>>()?)
                }
                Some(_) => {
                    let mut objects = Vec::new();
                    for node in &nodes {
                        partial_objects(node.to_value(), &mut objects)?;
                    }
                    PatchBody::StrategicMerge(objects)
                }
            }
        };
        let patch = Self { body, target };
        patch.check()?;
        Ok(Some(patch))
    }

    /// Checks what can be checked without objects.
    fn check(&self) -> Result<(), PatchFault> {
        match (&self.body, &self.target) {
            (PatchBody::Json6902(_), None) => Err(PatchFault::TargetRequired),
            (PatchBody::StrategicMerge(objects), Some(_)) if objects.len() > 1 => {
                Err(PatchFault::SeveralWithTarget(objects.len()))
            }
            _ => Ok(()),
        }
    }
}

/// Takes a document apart into partial objects; lists are unwrapped.
fn partial_objects(value: Value, out: &mut Vec<Value>) -> Result<(), PatchFault> {
    let is_list = value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match value {
        Value::Object(mut map) if is_list && map.get("items").is_some_and(Value::is_array) => {
            if let Some(Value::Array(items)) = map.remove("items") {
                for item in items {
                    partial_objects(item, out)?;
                }
            }
            Ok(())
        }
        value if Identity::claimed(&value).is_some() => {
            out.push(value);
            Ok(())
        }
        Value::Object(_) => Err(PatchFault::Unrecognised("it has no `kind` or no `metadata.name`".into())),
        _ => Err(PatchFault::Unrecognised("it is not a map".into())),
    }
}

/// Reads one operation. Fields that JSON6902 does not know are ignored, as everybody ignores them.
fn operation((index, value): (usize, &Value)) -> Result<Operation, PatchFault> {
    let fault = |what: String| PatchFault::Unrecognised(format!("operation {index} {what}"));
    let map = value.as_object().ok_or_else(|| fault("is not a map".into()))?;
    let op = match map.get("op").and_then(Value::as_str) {
        Some("add") => Op::Add,
        Some("replace") => Op::Replace,
        Some("remove") => Op::Remove,
        Some("move") => Op::Move,
        Some("copy") => Op::Copy,
        Some("test") => Op::Test,
        Some(other) => return Err(fault(format!("has the unknown `op` {other:?}"))),
        None => return Err(fault("has no `op`".into())),
    };
    let text = |key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
    let path = text("path").ok_or_else(|| fault("has no `path`".into()))?;
    let from = text("from");
    if matches!(op, Op::Move | Op::Copy) && from.is_none() {
        return Err(fault("has no `from`".into()));
    }
    Ok(Operation { op, path, from, value: map.get("value").cloned().unwrap_or(Value::Null) })
}

/// Applies a patch and tells what it did to each object that it is for.
///
/// A targeted patch that matches nothing is no error and gives an empty list, as in kustomize.
///
/// # Errors
/// The first fault; the objects are unchanged then.
pub fn apply(patch: &Patch, resources: &mut Vec<Resource>) -> Result<Vec<Application>, PatchFault> {
    let mut tracked = resources.iter().cloned().map(Tracked::new).collect();
    let applications = apply_tracked(patch, &mut tracked)?;
    *resources = tracked.into_iter().map(|t| t.resource).collect();
    Ok(applications)
}

/// As [`apply`], for objects that remember who they were.
pub(super) fn apply_tracked(patch: &Patch, objects: &mut Vec<Tracked>) -> Result<Vec<Application>, PatchFault> {
    patch.check()?;
    let mut staged: Vec<Option<Tracked>> = objects.iter().cloned().map(Some).collect();
    let mut applications = Vec::new();
    let matcher = patch.target.as_ref().map(Target::compile).transpose()?;
    let matching = |staged: &[Option<Tracked>]| -> Vec<usize> {
        let Some(matcher) = &matcher else { return Vec::new() };
        (0..staged.len()).filter(|i| staged[*i].as_ref().is_some_and(|t| matcher.matches_tracked(t))).collect()
    };
    match &patch.body {
        PatchBody::Json6902(operations) => {
            for index in matching(&staged) {
                applications.extend(operate(index, &mut staged[index], operations)?);
            }
        }
        PatchBody::StrategicMerge(partial) => {
            for (op_index, body) in partial.iter().enumerate() {
                let indexes = match &patch.target {
                    Some(_) => matching(&staged),
                    None => vec![named(body, &staged)?],
                };
                for index in indexes {
                    applications.extend(merge_into(index, &mut staged[index], op_index, body)?);
                }
            }
        }
    }
    *objects = staged.into_iter().flatten().collect();
    Ok(applications)
}

/// Finds the one object that a strategic merge patch names.
fn named(body: &Value, objects: &[Option<Tracked>]) -> Result<usize, PatchFault> {
    let wanted = Identity::claimed(body)
        .ok_or_else(|| PatchFault::Unrecognised("it has no `kind` or no `metadata.name`".into()))?;
    let present = || objects.iter().enumerate().filter_map(|(index, t)| Some((index, t.as_ref()?)));
    let found: Vec<usize> = present().filter(|(_, t)| t.answers_to(&wanted)).map(|(index, _)| index).collect();
    match found.as_slice() {
        [index] => Ok(*index),
        [] => {
            let ids: Vec<String> = present().map(|(_, t)| t.current().to_string()).collect();
            let id = wanted.to_string();
            // An object of that kind and name in another namespace is the likeliest slip of all.
            let elsewhere = present()
                .map(|(_, t)| t.current())
                .find(|c| (&c.group, &c.kind, &c.name) == (&wanted.group, &wanted.kind, &wanted.name));
            let candidate = elsewhere
                .map(|c| c.to_string())
                .or_else(|| did_you_mean(&id, ids.iter().map(String::as_str)).map(str::to_owned));
            Err(PatchFault::NoMatch { id, candidate })
        }
        several => Err(PatchFault::Ambiguous {
            id: wanted.to_string(),
            matches: several.iter().filter_map(|i| objects[*i].as_ref()).map(|t| t.resource.id()).collect(),
        }),
    }
}

fn operate(
    index: usize,
    slot: &mut Option<Tracked>,
    operations: &[Operation],
) -> Result<Option<Application>, PatchFault> {
    let Some(object) = slot else { return Ok(None) };
    let id = object.resource.id();
    let mut body = object.resource.body.clone();
    let mut changes = Vec::new();
    for (op_index, operation) in operations.iter().enumerate() {
        let done = json6902::apply(&mut body, op_index, operation)
            .map_err(|fault| PatchFault::Operation { id: id.clone(), fault })?;
        changes.extend(done);
    }
    if !operations.is_empty() {
        json6902::through_floats(&mut body);
        annotations_to_text(&mut body);
    }
    let resource = Resource::new(body).ok_or_else(|| PatchFault::NotAnObject { id: id.clone() })?;
    object.replace(resource);
    let (added_items, dropped_items) = (Vec::new(), Vec::new());
    Ok(Some(Application { index, id, deleted: false, changes, added_items, dropped_items }))
}

fn merge_into(
    index: usize,
    slot: &mut Option<Tracked>,
    op_index: usize,
    patch: &Value,
) -> Result<Option<Application>, PatchFault> {
    let Some(object) = slot else { return Ok(None) };
    let id = object.resource.id();
    let merged = merge::merge(&object.resource, patch).map_err(|fault| PatchFault::Merge { id: id.clone(), fault })?;
    let (body, dropped_items) = match merged {
        Merged::Deleted => {
            *slot = None;
            let (changes, added_items, dropped_items) = (Vec::new(), Vec::new(), Vec::new());
            return Ok(Some(Application { index, id, deleted: true, changes, added_items, dropped_items }));
        }
        Merged::Changed { body, dropped } => (body, dropped),
    };
    let shape = schema::shape(object.resource.api_version(), object.resource.kind());
    let differences = Differences::between(&object.resource.body, &body, shape, op_index);
    let resource = Resource::new(body).ok_or_else(|| PatchFault::NotAnObject { id: id.clone() })?;
    object.replace(resource);
    let Differences { changes, added: added_items } = differences;
    Ok(Some(Application { index, id, deleted: false, changes, added_items, dropped_items }))
}
