//! `fluxwright graph`: who waits for whom.

use anyhow::bail;

use crate::cli::Status;
use crate::cli::args::{Global, Graph};
use crate::cli::session::Session;
use crate::cli::ui::Ui;
use crate::report::graph_format;

pub fn run(global: &Global, args: &Graph, ui: &Ui) -> anyhow::Result<Status> {
    let Some(format) = graph_format(&args.output) else { bail!("no format `{}`", args.output) };
    let Some(session) = Session::start(global, &args.selection(), ui)? else { return Ok(Status::Findings) };
    let errors = session.report(ui);
    let names: Vec<&str> = session.outcomes.iter().map(|outcome| outcome.name.as_str()).collect();
    let [outcome] = session.outcomes.as_slice() else {
        bail!("a graph shows one cluster; name it: {}", names.join(", "));
    };
    let Some((_, layout)) = &outcome.desired else { return Ok(session.refuse("there is no graph", ui)) };
    ui.data(&(format.write)(&outcome.name, &layout.graph))?;
    Ok(if errors { Status::Findings } else { Status::Clean })
}
