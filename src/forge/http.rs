//! One request, with what belongs to it: the token to its own host only, redirects, rate limits, repetition with bounded
//! waits. Knows status codes, not comments.

use std::cell::Cell;
use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderMap, Request, Uri};

use super::settings::is_loopback;
use super::{Cause, Error, Kind, Pause, Settings};
use crate::diagnostic::mask;

/// More than every comment of a long discussion.
const LARGEST_ANSWER: u64 = 64 << 20;
const ATTEMPTS: u32 = 5;
const REDIRECTS: u32 = 3;
/// What GitHub asks for when it does not say how long.
const RATE_LIMIT_WAIT: Duration = Duration::from_secs(60);

/// A method, and whether sending it twice does the same as once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Patch,
    Delete,
    Post,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Post => "POST",
        }
    }
}

/// An answer that came whole.
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Reads the body.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|_| {
            let kind = self.header("content-type").unwrap_or("nothing readable");
            Error::new(
                Cause::Other,
                format!("the answer is {}, not the JSON of the API", mask::quote(kind)),
                "check the address of the API: that of Gitea ends with /api/v1, and a proxy may answer in its place",
            )
        })
    }

    /// What the API says is wrong, in one line.
    pub fn said(&self) -> String {
        let value: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let mut parts: Vec<&str> = value.get("message").and_then(Value::as_str).into_iter().collect();
        let errors = value.get("errors").and_then(Value::as_array);
        parts.extend(errors.into_iter().flatten().filter_map(|one| one.get("message").unwrap_or(one).as_str()));
        let text: String = parts.join(", ").split_whitespace().collect::<Vec<_>>().join(" ");
        mask::mask(&text.chars().take(300).collect::<String>())
    }
}

/// Sends requests.
pub(super) struct Client<'a> {
    pub settings: &'a Settings,
    agent: ureq::Agent,
    pause: Pause<'a>,
    waited: Cell<Duration>,
}

impl<'a> Client<'a> {
    pub fn new(settings: &'a Settings, pause: Pause<'a>) -> Self {
        let uri: Uri = settings.api.parse().unwrap_or_default();
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // The token must not travel: redirects are looked at here.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(settings.timeout))
            .user_agent(concat!("fluxwright/", env!("CARGO_PKG_VERSION")))
            .tls_config(ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::PlatformVerifier).build());
        if uri.host().is_some_and(is_loopback) {
            config = config.proxy(None);
        }
        Self { settings, agent: config.build().new_agent(), pause, waited: Cell::new(Duration::ZERO) }
    }

    /// Sends a request until there is an answer. After a failure in between, all but POST are sent again; a POST ends as
    /// `Cause::Unclear`, because it may have been carried out.
    pub fn send(&self, method: Method, url: &str, body: Option<&Value>) -> Result<Answer, Error> {
        let mut url = url.to_owned();
        let (mut attempt, mut redirects) = (1, 0);
        loop {
            let (fault, after) = match self.once(method, &url, body) {
                Ok(answer) if is_rate_limit(&answer) => {
                    let wait = rate_limit_wait(&answer).unwrap_or(RATE_LIMIT_WAIT);
                    // Nothing was done, so that even a POST can be sent again.
                    self.wait(wait, "the rate limit of the API is used up")?;
                    attempt += 1;
                    if attempt > ATTEMPTS {
                        return Err(limited());
                    }
                    continue;
                }
                Ok(answer) if (300..400).contains(&answer.status) && answer.status != 304 => {
                    redirects += 1;
                    url = self.redirect(method, &url, &answer, redirects)?;
                    continue;
                }
                Ok(answer) if answer.status >= 500 => {
                    (unclear(format!("the API fails ({})", answer.status)), rate_limit_wait(&answer))
                }
                Ok(answer) => return Ok(answer),
                Err(error) if error.cause == Cause::Unclear => (error, None),
                Err(error) => return Err(error),
            };
            if method == Method::Post || attempt == ATTEMPTS {
                return Err(fault);
            }
            self.wait(after.unwrap_or(backoff(attempt)), &fault.message)?;
            attempt += 1;
        }
    }

    /// Waits, as long as all waits together stay within the limit.
    pub fn wait(&self, time: Duration, why: &str) -> Result<(), Error> {
        let total = self.waited.get().saturating_add(time);
        if total > self.settings.max_wait {
            return Err(Error::new(
                Cause::Other,
                format!("{why}, and the next try is {} s away", time.as_secs()),
                "run it again later, or allow more with --max-wait",
            ));
        }
        self.waited.set(total);
        (self.pause)(time, why);
        Ok(())
    }

    fn once(&self, method: Method, url: &str, body: Option<&Value>) -> Result<Answer, Error> {
        let github = self.settings.kind == Kind::GitHub;
        let mut request = Request::builder()
            .method(method.name())
            .uri(url)
            .header("Authorization", format!("Bearer {}", self.settings.token.expose()))
            .header("Accept", if github { "application/vnd.github+json" } else { "application/json" });
        if github {
            request = request.header("X-GitHub-Api-Version", "2022-11-28");
        }
        let text = body.map(Value::to_string).unwrap_or_default();
        if body.is_some() {
            request = request.header("Content-Type", "application/json");
        }
        let sent = if body.is_some() {
            self.agent.run(request.body(text).map_err(|_| bad_address())?)
        } else {
            self.agent.run(request.body(()).map_err(|_| bad_address())?)
        };
        let mut response = sent.map_err(|error| self.explain(&error))?;
        let body = response.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec();
        let body = body.map_err(|error| self.explain(&error))?;
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }

    fn explain(&self, error: &ureq::Error) -> Error {
        let host = host(&self.settings.api);
        let message = format!("no answer from `{host}`: {}", mask::mask(&error.to_string()));
        match error {
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => Error::new(
                Cause::Other,
                message,
                "a certificate authority of your own goes into the system's store or SSL_CERT_FILE",
            ),
            // rustls reports a certificate that is not trusted while it reads.
            ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::InvalidData => Error::new(
                Cause::Other,
                message,
                "a certificate authority of your own goes into the system's store or SSL_CERT_FILE",
            ),
            ureq::Error::BodyExceedsLimit(_) | ureq::Error::LargeResponseHeader(..) => {
                Error::new(Cause::Other, "the answer of the API is too large", "check the address of the API")
            }
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => bad_address(),
            ureq::Error::InvalidProxyUrl | ureq::Error::ConnectProxyFailed(_) => {
                Error::new(Cause::Other, message, "check HTTPS_PROXY and NO_PROXY")
            }
            _ => unclear(message),
        }
    }

    /// Where a redirect leads, when the token may go there and the request means the same there.
    fn redirect(&self, method: Method, from: &str, answer: &Answer, count: u32) -> Result<String, Error> {
        let to = answer.header("location").unwrap_or_default();
        let to =
            if to.starts_with('/') && !to.starts_with("//") { format!("{}{to}", origin(from)) } else { to.to_owned() };
        let hint = "check the address of the API and the name of the repository";
        if origin(&to) != origin(from) {
            let message = format!("the API redirects to `{}`; the token is not sent there", mask::mask(host(&to)));
            return Err(Error::new(Cause::Other, message, hint));
        }
        if count > REDIRECTS || (method != Method::Get && !matches!(answer.status, 307 | 308)) {
            return Err(Error::new(
                Cause::Other,
                format!("the API redirects ({}) and never answers", answer.status),
                hint,
            ));
        }
        Ok(to)
    }
}

/// Scheme, host and port of a URL, in one form; empty when there is none.
pub(super) fn origin(url: &str) -> String {
    let Some(uri) = url.parse::<Uri>().ok() else { return String::new() };
    match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => {
            let authority = authority.as_str().to_ascii_lowercase();
            let default = if scheme == "https" { ":443" } else { ":80" };
            format!("{scheme}://{}", authority.strip_suffix(default).unwrap_or(&authority))
        }
        _ => String::new(),
    }
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn backoff(attempt: u32) -> Duration {
    Duration::from_secs(1 << (attempt - 1).min(5))
}

fn unclear(message: String) -> Error {
    Error::new(Cause::Unclear, message, "run it again; the forge, its proxy or the network has trouble")
}

fn limited() -> Error {
    Error::new(Cause::Other, "the rate limit of the API stays used up", "run it again later")
}

fn bad_address() -> Error {
    Error::new(Cause::Settings, "the address of the API cannot be used", "check --api-url and GITHUB_API_URL")
}

/// GitHub answers with 403 or 429 (docs.github.com, "Rate limits for the REST API"), proxies in front of Gitea with 429.
fn is_rate_limit(answer: &Answer) -> bool {
    answer.status == 429
        || (answer.status == 403
            && (answer.header("retry-after").is_some()
                || answer.header("x-ratelimit-remaining") == Some("0")
                || answer.said().to_lowercase().contains("rate limit")))
}

/// How long an answer asks to wait; its own `Date` is the present.
fn rate_limit_wait(answer: &Answer) -> Option<Duration> {
    let now = answer.header("date").and_then(|date| httpdate::parse_http_date(date).ok());
    if let Some(after) = answer.header("retry-after") {
        let until = || httpdate::parse_http_date(after).ok()?.duration_since(now?).ok();
        return after.trim().parse().map(Duration::from_secs).ok().or_else(until);
    }
    if answer.header("x-ratelimit-remaining") != Some("0") {
        return None;
    }
    let reset: u64 = answer.header("x-ratelimit-reset")?.trim().parse().ok()?;
    let now = now?.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    Some(Duration::from_secs(reset.saturating_sub(now).saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(origin("https://API.example:443/x?y"), "https://api.example");
        assert_ne!(origin("https://api.example/"), origin("http://api.example/"));
        assert_ne!(origin("https://api.example/"), origin("https://api.example:8443/"));
        assert_eq!(origin("//api.example/x"), "");
    }

    #[test]
    fn waits_come_from_the_answer_and_its_own_date() {
        let answer = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().expect("a header"));
            }
            Answer { status: 429, headers, body: Vec::new() }
        };
        let date = ("date", "Thu, 01 Jan 2026 00:00:00 GMT");
        assert_eq!(rate_limit_wait(&answer(&[("retry-after", "7")])), Some(Duration::from_secs(7)));
        let later = ("retry-after", "Thu, 01 Jan 2026 00:00:30 GMT");
        assert_eq!(rate_limit_wait(&answer(&[date, later])), Some(Duration::from_secs(30)));
        let reset = ("x-ratelimit-reset", "1767225645");
        let used = ("x-ratelimit-remaining", "0");
        assert_eq!(rate_limit_wait(&answer(&[date, used, reset])), Some(Duration::from_secs(46)));
        assert_eq!(rate_limit_wait(&answer(&[used, reset])), None);
        let largest = Some(Duration::from_secs(u64::MAX));
        assert_eq!(rate_limit_wait(&answer(&[("retry-after", "18446744073709551615")])), largest);
        let reset = ("x-ratelimit-reset", "18446744073709551615");
        assert!(rate_limit_wait(&answer(&[date, used, reset])) < largest);
        assert_eq!(rate_limit_wait(&answer(&[("date", "Thu, 01 Jan 1970 00:00:00 GMT"), used, reset])), largest);
    }
}
