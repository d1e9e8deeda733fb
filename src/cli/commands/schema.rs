//! `fluxwright schema`: the JSON Schema of the intent, modules included.

use crate::cli::Status;
use crate::cli::args::Global;
use crate::cli::session;
use crate::cli::ui::Ui;

pub fn run(global: &Global, ui: &Ui) -> anyhow::Result<Status> {
    let repo = session::repository(global)?;
    let Some(context) = session::context(&repo, ui)? else { return Ok(Status::Findings) };
    ui.data(&print(context.schema.value()))?;
    Ok(Status::Clean)
}

/// Prints a schema as it is kept in files.
pub(super) fn print(schema: &serde_json::Value) -> String {
    // A schema is made of strings, numbers and maps, which always print.
    serde_json::to_string_pretty(schema).unwrap_or_default() + "\n"
}
