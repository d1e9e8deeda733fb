//! [`Path`]: where a field stands, as people write it: `spec.template.spec.containers[controller].args[3]`.

use std::fmt;

use serde::{Serialize, Serializer};

/// Where a field stands in an object. Lists are entered by the name of an item, or by its index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a field of a map.
    Key(String),
    /// Into an item of a list.
    Item(Item),
    /// Into the document that a text holds; not shown.
    Inside,
}

/// An item of a list: where it stands before and after, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What names the items of this list.
    pub named: Named,
    /// The name; empty for items without one.
    pub label: String,
    /// Index before, if the item was there.
    pub before: Option<usize>,
    /// Index after, if the item is there.
    pub after: Option<usize>,
}

/// What names the items of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Nothing: they are counted.
    Index,
    /// A key: a merge key of Kubernetes, or `name` and the like.
    Key,
    /// The target of a patch of kustomize.
    Target,
    /// An operation of JSON6902 and its path.
    Operation,
}

impl Path {
    /// Splits the path of something in a patch: the target of the patch, and the path in it.
    pub fn patch(&self) -> Option<(&str, &[Step])> {
        let at = self.0.iter().position(|step| matches!(step, Step::Item(item) if item.named == Named::Target))?;
        match &self.0[at] {
            Step::Item(item) => Some((&item.label, &self.0[at + 1..])),
            _ => None,
        }
    }

    /// Returns the path one step further.
    pub(super) fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    pub(super) fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Writes steps as people do; a key that is no plain word stands in brackets and quotes.
pub fn shown(steps: &[Step]) -> String {
    let mut out = String::new();
    for step in steps {
        match step {
            Step::Key(key) if is_word(key) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
            Step::Key(key) => out.push_str(&format!("[{}]", serde_json::Value::from(key.as_str()))),
            Step::Item(item) if item.named == Named::Index => {
                out.push_str(&format!("[{}]", item.after.or(item.before).unwrap_or_default()));
            }
            Step::Item(item) => out.push_str(&format!("[{}]", item.label)),
            Step::Inside => {}
        }
    }
    out
}

fn is_word(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$'))
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '-'))
}
