//! `fluxwright man`: the manual pages, made of the texts of `--help`.

use anyhow::Context as _;
use clap::{Command, CommandFactory};

use crate::cli::Status;
use crate::cli::args::{Args, Man};
use crate::cli::ui::Ui;

pub fn run(args: &Man, ui: &Ui) -> anyhow::Result<Status> {
    std::fs::create_dir_all(&args.dir).with_context(|| format!("cannot create `{}`", args.dir.display()))?;
    let mut root = Args::command().disable_help_subcommand(true);
    root.build();
    write(&root, args, ui)?;
    Ok(Status::Clean)
}

/// Writes the page of a command, then those of its subcommands.
fn write(command: &Command, args: &Man, ui: &Ui) -> anyhow::Result<()> {
    // No date: the same program gives the same pages. An empty one would be left out, and the others would move up.
    let page = clap_mangen::Man::new(command.clone())
        .date(" ")
        .source(concat!("fluxwright ", env!("CARGO_PKG_VERSION")))
        .manual("fluxwright manual");
    let file = args.dir.join(page.get_filename());
    let mut text = Vec::new();
    page.render(&mut text)?;
    std::fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    ui.result(&format!("created {}", file.display()))?;
    command.get_subcommands().try_for_each(|sub| write(sub, args, ui))
}
