//! What templates rendered before: clusters of a fleet give most templates the same values.
//!
//! Templates are pure, so a template that reads the same values renders the same. Only the fields of the cluster's facts that it
//! has read count: the name of the cluster is one that hardly any template reads.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object};
use serde_json::Value;

use super::output::Rendered;

/// How many outcomes of a template are kept.
const KEPT: usize = 8;

/// What a template is given.
pub(super) struct Given<'v> {
    /// Name of the platform.
    pub platform: &'v str,
    /// Facts of the cluster.
    pub cluster: &'v Value,
    /// Facts of the module.
    pub module: &'v Value,
    /// Options of the module.
    pub options: &'v Value,
    /// Index of the plugin in the plan.
    pub plugin: usize,
    /// What the plugin renders for.
    pub at: &'v str,
}

/// The outcomes of one template.
#[derive(Default)]
pub(super) struct Memo(Mutex<Vec<Outcome>>);

struct Outcome {
    platform: String,
    /// The fields of the cluster's facts that were read; absent ones, too.
    cluster: Vec<(String, Option<Value>)>,
    module: Value,
    options: Value,
    plugin: usize,
    at: String,
    rendered: Arc<[Arc<Rendered>]>,
}

impl Memo {
    /// Returns what the template rendered for the same values.
    pub(super) fn recall(&self, given: &Given<'_>) -> Option<Arc<[Arc<Rendered>]>> {
        let outcomes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |one: &&Outcome| {
            one.plugin == given.plugin
                && one.at == given.at
                && one.platform == given.platform
                && one.module == *given.module
                && one.options == *given.options
                && one.cluster.iter().all(|(key, value)| given.cluster.get(key) == value.as_ref())
        };
        outcomes.iter().find(same).map(|one| one.rendered.clone())
    }

    /// Keeps what the template rendered, unless it looked at more than single fields.
    pub(super) fn keep(&self, given: &Given<'_>, facts: &Facts, rendered: Arc<[Arc<Rendered>]>) {
        let Some(read) = facts.read() else { return };
        let cluster = read.into_iter().map(|key| (given.cluster.get(&key).cloned(), key));
        let outcome = Outcome {
            platform: given.platform.to_owned(),
            cluster: cluster.map(|(value, key)| (key, value)).collect(),
            module: given.module.clone(),
            options: given.options.clone(),
            plugin: given.plugin,
            at: given.at.to_owned(),
            rendered,
        };
        let mut outcomes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if outcomes.len() == KEPT {
            outcomes.remove(0);
        }
        outcomes.push(outcome);
    }
}

/// The facts of a cluster as a template sees them, with note of what it reads.
#[derive(Debug)]
pub(super) struct Facts {
    values: minijinja::Value,
    /// The fields that were read; `None` once the template has walked over all of them.
    read: Mutex<Option<BTreeSet<String>>>,
}

impl Facts {
    pub(super) fn new(values: minijinja::Value) -> Arc<Self> {
        Arc::new(Self { values, read: Mutex::new(Some(BTreeSet::new())) })
    }

    fn read(&self) -> Option<BTreeSet<String>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Object for Facts {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match (read.as_mut(), key.as_str()) {
            (Some(known), Some(key)) if !known.contains(key) => drop(known.insert(key.to_owned())),
            (_, Some(_)) => {}
            (_, None) => *read = None,
        }
        self.values.get_item(key).ok().filter(|value| !value.is_undefined())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = None;
        match self.values.try_iter() {
            Ok(keys) => Enumerator::Values(keys.collect()),
            Err(_) => Enumerator::Empty,
        }
    }
}
