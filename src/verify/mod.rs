//! Proofs over the desired tree, one file per check: every patch lands, every object has one writer, every variable is
//! known, no Kustomization waits for itself, no Secret is in plain text.

mod bases;
mod dependencies;
pub mod flux;
mod items;
mod landed;
mod objects;
mod patches;

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::intent::Findings;
use crate::layout::Layout;
use crate::plan::Plan;
use crate::render::Rendered;

pub use bases::Bases;
pub use items::land;
pub use landed::Landed;

/// What a proof rests on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ground {
    /// The plugin's contract: the objects that it expects.
    Contract,
    /// A checkout of the real base, by its directory.
    Base(String),
    /// The very objects that a function was given.
    Items,
    /// Nothing: neither is at hand.
    None,
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ground::Contract => f.write_str("the contract"),
            Ground::Base(dir) => write!(f, "base {dir}"),
            Ground::Items => f.write_str("the items"),
            Ground::None => f.write_str("nothing"),
        }
    }
}

impl Serialize for Ground {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is known of one patch.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// Kustomization that applies the patch.
    pub kustomization: String,
    /// Flux source of the Kustomization: the NAME of `--base`.
    pub source: String,
    /// The file that the intent extends and that holds the field; `None` is the intent itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Field that the patch comes from.
    pub from: String,
    /// Line of that field in its file.
    pub line: usize,
    /// How many objects the patch is for; a proven one is for exactly one.
    pub matched: usize,
    /// The object, when it is exactly one.
    pub object: Option<String>,
    /// What the proof rests on.
    pub ground: Ground,
    /// Whether the patch was applied without fault.
    pub applied: bool,
    /// What it changed.
    #[serde(serialize_with = "whole")]
    pub changes: Arc<[ProvenChange]>,
}

impl Proof {
    /// A proof of which no more is known than that the patch lands on an object of the contract.
    pub fn on_contract() -> Self {
        Self {
            base: None,
            kustomization: String::new(),
            source: String::new(),
            from: String::new(),
            line: 0,
            matched: 1,
            object: None,
            ground: Ground::Contract,
            applied: true,
            changes: Arc::default(),
        }
    }

    /// Tells whether the patch lands on exactly one object.
    pub fn landed(&self) -> bool {
        self.applied && self.matched == 1 && self.ground != Ground::None
    }
}

/// Writes all changes, whoever shares them.
fn whole<S: Serializer>(changes: &[ProvenChange], serializer: S) -> Result<S::Ok, S::Error> {
    changes.serialize(serializer)
}

/// One field that a patch changed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvenChange {
    /// JSON pointer in the object.
    pub path: String,
    /// `added`, `replaced`, `removed`, `inserted`, `tested` or `unchanged`.
    pub change: &'static str,
    /// Whether the path existed before.
    pub existed: bool,
    /// The value before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The value after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// Runs all checks; what fails becomes a finding.
pub fn verify(
    plan: &Plan,
    layout: &Layout,
    contracts: &[Arc<Rendered>],
    bases: &Bases,
    landed: &Landed,
    findings: &mut Findings,
) -> Vec<Proof> {
    objects::check(layout, findings);
    dependencies::check(plan, layout, findings);
    patches::check(plan, layout, contracts, bases, landed, findings)
}
