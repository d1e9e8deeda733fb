//! Where the cluster gets its images and releases from, and whom its nodes trust.

use super::super::findings::Findings;
use super::super::manifest::PlatformDelivery;
use super::super::read::Intent;
use super::ca::{self, Need};
use crate::diagnostic::codes;
use crate::tree::{Blob, Tree};

pub(super) fn check(intent: &Intent, files: &Tree, findings: &mut Findings) {
    let platform = &intent.manifest.spec.platform;
    match (platform.delivery, &platform.universe) {
        (PlatformDelivery::Offline, None) => {
            findings
                .add(codes::UNIVERSE_REQUIRED, "/spec/platform/universe", "`universe` is required when `delivery` is Offline: Nova Universe takes the place of the public endpoints")
                .hint = Some("add `universe: {host: ...}`".into());
        }
        (PlatformDelivery::Online, Some(_)) => {
            findings
                .add(
                    codes::UNIVERSE_FORBIDDEN,
                    "/spec/platform/universe",
                    "`universe` must not be set when `delivery` is Online",
                )
                .hint = Some("remove it, or set `delivery: Offline`".into());
        }
        _ => {}
    }
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
