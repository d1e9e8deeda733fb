//! A plugin: the folder that renders one section of the intent, or one module.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Files, invalid, parse};
use crate::diagnostic::{Diagnostic, Severity};

/// A plugin with everything in its folder.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// Name, and name of the module that it renders, if it renders one.
    pub name: String,
    /// One line for `fluxwright modules`.
    pub summary: String,
    /// `section`, `optional` or `add-on`.
    pub category: String,
    /// Platforms that it works on.
    pub platforms: Vec<String>,
    /// Section of the intent that it renders.
    pub section: Option<String>,
    /// Part of the tree that its objects go to; a module has a part of its own.
    pub part: Option<String>,
    /// Facts of the module that it renders.
    pub module: Option<ModuleFacts>,
    /// Types of registries that it brings; for the plugin of section `registries`.
    pub registry_types: Vec<RegistryType>,
    /// Cross-field rules.
    pub validations: Vec<Validation>,
    /// Schema of the module's options.
    pub options: Option<Value>,
    /// Templates by file name.
    pub templates: BTreeMap<String, String>,
    /// Templates of the objects that its patches rely on, by file name.
    pub contract: BTreeMap<String, String>,
    /// Explanation pages by code.
    pub explain: BTreeMap<String, String>,
    /// The folder, for messages.
    pub dir: String,
}

/// What a plugin says about its module.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModuleFacts {
    /// Component in the platform's naming rule; default: the module's name.
    pub component: Option<String>,
    /// Namespace of the module's objects.
    pub namespace: Option<String>,
    /// Objects whose readiness makes the module ready; those without namespace lie in that of the module.
    #[serde(default)]
    pub health_checks: Vec<Value>,
    /// How the module gets into a cluster.
    #[serde(default)]
    pub delivery: ModuleDelivery,
    /// Name of its Helm chart.
    pub chart: Option<String>,
    /// Modules that must be ready before this one, when the intent has them.
    #[serde(default)]
    pub after: Vec<String>,
    /// What is different on a platform, by its name.
    #[serde(default)]
    pub overrides: BTreeMap<String, ModuleOverride>,
}

/// How a module gets into a cluster when this tree installs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum ModuleDelivery {
    /// By a Flux Kustomization of the platform's release.
    #[default]
    Release,
    /// By a HelmRelease of this tree.
    Helm,
}

/// What is different about a module on one platform.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModuleOverride {
    /// Replaces the component.
    pub component: Option<String>,
    /// Replaces the namespace.
    pub namespace: Option<String>,
    /// Replaces the health checks.
    pub health_checks: Option<Vec<Value>>,
    /// Replaces the delivery.
    pub delivery: Option<ModuleDelivery>,
}

/// A type of registry: what its images need besides a pull secret.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistryType {
    /// Value of `spec.registries[].type`.
    pub name: String,
    /// One line of documentation.
    pub summary: String,
    /// Hosts by which pods of the cluster reach it; with some, the intent may give an `externalHost`.
    #[serde(default)]
    pub in_cluster_hosts: Vec<String>,
    /// How pulls across namespaces are granted, when they are.
    pub pull_grants: Option<PullGrantFacts>,
    /// ServiceAccounts that the registry's platform gives pull secrets itself.
    #[serde(default)]
    pub managed_service_accounts: Vec<String>,
}

/// How pulls across namespaces are granted.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PullGrantFacts {
    /// ClusterRole that a RoleBinding in the namespace of the images refers to.
    pub cluster_role: String,
    /// Resource that `kubectl auth can-i get` asks for.
    pub resource: String,
}

/// A cross-field rule in the shape of Kubernetes' `x-kubernetes-validations`, with code, severity and hint.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Validation {
    /// Stable kebab-case code; starts with the plugin's name.
    pub code: String,
    /// CEL expression that is true when all is well. `self` is the options, `cluster` the facts of the cluster,
    /// `module` the facts of this module.
    pub rule: String,
    /// Message when the rule is false.
    pub message: Option<String>,
    /// CEL expression that gives the message; wins over `message`.
    pub message_expression: Option<String>,
    /// Field that the message is about, relative to the options, as in `.scanner.replicas`.
    pub field_path: Option<String>,
    /// How bad it is.
    #[serde(default = "error")]
    pub severity: Severity,
    /// The next action.
    pub hint: Option<String>,
    /// The compiled rule: many clusters share one plugin.
    #[serde(skip)]
    compiled: std::sync::OnceLock<Result<std::sync::Arc<cel::Program>, String>>,
}

impl Validation {
    /// Returns the compiled rule.
    ///
    /// # Errors
    /// What keeps the expression from being CEL.
    pub fn program(&self) -> Result<&cel::Program, &str> {
        let compile = || cel::Program::compile(&self.rule).map(Into::into).map_err(|error| error.to_string());
        self.compiled.get_or_init(compile).as_deref().map_err(String::as_str)
    }
}

fn error() -> Severity {
    Severity::Error
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Manifest {
    api_version: String,
    kind: String,
    name: String,
    summary: String,
    category: String,
    #[serde(default)]
    platforms: Vec<String>,
    section: Option<String>,
    part: Option<String>,
    module: Option<ModuleFacts>,
    #[serde(default)]
    registry_types: Vec<RegistryType>,
    #[serde(default)]
    validations: Vec<Validation>,
}

impl Plugin {
    /// Tells whether it works on a platform.
    pub fn works_on(&self, platform: &str) -> bool {
        self.platforms.is_empty() || self.platforms.iter().any(|name| name == platform)
    }

    /// Returns the facts of its module on a platform.
    pub fn module_on(&self, platform: &str) -> Option<ModuleFacts> {
        let mut facts = self.module.clone()?;
        if let Some(other) = facts.overrides.remove(platform) {
            facts.component = other.component.or(facts.component);
            facts.namespace = other.namespace.or(facts.namespace);
            facts.health_checks = other.health_checks.unwrap_or(facts.health_checks);
            facts.delivery = other.delivery.unwrap_or(facts.delivery);
        }
        Some(facts)
    }

    /// Returns the schema of the module's options; an empty closed object when the plugin has none.
    pub fn options_schema(&self) -> Cow<'_, Value> {
        let none = || json!({"description": format!("{} has no options.", self.name), "type": "object", "additionalProperties": false});
        self.options.as_ref().map_or_else(|| Cow::Owned(none()), Cow::Borrowed)
    }
}

/// How much of a folder is checked before it is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Tests have checked expressions and templates; checking them again would cost every run.
    Tested,
    /// Everything is checked.
    Unknown,
}

/// Reads the folder of a plugin.
pub(super) fn read(dir: &str, files: &Files, trust: Trust) -> Result<Plugin, Vec<Diagnostic>> {
    let file = format!("{dir}/plugin.yaml");
    let manifest: Manifest = parse(&file, files.get("plugin.yaml").map(String::as_str).unwrap_or_default())?;
    let mut faults = Vec::new();
    let mut fault = |file: &str, message: String| faults.push(invalid(file, message));
    if manifest.api_version != "fluxwright.dev/v1alpha1" || manifest.kind != "Plugin" {
        fault(&file, "expected `apiVersion: fluxwright.dev/v1alpha1` and `kind: Plugin`".into());
    }
    if !is_name(&manifest.name) || !dir.ends_with(&format!("/{}", manifest.name)) {
        fault(
            &file,
            format!(
                "`name: {}` must be a DNS-1123 label of at most {LONGEST_NAME} characters and the name of the folder",
                manifest.name
            ),
        );
    }
    if manifest.module.is_some() && is_reserved(&manifest.name) {
        fault(&file, format!("no module can be called `{}`: the name has a meaning of its own", manifest.name));
    }
    if manifest.section.is_some() == manifest.module.is_some() {
        fault(&file, "exactly one of `section` and `module` is needed".into());
    }
    if manifest.section.is_some() && manifest.part.is_none() {
        fault(&file, "a plugin with `section` needs `part`".into());
    }
    for rule in &manifest.validations {
        if !rule.code.starts_with(&format!("{}-", manifest.name)) {
            fault(&file, format!("the code `{}` must start with `{}-`", rule.code, manifest.name));
        }
        if rule.message.is_none() && rule.message_expression.is_none() {
            fault(&file, format!("rule `{}` needs `message` or `messageExpression`", rule.code));
        }
        if trust == Trust::Tested {
            continue;
        }
        for (what, expression) in [("rule", Some(&rule.rule)), ("messageExpression", rule.message_expression.as_ref())]
        {
            if let Some(Err(error)) = expression.map(|text| cel::Program::compile(text)) {
                fault(&file, format!("`{what}` of `{}` is not CEL: {error}", rule.code));
            }
        }
    }
    let options: Option<Value> = match files.get("options.schema.json") {
        Some(text) => match parse(&format!("{dir}/options.schema.json"), text) {
            Ok(schema) => Some(schema),
            Err(found) => {
                faults.extend(found);
                None
            }
        },
        None => None,
    };
    let in_folder = |folder: &str, suffix: &str| -> BTreeMap<String, String> {
        files
            .iter()
            .filter_map(|(name, text)| {
                Some((name.strip_prefix(folder)?.strip_suffix(suffix)?.to_owned(), text.clone()))
            })
            .collect()
    };
    let templates = in_folder("templates/", ".j2");
    let contract = in_folder("contract/", ".j2");
    for (folder, group) in [("templates", &templates), ("contract", &contract)] {
        for (name, text) in group.iter().filter(|_| trust == Trust::Unknown) {
            for (line, found) in lint(text) {
                faults.push(invalid(&format!("{dir}/{folder}/{name}.j2"), format!("line {line}: {found}")));
            }
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Plugin {
        name: manifest.name,
        summary: manifest.summary,
        category: manifest.category,
        platforms: manifest.platforms,
        section: manifest.section,
        part: manifest.part,
        module: manifest.module,
        registry_types: manifest.registry_types,
        validations: manifest.validations,
        options,
        templates,
        contract,
        explain: in_folder("explain/", ".md"),
        dir: dir.to_owned(),
    })
}

/// The longest name of a plugin: Flux writes the names of Kustomizations, `<source>-<module>-release`, into labels of at
/// most 63 characters.
pub const LONGEST_NAME: usize = 26;

/// Names that would collide: fields of a module in the intent, and Kustomizations of parts.
pub fn is_reserved(name: &str) -> bool {
    let fields = ["name", "namespace", "state", "release", "helm"];
    let parts = ["registries", "ingress", "platform"];
    fields.contains(&name) || parts.contains(&name) || name.ends_with("-release")
}

/// Tells whether a text is a DNS-1123 label that is short enough for a plugin.
pub fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Finds interpolations that a value could break out of: inside quotes or glued to text, and any use of `safe`.
///
/// Values are written as JSON scalars, which is safe only where a whole scalar may stand.
fn lint(text: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut rest = line;
        while let Some(at) = rest.find("{{") {
            let before = &rest[..at];
            let Some(end) = rest[at..].find("}}") else { break };
            let inside = &rest[at + 2..at + end];
            let after = &rest[at + end + 2..];
            if inside.contains("|safe") || inside.contains("| safe") {
                found.push((number + 1, "the filter `safe` is not allowed"));
            } else if !["|bare", "|shell", "|line"].iter().any(|filter| inside.contains(filter))
                && !inside.contains("{{")
            {
                let open = before.chars().next_back().is_none_or(|c| matches!(c, ' ' | '[' | '{' | '(' | '.'));
                let close =
                    after.chars().next().is_none_or(|c| matches!(c, ' ' | ',' | ']' | '}' | ')' | ':' | '\'' | '"'));
                if !open || !close {
                    found.push((number + 1, "an interpolation is glued to text; write `{{ a ~ \"-\" ~ b }}`"));
                }
            }
            rest = after;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lint_finds_what_a_value_could_break_out_of() {
        assert_eq!(lint("name: {{ a }}\nx: [{{ a }}, {{ b }}]\n{{ k }}: {{ v }}\n  n: {{ a|bare }}-x\n"), []);
        assert_eq!(lint("name: \"{{ a }}\"").len(), 1);
        assert_eq!(lint("name: x-{{ a }}").len(), 1);
        assert_eq!(lint("name: {{ a }}-x").len(), 1);
        assert_eq!(lint("name: {{ a|safe }}").len(), 1);
    }

    #[test]
    fn the_embedded_catalog_is_valid() {
        let all = crate::catalog::embedded::tree();
        let catalog = crate::catalog::Catalog::default().overlaid(&all).unwrap_or_else(|faults| panic!("{faults:#?}"));
        assert!(catalog.platforms().count() >= 1);
        assert!(catalog.modules().count() >= 1);
    }
}
