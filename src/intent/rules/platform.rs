//! Whom the nodes of the cluster trust.

use super::super::findings::Findings;
use super::super::read::Intent;
use super::ca::{self, Need};
use crate::diagnostic::codes;
use crate::tree::{Blob, Tree};

pub(super) fn check(intent: &Intent, files: &Tree, findings: &mut Findings) {
    let platform = &intent.manifest.spec.platform;
    let Some(bundle) = &platform.ca_trust_bundle else { return };
    let pointer = "/spec/platform/caTrustBundle";
    match (&bundle.file, &bundle.inline) {
        (Some(file), None) => ca::check_file(intent, files, file, &format!("{pointer}/file"), Need::HandOver, findings),
        (None, Some(text)) => ca::check_pem(&Blob::from(text.as_str()), &format!("{pointer}/inline"), findings),
        (both, _) => {
            let what = if both.is_some() { "both are set" } else { "neither is set" };
            findings
                .add(codes::CA_CHOICE, pointer, format!("exactly one of `file` and `inline` is needed; {what}"))
                .hint = Some("prefer `file`, a PEM file beside the intent".into());
        }
    }
}
