//! Certificates: PEM, present, and never with a private key.

use super::super::cluster::base;
use super::super::findings::Findings;
use super::super::read::Intent;
use crate::diagnostic::{codes, mask};
use crate::tree::{Blob, RepoPath, Tree};

/// What is left out while a file is missing.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Need {
    /// The object that the content is rendered into: without it, it would take the trust away that is there.
    Content,
    /// A file that is handed over to whoever installs the nodes.
    HandOver,
}

/// Checks a file reference and the certificates in it.
pub(super) fn check_file(
    intent: &Intent,
    files: &Tree,
    reference: &str,
    pointer: &str,
    need: Need,
    findings: &mut Findings,
) {
    let path = match RepoPath::resolve(base(intent).as_ref(), reference) {
        Ok(path) => path,
        Err(error) => {
            let written = findings.document().and_then(|document| document.written(pointer)).unwrap_or(reference);
            let message = format!("{} is not a file of this repository: {error}", mask::quote(written));
            findings.add(codes::FILE_REFERENCE_INVALID, pointer, message).hint =
                Some("give a path relative to the file that it stands in, inside the repository".into());
            return;
        }
    };
    match files.get(&path) {
        Some(blob) => check_pem(blob, pointer, findings),
        None => {
            let (what, hint) = match need {
                Need::Content => (
                    "nothing is rendered for this section until it does",
                    "add the PEM file to the repository, or correct the path; it is relative to the intent file",
                ),
                Need::HandOver => (
                    "it is left out of what is handed over",
                    "add the PEM file to the repository so that `install/` and `hosts/` are complete",
                ),
            };
            findings.add(codes::CA_FILE_MISSING, pointer, format!("the file `{path}` does not exist; {what}")).hint =
                Some(hint.into());
        }
    }
}

/// Checks a PEM text.
pub(super) fn check_pem(blob: &Blob, pointer: &str, findings: &mut Findings) {
    match blob.text() {
        Some(text) if text.contains("PRIVATE KEY-----") => {
            findings.add(codes::CA_PRIVATE_KEY, pointer, "contains a private key").hint =
                Some("keep certificates only, and treat the key as leaked if it was committed".into());
        }
        Some(text) if mask::looks_secret(text) => {
            findings.add(codes::PLAINTEXT_CREDENTIAL, pointer, "contains a credential beside certificates").hint =
                Some("keep certificates only, and treat the credential as leaked if it was committed".into());
        }
        Some(text) if is_pem(text) => {}
        _ => {
            findings.add(codes::CA_NOT_PEM, pointer, "does not hold PEM certificates").hint =
                Some("expected one or more `-----BEGIN CERTIFICATE-----` blocks".into());
        }
    }
}

/// Whether every PEM block of a text is a certificate with base64 inside, and there is at least one.
fn is_pem(text: &str) -> bool {
    use base64::Engine;
    let mut rest = text;
    let mut count = 0;
    while let Some(at) = rest.find("-----BEGIN CERTIFICATE-----") {
        let body = &rest[at + "-----BEGIN CERTIFICATE-----".len()..];
        let Some(end) = body.find("-----END CERTIFICATE-----") else { return false };
        let data: String = body[..end].split_whitespace().collect();
        if base64::engine::general_purpose::STANDARD.decode(&data).is_err() {
            return false;
        }
        count += 1;
        rest = &body[end + "-----END CERTIFICATE-----".len()..];
    }
    count > 0 && !rest.contains("-----BEGIN ")
}
