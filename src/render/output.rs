//! What a template may render: Kubernetes objects, and the few kinds of our own that `layout` turns into the tree.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::resource::Resource;
use crate::yaml::{self, Dialect, Limits};

/// One rendered document with where it comes from.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// What it is.
    pub output: Output,
    /// Index of its plugin in the plan.
    pub plugin: usize,
    /// JSON pointer of the intent that it comes from.
    pub at: String,
}

/// The kinds of output.
#[derive(Clone, Debug)]
pub enum Output {
    /// A Kubernetes object for the part of its plugin.
    Object {
        /// The object.
        resource: Arc<Resource>,
        /// Who owns it in the cluster.
        ownership: Ownership,
        /// File name in the part's directory.
        file: String,
        /// Kustomization that deploys it; for contracts.
        kustomization: Option<String>,
    },
    /// A patch for a Kustomization of the platform.
    Patch(PatchOutput),
    /// Variables that Flux substitutes in a part.
    Variables {
        /// The part.
        part: String,
        /// Secret in the GitOps namespace that holds them.
        secret: String,
        /// Their names.
        names: Vec<String>,
    },
    /// Values of the module's Helm chart.
    Values(Map<String, Value>),
    /// A file of the user that a part includes when it exists.
    Include {
        /// The part.
        part: String,
        /// Path relative to the cluster's directory.
        file: String,
        /// Whether Flux has to decrypt it.
        decrypt: bool,
    },
    /// A file that is handed over and never applied.
    File {
        /// Path relative to the cluster's directory.
        path: String,
        /// What it holds.
        content: FileContent,
    },
    /// A step that a person has to take.
    Step {
        /// Heading.
        title: String,
        /// Markdown.
        text: String,
        /// Whether it is for the time when Flux has applied the tree.
        later: bool,
    },
}

/// The content of a handed-over file.
#[derive(Clone, Debug)]
pub enum FileContent {
    /// Any text.
    Text(String),
    /// An object.
    Object(Value),
}

/// Who owns an object in the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Ownership {
    /// This tree: Flux creates, corrects and prunes it.
    #[default]
    Own,
    /// This tree, but it must outlive the tree: never pruned.
    Retain,
    /// Somebody else; our fields are merged in, and it is never pruned.
    Partial,
    /// Whoever comes first: created when missing, then left alone.
    CreateOnly,
}

/// A patch as a plugin renders it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchOutput {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    /// Kustomization to patch.
    pub kustomization: String,
    /// JSON pointer of the intent that the patch comes from.
    pub from: Option<String>,
    /// Target; a strategic merge patch without target names its object itself and fails when it is missing.
    pub target: Option<Map<String, Value>>,
    /// Operations; `from-intent` of an operation names the intent's own line for it.
    pub json6902: Option<Vec<Map<String, Value>>>,
    /// A strategic merge patch.
    pub strategic_merge: Option<Value>,
}

impl PatchOutput {
    /// Makes a patch of the user's own.
    pub fn new(kustomization: String, from: String, target: Map<String, Value>) -> Self {
        Self {
            _api_version: String::new(),
            _kind: String::new(),
            kustomization,
            from: Some(from),
            target: Some(target),
            json6902: None,
            strategic_merge: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Meta {
    #[serde(default)]
    ownership: Ownership,
    from: Option<String>,
    file: Option<String>,
    kustomization: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", deny_unknown_fields)]
enum Own {
    #[serde(rename_all = "camelCase")]
    Variables {
        kustomization_part: String,
        secret: String,
        variables: Vec<String>,
    },
    Values {
        values: Map<String, Value>,
    },
    Include {
        part: String,
        file: String,
        decrypt: bool,
    },
    File {
        path: String,
        content: Option<String>,
        object: Option<Value>,
    },
    Step {
        title: String,
        text: String,
        #[serde(default)]
        later: bool,
    },
}

/// Parses what one template rendered.
pub(super) fn parse(text: &str, plugin: usize, at: &str, template: &str) -> Result<Vec<Rendered>, String> {
    let documents = yaml::parse(text.as_bytes(), Dialect::Strict, Limits::MANIFEST).map_err(|faults| {
        let fault = &faults[0];
        let line = fault.span.map_or(0, |span| span.line);
        let shown = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim();
        format!(
            "the output is not YAML: {} (line {line} of the output: {})",
            fault.message,
            crate::diagnostic::mask::quote(shown)
        )
    })?;
    documents
        .iter()
        .map(yaml::Node::to_value)
        .filter(|value| !value.is_null())
        .map(|value| document(value, plugin, at, template))
        .collect()
}

fn document(mut value: Value, plugin: usize, at: &str, template: &str) -> Result<Rendered, String> {
    let ours = value.get("apiVersion").and_then(Value::as_str) == Some("fluxwright.dev/v1alpha1");
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    if ours && kind == "Patch" {
        let patch: PatchOutput = serde_json::from_value(value).map_err(|error| format!("Patch: {error}"))?;
        if patch.json6902.is_some() == patch.strategic_merge.is_some() {
            return Err("a Patch has exactly one of json6902 and strategicMerge".into());
        }
        if patch.json6902.is_some() && patch.target.is_none() {
            return Err("a Patch with json6902 needs a target".into());
        }
        let at = patch.from.clone().unwrap_or_else(|| at.to_owned());
        return Ok(Rendered { output: Output::Patch(patch), plugin, at });
    }
    if ours {
        if let Value::Object(map) = &mut value {
            map.shift_remove("apiVersion");
        }
        let output = match serde_json::from_value(value).map_err(|error| format!("{kind}: {error}"))? {
            Own::Variables { kustomization_part, secret, variables } => {
                Output::Variables { part: kustomization_part, secret, names: variables }
            }
            Own::Values { values } => Output::Values(values),
            Own::Include { part, file, decrypt } => Output::Include { part, file, decrypt },
            Own::File { path, content: Some(text), object: None } => {
                Output::File { path, content: FileContent::Text(text) }
            }
            Own::File { path, content: None, object: Some(object) } => {
                Output::File { path, content: FileContent::Object(object) }
            }
            Own::File { .. } => return Err("a File has exactly one of content and object".into()),
            Own::Step { title, text, later } => Output::Step { title, text, later },
        };
        return Ok(Rendered { output, plugin, at: at.to_owned() });
    }
    let meta = value.as_object_mut().and_then(|map| map.shift_remove("fluxwright"));
    let meta: Meta = match meta {
        Some(meta) => serde_json::from_value(meta).map_err(|error| format!("fluxwright: {error}"))?,
        None => Meta { ownership: Ownership::Own, from: None, file: None, kustomization: None },
    };
    let resource = Resource::new(value).ok_or("a document lacks apiVersion, kind or metadata.name")?;
    Ok(Rendered {
        at: meta.from.unwrap_or_else(|| at.to_owned()),
        output: Output::Object {
            resource: Arc::new(resource),
            ownership: meta.ownership,
            file: meta.file.unwrap_or_else(|| template.to_owned()),
            kustomization: meta.kustomization,
        },
        plugin,
    })
}
