//! Keeps credentials out of messages, source excerpts and diffs.
//!
//! Works on text alone, so that it also protects the lines of a file that could not be parsed.

use std::sync::LazyLock;

use regex::Regex;

/// What stands in the place of a credential.
pub const HIDDEN: &str = "********";

static USER_INFO: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@'\x22]+@").expect("a constant expression"));
/// `user:password@host` without scheme; `image:tag@sha256:...` is none.
static BARE_USER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"([A-Za-z0-9._-]+:)([^\s/@'\x22:{}]+)@([A-Za-z0-9.-]+)").expect("a constant expression")
});
static KEY_VALUE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)((?:[\w.-]*(?:password|passwort|passwd|pwd|passphrase|token|api[_-]?key|secret[_-]?(?:access[_-]?)?key|private[_-]?key|client[_-]?secret|credentials?)|pass|auth|\.dockerconfigjson)["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,}\]#]+)"#,
    )
    .expect("a constant expression")
});
/// What every token of [`TOKEN`] contains; looked for first, because the expression is slow to build.
const MARKS: [&str; 12] =
    ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "AKIA", "xox", "hvs.", "AGE-SECRET-KEY-1", "eyJ"];
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?-u)\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|AKIA[0-9A-Z]{16}|",
        r"xox[abpr]-[\w-]{10,}|hvs\.[\w-]{20,}|AGE-SECRET-KEY-1[A-Z0-9]{20,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+)"
    ))
    .expect("a constant expression")
});

/// Returns the text with everything that looks like a credential replaced.
pub fn mask(text: &str) -> String {
    let text = USER_INFO.replace_all(text, |found: &regex::Captures<'_>| match found[1].strip_prefix("ssh") {
        // `ssh://git@host` names a user without a secret.
        Some(_) if found[0].matches(':').count() == 1 => found[0].to_owned(),
        _ => format!("{}{HIDDEN}@", &found[1]),
    });
    let text = BARE_USER.replace_all(&text, |found: &regex::Captures<'_>| match &found[3] {
        "sha256" | "sha512" => found[0].to_owned(),
        host => format!("{HIDDEN}@{host}"),
    });
    let text = TOKEN.replace_all(&text, HIDDEN);
    KEY_VALUE
        .replace_all(&text, |found: &regex::Captures<'_>| {
            // A reference to a secret, a placeholder and a nested object are not secrets.
            let value = found[2].trim_matches(['"', '\'']);
            if value.is_empty() || value.starts_with(['{', '[', '$', '&', '*', '|', '>']) || is_reference(value) {
                found[0].to_owned()
            } else {
                format!("{}{HIDDEN}", &found[1])
            }
        })
        .into_owned()
}

fn is_reference(value: &str) -> bool {
    value == HIDDEN || value.starts_with("ENC[") || matches!(value, "true" | "false" | "null" | "~")
}

/// Tells whether a whole string value is, or contains, a credential by its own form: a private key, a known token
/// format, the user information of an address, a filled `.dockerconfigjson`.
pub fn looks_secret(value: &str) -> bool {
    (value.contains("-----BEGIN ") && value.contains("PRIVATE KEY-----"))
        || (MARKS.iter().any(|mark| value.contains(mark)) && TOKEN.is_match(value))
        || has_user_info(value)
        || (value.contains("\"auths\"") && value.contains("\"auth\""))
}

/// Tells whether an address carries a password or token before its host (`https://user:password@host`).
pub fn has_user_info(value: &str) -> bool {
    value.split_whitespace().any(|word| {
        let Some((scheme, rest)) = word.split_once("://") else { return false };
        let Some((before, _)) = rest.split_once('@') else { return false };
        match before.split_once(':') {
            // `https://host:8443/path@version` has a port, not a password.
            Some((_, after)) => {
                !after.split('/').next().is_some_and(|port| port.parse::<u16>().is_ok() && after.contains('/'))
            }
            // `ssh://git@host` names a user without a secret; a user alone in another scheme is a token.
            None => !before.contains('/') && !scheme.ends_with("ssh"),
        }
    })
}

/// Tells whether a text, of any number of lines, seems to hold a credential.
pub fn has_secret(text: &str) -> bool {
    looks_secret(text) || mask(text) != text
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
    let bare_user = value.split_once('@').is_some_and(|(before, _)| before.contains(':'));
    let masked = if bare_user || looks_secret(value) { HIDDEN.to_owned() } else { mask(value) };
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
        ] {
            assert_eq!(mask(text), shown);
        }
    }

    #[test]
    fn ssh_user_is_no_secret() {
        assert!(!has_user_info("ssh://git@git.corp.example/x.git"));
        assert!(has_user_info("https://bot:abc@git.corp.example/x.git"));
        assert!(has_user_info("https://token@git.corp.example/x.git"));
    }
}
