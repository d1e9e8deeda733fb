//! One file per command: its run function takes typed arguments and gives a status.

mod build;
mod check;
mod check_flux;
mod comment;
pub(super) mod commit;
mod completions;
mod diff;
mod effective;
mod explain;
mod flux;
pub mod function;
mod graph;
mod init;
mod man;
mod modules;
mod render;
mod schema;
mod show_merged;

pub use diff::is_applied;

use super::Status;
use super::args::{Args, Command};
use super::ui::Ui;

/// Runs the command that the user chose.
pub fn run(args: &Args, ui: &Ui) -> anyhow::Result<Status> {
    let global = &args.global;
    match &args.command {
        Command::Init(args) => init::run(global, args, ui),
        Command::Check(args) => check::run(global, args, ui),
        Command::Diff(args) => diff::run(global, args, ui),
        Command::Render(args) => render::run(global, args, ui),
        Command::Commit(args) => commit::run(global, args, ui),
        Command::Comment(args) => comment::run(args, ui),
        Command::Build(args) => build::run(global, args, ui),
        Command::Graph(args) => graph::run(global, args, ui),
        Command::Fn => function::run(global, ui),
        Command::Schema(args) => schema::run(global, args, ui),
        Command::Explain(args) => explain::run(global, args, ui),
        Command::Modules(args) => modules::run(global, args, ui),
        Command::Completions(args) => completions::run(args, ui),
        Command::Man(args) => man::run(args, ui),
    }
}
