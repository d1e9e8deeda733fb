//! The proxy of the nodes: addresses, credentials by reference, exceptions, certificates.

use std::net::IpAddr;

use super::super::findings::Findings;
use super::super::manifest::{Proxy, ProxyServer};
use super::super::read::Intent;
use super::ca::{self, Need};
use crate::diagnostic::{codes, mask};
use crate::tree::{Blob, Tree};

pub(super) fn check(intent: &Intent, files: &Tree, findings: &mut Findings) {
    let Some(proxy) = &intent.manifest.spec.proxy else { return };
    check_server(&proxy.http, "/spec/proxy/http", findings);
    check_server(&proxy.https, "/spec/proxy/https", findings);
    check_credentials(proxy, findings);
    for (index, entry) in proxy.no_proxy.indexed() {
        let pointer = format!("/spec/proxy/noProxy/{index}");
        if entry.contains(',') {
            findings.add(codes::NO_PROXY_COMMA, &pointer, format!("{} contains a comma", mask::quote(entry))).hint =
                Some("write one entry per list item; they are joined when rendered".into());
        } else if !is_no_proxy(entry) {
            findings
                .add(
                    codes::NO_PROXY_INVALID,
                    &pointer,
                    format!("{} is neither an IP address, a CIDR nor a domain name", mask::quote(entry)),
                )
                .hint = Some(match entry.strip_prefix("*.") {
                Some(domain) if is_domain(domain) => format!("write `.{domain}` to cover all subdomains"),
                _ => "leave out scheme, port, wildcards and spaces".into(),
            });
        }
    }
    let Some(trust) = &proxy.trusted_ca else { return };
    let pointer = "/spec/proxy/trustedCA";
    match (&trust.file, &trust.base64) {
        (Some(file), None) => ca::check_file(intent, files, file, &format!("{pointer}/file"), Need::Content, findings),
        (None, Some(text)) => {
            use base64::Engine;
            let compact: String = text.split_whitespace().collect();
            let pem = base64::engine::general_purpose::STANDARD.decode(compact).unwrap_or_default();
            ca::check_pem(&Blob::from(pem), &format!("{pointer}/base64"), findings);
        }
        (file, _) => {
            let what = if file.is_some() { "both are set" } else { "neither is set" };
            findings
                .add(codes::CA_CHOICE, pointer, format!("exactly one of `file` and `base64` is needed; {what}"))
                .hint = Some("prefer `file`, a PEM file beside the intent".into());
        }
    }
}

fn check_server(server: &ProxyServer, at: &str, findings: &mut Findings) {
    let pointer = format!("{at}/server");
    let text = server.server.as_str();
    if mask::has_user_info(text) || text.contains('@') {
        findings.add(codes::PLAINTEXT_CREDENTIAL, &pointer, "the address holds a user or a password").hint =
            Some("remove it, put it into a Secret, and name that Secret in `credentialsRef`".into());
        return;
    }
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let Some(host) = host.map(|host| host.strip_suffix('/').unwrap_or(host)).filter(|host| !host.is_empty()) else {
        let message = format!("{} is not an address of the form http(s)://host", mask::quote(text));
        let bare = text.split(':').next().unwrap_or_default();
        findings.add(codes::PROXY_SERVER_INVALID, &pointer, message).hint =
            Some(if is_domain(bare) || bare.parse::<IpAddr>().is_ok() {
                format!("write `http://{bare}`")
            } else {
                "write `http://host`".into()
            });
        return;
    };
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, tail)) => (address, tail.strip_prefix(':')),
            None => (host, None),
        },
        None => host.rsplit_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    if let Some(port) = port.filter(|port| port.bytes().all(|b| b.is_ascii_digit()) && !port.is_empty()) {
        findings.add(codes::PROXY_SERVER_PORT, &pointer, "the address contains a port").hint =
            Some(format!("remove `:{port}` and write `port: {port}` beside `server`"));
    } else if port.is_some() || !(is_domain(name) || name.parse::<IpAddr>().is_ok()) {
        findings
            .add(
                codes::PROXY_SERVER_INVALID,
                &pointer,
                format!("{} is not an address of the form http(s)://host", mask::quote(text)),
            )
            .hint = Some("give scheme and host only, without path".into());
    }
}

fn check_credentials(proxy: &Proxy, findings: &mut Findings) {
    match (&proxy.http.credentials_ref, &proxy.https.credentials_ref) {
        (Some(_), None) => one_sided("https", "http", findings),
        (None, Some(_)) => one_sided("http", "https", findings),
        (Some(http), Some(https)) => {
            let keys = [&https.username_key, &https.password_key];
            let shared = [&http.username_key, &http.password_key].into_iter().find(|key| keys.contains(key));
            if let (Some(key), true) = (shared, http.name != https.name) {
                let message = format!(
                    "Secrets `{}` and `{}` both define the variable `{key}`; Flux takes the last one for both proxies",
                    http.name, https.name
                );
                findings.add(codes::VARIABLE_COLLISION, "/spec/proxy/https/credentialsRef", message).hint =
                    Some("give one of them other keys with `usernameKey` and `passwordKey`, or use one Secret".into());
            }
        }
        (None, None) => {}
    }
    for (side, server) in [("http", &proxy.http), ("https", &proxy.https)] {
        if let Some(reference) = &server.credentials_ref
            && (reference.username_key == reference.password_key
                || reference.username_key == "q"
                || reference.password_key == "q")
        {
            let message = format!(
                "`{}` and `{}` must be two variables, and neither may be `q`, which holds a quotation mark",
                reference.username_key, reference.password_key
            );
            findings.add(codes::VARIABLE_COLLISION, &format!("/spec/proxy/{side}/credentialsRef"), message).hint =
                Some("give two different keys of the Secret".into());
        }
    }
}

fn one_sided(without: &str, with: &str, findings: &mut Findings) {
    findings
        .add(
            codes::PROXY_CREDENTIALS_ONE_SIDED,
            &format!("/spec/proxy/{without}"),
            format!("{with} has credentials, {without} has none"),
        )
        .hint = Some("add the same `credentialsRef` if it is the same proxy".into());
}

fn is_no_proxy(entry: &str) -> bool {
    if entry.parse::<IpAddr>().is_ok() {
        return true;
    }
    match entry.split_once('/') {
        Some((address, length)) => {
            let bits = match address.parse::<IpAddr>() {
                Ok(IpAddr::V4(_)) => 32,
                Ok(IpAddr::V6(_)) => 128,
                Err(_) => return false,
            };
            length.parse::<u8>().is_ok_and(|length| length <= bits)
        }
        None => is_domain(entry.strip_prefix('.').unwrap_or(entry)),
    }
}

/// A domain name: labels of letters, digits, `-` and `_`; not a number as its last label, which would be a broken address.
fn is_domain(text: &str) -> bool {
    let labels: Vec<&str> = text.split('.').collect();
    text.len() <= 253
        && labels.iter().all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
        && labels.last().is_some_and(|last| last.bytes().any(|b| b.is_ascii_alphabetic()))
}
