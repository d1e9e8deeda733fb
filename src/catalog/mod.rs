//! The catalog: platforms and plugins, as folders of data. Embedded in the binary; a repository may bring an overlay.
//!
//! Knows the shape of a folder, never the name of one. Renders nothing.

mod embedded;
mod options;
mod platform;
mod plugin;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, codes};
use crate::tree::{RepoPath, Tree};
use crate::yaml::{self, Dialect, Limits};

pub use options::with_defaults;
pub use platform::{BaseModule, IngressFacts, KnownController, Owner, Platform, PortFact};
pub use plugin::{LONGEST_NAME, ModuleDelivery, ModuleFacts, Plugin, RegistryType, Validation, is_name, is_reserved};

/// Platforms and plugins by name.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    platforms: BTreeMap<String, Arc<Platform>>,
    plugins: BTreeMap<String, Arc<Plugin>>,
}

impl Catalog {
    /// Returns the catalog of the binary.
    ///
    /// # Errors
    /// Only when the binary was built from an invalid catalog, which its tests exclude.
    pub fn embedded() -> Result<Self, Vec<Diagnostic>> {
        Self::default().with(&embedded::tree(), plugin::Trust::Tested)
    }

    /// Reads the folders `plugins/platforms/*` and `plugins/modules/*` of a tree over this catalog; a folder of the same
    /// name replaces the one that was there.
    ///
    /// # Errors
    /// All faults of the folders, each naming its file.
    pub fn overlaid(self, tree: &Tree) -> Result<Self, Vec<Diagnostic>> {
        self.with(tree, plugin::Trust::Unknown)
    }

    fn with(mut self, tree: &Tree, trust: plugin::Trust) -> Result<Self, Vec<Diagnostic>> {
        let mut faults = Vec::new();
        for (dir, files) in folders(tree, "plugins/platforms") {
            match platform::read(&dir, &files) {
                Ok(platform) => {
                    self.platforms.insert(platform.name.clone(), Arc::new(platform));
                }
                Err(found) => faults.extend(found),
            }
        }
        for (dir, files) in folders(tree, "plugins/modules") {
            match plugin::read(&dir, &files, trust) {
                Ok(plugin) => {
                    self.plugins.insert(plugin.name.clone(), Arc::new(plugin));
                }
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }

    /// Returns a platform by name.
    pub fn platform(&self, name: &str) -> Option<&Arc<Platform>> {
        self.platforms.get(name)
    }

    /// Walks the platforms by name.
    pub fn platforms(&self) -> impl Iterator<Item = &Arc<Platform>> {
        self.platforms.values()
    }

    /// Walks the plugins by name.
    pub fn plugins(&self) -> impl Iterator<Item = &Arc<Plugin>> {
        self.plugins.values()
    }

    /// Returns the plugin that renders a module.
    pub fn module(&self, name: &str) -> Option<&Arc<Plugin>> {
        self.plugins.get(name).filter(|plugin| plugin.module.is_some())
    }

    /// Walks the plugins that render modules, by name.
    pub fn modules(&self) -> impl Iterator<Item = &Arc<Plugin>> {
        self.plugins.values().filter(|plugin| plugin.module.is_some())
    }

    /// Stitches names of platforms and the options of modules into the schema of the intent.
    pub fn stitch(&self, mut schema: Value) -> Value {
        let names: Vec<&String> = self.platforms.keys().collect();
        if let Some(kind) = schema.pointer_mut("/$defs/Platform/properties/type") {
            kind["enum"] = json!(names);
        }
        if let Some(kind) = schema.pointer_mut("/$defs/Registry/properties/type") {
            kind["enum"] = self.registry_types().map(|kind| json!(kind.name)).collect();
            let lines: Vec<String> =
                self.registry_types().map(|kind| format!("{}: {}", kind.name, kind.summary)).collect();
            let known = kind["description"].as_str().unwrap_or_default();
            kind["description"] = json!(format!("{known} {}", lines.join(" ")));
        }
        if let Some(Value::Object(properties)) = schema.pointer_mut("/$defs/Module/properties") {
            for plugin in self.plugins.values().filter(|plugin| plugin.module.is_some()) {
                properties.insert(plugin.name.clone(), plugin.options_schema().into_owned());
            }
            if let Some(Value::Object(name)) = properties.get_mut("name") {
                // For completion only: an unknown name has a diagnostic of its own.
                let modules = self.plugins.values().filter(|plugin| plugin.module.is_some());
                name.insert("examples".into(), modules.map(|plugin| json!(plugin.name)).collect());
            }
        }
        schema
    }

    /// Walks the types of registries.
    pub fn registry_types(&self) -> impl Iterator<Item = &RegistryType> {
        self.plugins.values().flat_map(|plugin| &plugin.registry_types)
    }

    /// Returns a type of registry by name.
    pub fn registry_type(&self, name: &str) -> Option<&RegistryType> {
        self.registry_types().find(|kind| kind.name == name)
    }

    /// Returns the explanation page of a code that a plugin brings.
    pub fn explanation(&self, code: &str) -> Option<&str> {
        self.plugins.values().find_map(|plugin| plugin.explain.get(code).map(String::as_str))
    }

    /// Walks the validations of all plugins.
    pub fn validations(&self) -> impl Iterator<Item = (&Plugin, &Validation)> {
        self.plugins.values().flat_map(|plugin| plugin.validations.iter().map(move |rule| (&**plugin, rule)))
    }
}

/// The files of one folder, by path below it.
type Files = BTreeMap<String, String>;

/// Groups the text files below a directory by their first folder.
fn folders(tree: &Tree, below: &str) -> Vec<(String, Files)> {
    let Ok(root) = RepoPath::parse(below) else { return Vec::new() };
    let mut folders: BTreeMap<String, Files> = BTreeMap::new();
    for (path, blob) in tree.below(&root) {
        let Some((folder, rest)) = path.strip_prefix(&root).and_then(|rest| rest.split_once('/')) else { continue };
        let text = blob.text().unwrap_or_default().to_owned();
        folders.entry(folder.to_owned()).or_default().insert(rest.to_owned(), text);
    }
    let manifest = if below.ends_with("platforms") { "platform.yaml" } else { "plugin.yaml" };
    folders
        .into_iter()
        .filter(|(_, files)| files.contains_key(manifest))
        .map(|(folder, files)| (format!("{below}/{folder}"), files))
        .collect()
}

/// Reads a YAML or JSON file of a folder into a type.
fn parse<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<T, Vec<Diagnostic>> {
    let node = yaml::parse_one(text.as_bytes(), Dialect::Strict, Limits::INTENT)
        .map_err(|faults| faults.into_iter().map(|fault| fault.file(file)).collect::<Vec<_>>())?;
    serde_json::from_value(node.to_value()).map_err(|error| vec![invalid(file, error.to_string())])
}

fn invalid(file: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(codes::PLUGIN_INVALID, message)
        .file(file)
        .hint("see docs/plugins.md for the shape of a plugin folder")
}
