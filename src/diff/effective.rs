//! What changes in a cluster: the objects that Flux applies before and after, and what Flux does with those that a
//! Kustomization applies no longer.
//!
//! Objects are told apart as the inventory of Flux does it, by group, kind, namespace and name. A Kustomization that cannot
//! be built on one side is not compared, nor what only it would bring.

mod fate;
mod secret;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde_json::Value;

use self::fate::loss;
use self::secret::Values;
use super::fields::{FieldChange, FieldKind};
use super::objects::{ObjectKind, fields, identity};
use super::path::{Path, Step};
use super::shown;
use crate::build::flux::{Built, Cluster, Id, Object, Policy};
use crate::diagnostic::mask::HIDDEN;
use crate::render::Resource;
use crate::yaml;

/// What changes in a cluster.
#[derive(Clone, Debug, Default)]
pub struct Effective {
    /// The Kustomizations in which something changes, or that are not compared: dependencies come first, those that are
    /// gone last.
    pub groups: Vec<Group>,
    /// How many objects are the same.
    pub unchanged: usize,
}

/// What changes in one Kustomization.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Namespace and name; of an entry directory that no Kustomization applies, its path.
    pub name: String,
    /// What it is: `Kustomization`, or `directory`.
    #[serde(skip)]
    pub what: &'static str,
    /// Whether the Kustomization is new or gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ObjectKind>,
    /// Whether it is suspended: Flux leaves it as it is.
    pub suspended: bool,
    /// Why it is not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_compared: Option<NotCompared>,
    /// The objects, sorted.
    #[serde(skip)]
    pub objects: Vec<EffectiveChange>,
}

/// Why a Kustomization is not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum NotCompared {
    /// It, or one that brings it, cannot be built on one side.
    Broken,
    /// On one side its objects come from another source.
    Elsewhere,
}

impl NotCompared {
    /// Says it in words.
    pub fn words(self) -> &'static str {
        match self {
            NotCompared::Broken => "not compared: it cannot be built on both sides",
            NotCompared::Elsewhere => "not compared: its objects come from another source on one side",
        }
    }
}

/// A change of one object.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveChange {
    /// What happens to the object; `Moved` means to another Kustomization.
    pub change: ObjectKind,
    /// The object, as in `v1 ConfigMap namespace/name`.
    pub object: String,
    /// The Kustomization that applies it, after the change when it still does.
    pub kustomization: String,
    /// The Kustomization that applied it before, when it was another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_kustomization: Option<String>,
    /// The file that it comes from, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What Flux does, where the change alone does not tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// What goes with the object when it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<&'static str>,
    /// The fields that differ, without credentials. An added object has all of its fields, a removed one none.
    pub fields: Vec<FieldChange>,
    #[serde(skip)]
    before: Option<Value>,
    #[serde(skip)]
    after: Option<Value>,
}

/// What Flux does with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// It is deleted.
    Deleted,
    /// It stays in the cluster, and nobody applies it any more.
    LeftBehind,
    /// It may be deleted by the one Kustomization and created again by the other.
    Recreated,
    /// The other Kustomization takes it over as it is.
    TakenOver,
    /// It is left as it is in the cluster: its own annotations or labels say so.
    Untouched,
}

impl EffectiveChange {
    /// Says in words what Flux does, and what is lost by it; empty when the change tells it.
    pub fn words(&self) -> String {
        let effect = match self.effect {
            None => "",
            Some(Effect::Deleted) => "deleted from the cluster",
            Some(Effect::LeftBehind) => "left behind in the cluster",
            Some(Effect::Recreated) => "may be deleted and created again",
            Some(Effect::TakenOver) => "taken over",
            Some(Effect::Untouched) => "left as it is in the cluster",
        };
        match self.loss {
            Some(loss) => format!("{effect}, with {loss}"),
            None => effect.to_owned(),
        }
    }

    /// Returns the whole object before and after as YAML, without credentials.
    pub fn texts(&self) -> (Option<String>, Option<String>) {
        let text = |value: &Option<Value>| value.as_ref().map(yaml::emit);
        shown::texts(text(&self.before).as_deref(), text(&self.after).as_deref())
    }
}

/// Compares what Flux makes of an entry directory; a side is `None` when it lacks the directory.
pub fn effective(before: Option<&Cluster>, after: Option<&Cluster>) -> Effective {
    let none = Cluster::default();
    let sides = Sides::new(before.unwrap_or(&none), after.unwrap_or(&none), after.is_none());
    sides.compare()
}

/// What tells objects of a cluster apart: where they go, group, kind, namespace and name.
type Key<'c> = (String, &'c str, &'c str, &'c str, &'c str);

fn key<'c>(target: &str, resource: &'c Resource) -> Key<'c> {
    let namespace = resource.namespace().filter(|namespace| !namespace.is_empty()).unwrap_or("default");
    (target.to_owned(), resource.group(), resource.kind(), namespace, resource.name())
}

/// The objects of one Kustomization.
type Objects<'c> = BTreeMap<Key<'c>, &'c Object>;

struct Sides<'c> {
    before: BTreeMap<&'c Id, &'c Built>,
    after: BTreeMap<&'c Id, &'c Built>,
    /// All Kustomizations in the order in which they are told.
    order: Vec<&'c Id>,
    /// Those that are not compared.
    skipped: BTreeMap<&'c Id, NotCompared>,
    old: BTreeMap<&'c Id, Objects<'c>>,
    new: BTreeMap<&'c Id, Objects<'c>>,
    /// Who applies an object after the change.
    owners: BTreeMap<Key<'c>, Vec<&'c Id>>,
    /// Whether the entry directory is gone: then Flux finds nothing to apply, and deletes nothing.
    abandoned: bool,
    values: Values,
}

/// One object to compare.
struct Task<'c> {
    group: &'c Id,
    from: &'c Id,
    key: Key<'c>,
    before: Option<&'c Object>,
    after: Option<&'c Object>,
}

impl<'c> Sides<'c> {
    fn new(before: &'c Cluster, after: &'c Cluster, abandoned: bool) -> Self {
        let by_id = |cluster: &'c Cluster| -> BTreeMap<&'c Id, &'c Built> {
            cluster.built.iter().map(|built| (&built.id, built)).collect()
        };
        let (old, new) = (by_id(before), by_id(after));
        let gone = before.built.iter().map(|built| &built.id).filter(|id| !new.contains_key(id));
        let order: Vec<&Id> = after.built.iter().map(|built| &built.id).chain(gone).collect();
        let skipped = skipped(before, after, &old, &new);
        let objects = |side: &BTreeMap<&'c Id, &'c Built>| -> BTreeMap<&'c Id, Objects<'c>> {
            let compared = side.iter().filter(|(id, _)| !skipped.contains_key(*id));
            compared
                .map(|(id, built)| {
                    let target = target(built);
                    (*id, built.objects.iter().map(|object| (key(&target, &object.resource), object)).collect())
                })
                .collect()
        };
        let (old_objects, new_objects) = (objects(&old), objects(&new));
        let owners = owners(&order, &new_objects);
        let values = Values::of(&[before, after]);
        let (before, after, old, new) = (old, new, old_objects, new_objects);
        Self { before, after, order, skipped, old, new, owners, abandoned, values }
    }

    fn compare(&self) -> Effective {
        let tasks = self.tasks();
        let count = tasks.len();
        let changes: Vec<(&Id, EffectiveChange)> = tasks
            .into_par_iter()
            .filter_map(|task| {
                let group = task.group;
                Some((group, self.change(task)?))
            })
            .collect();
        let unchanged = count - changes.len();
        let mut found: BTreeMap<&Id, Vec<EffectiveChange>> = BTreeMap::new();
        for (group, change) in changes {
            found.entry(group).or_default().push(change);
        }
        let groups = self.order.iter().filter_map(|id| {
            let mut objects = found.remove(*id).unwrap_or_default();
            let not_compared = self.skipped.get(*id).copied();
            if objects.is_empty() && not_compared.is_none() {
                return None;
            }
            objects.sort_by(|a, b| a.object.cmp(&b.object));
            let change = match (self.before.contains_key(*id), self.after.contains_key(*id)) {
                _ if not_compared.is_some() => None,
                (false, true) => Some(ObjectKind::Added),
                (true, false) => Some(ObjectKind::Removed),
                _ => None,
            };
            let suspended = self.after.get(*id).and_then(|built| built.kustomization.as_ref());
            let suspended = suspended.is_some_and(|kustomization| kustomization.suspend);
            let built = self.after.get(*id).or_else(|| self.before.get(*id));
            let is_directory = built.is_some_and(|built| built.kustomization.is_none());
            let what = if is_directory { "directory" } else { "Kustomization" };
            Some(Group { name: id.to_string(), what, change, suspended, not_compared, objects })
        });
        Effective { groups: groups.collect(), unchanged }
    }

    /// Pairs the objects of both sides: in one Kustomization first, then those that went to another one.
    fn tasks(&self) -> Vec<Task<'c>> {
        let owned = owners(&self.order, &self.old);
        let mut moved_from: BTreeMap<(&Id, &Key<'_>), &'c Id> = BTreeMap::new();
        let mut moved: BTreeSet<(&Id, &Key<'_>)> = BTreeSet::new();
        for (key, before) in &owned {
            let after = self.owners.get(key).map(Vec::as_slice).unwrap_or_default();
            let lost = before.iter().filter(|id| !after.contains(id));
            let gained = after.iter().filter(|id| !before.contains(id));
            for (from, to) in lost.zip(gained) {
                moved_from.insert((to, key), from);
                moved.insert((from, key));
            }
        }
        let none = Objects::new();
        let mut tasks = Vec::new();
        for id in &self.order {
            let (old, new) = (self.old.get(*id).unwrap_or(&none), self.new.get(*id).unwrap_or(&none));
            for (key, before) in old.iter().filter(|(key, _)| !moved.contains(&(*id, *key))) {
                let after = new.get(key).copied();
                tasks.push(Task { group: id, from: id, key: key.clone(), before: Some(before), after });
            }
            for (key, after) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
                let from = moved_from.get(&(*id, key)).copied();
                let before = from.and_then(|from| self.old.get(from)?.get(key).copied());
                tasks.push(Task { group: id, from: from.unwrap_or(id), key: key.clone(), before, after: Some(after) });
            }
        }
        tasks
    }

    fn change(&self, task: Task<'c>) -> Option<EffectiveChange> {
        let Task { group, from, key, before, after } = task;
        let is_moved = from != group;
        let mut old = before.map(|object| bare(&object.resource));
        let mut new = after.map(|object| bare(&object.resource));
        if let (Some(old), Some(new), Some(object)) = (&mut old, &mut new, after) {
            for pointer in &object.ignored {
                remove(&mut old.body, pointer);
                remove(&mut new.body, pointer);
            }
        }
        let encrypted = match (before, after) {
            (Some(before), Some(after)) => before.encrypted != after.encrypted,
            _ => false,
        };
        let (change, mut found) = match (&old, &new) {
            (Some(old), Some(new)) if old == new && !encrypted => {
                if !is_moved {
                    return None;
                }
                (ObjectKind::Moved, Vec::new())
            }
            (Some(old), Some(new)) => {
                let kind = if is_moved { ObjectKind::Moved } else { ObjectKind::Changed };
                (kind, fields(&old.body, &new.body))
            }
            (None, Some(new)) => (ObjectKind::Added, fields(&identity(new), &new.body)),
            (Some(_), None) => (ObjectKind::Removed, Vec::new()),
            (None, None) => return None,
        };
        if encrypted {
            let path = Path(vec![Step::Key("encrypted values".to_owned())]);
            let (before, after) = (Some(HIDDEN.into()), Some(HIDDEN.into()));
            found.push(FieldChange { path, change: FieldKind::Changed, before, after, secret: true });
        }
        found.iter_mut().for_each(|field| self.values.hide_field(field));
        let effect = match (before, after) {
            (Some(old), Some(_)) if is_moved => self.effect(old, from, Some(group)),
            (Some(old), None) => {
                let others = self.owners.get(&key).into_iter().flatten();
                self.effect(old, from, others.copied().find(|id| *id != from))
            }
            (Some(_), Some(new)) => {
                matches!(new.policy(), Policy::IfNotPresent | Policy::Ignore).then_some(Effect::Untouched)
            }
            (_, new) => new.is_some_and(|new| new.policy() == Policy::Ignore).then_some(Effect::Untouched),
        };
        let resource = &after.or(before)?.resource;
        let loss = loss(resource).filter(|_| matches!(effect, Some(Effect::Deleted | Effect::Recreated)));
        let hidden = |side: Option<Resource>| side.map(|resource| self.values.hide(resource.body));
        Some(EffectiveChange {
            change,
            object: self.values.hide_text(&resource.id()),
            kustomization: group.to_string(),
            from_kustomization: is_moved.then(|| from.to_string()),
            path: after.or(before)?.origin.as_ref().map(ToString::to_string),
            effect,
            loss,
            fields: found,
            before: hidden(old),
            after: hidden(new),
        })
    }
}

fn owners<'c>(order: &[&'c Id], objects: &BTreeMap<&'c Id, Objects<'c>>) -> BTreeMap<Key<'c>, Vec<&'c Id>> {
    let mut owners: BTreeMap<Key<'c>, Vec<&'c Id>> = BTreeMap::new();
    for id in order {
        for key in objects.get(*id).into_iter().flat_map(Objects::keys) {
            owners.entry(key.clone()).or_default().push(id);
        }
    }
    owners
}

/// Finds the Kustomizations that cannot be compared.
fn skipped<'c>(
    before: &'c Cluster,
    after: &'c Cluster,
    old: &BTreeMap<&'c Id, &'c Built>,
    new: &BTreeMap<&'c Id, &'c Built>,
) -> BTreeMap<&'c Id, NotCompared> {
    let both = || before.built.iter().chain(&after.built);
    let broken = both().filter(|built| !built.faults.is_empty());
    let mut skipped: BTreeMap<&Id, NotCompared> = broken.map(|built| (&built.id, NotCompared::Broken)).collect();
    let elsewhere: BTreeSet<&Id> = before.elsewhere.iter().chain(&after.elsewhere).map(|one| &one.id).collect();
    for built in both().filter(|built| elsewhere.contains(&built.id)) {
        skipped.entry(&built.id).or_insert(NotCompared::Elsewhere);
    }
    // What only a skipped one brings is not known on the other side.
    loop {
        let found: Vec<(&Id, NotCompared)> = both()
            .filter(|built| !skipped.contains_key(&built.id))
            .filter(|built| !(old.contains_key(&built.id) && new.contains_key(&built.id)))
            .filter_map(|built| Some((&built.id, *skipped.get(&built.brought_by.as_ref()?.0)?)))
            .collect();
        if found.is_empty() {
            return skipped;
        }
        skipped.extend(found);
    }
}

/// Names the cluster that the objects of a Kustomization go to; empty for its own.
fn target(built: &Built) -> String {
    let other = built.kustomization.as_ref().and_then(|kustomization| kustomization.spec.get("kubeConfig"));
    other.filter(|other| other.is_object()).map(ToString::to_string).unwrap_or_default()
}

/// An object without the labels that name its Kustomization, which its group tells already.
fn bare(resource: &Resource) -> Resource {
    let mut body = resource.body.clone();
    if let Some(Value::Object(metadata)) = body.get_mut("metadata")
        && let Some(Value::Object(labels)) = metadata.get_mut("labels")
    {
        labels.shift_remove("kustomize.toolkit.fluxcd.io/name");
        labels.shift_remove("kustomize.toolkit.fluxcd.io/namespace");
        if labels.is_empty() {
            metadata.shift_remove("labels");
        }
    }
    Resource { body }
}

/// Removes what a JSON pointer leads to.
fn remove(body: &mut Value, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    let last = last.replace("~1", "/").replace("~0", "~");
    match body.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.shift_remove(&last)),
        Some(Value::Array(items)) => {
            if let Some(index) = last.parse::<usize>().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}
