//! `fluxwright check`: every fault at once, and the proofs.

use crate::cli::Status;
use crate::cli::args::{Check, Global};
use crate::cli::session::Session;
use crate::cli::ui::Ui;
use crate::report;

pub fn run(global: &Global, args: &Check, ui: &Ui) -> anyhow::Result<Status> {
    let Some(session) = Session::start(global, &args.selection, ui)? else { return Ok(Status::Findings) };
    let errors = session.report(ui);
    for outcome in &session.outcomes {
        let findings = report::summary(&outcome.diagnostics);
        let findings = if findings.is_empty() { "ok".to_owned() } else { findings };
        ui.result(&format!("{}: {findings}{}", outcome.name, report::proofs_line(&outcome.proofs)))?;
        if ui.verbose() {
            ui.data(&report::proofs(&outcome.proofs))?;
        }
    }
    Ok(if errors { Status::Findings } else { Status::Clean })
}
