//! [`Patch`]: text to patch, and patch to objects.
//!
//! Owns which objects a patch is for and what is reported about each. The two ways of changing an object are in
//! `json6902` and `merge`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::change::{Change, Differences, ListItem};
use super::identity::{Identity, Tracked, past};
use super::json6902::{self, Op, Operation, OperationFault};
use super::merge::{self, MergeFault, Merged, annotations_to_text};
use super::openapi::Custom;
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
    #[error("the patch is not YAML: {}", first(.0))]
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
        fault: Box<OperationFault>,
    },
    /// A strategic merge patch does not fit an object.
    #[error("{id}: {fault}")]
    Merge {
        /// The object.
        id: String,
        /// What went wrong.
        fault: Box<MergeFault>,
    },
    /// The patch leaves something that is not an object any more.
    #[error("{id} has no apiVersion, kind or name left")]
    NotAnObject {
        /// The object as it was.
        id: String,
    },
}

/// The first fault of a text, with its line.
fn first(faults: &[Diagnostic]) -> String {
    match faults.first() {
        Some(Diagnostic { span: Some(span), message, .. }) => format!("line {}: {message}", span.line),
        Some(Diagnostic { message, .. }) => message.clone(),
        None => String::new(),
    }
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
                        partial_objects(source::manifest(node, text.as_bytes()), &mut objects)?;
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
    let origin: Arc<str> = "".into();
    let mut tracked = std::mem::take(resources).into_iter().map(|r| Tracked::remembering(r, origin.clone())).collect();
    let outcome = apply_tracked(patch, Rules::default(), &mut tracked);
    *resources = tracked.into_iter().map(Tracked::into_resource).collect();
    outcome
}

/// Lists the positions of the objects that a patch is for.
///
/// # Errors
/// A target that cannot be used.
pub fn matching<'r>(patch: &Patch, resources: impl Iterator<Item = &'r Resource>) -> Result<Vec<usize>, PatchFault> {
    let matcher = patch.target.as_ref().map(Target::compile).transpose()?;
    let wanted: Vec<Identity> = match &patch.body {
        PatchBody::StrategicMerge(partial) if matcher.is_none() => {
            partial.iter().filter_map(Identity::claimed).collect()
        }
        _ => Vec::new(),
    };
    let is_meant = |resource: &Resource| match &matcher {
        Some(matcher) => matcher.matches_remembering(resource),
        None => {
            let (current, past) = (Identity::of(resource), past(resource));
            wanted.iter().any(|id| current.same(id) || past.iter().any(|known| known.same(id)))
        }
    };
    Ok(resources.enumerate().filter(|(_, resource)| is_meant(resource)).map(|(index, _)| index).collect())
}

/// What a patch does besides changing fields.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules {
    /// A strategic merge may change the name.
    pub(super) allow_name_change: bool,
    /// A strategic merge may change the kind.
    pub(super) allow_kind_change: bool,
    /// Operations leave no trace of who the object was: those of the deprecated `patchesJson6902`.
    pub(super) forgets: bool,
    /// A strategic merge stands in `patchesStrategicMerge`.
    pub(super) merge_field: bool,
    /// What a kustomization says about lists that are merged.
    pub(super) schema: Option<Schema>,
}

/// A schema that takes the place of that of Kubernetes, or stands before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schema {
    pub(super) custom: &'static Custom,
    /// Whether kinds that it does not know are those of Kubernetes; else nothing is known of them.
    pub(super) with_builtin: bool,
}

impl Rules {
    /// Returns the shape of a kind.
    pub(super) fn shape(&self, api_version: &str, kind: &str) -> &'static schema::Shape {
        match self.schema {
            None => schema::shape(api_version, kind),
            Some(Schema { custom, with_builtin }) => custom
                .shape(api_version, kind)
                .unwrap_or_else(|| if with_builtin { schema::shape(api_version, kind) } else { &schema::OPEN }),
        }
    }
}

/// As [`apply`], for objects that remember who they were.
pub(super) fn apply_tracked(
    patch: &Patch,
    rules: Rules,
    objects: &mut Vec<Tracked>,
) -> Result<Vec<Application>, PatchFault> {
    patch.check()?;
    let mut stage = Stage { objects, rules, changed: BTreeMap::new() };
    let mut applications = Vec::new();
    let matcher = patch.target.as_ref().map(Target::compile).transpose()?;
    let matching = |stage: &Stage<'_>| -> Vec<usize> {
        let Some(matcher) = &matcher else { return Vec::new() };
        stage.present().filter(|(_, object)| matcher.matches_tracked(object)).map(|(index, _)| index).collect()
    };
    match &patch.body {
        PatchBody::Json6902(operations) => {
            for index in matching(&stage) {
                applications.extend(stage.operate(index, operations)?);
            }
        }
        PatchBody::StrategicMerge(partial) => {
            for (op_index, body) in partial.iter().enumerate() {
                let indexes = if matcher.is_some() { matching(&stage) } else { vec![stage.named(body)?] };
                // On its way to objects that a target chooses, an annotation without value becomes a text.
                let as_text = (matcher.is_some() || rules.merge_field).then(|| null_annotations_to_text(body));
                for index in indexes {
                    applications.extend(stage.merge(index, op_index, as_text.as_ref().unwrap_or(body))?);
                }
            }
        }
    }
    let changed = stage.changed;
    let mut index = 0;
    for (at, object) in changed.iter().filter_map(|(at, object)| Some((*at, object.as_ref()?))) {
        objects[at] = object.clone();
    }
    objects.retain(|_| {
        let deleted = matches!(changed.get(&index), Some(None));
        index += 1;
        !deleted
    });
    Ok(applications)
}

/// Returns a partial object whose annotations are texts, null included.
fn null_annotations_to_text(partial: &Value) -> Value {
    let mut partial = partial.clone();
    annotations_to_text(&mut partial);
    partial
}

/// Objects with the changes of one patch laid over them, so that a patch that fails changes nothing.
struct Stage<'o> {
    objects: &'o [Tracked],
    rules: Rules,
    /// `None` where the patch deleted the object.
    changed: BTreeMap<usize, Option<Tracked>>,
}

impl Stage<'_> {
    fn get(&self, index: usize) -> Option<&Tracked> {
        match self.changed.get(&index) {
            Some(object) => object.as_ref(),
            None => self.objects.get(index),
        }
    }

    fn present(&self) -> impl Iterator<Item = (usize, &Tracked)> {
        (0..self.objects.len()).filter_map(|index| Some((index, self.get(index)?)))
    }

    /// Finds the one object that a strategic merge patch names.
    fn named(&self, body: &Value) -> Result<usize, PatchFault> {
        let wanted = Identity::claimed(body)
            .ok_or_else(|| PatchFault::Unrecognised("it has no `kind` or no `metadata.name`".into()))?;
        let found: Vec<usize> = self.present().filter(|(_, o)| o.answers_to(&wanted)).map(|(index, _)| index).collect();
        match found.as_slice() {
            [index] => Ok(*index),
            [] => Err(PatchFault::NoMatch { candidate: self.nearest(&wanted), id: wanted.to_string() }),
            several => Err(PatchFault::Ambiguous {
                id: wanted.to_string(),
                matches: several.iter().filter_map(|i| self.get(*i)).map(|o| o.resource().id()).collect(),
            }),
        }
    }

    fn nearest(&self, wanted: &Identity) -> Option<String> {
        // An object of that kind and name in another namespace or version is the likeliest slip of all.
        let same = |id: &Identity| (&id.group, &id.kind, &id.name) == (&wanted.group, &wanted.kind, &wanted.name);
        let ids: Vec<&Identity> = self.present().map(|(_, o)| o.id()).collect();
        if let Some(elsewhere) = ids.iter().find(|id| same(id)) {
            return Some(elsewhere.to_string());
        }
        let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
        did_you_mean(&wanted.to_string(), texts.iter().map(String::as_str)).map(str::to_owned)
    }

    fn operate(&mut self, index: usize, operations: &[Operation]) -> Result<Option<Application>, PatchFault> {
        let Some(mut object) = self.get(index).cloned() else { return Ok(None) };
        let id = object.resource().id();
        let mut body = object.body().clone();
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
        if !self.rules.forgets {
            object.remember();
        }
        // Where the object comes from is told in its annotations, which go when they are replaced as a whole.
        if operations
            .iter()
            .any(|o| o.op != Op::Test && matches!(o.path.as_str(), "" | "/metadata" | "/metadata/annotations"))
        {
            object.memory.source = None;
            object.memory.transformations.clear();
        }
        object.replace_anew(resource);
        self.changed.insert(index, Some(object));
        let (added_items, dropped_items) = (Vec::new(), Vec::new());
        Ok(Some(Application { index, id, deleted: false, changes, added_items, dropped_items }))
    }

    fn merge(&mut self, index: usize, op_index: usize, patch: &Value) -> Result<Option<Application>, PatchFault> {
        let Some(mut object) = self.get(index).cloned() else { return Ok(None) };
        object.settle_untyped();
        let id = object.resource().id();
        let merged = merge::merge_as(object.resource(), patch, self.rules)
            .map_err(|fault| PatchFault::Merge { id: id.clone(), fault: Box::new(fault) })?;
        let (body, dropped_items) = match merged {
            Merged::Deleted => {
                self.changed.insert(index, None);
                let (changes, added_items, dropped_items) = (Vec::new(), Vec::new(), Vec::new());
                return Ok(Some(Application { index, id, deleted: true, changes, added_items, dropped_items }));
            }
            Merged::Changed { body, dropped } => (body, dropped),
        };
        let shape = self.rules.shape(object.resource().api_version(), object.resource().kind());
        let Differences { changes, added: added_items } = Differences::between(object.body(), &body, shape, op_index);
        let resource = Resource::new(body).ok_or_else(|| PatchFault::NotAnObject { id: id.clone() })?;
        if self.rules.allow_name_change || self.rules.allow_kind_change {
            object.remember();
        }
        object.replace(resource);
        self.changed.insert(index, Some(object));
        Ok(Some(Application { index, id, deleted: false, changes, added_items, dropped_items }))
    }
}
