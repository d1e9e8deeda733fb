//! The one comment: found again by a hidden mark in its first line, updated, created when there is none.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::http::{Answer, Client, Method, origin};
use super::{Cause, Error, Kind, Pause, Settings};
use crate::diagnostic::mask;

const PAGES: usize = 200;
const ROUNDS: u32 = 5;

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A comment was written; its address, if the API says it.
    Created(String),
    /// The comment has a new text.
    Updated(String),
    /// The comment says so already.
    Unchanged(String),
}

/// The first line of a comment with this key; Markdown does not show it.
pub fn marker(key: &str) -> String {
    format!("<!-- fluxwright: {key} -->")
}

#[derive(Clone, Debug, Deserialize)]
struct Comment {
    id: u64,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default)]
    user: Option<Author>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
struct Author {
    id: i64,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

/// Gitea and Forgejo write comments of a job's token as this user.
const ACTIONS_USER: i64 = -2;

/// Whose comments are ours.
enum Identity {
    /// Those of the token's user.
    User(i64),
    /// Those of the forge's automation: the token is that of a job or of an app, and has no user.
    Automation(Kind),
}

impl Identity {
    /// Asks who the token is.
    fn ask(client: &Client<'_>) -> Result<Self, Error> {
        let answer = client.send(Method::Get, &format!("{}/user", client.settings.api), None)?;
        if matches!(answer.status, 401 | 403 | 404) {
            return Ok(Self::Automation(client.settings.kind));
        }
        Ok(Self::User(expect(client, answer, "read its own user")?.json::<Author>()?.id))
    }

    /// Whether a comment may be taken for ours: anybody can write the mark.
    fn wrote(&self, comment: &Comment) -> bool {
        comment.user.as_ref().is_some_and(|author| match self {
            Self::User(id) => author.id == *id,
            Self::Automation(Kind::GitHub) => author.kind.as_deref() == Some("Bot"),
            Self::Automation(Kind::Gitea) => author.id == ACTIONS_USER,
        })
    }
}

impl Comment {
    fn address(&self) -> String {
        mask::mask(self.html_url.as_deref().unwrap_or_default())
    }

    fn is_marked(&self, marker: &str) -> bool {
        self.body.as_deref().is_some_and(|body| body.lines().next().is_some_and(|line| line.trim() == marker))
    }

    /// Forges change line ends and the end of a text.
    fn says(&self, text: &str) -> bool {
        let plain = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
        self.body.as_deref().is_some_and(|body| plain(body) == plain(text))
    }
}

/// Makes the comment with this key say `text`, whose first line is the marker.
///
/// Of several own comments, which two runs at the same time can leave, the oldest is kept up to date and those of the same
/// author are deleted. The mark alone makes no comment ours: its author must be the token's user, or the forge's automation
/// when the token has none. A token that may not say who it is writes a new comment and deletes its old ones.
///
/// # Errors
/// When the API does not allow it, does not answer, or answers something else.
pub fn update(settings: &Settings, key: &str, text: &str, pause: Pause<'_>) -> Result<Outcome, Error> {
    let clean = |text: &str| settings.token.redact(text);
    let pause = |time: Duration, why: &str| pause(time, &clean(why));
    match carry_out(settings, key, text, &pause) {
        Ok(Outcome::Created(address)) => Ok(Outcome::Created(clean(&address))),
        Ok(Outcome::Updated(address)) => Ok(Outcome::Updated(clean(&address))),
        Ok(Outcome::Unchanged(address)) => Ok(Outcome::Unchanged(clean(&address))),
        Err(Error { cause, message, hint }) => Err(Error { cause, message: clean(&message), hint: clean(&hint) }),
    }
}

fn carry_out(settings: &Settings, key: &str, text: &str, pause: Pause<'_>) -> Result<Outcome, Error> {
    let client = Client::new(settings, pause);
    let mut identity = None;
    let mut passed_over = BTreeSet::new();
    let mut forbidden = None;
    let mut last = None;
    for round in 0..ROUNDS {
        if let Some(Error { cause: Cause::Unclear | Cause::Conflict, message, .. }) = &last {
            client.wait(Duration::from_secs(1 << round), message)?;
        }
        let mut marked = list(&client)?;
        marked.retain(|comment| comment.is_marked(&marker(key)) && !passed_over.contains(&comment.id));
        marked.sort_by_key(|comment| comment.id);
        if !marked.is_empty() && identity.is_none() {
            identity = Some(Identity::ask(&client)?);
        }
        let is_own = |comment: &Comment| identity.as_ref().is_some_and(|identity| identity.wrote(comment));
        let (own, others): (Vec<Comment>, Vec<Comment>) = marked.into_iter().partition(is_own);
        let done = match own.first() {
            Some(first) if first.says(text) => Ok(Outcome::Unchanged(first.address())),
            Some(first) => change(&client, first, text).map(|changed| Outcome::Updated(changed.address())),
            None => create(&client, text).and_then(|created| {
                remove(&client, &created, &others)?;
                Ok(Outcome::Created(created.address()))
            }),
        };
        match (done, own.split_first()) {
            (Ok(outcome), Some((first, rest))) => {
                remove(&client, first, rest)?;
                return Ok(outcome);
            }
            (Ok(outcome), None) => return Ok(outcome),
            (Err(error), Some((first, _))) if matches!(error.cause, Cause::Forbidden | Cause::Missing) => {
                passed_over.insert(first.id);
                if error.cause == Cause::Forbidden {
                    forbidden.get_or_insert(error.clone());
                }
                last = Some(error);
            }
            // The first refusal says more than the one of a second try.
            (Err(error), None) if error.cause == Cause::Forbidden => return Err(forbidden.unwrap_or(error)),
            (Err(error), _) if matches!(error.cause, Cause::Unclear | Cause::Conflict) => last = Some(error),
            (Err(error), _) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| Error::new(Cause::Other, "the comment changes all the time", "run it again")))
}

fn base(client: &Client<'_>) -> String {
    format!("{}/repos/{}/issues", client.settings.api, client.settings.repository)
}

/// All comments, over all pages. GitHub links the next page; Gitea gives all comments at once, and a total by which a
/// version that would page is noticed.
fn list(client: &Client<'_>) -> Result<Vec<Comment>, Error> {
    let first = format!("{}/{}/comments", base(client), client.settings.pull_request);
    let paged = |page: usize| match client.settings.kind {
        Kind::GitHub => format!("{first}?per_page=100&page={page}"),
        Kind::Gitea => format!("{first}?limit=50&page={page}"),
    };
    let mut found: Vec<Comment> = Vec::new();
    let mut known = BTreeSet::new();
    let mut url = paged(1);
    for page in 1..=PAGES {
        let answer = expect(client, client.send(Method::Get, &url, None)?, "read the comments")?;
        let comments: Vec<Comment> = answer.json()?;
        let before = found.len();
        found.extend(comments.into_iter().filter(|comment| known.insert(comment.id)));
        let total = answer.header("x-total-count").and_then(|total| total.parse::<usize>().ok());
        url = match next_page(&answer) {
            Some(next) if origin(next) == origin(&client.settings.api) => next.to_owned(),
            Some(_) => {
                let hint = "check the address of the API";
                return Err(Error::new(Cause::Other, "the next page of comments lies on another host", hint));
            }
            None if found.len() > before && total.is_some_and(|total| total > found.len()) => paged(page + 1),
            None => return Ok(found),
        };
    }
    Err(Error::new(Cause::Other, format!("there are more than {PAGES} pages of comments"), "open a new pull request"))
}

/// The page that the `Link` header calls next (RFC 8288).
fn next_page(answer: &Answer) -> Option<&str> {
    answer.header("link")?.split(',').find_map(|link| {
        let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = |part: &str| matches!(part.trim(), "rel=\"next\"" | "rel=next");
        parameters.split(';').any(is_next).then_some(url)
    })
}

fn change(client: &Client<'_>, comment: &Comment, text: &str) -> Result<Comment, Error> {
    let url = format!("{}/comments/{}", base(client), comment.id);
    let answer = client.send(Method::Patch, &url, Some(&json!({"body": text})))?;
    let answer = expect(client, answer, "change the comment")?;
    // Gitea answers 204 without a body for what is no comment of a user.
    if answer.status == 204 {
        return Ok(comment.clone());
    }
    let changed: Comment = answer.json()?;
    if changed.id != comment.id || !changed.is_marked(text.lines().next().unwrap_or_default()) {
        return Err(Error::new(Cause::Other, "the API answers with another comment", "check the address of the API"));
    }
    Ok(changed)
}

fn create(client: &Client<'_>, text: &str) -> Result<Comment, Error> {
    let url = format!("{}/{}/comments", base(client), client.settings.pull_request);
    let answer = client.send(Method::Post, &url, Some(&json!({"body": text})))?;
    expect(client, answer, "write a comment")?.json()
}

/// Deletes further comments of the same author; one that is gone or may not be deleted stays out of it.
fn remove(client: &Client<'_>, first: &Comment, rest: &[Comment]) -> Result<(), Error> {
    for comment in rest.iter().filter(|comment| first.user.is_some() && comment.user == first.user) {
        let url = format!("{}/comments/{}", base(client), comment.id);
        let answer = client.send(Method::Delete, &url, None)?;
        if !matches!(answer.status, 403 | 404 | 410) {
            expect(client, answer, "delete a second comment")?;
        }
    }
    Ok(())
}

/// Passes on success, and says what anything else means.
fn expect(client: &Client<'_>, answer: Answer, what: &str) -> Result<Answer, Error> {
    if answer.is_success() {
        return Ok(answer);
    }
    let Settings { kind, repository, pull_request, .. } = client.settings;
    let said = answer.said();
    let said = if said.is_empty() { answer.status.to_string() } else { format!("{}: {said}", answer.status) };
    let locked = answer.status == 403 && said.to_lowercase().contains("locked");
    let fault = |cause, message: String, hint: &str| Err(Error::new(cause, message, hint));
    match answer.status {
        401 => fault(
            Cause::Other,
            format!("the token is not accepted ({said})"),
            "put a valid token of this forge into FLUXWRIGHT_TOKEN or GITHUB_TOKEN",
        ),
        403 if locked => fault(
            Cause::Other,
            format!("the conversation of pull request {pull_request} is locked ({said})"),
            "unlock it, or run without a comment",
        ),
        403 => {
            let needed = answer.header("x-accepted-github-permissions").map(mask::mask);
            let needed = needed.map(|needed| format!(" (the API names `{needed}`)")).unwrap_or_default();
            let hint = match kind {
                Kind::GitHub => format!(
                    "the job needs `permissions: pull-requests: write`{needed}; for pull requests from forks the token is \
                     read-only"
                ),
                Kind::Gitea => {
                    "the token needs the scope `write:issue`, and its user the right to write; for pull requests \
                                from forks the token is read-only"
                        .to_owned()
                }
            };
            Err(Error::new(Cause::Forbidden, format!("the token may not {what} ({said})"), hint))
        }
        404 | 410 => fault(
            Cause::Missing,
            format!(
                "cannot {what}: there is no pull request {pull_request} in `{repository}`, or the token does not see it ({said})"
            ),
            "check --repository, --pull-request and --api-url, and what the token may read",
        ),
        409 => {
            fault(Cause::Conflict, format!("cannot {what} at the same time as somebody else ({said})"), "run it again")
        }
        413 | 422 => fault(
            Cause::Other,
            format!("the API does not take the comment ({said})"),
            "a smaller --limit makes it shorter",
        ),
        423 => fault(Cause::Other, format!("the repository is archived ({said})"), "run without a comment"),
        _ => fault(Cause::Other, format!("cannot {what} ({said})"), "see what the forge says about this status"),
    }
}
