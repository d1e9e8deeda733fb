//! `fluxwright completions`: the script of a shell.

use clap::CommandFactory;

use crate::cli::Status;
use crate::cli::args::{Args, Completions};
use crate::cli::ui::Ui;

pub fn run(args: &Completions, ui: &Ui) -> anyhow::Result<Status> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "fluxwright", &mut script);
    ui.data(&String::from_utf8_lossy(&script))?;
    Ok(Status::Clean)
}
