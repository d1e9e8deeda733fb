//! Parts: the directories of a cluster's tree that Flux applies, one Kustomization each.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::plan::{Plan, PlannedHelm, release_part};
use crate::render::Resource;

/// The part that holds what concerns the platform's own Kustomizations.
const PLATFORM: &str = "platform";
/// The part that everything else may need first.
const REGISTRIES: &str = "registries";
/// The parts that hold HelmReleases. What needs their CRDs lies in `modules/<name>` and waits for them.
const RELEASES: &str = "releases";

/// One directory that Flux applies.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Name, as in `registries`.
    pub name: String,
    /// Name of its Kustomization.
    pub kustomization: String,
    /// Directory relative to the cluster's.
    pub dir: String,
    /// Objects by file, relative to the directory.
    pub files: BTreeMap<String, Vec<PartObject>>,
    /// Files of the user that exist, relative to the directory.
    pub includes: Vec<String>,
    /// Names of variables by the Secret that holds them.
    pub variables: BTreeMap<String, Vec<String>>,
    /// Whether Flux has to decrypt files of the part.
    pub decrypt: bool,
    /// Names of the parts that must be ready first.
    pub depends_on: Vec<String>,
    /// Further Kustomizations that must be ready first, as the intent names them.
    pub waits_for: Vec<String>,
    /// How long it may take; default: that of the intent.
    pub timeout: Option<String>,
    /// Kustomizations of the platform whose readiness makes the part ready.
    pub health_checks: Vec<String>,
}

/// An object of a part.
#[derive(Clone, Debug)]
pub struct PartObject {
    /// The object.
    pub resource: Arc<Resource>,
    /// JSON pointer of the intent that it comes from.
    pub at: String,
}

impl Part {
    /// Lists what the part's `kustomization.yaml` names.
    pub fn resource_paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.files.keys().cloned().chain(self.includes.iter().cloned()).collect();
        paths.sort();
        paths
    }

    fn add(&mut self, file: &str, resource: Resource, at: &str) {
        let objects = self.files.entry(file.to_owned()).or_default();
        objects.push(PartObject { resource: Arc::new(resource), at: at.to_owned() });
    }

    /// Walks the variables that Flux knows in this part, `q` included when there are any.
    pub fn variable_names(&self) -> impl Iterator<Item = &str> {
        let quote = (!self.variables.is_empty()).then_some("q");
        quote.into_iter().chain(self.variables.values().flatten().map(String::as_str))
    }
}

/// The parts of a cluster while they are filled.
#[derive(Clone, Debug)]
pub struct Parts {
    parts: BTreeMap<String, Part>,
    source: String,
    after: BTreeMap<String, Vec<String>>,
}

impl Parts {
    /// Starts with no part.
    pub fn new(plan: &Plan) -> Self {
        Self {
            parts: BTreeMap::new(),
            source: plan.cluster.intent.spec.gitops.source.name.clone(),
            after: plan.modules.iter().map(|module| (module.name.clone(), module.after.clone())).collect(),
        }
    }

    /// Returns the name of the part that a plugin's objects go to.
    pub fn of_plugin(&self, plan: &Plan, plugin: usize) -> String {
        let planned = &plan.plugins[plugin];
        match planned.module {
            Some(index) => format!("modules/{}", plan.modules[index].name),
            None => planned.plugin.part.clone().unwrap_or_else(|| planned.plugin.name.clone()),
        }
    }

    fn part(&mut self, name: &str) -> &mut Part {
        let source = &self.source;
        let after = &self.after;
        self.parts.entry(name.to_owned()).or_insert_with(|| {
            let depends_on = match (name, name.split_once('/')) {
                (PLATFORM, _) => vec![REGISTRIES.to_owned()],
                (_, Some((group, module))) => {
                    let others = after.get(module).into_iter().flatten().map(|other| format!("{RELEASES}/{other}"));
                    let own: &[&str] = if group == RELEASES { &[] } else { &[PLATFORM] };
                    let mut first: Vec<String> = own.iter().map(|name| (*name).to_owned()).collect();
                    first.push(REGISTRIES.to_owned());
                    first.extend((group != RELEASES).then(|| format!("{RELEASES}/{module}")));
                    first.extend(others);
                    first
                }
                _ => Vec::new(),
            };
            Part {
                name: name.to_owned(),
                kustomization: kustomization_name(source, name),
                dir: name.to_owned(),
                depends_on,
                // Secrets of the user lie here, so what the intent says of decryption holds from the start.
                decrypt: name == REGISTRIES,
                ..Part::default()
            }
        })
    }

    /// Adds an object to a file of a part.
    pub fn add(&mut self, part: &str, file: &str, resource: Arc<Resource>, at: &str) -> Result<(), String> {
        if file == "kustomization.yaml" || !file.ends_with(".yaml") {
            return Err(format!("`{file}` is not a name for a file of objects"));
        }
        let objects = self.part(part).files.entry(file.to_owned()).or_default();
        let mut same = objects.iter().filter(|known| known.resource.is_same(&resource));
        if same.clone().any(|known| known.resource == resource) {
            return Ok(());
        }
        // Service accounts are merged when the part is finished.
        if same.next().is_some() && resource.kind() != "ServiceAccount" {
            return Err(format!("{} is rendered twice with different content", resource.id()));
        }
        objects.push(PartObject { resource, at: at.to_owned() });
        Ok(())
    }

    /// Adds a Kustomization of the platform, and waits for it.
    pub fn add_platform(&mut self, file: &str, resource: Resource, at: &str) {
        let part = self.part(PLATFORM);
        part.health_checks.push(resource.name().to_owned());
        part.add(file, resource, at);
    }

    /// Adds the HelmRelease of a module with its repository.
    pub fn add_release(&mut self, module: &str, helm: &PlannedHelm, objects: Vec<(&str, Resource)>, at: &str) {
        let part = self.part(&format!("{RELEASES}/{module}"));
        part.waits_for = helm.spec.depends_on.iter().cloned().collect();
        part.timeout = Some(helm.spec.timeout.clone());
        for (file, resource) in objects {
            part.add(file, resource, at);
        }
    }

    /// Puts back an object that the tree had before.
    pub fn put_back(&mut self, part: &str, file: &str, resource: Resource) {
        // Nothing waits for it: whether it still exists in the cluster is not known.
        self.part(part).add(file, resource, "/spec");
    }

    /// Adds variables to a part.
    pub fn variables(&mut self, part: &str, secret: &str, names: &[String]) -> Result<(), String> {
        if names.iter().any(|name| name == "q") {
            return Err("the variable `q` is taken: it holds a quotation mark".into());
        }
        let known = self.part(part).variables.entry(secret.to_owned()).or_default();
        known.extend(names.iter().cloned());
        known.sort();
        known.dedup();
        Ok(())
    }

    /// Includes a file of the user.
    pub fn include(&mut self, part: &str, file: &str, decrypt: bool, exists: bool) -> Result<(), String> {
        let part = self.part(part);
        let relative = file
            .strip_prefix(&format!("{}/", part.dir))
            .ok_or_else(|| format!("`{file}` does not lie in `{}`", part.dir))?;
        part.decrypt |= decrypt;
        if exists {
            part.includes.push(relative.to_owned());
        }
        Ok(())
    }

    /// Returns the object of this name in any part, whatever its version.
    pub fn find(&self, resource: &Resource) -> Option<&Resource> {
        let objects = self.parts.values().flat_map(|part| part.files.values()).flatten();
        objects.map(|object| &*object.resource).find(|own| {
            own.group() == resource.group()
                && own.kind() == resource.kind()
                && own.namespace() == resource.namespace()
                && own.name() == resource.name()
        })
    }

    /// Drops empty parts and the dependencies on them, sorts, and protects objects from substitution.
    pub fn finish(self) -> Vec<Part> {
        let present: Vec<String> = self
            .parts
            .values()
            .filter(|part| !part.files.is_empty() || !part.includes.is_empty())
            .map(|part| part.name.clone())
            .collect();
        let registries_first = |part: &Part| {
            (
                part.name != REGISTRIES,
                part.name.starts_with("modules/"),
                part.name.starts_with(RELEASES),
                part.name.clone(),
            )
        };
        let mut parts: Vec<Part> = self.parts.into_values().filter(|part| present.contains(&part.name)).collect();
        parts.sort_by_key(registries_first);
        for part in &mut parts {
            part.depends_on.retain(|name| present.contains(name));
            part.health_checks.sort();
            part.includes.sort();
            let substituted = !part.variables.is_empty();
            for objects in part.files.values_mut() {
                merge_service_accounts(objects);
                for object in objects.iter_mut().filter(|_| substituted) {
                    // Flux substitutes in the whole text of an object; one that uses no variable is kept out of it.
                    if !mentions_variable(&object.resource.body) {
                        super::annotate(&mut Arc::make_mut(&mut object.resource).body, "substitute", "disabled");
                    }
                }
            }
        }
        parts
    }
}

/// The Kustomization of a part.
pub(super) fn kustomization_name(source: &str, part: &str) -> String {
    match part.split_once('/') {
        Some((RELEASES, module)) => release_part(source, module),
        Some((_, module)) => format!("{source}-{module}"),
        None => format!("{source}-{part}"),
    }
}

/// Several registries may give their Secret to one ServiceAccount; its list is atomic, so they are one object.
fn merge_service_accounts(objects: &mut Vec<PartObject>) {
    let mut merged: Vec<PartObject> = Vec::with_capacity(objects.len());
    for object in objects.drain(..) {
        let known = merged.iter_mut().find(|known| known.resource.is_same(&object.resource));
        match (known, object.resource.body.get("imagePullSecrets").and_then(Value::as_array)) {
            (Some(known), Some(extra)) => {
                let list = &mut Arc::make_mut(&mut known.resource).body["imagePullSecrets"];
                let mut all: Vec<Value> = list.as_array().cloned().unwrap_or_default();
                all.extend(extra.iter().cloned());
                *list = json!(all);
            }
            _ => merged.push(object),
        }
    }
    *objects = merged;
}

/// Tells whether a text of a value uses a Flux variable.
fn mentions_variable(value: &Value) -> bool {
    match value {
        Value::String(text) => names_variable(text),
        Value::Array(items) => items.iter().any(mentions_variable),
        Value::Object(map) => map.iter().any(|(key, child)| names_variable(key) || mentions_variable(child)),
        _ => false,
    }
}

fn names_variable(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| pair == b"${")
}
