//! EFFECTS: arguments, terminal, environment, exit codes. One file per command in `commands/`.
//!
//! Exit codes: 0 clean, 1 differences found or faults in the input, 2 the tool or its environment failed. stdout is data,
//! stderr is talk.

mod args;
mod changes;
mod commands;
mod exclusive;
mod ground;
mod hand_edits;
mod selection;
mod session;
mod signals;
mod since;
mod ui;

use std::process::ExitCode;

use clap::Parser;

use crate::diagnostic::mask;

pub use args::Args;

/// What a command found; its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing to report.
    Clean,
    /// Differences, or faults in the input.
    Findings,
}

/// Runs the program with the arguments of the process.
pub fn run() -> ExitCode {
    let plain = args::Global::default();
    if let Some(config) = commands::function::legacy(std::env::args_os()) {
        let ui = ui::Ui::new(&plain);
        return exit(commands::function::run_legacy(&plain, config.as_ref(), &ui), &ui);
    }
    match commands::function::implied(std::env::args_os().count().saturating_sub(1)) {
        Ok(None) => {}
        Ok(Some(input)) => {
            let ui = ui::Ui::new(&plain);
            return exit(commands::function::run_on(&plain, input, &ui), &ui);
        }
        Err(error) => return exit(Err(error), &ui::Ui::new(&plain)),
    }
    let args = Args::try_parse().unwrap_or_else(|error| {
        let text = error.to_string();
        // Nothing that somebody passes in the wrong place comes back when it is a credential.
        if error.use_stderr() && mask::has_secret(&text) {
            ui::Ui::new(&plain).say(mask::mask(&text).trim_end());
            std::process::exit(2);
        }
        error.exit()
    });
    let ui = ui::Ui::new(&args.global);
    exit(commands::run(&args, &ui), &ui)
}

fn exit(result: anyhow::Result<Status>, ui: &ui::Ui) -> ExitCode {
    match result {
        Ok(Status::Clean) => ExitCode::SUCCESS,
        Ok(Status::Findings) => ExitCode::from(1),
        Err(error) => {
            ui.failure(&error);
            ExitCode::from(2)
        }
    }
}
