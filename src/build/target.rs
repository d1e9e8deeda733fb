//! [`Target`]: which objects a patch is for.
//!
//! Owns the rules of matching: anchored regular expressions, selectors, the default namespace. Does not know patches.

use regex::Regex;
use serde_json::{Map, Value};

use super::identity::{Identity, Tracked, past};
use super::selector::Selector;
use crate::render::Resource;

/// The objects that a patch is for; an unset field matches everything.
///
/// As `patches[].target` of a kustomization.yaml and of a Flux Kustomization.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Target {
    /// Regular expression on the API group; empty text is unset.
    pub group: Option<String>,
    /// Regular expression on the API version.
    pub version: Option<String>,
    /// Regular expression on the kind.
    pub kind: Option<String>,
    /// Regular expression on the name.
    pub name: Option<String>,
    /// Regular expression on the namespace; an object without namespace is in `default`.
    pub namespace: Option<String>,
    /// Label selector.
    pub label_selector: Option<String>,
    /// Selector on annotations, in the syntax of label selectors.
    pub annotation_selector: Option<String>,
}

/// Why a target cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    /// A field is not a regular expression.
    #[error("`target.{field}` is not a regular expression: {reason}")]
    Expression {
        /// The field.
        field: &'static str,
        /// What the reader of expressions says.
        reason: String,
    },
    /// A field is not a selector.
    #[error("`target.{field}` is not a selector: {reason}")]
    Selector {
        /// The field.
        field: &'static str,
        /// What is wrong in it.
        reason: String,
    },
    /// The target has a field that does not exist.
    #[error("`target.{0}` does not exist")]
    UnknownField(String),
    /// A field or the target itself has the wrong type.
    #[error("`{0}` has the wrong type")]
    WrongType(String),
}

impl Target {
    /// Reads a target as written in YAML.
    ///
    /// # Errors
    /// Names unknown fields and fields that are not texts.
    pub fn from_value(value: &Value) -> Result<Self, TargetFault> {
        let map = value.as_object().ok_or_else(|| TargetFault::WrongType("target".into()))?;
        let mut target = Self::default();
        for (key, value) in map {
            let field = match key.as_str() {
                "group" => &mut target.group,
                "version" => &mut target.version,
                "kind" => &mut target.kind,
                "name" => &mut target.name,
                "namespace" => &mut target.namespace,
                "labelSelector" => &mut target.label_selector,
                "annotationSelector" => &mut target.annotation_selector,
                other => return Err(TargetFault::UnknownField(other.to_owned())),
            };
            *field = match value {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                _ => return Err(TargetFault::WrongType(format!("target.{key}"))),
            };
        }
        Ok(target)
    }

    /// Tells whether an object is one that the target means.
    ///
    /// # Errors
    /// As [`Target::compile`]. To match many objects, compile once.
    pub fn matches(&self, resource: &Resource) -> Result<bool, TargetFault> {
        Ok(self.compile()?.matches(resource))
    }

    /// Prepares the target for matching.
    ///
    /// # Errors
    /// Names the field that is not a regular expression or not a selector.
    pub fn compile(&self) -> Result<Matcher, TargetFault> {
        let expression = |field, text: &Option<String>| {
            let Some(text) = text.as_deref().filter(|t| !t.is_empty()) else { return Ok(None) };
            if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                return Ok(Some(Pattern::Exact(text.to_owned())));
            }
            // Go's and Rust's expressions agree on what names are matched with.
            let anchored = format!("^(?:{text})$");
            Regex::new(text)
                .and_then(|_| Regex::new(&anchored))
                .map(|expression| Some(Pattern::Expression(expression)))
                .map_err(|e| TargetFault::Expression { field, reason: last_line(&e.to_string()) })
        };
        let selector = |field, text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default();
            Selector::parse(text).map_err(|reason| TargetFault::Selector { field, reason })
        };
        Ok(Matcher {
            group: expression("group", &self.group)?,
            version: expression("version", &self.version)?,
            kind: expression("kind", &self.kind)?,
            name: expression("name", &self.name)?,
            namespace: expression("namespace", &self.namespace)?,
            labels: selector("labelSelector", &self.label_selector)?,
            annotations: selector("annotationSelector", &self.annotation_selector)?,
        })
    }
}

/// The reader of expressions draws the text with an arrow; its last line says what is wrong.
fn last_line(text: &str) -> String {
    let line = text.lines().next_back().unwrap_or_default();
    line.trim().trim_start_matches("error: ").to_owned()
}

/// What a field of an object is compared with.
#[derive(Clone, Debug)]
enum Pattern {
    /// An expression that means nothing but itself; compiling one takes longer than all that it is used for.
    Exact(String),
    Expression(Regex),
}

impl Pattern {
    fn holds(&self, text: &str) -> bool {
        match self {
            Pattern::Exact(exact) => exact == text,
            Pattern::Expression(expression) => expression.is_match(text),
        }
    }
}

/// A target that is ready to match.
#[derive(Clone, Debug)]
pub struct Matcher {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    labels: Selector,
    annotations: Selector,
}

impl Matcher {
    /// Tells whether an object is one that the target means.
    pub fn matches(&self, resource: &Resource) -> bool {
        self.matches_any(&Identity::of(resource), &[]) && self.matches_selectors(resource)
    }

    /// As [`Matcher::matches`], for an object that may have had another name or namespace.
    pub(super) fn matches_tracked(&self, tracked: &Tracked) -> bool {
        self.matches_any(tracked.id(), tracked.seen()) && self.matches_selectors(tracked.resource())
    }

    /// As [`Matcher::matches`], for an object whose annotations tell who it was.
    pub(super) fn matches_remembering(&self, resource: &Resource) -> bool {
        self.matches_any(&Identity::of(resource), &past(resource)) && self.matches_selectors(resource)
    }

    /// The name may be an old one and the namespace the new one, as in kustomize.
    fn matches_any(&self, current: &Identity, past: &[Identity]) -> bool {
        let any = |fits: &dyn Fn(&Identity) -> bool| fits(current) || past.iter().any(fits);
        self.matches_kind(current) && any(&|id| self.matches_name(id)) && any(&|id| self.matches_namespace(id))
    }

    /// Matches group, version and kind, name and namespace as they are written.
    pub(super) fn matches_written(&self, id: &Identity, namespace: &str) -> bool {
        self.matches_kind(id) && self.matches_name(id) && holds(&self.namespace, namespace)
    }

    /// Matches labels and annotations.
    pub(super) fn matches_selectors(&self, resource: &Resource) -> bool {
        let map = |pointer| resource.body.pointer(pointer).and_then(Value::as_object) as Option<&Map<String, Value>>;
        self.labels.matches(map("/metadata/labels")) && self.annotations.matches(map("/metadata/annotations"))
    }

    fn matches_kind(&self, id: &Identity) -> bool {
        holds(&self.group, &id.group) && holds(&self.version, &id.version) && holds(&self.kind, &id.kind)
    }

    fn matches_name(&self, id: &Identity) -> bool {
        holds(&self.name, &id.name)
    }

    fn matches_namespace(&self, id: &Identity) -> bool {
        holds(&self.namespace, id.effective_namespace())
    }
}

fn holds(pattern: &Option<Pattern>, text: &str) -> bool {
    pattern.as_ref().is_none_or(|pattern| pattern.holds(text))
}
