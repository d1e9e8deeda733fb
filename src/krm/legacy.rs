//! The older way in which kustomize and kubectl call a plugin: the configuration in a file, objects as plain documents.

use serde_json::Value;

use super::{ResourceList, invalid};
use crate::diagnostic::Diagnostic;
use crate::yaml::{self, Dialect, Limits};

/// Reads the configuration file and the objects.
///
/// # Errors
/// What keeps either from being YAML, or an element from being an object.
pub fn read(config: &[u8], items: &[u8]) -> Result<ResourceList, Vec<Diagnostic>> {
    let named = |faults: Vec<Diagnostic>, file: &str| faults.into_iter().map(|fault| fault.file(file)).collect();
    let config = yaml::parse_one(config, Dialect::Kubernetes, Limits::INTENT)
        .map_err(|faults| -> Vec<Diagnostic> { named(faults, "functionConfig") })?;
    let nodes = yaml::parse(items, Dialect::Kubernetes, Limits::RESOURCE_LIST)
        .map_err(|faults| -> Vec<Diagnostic> { named(faults, "stdin") })?;
    let items: Vec<Value> = nodes.iter().map(yaml::Node::to_value).filter(|value| !value.is_null()).collect();
    if let Some(number) = items.iter().position(|item| !item.is_object()) {
        let message = format!("document {} of the input is not an object", number + 1);
        return Err(vec![invalid(message, "kustomize calls the plugin with Kubernetes objects; see docs/function.md")]);
    }
    Ok(ResourceList::new(items, config.to_value()))
}

/// Prints the objects as documents.
pub fn write(list: &ResourceList) -> String {
    list.items.iter().map(|item| format!("---\n{}", yaml::emit(item.value()))).collect()
}
