//! `fluxwright schema`: the JSON Schema of the intent, modules included.

use crate::cli::Status;
use crate::cli::args::{Draft, Global, Schema};
use crate::cli::session;
use crate::cli::ui::Ui;
use crate::intent::{draft7, partial};

pub fn run(global: &Global, args: &Schema, ui: &Ui) -> anyhow::Result<Status> {
    let repo = session::repository(global)?;
    let Some(context) = session::context(&repo, ui)? else { return Ok(Status::Findings) };
    let whole = context.schema.value();
    let schema = if args.partial { &partial(whole) } else { whole };
    ui.data(&match args.draft {
        Draft::Seven => print(&draft7(schema)),
        Draft::Latest => print(schema),
    })?;
    Ok(Status::Clean)
}

/// Prints a schema as it is kept in files.
pub(super) fn print(schema: &serde_json::Value) -> String {
    // A schema is made of strings, numbers and maps, which always print.
    serde_json::to_string_pretty(schema).unwrap_or_default() + "\n"
}
