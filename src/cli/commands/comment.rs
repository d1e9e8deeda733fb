//! `fluxwright comment`: one comment of a pull request, kept up to date.

use std::io::Read;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::cli::Status;
use crate::cli::args::{Comment, Forge};
use crate::cli::ui::Ui;
use crate::diagnostic::mask;
use crate::forge::{self, Choices, Kind, Outcome, Token};
use crate::report::shorten;

/// Far more than any report; a mistaken file must not be read into memory.
const LARGEST: u64 = 256 << 20;

pub fn run(args: &Comment, ui: &Ui) -> anyhow::Result<Status> {
    // What is written to a forge stays there: a text of others is masked once more.
    let tokens = ["FLUXWRIGHT_TOKEN", "GITHUB_TOKEN"].map(|name| std::env::var(name).ok());
    let tokens = tokens.into_iter().flatten().filter_map(|token| Token::new(&token).ok());
    let text = tokens.fold(mask::mask(&read(args)?), |text, token| token.redact(&text));
    if text.trim().is_empty() {
        bail!("the text is empty; a comment needs one");
    }
    let marker = forge::marker(&args.key);
    let room = args.limit - marker.chars().count() - 2;
    let short = shorten(&text, room, args.artifact_url.as_deref());
    if short.left_out > 0 {
        ui.say(&format!("{} parts are left out: a comment has at most {} characters", short.left_out, args.limit));
    }
    let body = format!("{marker}\n\n{}", short.text);
    if args.print {
        ui.data(&body)?;
        return Ok(Status::Clean);
    }
    let env = |name: &str| std::env::var(name).ok();
    let event = env("GITHUB_EVENT_PATH").and_then(|path| std::fs::read_to_string(path).ok());
    let settings = forge::settings(choices(args), &env, event.as_deref())?;
    let pause = |time: Duration, why: &str| {
        ui.say(&format!("{why}; waiting {} s", time.as_secs()));
        std::thread::sleep(time);
    };
    let (word, address) = match forge::update(&settings, &args.key, &body, &pause)? {
        Outcome::Created(address) => ("created", address),
        Outcome::Updated(address) => ("updated", address),
        Outcome::Unchanged(address) => ("unchanged", address),
    };
    ui.result(format!("{word} {address}").trim_end())?;
    Ok(Status::Clean)
}

fn read(args: &Comment) -> anyhow::Result<String> {
    let name = args.file.display();
    let mut bytes = Vec::new();
    let read = if args.file.as_os_str() == "-" {
        std::io::stdin().lock().take(LARGEST).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(&args.file).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("cannot read `{name}`"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn choices(args: &Comment) -> Choices {
    Choices {
        kind: args.forge.map(|forge| match forge {
            Forge::Github => Kind::GitHub,
            Forge::Gitea => Kind::Gitea,
        }),
        api: args.api_url.clone(),
        repository: args.repository.clone(),
        pull_request: args.pull_request,
        allow_http: args.allow_http,
        timeout: Duration::from_secs(args.timeout),
        max_wait: Duration::from_secs(args.max_wait),
    }
}
