//! [`Trace`]: what an entry of a kustomization file did in a build, as far as its objects do not show it.
//!
//! An entry that selects nothing is no fault to kustomize, and neither is a container that a misspelt name adds. Traces
//! are kept beside the objects and change nothing of them. One entry may leave several: that of a component leaves one for
//! each directory that takes the component in.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::Run;
use crate::build::change::ListItem;
use crate::build::identity::Tracked;
use crate::build::patch::{Application, Patch};
use crate::build::target::Target;
use crate::diagnostic::did_you_mean;

/// What an entry did.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The kustomization file.
    pub file: String,
    /// The entry: `patches[0]`, `images[1]`, `replacements[0].targets[2]`.
    pub field: String,
    /// What it did.
    pub effect: Effect,
}

/// What an entry of a kustomization file did.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// It found something to change.
    Selected,
    /// The target of a patch selects no object.
    PatchSelectsNothing {
        /// The target.
        target: Target,
        /// An object that was probably meant.
        candidate: Option<String>,
    },
    /// No container has the image.
    ImageSelectsNothing {
        /// The name of the image, an expression.
        name: String,
    },
    /// The target of a replacement selects no object.
    ReplacementSelectsNothing,
    /// A strategic merge patch adds a container that has no image.
    ContainerWithoutImage {
        /// The object.
        object: String,
        /// The list, and the name of the container.
        item: ListItem,
        /// The names of the other containers.
        others: Vec<String>,
    },
    /// kustomize loses an item of a strategic merge patch.
    ItemDropped {
        /// The object.
        object: String,
        /// The list, and the key of the item.
        item: ListItem,
    },
}

/// The traces of one directory; shared by all builds that take the directory in.
pub(super) type Chunk = Arc<Vec<Trace>>;

/// Puts the traces of directories together, those of a directory that was taken in twice once.
pub(super) fn flatten(chunks: &[Chunk]) -> Vec<Trace> {
    let mut seen = HashSet::new();
    let fresh = chunks.iter().filter(|chunk| seen.insert(Arc::as_ptr(chunk)));
    fresh.flat_map(|chunk| chunk.iter().cloned()).collect()
}

impl Run<'_, '_> {
    pub(super) fn trace(&mut self, file: &str, field: &str, effect: Effect) {
        self.trace.push(Trace { file: file.to_owned(), field: field.to_owned(), effect });
    }

    /// Keeps what a patch did.
    pub(super) fn trace_patch(
        &mut self,
        (file, field): (&str, &str),
        patch: &Patch,
        applications: &[Application],
        objects: &[Tracked],
    ) {
        match &patch.target {
            // Where nothing is yet, as in a template that bootstrap will fill, nothing can be missed.
            Some(_) if applications.is_empty() && objects.is_empty() => {}
            Some(target) if applications.is_empty() => {
                let candidate = candidate(target, objects);
                self.trace(file, field, Effect::PatchSelectsNothing { target: target.clone(), candidate });
            }
            _ => self.trace(file, field, Effect::Selected),
        }
        for one in applications {
            for item in &one.dropped_items {
                let (object, item) = (one.id.clone(), item.clone());
                self.trace(file, field, Effect::ItemDropped { object, item });
            }
            let containers = |item: &&ListItem| {
                let list = item.list.rsplit('/').next().unwrap_or_default();
                matches!(list, "containers" | "initContainers")
            };
            for item in one.added_items.iter().filter(containers) {
                // Positions count from before the patch, which may have deleted objects.
                let gone = applications.iter().filter(|other| other.deleted && other.index < one.index).count();
                let object = one.index.checked_sub(gone).and_then(|index| objects.get(index));
                let list = object.and_then(|object| object.body().pointer(&item.list)).and_then(Value::as_array);
                let name = |container: &Value| container.get("name").and_then(Value::as_str).map(str::to_owned);
                let (added, others): (Vec<&Value>, Vec<&Value>) =
                    list.into_iter().flatten().partition(|one| name(one).as_deref() == Some(&item.key));
                let has_image = |container: &&Value| container.get("image").is_some_and(|image| !image.is_null());
                if added.is_empty() || added.iter().any(has_image) {
                    continue;
                }
                let others = others.into_iter().filter_map(name).collect();
                let effect = Effect::ContainerWithoutImage { object: one.id.clone(), item: item.clone(), others };
                self.trace(file, field, effect);
            }
        }
    }
}

/// Finds the object that a target probably means: one of its kind with a similar name, or of its name elsewhere.
fn candidate(target: &Target, objects: &[Tracked]) -> Option<String> {
    let wanted = target.name.as_deref().filter(|name| !name.is_empty())?.replace('\\', "");
    let of_kind = |object: &&Tracked| target.kind.as_ref().is_none_or(|kind| kind == object.resource().kind());
    let mut same = objects.iter().filter(|object| object.resource().name() == wanted);
    if let Some(found) = same.next() {
        return Some(found.resource().id());
    }
    let of_kind: Vec<&Tracked> = objects.iter().filter(of_kind).collect();
    let meant = did_you_mean(&wanted, of_kind.iter().map(|object| object.resource().name()))?;
    of_kind.iter().find(|object| object.resource().name() == meant).map(|object| object.resource().id())
}
