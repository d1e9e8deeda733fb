//! Keeps credentials out of messages, source excerpts and diffs, and says what a credential is.
//!
//! Works on text alone, so that it also protects the lines of a file that could not be parsed.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use regex::{Captures, Regex};

/// What stands in the place of a credential.
pub const HIDDEN: &str = "********";

static PRIVATE_KEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|\z)")
        .expect("a constant expression")
});
/// A scheme, and everything behind it that may belong to the address.
static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"([A-Za-z][A-Za-z0-9+.-]*)://([^\s'\x22`<>]+)").expect("a constant expression"));
/// `user:password@host` without scheme; `image:tag@sha256:...` and `mailto:name@host` are none.
static BARE_USER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"([A-Za-z0-9._-]+):([^\s/@'\x22:{}]+)@([A-Za-z0-9.-]+)").expect("a constant expression")
});
/// A name, and the value that is written behind it: on the same line, on the next one, or below `|`.
static KEY_VALUE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)(([a-z0-9_.-]*(?:password|passwort|passwd|pwd|passphrase|token|api[_-]?key|secret[_-]?(?:access[_-]?)?key|private[_-]?key|client[_-]?secret|credentials?|pass|auth|dockerconfigjson))\\?["']?\s*[:=]\s*(?:[|>][+-]?[1-9]?\s*\n\s*|&\S+\s+|!\S*\s+)?)("[^"]*"|'[^']*'|(?:\$\{[^}]*\}|[^\s,}\]])+)"#,
    )
    .expect("a constant expression")
});
/// What every token of [`TOKEN`] contains; looked for first, because the expression is slow to build.
const MARKS: [&str; 18] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "glrt-",
    "gldt-",
    "AKIA",
    "ASIA",
    "xox",
    "xapp-",
    "hvs.",
    "hvb.",
    "hvr.",
    "AGE-SECRET-KEY-1",
    "eyJ",
];
/// The shortest text that holds a token of [`TOKEN`].
const SHORTEST_TOKEN: usize = 15;
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?-u)\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|gl(?:pat|rt|dt)-[\w.-]{16,}|A[KS]IA[0-9A-Z]{16}|",
        r"(?:xox[abeprs]|xapp)-[\w-]{10,}|hv[sbr]\.[\w-]{20,}|AGE-SECRET-KEY-1[A-Z0-9]{20,}|",
        r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+)"
    ))
    .expect("a constant expression")
});
/// A value of the HTTP header `Authorization`.
static AUTHORIZATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i-u)\b(bearer|basic)([ \t]+)([a-z0-9._~+/=-]{8,})").expect("a constant expression")
});
/// How many characters of base64 in one line may be one.
const SHORTEST_BASE64: usize = 16;
/// Base64 of some length, also when it is folded into lines.
static BASE64: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u)[A-Za-z0-9+/]{16,}(?:\r?\n[ \t]*[A-Za-z0-9+/]+)*={0,2}").expect("a constant expression")
});
/// References to variables and nothing else: `${name}` of Flux, `$(NAME)` of Kubernetes. `${name:=default}` is none.
static VARIABLES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$\([A-Za-z_][A-Za-z0-9_]*\))+$").expect("a constant expression")
});

/// Returns the text with everything that looks like a credential replaced.
pub fn mask(text: &str) -> String {
    let text = mask_plain(text, &|_, _| true);
    mask_encoded(&text).into_owned()
}

/// Returns a credential as the rest of the program may see it: an address keeps all but its user information.
pub fn redact(value: &str) -> String {
    let address = mask_addresses(value);
    if has_secret(&address) || address == value { HIDDEN.to_owned() } else { address.into_owned() }
}

/// Hides what shows its form in plain text; `is_pair` judges a secret name with a value that has no form of its own.
fn mask_plain<'t>(text: &'t str, is_pair: &dyn Fn(&str, &str) -> bool) -> Cow<'t, str> {
    // An expression costs more than all that it finds in most texts: so each waits for a mark.
    let text = if text.contains("PRIVATE KEY") { PRIVATE_KEY.replace_all(text, HIDDEN) } else { text.into() };
    let text = then(text, mask_addresses);
    let text = if text.contains('@') { then(text, mask_bare_users) } else { text };
    let text = if has_mark(&text) { then(text, |text| TOKEN.replace_all(text, HIDDEN)) } else { text };
    let text = if text.contains([' ', '\t']) { then(text, mask_authorization) } else { text };
    if text.contains([':', '=']) { then(text, |text| mask_pairs(text, is_pair)) } else { text }
}

/// Goes on with what a step has made of a text.
fn then<'t>(text: Cow<'t, str>, step: impl FnOnce(&str) -> Cow<'_, str>) -> Cow<'t, str> {
    match step(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(changed) => changed.into(),
    }
}

fn mask_authorization(text: &str) -> Cow<'_, str> {
    AUTHORIZATION.replace_all(text, |found: &Captures<'_>| {
        let token = &found[3];
        let digit = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
        let secret = if found[1].eq_ignore_ascii_case("basic") {
            is_user_and_password(token)
        } else {
            token.len() >= 16 && digit(token)
        };
        if secret { format!("{}{}{HIDDEN}", &found[1], &found[2]) } else { found[0].to_owned() }
    })
}

fn mask_pairs<'t>(text: &'t str, is_pair: &dyn Fn(&str, &str) -> bool) -> Cow<'t, str> {
    KEY_VALUE.replace_all(text, |found: &Captures<'_>| {
        let value = found[3].trim_matches(['"', '\'', '\\']);
        // A nested object, a comment, the next field, and what follows the padding of base64 are no values.
        let none = value.starts_with(['{', '[', '#']) || value.starts_with("-----");
        let none = none || value.trim_matches('=').is_empty();
        let next = found[1].contains('\n') && value.ends_with(':');
        if none || next || is_reference(value) || !is_pair(&found[2], value) {
            found[0].to_owned()
        } else {
            format!("{}{HIDDEN}", &found[1])
        }
    })
}

fn mask_bare_users(text: &str) -> Cow<'_, str> {
    BARE_USER.replace_all(text, |found: &Captures<'_>| match (&found[1], &found[3]) {
        (_, "sha256" | "sha512") | ("mailto" | "sip" | "sips" | "xmpp" | "acct", _) => found[0].to_owned(),
        _ if is_reference(&found[2]) => found[0].to_owned(),
        (_, host) => format!("{HIDDEN}@{host}"),
    })
}

fn has_mark(text: &str) -> bool {
    has_run(text, SHORTEST_TOKEN, b"_-.") && MARKS.iter().any(|mark| text.contains(mark))
}

/// Tells whether so many letters, digits and some other characters stand in one line.
fn has_run(text: &str, length: usize, others: &[u8]) -> bool {
    let ends = |byte: &u8| !(byte.is_ascii_alphanumeric() || others.contains(byte));
    text.len() >= length && text.as_bytes().split(ends).any(|run| run.len() >= length)
}

/// Hides credentials in base64, such as `.dockerconfigjson` and private keys, and secret keys of AWS.
fn mask_encoded(text: &str) -> Cow<'_, str> {
    if !has_run(text, SHORTEST_BASE64, b"+/") {
        return text.into();
    }
    BASE64.replace_all(text, |found: &Captures<'_>| {
        let whole: String = found[0].split_whitespace().collect();
        let hides = |text: &str| decoded(text).is_some_and(|text| mask_plain(&text, &is_pair) != text);
        if hides(&whole) || found[0].lines().any(|line| hides(line.trim())) || is_aws_secret_key(&found[0]) {
            HIDDEN.to_owned()
        } else {
            found[0].to_owned()
        }
    })
}

/// Tells whether a name and a value that is written behind it are a credential for certain.
fn is_pair(name: &str, value: &str) -> bool {
    is_secret_name(name) || (name.to_lowercase().ends_with("auth") && is_user_and_password(value))
}

/// Decodes base64 that holds a text; of one that is cut off, what can be decoded.
fn decoded(text: &str) -> Option<String> {
    let digits = text.trim_end_matches('=');
    let whole = if digits.len() == text.len() { &digits[..digits.len() - digits.len() % 4] } else { digits };
    let bytes = STANDARD_NO_PAD.decode(digits).or_else(|_| STANDARD_NO_PAD.decode(whole)).ok()?;
    String::from_utf8(bytes).ok()
}

/// Base64 of `user:password`, as in `auth` of a registry and in `Authorization: Basic`.
fn is_user_and_password(value: &str) -> bool {
    decoded(value).is_some_and(|text| text.contains(':') && !text.contains(char::is_control))
}

/// A secret access key of AWS has no mark: forty characters of base64 that look drawn by lot. A digest in hexadecimal
/// digits, a path and a name in camel case repeat more of their characters.
fn is_aws_secret_key(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    text.len() == 40
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && text.bytes().collect::<BTreeSet<_>>().len() >= 23
}

/// Tells whether a value only refers to a credential, or says that there is none.
pub fn is_reference(value: &str) -> bool {
    value == HIDDEN
        || value.starts_with("ENC[")
        || matches!(value, "" | "true" | "false" | "null" | "~")
        || VARIABLES.is_match(value)
}

/// Hides the user information of addresses.
fn mask_addresses(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return text.into();
    }
    ADDRESS.replace_all(text, |found: &Captures<'_>| match user_info(&found[1], &found[2]) {
        Some(info) => format!("{}://{HIDDEN}{}", &found[1], &found[2][info.len()..]),
        None => found[0].to_owned(),
    })
}

/// Finds the user information of an address that holds a password or token, given its scheme and what is behind it.
fn user_info<'a>(scheme: &str, rest: &'a str) -> Option<&'a str> {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (info, host) = match authority.rsplit_once('@') {
        Some(found) => found,
        // A password may hold a `/`, but `https://host:8443/path@version` has a port, not a password.
        None => {
            let (_, port) = authority.split_once(':').filter(|_| !authority.starts_with('['))?;
            rest.rsplit_once('@').filter(|_| port.parse::<u16>().is_err())?
        }
    };
    let secret = match info.split_once(':') {
        Some((_, password)) => password,
        // `ssh://git@host` names a user without a secret; a user alone in another scheme is a token.
        None if scheme.ends_with("ssh") => return None,
        None => info,
    };
    let digest = host.starts_with("sha256:") || host.starts_with("sha512:");
    (!digest && !is_reference(secret)).then_some(info)
}

/// Tells whether an address carries a password or token before its host (`https://user:password@host`).
pub fn has_user_info(value: &str) -> bool {
    mask_addresses(value) != value
}

/// Tells whether a text, or its base64, holds a private key.
pub fn has_private_key(text: &str) -> bool {
    let compact: String = text.split_whitespace().collect();
    PRIVATE_KEY.is_match(text) || decoded(&compact).is_some_and(|text| PRIVATE_KEY.is_match(&text))
}

/// Tells whether a text contains what is a credential by its own form, whatever stands around it: a private key, a known
/// token format, the user information of an address.
pub fn has_form_of_secret(text: &str) -> bool {
    let has_key = text.contains("PRIVATE KEY") && PRIVATE_KEY.is_match(text);
    has_key || has_user_info(text) || has_mark(text) && TOKEN.is_match(text)
}

/// Tells whether a text is, or contains, a credential for certain, by its own form or by the name before it: a private
/// key, a known token format, the user information of an address, `password: x`, base64 of any of them.
pub fn looks_secret(text: &str) -> bool {
    let plain = mask_plain(text, &is_pair);
    plain != text || mask_encoded(text) != text
}

/// Tells whether a text, of any number of lines, seems to hold a credential: all that [`mask`] would hide.
pub fn has_secret(text: &str) -> bool {
    mask(text) != text
}

/// Tells whether a field of this name holds a credential and not the name of one.
pub fn is_secret_name(name: &str) -> bool {
    let lower = name.to_lowercase().replace(['-', '_'], "");
    let holds = lower == "pass"
        || [
            "passwort",
            "pwd",
            "password",
            "passwd",
            "passphrase",
            "token",
            "apikey",
            "secretkey",
            "privatekey",
            "secretaccesskey",
            "clientsecret",
        ]
        .iter()
        .any(|word| lower.ends_with(word));
    holds || lower == "dockerconfigjson" || lower == ".dockerconfigjson" || lower == "secret"
}

/// Quotes a value of the user for a message, masked and shortened.
pub fn quote(value: &str) -> String {
    let masked = if has_secret(value) { HIDDEN } else { value };
    let mut short: String = masked.chars().take(60).collect();
    if masked.chars().count() > 60 {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_disappear_and_their_names_stay() {
        for (text, shown) in [
            ("http://user:hunter2@proxy:3128", "http://********@proxy:3128"),
            ("password: hunter2 # mine", "password: ******** # mine"),
            ("{proxyPassword: \"a b\", port: 1}", "{proxyPassword: ********, port: 1}"),
            ("token=ghp_0123456789012345678901234567890123", "token=********"),
            ("credentialsRef: {name: cluster-proxy}", "credentialsRef: {name: cluster-proxy}"),
            ("password: ${q}${proxy_password}${q}", "password: ${q}${proxy_password}${q}"),
            ("password: ${db_password:=hunter2}", "password: ********"),
            ("see https://a:b/c@host/x@1 and b:c@host", "see https://********@1 and ********@host"),
            ("Authorization: Basic cm9ib3Q6aHVudGVyMg==", "Authorization: Basic ********"),
            ("auth: optional", "auth: ********"),
            ("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\nrest", "********\nrest"),
            ("data: {x: cGFzc3dvcmQ6IGh1bnRlcjI=}", "data: {x: ********}"),
        ] {
            assert_eq!(mask(text), shown);
        }
    }

    #[test]
    fn what_is_hidden_is_not_always_refused() {
        assert!(has_secret("auth: optional") && !looks_secret("auth: optional"));
        assert!(looks_secret("auth: cm9ib3Q6aHVudGVyMg=="));
        assert!(looks_secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"));
        assert!(!looks_secret("da39a3ee5e6b4b0d3255bfef95601890afd80709"));
    }

    #[test]
    fn an_address_stays_without_its_user() {
        assert_eq!(redact("https://bot:abc@git.corp.example/x.git"), "https://********@git.corp.example/x.git");
        assert_eq!(redact("https://bot:abc@git.corp.example/x.git?token=abc"), HIDDEN);
        assert_eq!(redact("hunter2"), HIDDEN);
    }

    #[test]
    fn ssh_user_is_no_secret() {
        assert!(!has_user_info("ssh://git@git.corp.example/x.git"));
        assert!(has_user_info("https://bot:abc@git.corp.example/x.git"));
        assert!(has_user_info("https://token@git.corp.example/x.git"));
    }
}
