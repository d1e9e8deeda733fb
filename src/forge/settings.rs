//! Where the comment goes and who writes it: from options, and from what GitHub Actions and Gitea Actions set. Pure.

use std::time::Duration;

use serde_json::Value;
use ureq::http::Uri;

use super::{Cause, Error, Kind};

/// A token; its debug output does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes a token as it stands in the environment.
    ///
    /// # Errors
    /// When it is empty or no header could carry it.
    pub fn new(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::new(
                Cause::Settings,
                "the token is empty or holds characters that no token has",
                "set FLUXWRIGHT_TOKEN to the bare token",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes the token out of a text, in which a forge or a proxy may repeat it.
    pub fn redact(&self, text: &str) -> String {
        // A shorter text is no token, and replacing it would only make other texts unreadable.
        if self.0.len() < 8 { text.to_owned() } else { text.replace(&self.0, "***") }
    }

    /// The text for the header of a request.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(***)")
    }
}

/// What the user chose on the command line.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// Which API.
    pub kind: Option<Kind>,
    /// Address of the API.
    pub api: Option<String>,
    /// `OWNER/NAME`.
    pub repository: Option<String>,
    /// Number of the pull request.
    pub pull_request: Option<u64>,
    /// Whether the token may go over plain HTTP.
    pub allow_http: bool,
    /// How long one request may take.
    pub timeout: Duration,
    /// How long all waits together may take.
    pub max_wait: Duration,
}

/// Everything that a request needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which API.
    pub kind: Kind,
    /// Address of the API, without a final slash.
    pub api: String,
    /// `OWNER/NAME`.
    pub repository: String,
    /// Number of the pull request.
    pub pull_request: u64,
    /// The token.
    pub token: Token,
    /// How long one request may take.
    pub timeout: Duration,
    /// How long all waits together may take.
    pub max_wait: Duration,
}

/// Puts settings together; `env` looks up a variable, `event` is the text of the file `GITHUB_EVENT_PATH`.
///
/// # Errors
/// When something is missing, or the token would go over plain HTTP to another machine.
pub fn settings(
    choices: Choices,
    env: &dyn Fn(&str) -> Option<String>,
    event: Option<&str>,
) -> Result<Settings, Error> {
    let fault = |message: &str, hint: &str| Error::new(Cause::Settings, message, hint);
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let api = choices.api.or_else(|| set("GITHUB_API_URL")).ok_or_else(|| {
        fault("the address of the API is not known", "name it with --api-url, as in https://git.example.com/api/v1")
    })?;
    let api = api.trim_end_matches('/').to_owned();
    check_address(&api, choices.allow_http)?;
    let in_gitea =
        ["GITEA_ACTIONS", "FORGEJO_ACTIONS"].iter().any(|name| set(name).is_some_and(|value| value == "true"));
    let kind = choices.kind.unwrap_or(if in_gitea || api.ends_with("/api/v1") { Kind::Gitea } else { Kind::GitHub });
    let repository = choices
        .repository
        .or_else(|| set("GITHUB_REPOSITORY"))
        .ok_or_else(|| fault("the repository is not known", "name it with --repository OWNER/NAME"))?;
    if !is_repository(&repository) {
        return Err(fault("the repository is not of the form OWNER/NAME", "name it with --repository OWNER/NAME"));
    }
    let pull_request = choices
        .pull_request
        .or_else(|| number_of_event(event))
        .or_else(|| number_of_ref(&set("GITHUB_REF")?))
        .ok_or_else(|| {
            fault("this run belongs to no pull request", "run it for pull requests only, or give --pull-request NUMBER")
        })?;
    let token = set("FLUXWRIGHT_TOKEN").or_else(|| set("GITHUB_TOKEN")).ok_or_else(|| {
        fault("there is no token", "put one into the environment as FLUXWRIGHT_TOKEN or GITHUB_TOKEN")
    })?;
    Ok(Settings {
        kind,
        api,
        repository,
        pull_request,
        token: Token::new(&token)?,
        timeout: choices.timeout,
        max_wait: choices.max_wait,
    })
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

fn check_address(api: &str, allow_http: bool) -> Result<(), Error> {
    let uri: Option<Uri> = api.parse().ok();
    let parts = uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.authority()?.as_str(), uri.host()?)));
    let Some((scheme, authority, host)) = parts else {
        let hint = "give it as in https://git.example.com/api/v1";
        return Err(Error::new(Cause::Settings, "the address of the API is not a URL", hint));
    };
    if authority.contains('@') || api.contains(['?', '#']) {
        let hint = "give the bare address, and the token in the environment";
        return Err(Error::new(Cause::Settings, "the address of the API holds more than an address", hint));
    }
    match scheme {
        "https" => Ok(()),
        "http" if allow_http || is_loopback(host) => Ok(()),
        "http" => Err(Error::new(
            Cause::Settings,
            format!("the token would go to `{host}` in plain text"),
            "use https, or allow it with --allow-http in a network that you trust",
        )),
        _ => Err(Error::new(Cause::Settings, format!("the API cannot be reached by `{scheme}`"), "use https")),
    }
}

fn is_repository(text: &str) -> bool {
    let is_name = |name: &str| {
        !matches!(name, "" | "." | "..")
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    text.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}

fn number_of_event(event: Option<&str>) -> Option<u64> {
    let event: Value = serde_json::from_str(event?).ok()?;
    let request = event.get("pull_request")?;
    request.get("number").or_else(|| event.get("number"))?.as_u64()
}

/// `refs/pull/7/merge`, or `refs/pull/7/head` as Gitea has it.
fn number_of_ref(name: &str) -> Option<u64> {
    name.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(choices: Choices, env: &[(&str, &str)], event: Option<&str>) -> Result<Settings, Error> {
        let env = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        settings(choices, &env, event)
    }

    const ACTIONS: [(&str, &str); 4] = [
        ("GITHUB_API_URL", "https://api.github.com"),
        ("GITHUB_REPOSITORY", "corp/clusters"),
        ("GITHUB_REF", "refs/pull/7/merge"),
        ("GITHUB_TOKEN", "ghs_example"),
    ];

    #[test]
    fn actions_say_everything() {
        let found = made(Choices::default(), &ACTIONS, None).expect("settings");
        assert_eq!((found.kind, found.pull_request, found.repository.as_str()), (Kind::GitHub, 7, "corp/clusters"));
        let event = r#"{"number": 8, "pull_request": {"number": 8}}"#;
        assert_eq!(made(Choices::default(), &ACTIONS, Some(event)).expect("settings").pull_request, 8);
        let gitea =
            made(Choices { api: Some("https://git.example.com/api/v1/".into()), ..Choices::default() }, &ACTIONS, None);
        let gitea = gitea.expect("settings");
        assert_eq!((gitea.kind, gitea.api.as_str()), (Kind::Gitea, "https://git.example.com/api/v1"));
        assert!(!format!("{gitea:?}").contains("ghs_example"));
    }

    #[test]
    fn what_is_missing_or_unsafe_is_refused() {
        let choices = |api: &str, allow_http| Choices { api: Some(api.into()), allow_http, ..Choices::default() };
        for (choices, env, wanted) in [
            (Choices::default(), &ACTIONS[1..], "the address of the API is not known"),
            (Choices::default(), &ACTIONS[..1], "the repository is not known"),
            (Choices::default(), &ACTIONS[..2], "this run belongs to no pull request"),
            (Choices::default(), &ACTIONS[..3], "there is no token"),
            (choices("http://git.example.com/api/v1", false), &ACTIONS[..], "the token would go to `git.example.com`"),
            (choices("https://user:pw@git.example.com", false), &ACTIONS[..], "holds more than an address"),
            (choices("ftp://git.example.com", true), &ACTIONS[..], "cannot be reached by `ftp`"),
            (choices("git.example.com", true), &ACTIONS[..], "is not a URL"),
            (Choices { repository: Some("a/../b".into()), ..Choices::default() }, &ACTIONS[..], "OWNER/NAME"),
        ] {
            let error = made(choices, env, None).expect_err(wanted).to_string();
            assert!(error.contains(wanted) && !error.contains("pw@"), "{error}");
        }
        assert!(made(choices("http://git.example.com/api/v1", true), &ACTIONS, None).is_ok());
        assert!(made(choices("http://127.0.0.1:3000/api/v1", false), &ACTIONS, None).is_ok());
        assert!(Token::new("a\r\nX-Evil: b").is_err());
    }
}
