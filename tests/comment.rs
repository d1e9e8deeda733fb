//! `comment` against a forge in this process: every answer is scripted, every request is recorded, nobody sleeps.

mod support;

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use fluxwright::forge::{self, Cause, Choices, Error, Kind, Outcome, Settings, marker, settings, update};
use serde_json::{Value, json};
use support::Sandbox;

const TOKEN: &str = "ghs_made-up-for-this-test";

/// A request as it arrived.
#[derive(Debug)]
struct Request {
    line: String,
    authorization: Option<String>,
    body: Value,
}

/// What is answered: a whole response, or a connection that closes (`None`) after the request was read.
type Answer = Option<String>;

struct Fake {
    address: String,
    thread: std::thread::JoinHandle<Vec<Request>>,
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok()?,
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => authorization = Some(value.to_owned()),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let line = line.trim().trim_end_matches(" HTTP/1.1").to_owned();
    Some(Request { line, authorization, body: serde_json::from_slice(&body).unwrap_or_default() })
}

/// Starts a server that gives these answers, one for each request; `HOST` in them becomes its address.
fn serve(answers: Vec<Answer>) -> Fake {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let own = address.clone();
    let thread = std::thread::spawn(move || {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a connection");
            let Some(request) = read(&stream) else { break };
            requests.push(request);
            if let Some(answer) = answer {
                stream.write_all(answer.replace("HOST", &own).as_bytes()).expect("writable");
            }
        }
        requests
    });
    Fake { address, thread }
}

fn response(status: &str, headers: &[&str], body: &str) -> Answer {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    Some(format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n{body}"))
}

fn found(comments: &[Value]) -> Answer {
    response("200 OK", &["Content-Type: application/json"], &json!(comments).to_string())
}

fn comment(id: u64, body: &str) -> Value {
    json!({"id": id, "body": body, "html_url": format!("https://forge.example/c/{id}"), "user": {"id": 1}})
}

/// The answer to who the token is.
fn user(id: i64) -> Answer {
    response("200 OK", &["Content-Type: application/json"], &json!({"id": id, "login": "me"}).to_string())
}

/// The answer to a job's token, which has no user.
fn no_user() -> Answer {
    response("403 Forbidden", &[], "{\"message\": \"Resource not accessible by integration\"}")
}

fn created(id: u64) -> Answer {
    response("201 Created", &["Content-Type: application/json"], &comment(id, "x").to_string())
}

fn text() -> String {
    format!("{}\n\nhello\n", marker("demo"))
}

fn made(address: &str, kind: Kind, max_wait: u64) -> Settings {
    let env = |name: &str| (name == "GITHUB_TOKEN").then(|| TOKEN.to_owned());
    let choices = Choices {
        kind: Some(kind),
        api: Some(address.to_owned()),
        repository: Some("corp/clusters".into()),
        pull_request: Some(7),
        allow_http: false,
        timeout: Duration::from_secs(20),
        max_wait: Duration::from_secs(max_wait),
    };
    settings(choices, &env, None).expect("settings")
}

struct Played {
    result: Result<Outcome, Error>,
    requests: Vec<Request>,
    waits: Vec<u64>,
}

impl Played {
    fn lines(&self) -> Vec<&str> {
        self.requests.iter().map(|request| request.line.as_str()).collect()
    }
}

fn play(kind: Kind, answers: Vec<Answer>) -> Played {
    let fake = serve(answers);
    let waits = RefCell::new(Vec::new());
    let pause = |time: Duration, _: &str| waits.borrow_mut().push(time.as_secs());
    let result = update(&made(&fake.address, kind, 120), "demo", &text(), &pause);
    let requests = fake.thread.join().expect("the server ends");
    let expected = format!("Bearer {TOKEN}");
    assert!(requests.iter().all(|request| request.authorization.as_deref() == Some(expected.as_str())), "{requests:?}");
    if let Err(error) = &result {
        assert!(!error.to_string().contains(TOKEN), "{error}");
    }
    Played { result, requests, waits: waits.into_inner() }
}

fn failed(kind: Kind, answers: Vec<Answer>) -> (Cause, String) {
    let error = play(kind, answers).result.expect_err("a failure");
    (error.cause, error.to_string())
}

#[test]
fn a_comment_is_created_when_there_is_none() {
    let other = comment(1, "> <!-- fluxwright: demo -->\n\nquoted by somebody");
    let similar = comment(2, "<!-- fluxwright: demo2 -->\n\nanother key");
    let played = play(Kind::GitHub, vec![found(&[other, similar]), created(3)]);
    assert_eq!(played.result, Ok(Outcome::Created("https://forge.example/c/3".into())));
    assert_eq!(
        played.lines(),
        [
            "GET /repos/corp/clusters/issues/7/comments?per_page=100&page=1",
            "POST /repos/corp/clusters/issues/7/comments"
        ]
    );
    assert_eq!(played.requests[1].body, json!({"body": text()}));
}

#[test]
fn the_same_text_is_not_written_again() {
    let same = comment(4, text().trim_end().replace('\n', "\r\n").as_str());
    let played = play(Kind::GitHub, vec![found(&[same]), user(1)]);
    assert_eq!(played.result, Ok(Outcome::Unchanged("https://forge.example/c/4".into())));
    assert_eq!(played.lines()[1..], ["GET /user"]);
}

#[test]
fn the_oldest_own_comment_is_updated_and_the_others_of_its_author_go() {
    let own = |id| comment(id, &format!("{}\n\nold", marker("demo")));
    let mut stranger = own(6);
    stranger["user"]["id"] = json!(2);
    let gone = response("204 No Content", &[], "");
    let changed = response("200 OK", &[], &own(4).to_string());
    let played = play(Kind::GitHub, vec![found(&[own(5), own(4), stranger]), user(1), changed, gone]);
    assert_eq!(played.result, Ok(Outcome::Updated("https://forge.example/c/4".into())));
    assert_eq!(
        played.lines()[2..],
        ["PATCH /repos/corp/clusters/issues/comments/4", "DELETE /repos/corp/clusters/issues/comments/5"]
    );
}

#[test]
fn the_mark_alone_makes_no_comment_ours() {
    let by = |id: u64, author: i64, kind: &str| {
        let mut comment = comment(id, &format!("{}\n\nold", marker("demo")));
        comment["user"] = json!({"id": author, "type": kind});
        comment
    };
    let answer = |comment: &Value| response("200 OK", &[], &comment.to_string());
    // A stranger wrote first: ours is created, and later updated, with the token of a person, of a job, and of Gitea's jobs.
    let planted = by(3, 9, "User");
    for (kind, who, own) in [
        (Kind::GitHub, user(1), by(4, 1, "User")),
        (Kind::GitHub, no_user(), by(4, 41898282, "Bot")),
        (Kind::Gitea, user(-2), by(4, -2, "")),
        (Kind::Gitea, no_user(), by(4, -2, "")),
    ] {
        let played = play(kind, vec![found(std::slice::from_ref(&planted)), who.clone(), answer(&own)]);
        assert!(matches!(played.result, Ok(Outcome::Created(_))), "{:?}", played.result);
        let played = play(kind, vec![found(&[planted.clone(), own.clone()]), who, answer(&own)]);
        assert!(matches!(played.result, Ok(Outcome::Updated(_))), "{:?}", played.result);
        assert_eq!(played.lines()[2], "PATCH /repos/corp/clusters/issues/comments/4");
    }
    // A token that may not say who it is learns it from its new comment.
    let old = by(4, 7, "User");
    let gone = response("204 No Content", &[], "");
    let played = play(Kind::Gitea, vec![found(&[planted, old]), no_user(), answer(&by(5, 7, "User")), gone]);
    assert_eq!(played.lines()[3..], ["DELETE /repos/corp/clusters/issues/comments/4"]);
}

#[test]
fn an_answer_that_is_no_comment_is_no_success() {
    let old = || found(&[comment(4, &format!("{}\n\nold", marker("demo")))]);
    let html = response("200 OK", &["Content-Type: text/html"], "<html>login</html>");
    let (_, message) = failed(Kind::GitHub, vec![old(), user(1), html]);
    assert!(message.contains("not the JSON of the API"), "{message}");
    let other = response("200 OK", &[], &comment(5, "x").to_string());
    let (_, message) = failed(Kind::GitHub, vec![old(), user(1), other]);
    assert!(message.contains("another comment"), "{message}");
}

#[test]
fn the_token_is_taken_out_of_what_a_forge_repeats() {
    let said = format!("{{\"message\": \"no rights for {TOKEN}\"}}");
    let (_, message) = failed(Kind::GitHub, vec![found(&[]), response("403 Forbidden", &[], &said)]);
    assert!(message.contains("no rights for ***"), "{message}");
    let mut own = comment(3, &text());
    own["html_url"] = json!(format!("https://forge.example/{TOKEN}"));
    let played = play(Kind::GitHub, vec![found(&[own]), user(1)]);
    assert_eq!(played.result, Ok(Outcome::Unchanged("https://forge.example/***".into())));
}

#[test]
fn endless_waits_end() {
    for header in ["Retry-After: 18446744073709551615", "X-RateLimit-Reset: 18446744073709551615"] {
        let date = "Date: Thu, 01 Jan 1970 00:00:00 GMT";
        let headers = ["X-RateLimit-Remaining: 0", date, header];
        let first = response("429 Too Many Requests", &["Retry-After: 1"], "");
        let (_, message) = failed(Kind::GitHub, vec![first, response("429 Too Many Requests", &headers, "")]);
        assert!(message.contains("the next try is 18446744073709551615 s away"), "{message}");
    }
}

#[test]
fn every_page_is_read() {
    let page = |id, link: &str| response("200 OK", &[link], &json!([comment(id, "x")]).to_string());
    let next = "Link: <HOST/next?page=2>; rel=\"next\", <HOST/next?page=9>; rel=\"last\"";
    let own = comment(9, &text());
    let played = play(Kind::GitHub, vec![page(1, next), found(&[own]), user(1)]);
    assert_eq!(played.result, Ok(Outcome::Unchanged("https://forge.example/c/9".into())));
    assert_eq!(played.lines()[1], "GET /next?page=2");

    let total = |ids: &[u64], body: &str| {
        let comments: Vec<Value> = ids.iter().map(|id| comment(*id, body)).collect();
        response("200 OK", &["X-Total-Count: 3"], &json!(comments).to_string())
    };
    let played = play(Kind::Gitea, vec![total(&[1, 2], "x"), total(&[3], &text()), user(1)]);
    assert_eq!(played.result, Ok(Outcome::Unchanged("https://forge.example/c/3".into())));
    assert_eq!(played.lines()[1], "GET /repos/corp/clusters/issues/7/comments?limit=50&page=2");
    // A total that is never reached must not go on for ever.
    let played = play(Kind::Gitea, vec![total(&[1, 2], "x"), total(&[1, 2], "x"), created(4)]);
    assert!(played.result.is_ok());
}

#[test]
fn a_lost_answer_makes_no_second_comment() {
    let own = comment(3, &text());
    let played = play(Kind::GitHub, vec![found(&[]), None, found(&[own]), user(1)]);
    assert_eq!(played.result, Ok(Outcome::Unchanged("https://forge.example/c/3".into())));
    assert_eq!(played.lines().iter().filter(|line| line.starts_with("POST")).count(), 1);
    let broken = response("502 Bad Gateway", &[], "<html>");
    let played = play(Kind::GitHub, vec![found(&[]), broken, found(&[]), created(3)]);
    assert_eq!(played.result, Ok(Outcome::Created("https://forge.example/c/3".into())));
}

#[test]
fn failures_in_between_are_tried_again_and_not_for_ever() {
    let broken = || response("500 Internal Server Error", &[], "");
    let played = play(Kind::GitHub, vec![broken(), None, found(&[]), created(3)]);
    assert!(played.result.is_ok(), "{:?}", played.result);
    assert_eq!(played.waits, [1, 2]);
    let (cause, message) = failed(Kind::GitHub, (0..5).map(|_| broken()).collect());
    assert_eq!(cause, Cause::Unclear, "{message}");
    assert!(message.starts_with("the API fails (500)"), "{message}");
}

#[test]
fn rate_limits_are_waited_for_within_bounds() {
    let soon = response("429 Too Many Requests", &["Retry-After: 7"], "");
    let secondary = response(
        "403 Forbidden",
        &["Date: Thu, 01 Jan 2026 00:00:00 GMT", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1767225630"],
        "{\"message\": \"API rate limit exceeded\"}",
    );
    let played = play(Kind::GitHub, vec![found(&[]), soon, secondary, created(3)]);
    assert!(played.result.is_ok(), "{:?}", played.result);
    assert_eq!(played.waits, [7, 31]);
    let late = response("429 Too Many Requests", &["Retry-After: 3600"], "");
    let (_, message) = failed(Kind::GitHub, vec![late]);
    assert!(message.contains("the next try is 3600 s away; run it again later"), "{message}");
}

#[test]
fn refusals_say_what_to_do() {
    let refused = |status: &str, headers: &[&str], body: &str| vec![response(status, headers, body)];
    let (_, message) = failed(Kind::GitHub, refused("401 Unauthorized", &[], "{\"message\": \"Bad credentials\"}"));
    assert!(message.starts_with("the token is not accepted (401: Bad credentials)"), "{message}");
    let permissions = "X-Accepted-GitHub-Permissions: issues=write; pull_requests=write";
    let mut answers = vec![found(&[])];
    answers.extend(refused(
        "403 Forbidden",
        &[permissions],
        "{\"message\": \"Resource not accessible by integration\"}",
    ));
    let (cause, message) = failed(Kind::GitHub, answers);
    assert_eq!(cause, Cause::Forbidden);
    assert!(
        message.contains("pull-requests: write") && message.contains("`issues=write; pull_requests=write`"),
        "{message}"
    );
    let (_, message) = failed(Kind::Gitea, refused("403 Forbidden", &[], ""));
    assert!(message.contains("`write:issue`"), "{message}");
    let (_, message) = failed(Kind::GitHub, refused("404 Not Found", &[], ""));
    assert!(message.contains("there is no pull request 7 in `corp/clusters`"), "{message}");
    let locked = "{\"message\": \"Unable to create comment because issue is locked.\"}";
    let mut answers = vec![found(&[])];
    answers.extend(refused("403 Forbidden", &[], locked));
    let (_, message) = failed(Kind::GitHub, answers);
    assert!(message.contains("is locked") && message.contains("unlock it"), "{message}");
    let mut answers = vec![found(&[])];
    let long = "{\"message\": \"Validation Failed\", \"errors\": [{\"message\": \"Body is too long\"}]}";
    answers.extend(refused("422 Unprocessable Entity", &[], long));
    let (_, message) = failed(Kind::GitHub, answers);
    assert!(message.contains("(422: Validation Failed, Body is too long); a smaller --limit"), "{message}");
    let (_, message) = failed(Kind::Gitea, refused("200 OK", &["Content-Type: text/html"], "<html>login</html>"));
    assert!(message.contains("not the JSON of the API"), "{message}");
}

#[test]
fn a_comment_that_vanishes_or_is_not_ours_is_replaced() {
    let old = || comment(4, &format!("{}\n\nold", marker("demo")));
    let gone = response("404 Not Found", &[], "{\"message\": \"Not Found\"}");
    let played = play(Kind::GitHub, vec![found(&[old()]), user(1), gone, found(&[]), created(5)]);
    assert_eq!(played.result, Ok(Outcome::Created("https://forge.example/c/5".into())));
    let foreign = response("403 Forbidden", &[], "");
    let played = play(Kind::Gitea, vec![found(&[old()]), user(1), foreign, found(&[old()]), created(5)]);
    assert_eq!(played.result, Ok(Outcome::Created("https://forge.example/c/5".into())));
    let conflict = response("409 Conflict", &[], "");
    let changed = response("200 OK", &[], &old().to_string());
    let played = play(Kind::GitHub, vec![found(&[old()]), user(1), conflict, found(&[old()]), changed]);
    assert_eq!(played.result, Ok(Outcome::Updated("https://forge.example/c/4".into())));
}

#[test]
fn the_token_does_not_follow_a_redirect_to_another_host() {
    let elsewhere = serve(vec![found(&[])]);
    let other = format!("Location: {}/stolen", elsewhere.address);
    let (_, message) = failed(Kind::GitHub, vec![response("307 Temporary Redirect", &[&other], "")]);
    assert!(message.contains("the token is not sent there"), "{message}");
    // Nobody called the other server: this request is its first.
    std::net::TcpStream::connect(elsewhere.address.trim_start_matches("http://"))
        .and_then(|mut stream| stream.write_all(b"GET /first HTTP/1.1\r\n\r\n"))
        .expect("reachable");
    assert_eq!(elsewhere.thread.join().expect("the server ends")[0].line, "GET /first");
    let link = "Link: <https://evil.example/next>; rel=\"next\"";
    let (_, message) = failed(Kind::GitHub, vec![response("200 OK", &[link], "[]")]);
    assert!(message.contains("lies on another host"), "{message}");
    // A repository that was renamed is followed on the same host.
    let renamed = |status: &str| response(status, &["Location: HOST/repositories/9"], "");
    let answers = vec![renamed("301 Moved Permanently"), found(&[]), renamed("307 Temporary Redirect"), created(3)];
    let played = play(Kind::GitHub, answers);
    assert_eq!(played.lines()[3], "POST /repositories/9");
    assert_eq!(played.requests[3].body, json!({"body": text()}));
}

#[test]
fn the_program_writes_what_it_reads_and_never_the_token() {
    let fake = serve(vec![found(&[]), created(3)]);
    let sandbox = Sandbox::new();
    let rows = "| + | `x` |\n".repeat(9000);
    sandbox.write(
        "report.md",
        format!("### Cluster `demo`\n\n| | Object |\n|---|---|\n{rows}\npassword: hunter2-example\n"),
    );
    let event = r#"{"pull_request": {"number": 7}}"#;
    sandbox.write("event.json", event);
    let path = sandbox.repo().join("event.json").display().to_string();
    let env = [
        ("GITHUB_API_URL", fake.address.as_str()),
        ("GITHUB_REPOSITORY", "corp/clusters"),
        ("GITHUB_EVENT_PATH", path.as_str()),
        ("GITHUB_TOKEN", "never used"),
        ("FLUXWRIGHT_TOKEN", TOKEN),
    ];
    let run = sandbox.run_with(&["comment", "report.md", "--artifact-url", "https://ci.example/1"], &env);
    assert_eq!((run.code, run.stdout.as_str()), (0, "created https://forge.example/c/3\n"), "{run}");
    assert!(!run.to_string().contains(TOKEN), "{run}");
    let requests = fake.thread.join().expect("the server ends");
    assert_eq!(requests[1].authorization.as_deref(), Some(format!("Bearer {TOKEN}").as_str()));
    let body = requests[1].body["body"].as_str().expect("a text");
    assert!(
        body.starts_with("<!-- fluxwright: fluxwright -->\n\n### Cluster `demo`\n\n- a table of 9000 rows: left out"),
        "{body}"
    );
    assert!(body.contains("[The full report](https://ci.example/1)") && !body.contains("hunter2"), "{body}");
    assert!(body.chars().count() <= 65_536);
    let shown = sandbox.run(&["comment", "report.md", "--print", "--artifact-url", "https://ci.example/1"]);
    assert_eq!(shown.stdout, body);
}

#[test]
fn what_is_missing_is_a_failure_of_the_environment() {
    let sandbox = Sandbox::new();
    sandbox.write("report.md", "text\n");
    let run = sandbox.run(&["comment", "report.md"]);
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (
            2,
            "error: the address of the API is not known; name it with --api-url, as in https://git.example.com/api/v1\n"
        )
    );
    sandbox.write("empty.md", "\n");
    assert_eq!(sandbox.run(&["comment", "empty.md"]).code, 2);
    assert_eq!(sandbox.run(&["comment", "report.md", "--limit", "10"]).code, 2);
    assert_eq!(sandbox.run(&["comment", "report.md", "--key", "a-->b"]).code, 2);
    assert!(forge::marker("a").starts_with("<!--"));
}
