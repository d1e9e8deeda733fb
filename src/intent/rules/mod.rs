//! The rules that need the file alone, one file per family. Each reports all of its faults.

mod ca;
mod function;
mod gitops;
mod modules;
mod patches;
mod platform;
mod ports;
mod proxy;
mod registries;

use super::findings::Findings;
use super::read::Intent;
use crate::tree::Tree;

/// Runs all families.
pub(super) fn check(intent: &Intent, files: &Tree, findings: &mut Findings) {
    platform::check(intent, files, findings);
    gitops::check(intent, findings);
    ports::check(intent, findings);
    proxy::check(intent, files, findings);
    registries::check(intent, files, findings);
    modules::check(intent, findings);
    patches::check(intent, findings);
    function::check(intent, findings);
}
