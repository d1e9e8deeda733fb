//! Which patches landed on which objects of a contract before: clusters of a fleet patch most Kustomizations alike.
//!
//! Proofs are pure. Only those that gave no finding are kept: a finding names a place in the intent of its cluster.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Proof, ProvenChange};
use crate::layout::LaidPatch;
use crate::render::Resource;

/// How many Kustomizations are kept.
const KEPT: usize = 64;

/// What the proofs of one Kustomization rest on.
#[derive(PartialEq)]
pub(super) struct Given {
    /// The objects of the contract.
    pub(super) contract: Vec<Arc<Resource>>,
    /// All patches, in their order.
    pub(super) patches: Vec<LaidPatch>,
}

/// What one patch does.
#[derive(Clone)]
pub(super) struct Landing {
    matched: usize,
    object: Option<String>,
    applied: bool,
    changes: Arc<[ProvenChange]>,
}

impl Landing {
    /// Takes what a proof has found.
    pub(super) fn of(proof: &Proof) -> Self {
        Self {
            matched: proof.matched,
            object: proof.object.clone(),
            applied: proof.applied,
            changes: proof.changes.clone(),
        }
    }

    /// Completes a proof.
    pub(super) fn tell(&self, proof: &mut Proof) {
        let Self { matched, object, applied, changes } = self.clone();
        (proof.matched, proof.object, proof.applied, proof.changes) = (matched, object, applied, changes);
    }
}

/// The Kustomizations whose patches all landed.
#[derive(Default)]
pub struct Landed(Mutex<Vec<(Given, Arc<[Landing]>)>>);

impl Landed {
    /// Returns what the same patches did to the same objects.
    pub(super) fn recall(&self, given: &Given) -> Option<Arc<[Landing]>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(one, _)| one == given).map(|(_, landings)| landings.clone())
    }

    /// Keeps what patches did.
    pub(super) fn keep(&self, given: Given, landings: Vec<Landing>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() == KEPT {
            known.remove(0);
        }
        known.push((given, landings.into()));
    }
}
