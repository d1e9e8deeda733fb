//! `fluxwright graph`: who waits for whom.

use anyhow::bail;

use crate::cli::Status;
use crate::cli::args::{Global, Graph};
use crate::cli::session::{Depth, Session};
use crate::cli::ui::Ui;
use crate::report::graph_format;

pub fn run(global: &Global, args: &Graph, ui: &Ui) -> anyhow::Result<Status> {
    let Some(format) = graph_format(&args.output) else { bail!("no format `{}`", args.output) };
    let session = Session::start(global, &args.selection(), Depth::Whole, ui, |_, outcome, _| {
        Ok(outcome.desired.take().map(|(_, layout)| layout.graph))
    })?;
    let Some(session) = session else { return Ok(Status::Findings) };
    let errors = session.report(ui);
    let [cluster] = session.clusters.as_slice() else {
        let names: Vec<&str> = session.clusters.iter().map(|cluster| cluster.outcome.name.as_str()).collect();
        bail!("a graph shows one cluster; name it: {}", names.join(", "));
    };
    let Some(graph) = &cluster.made else { return Ok(session.refuse("there is no graph", ui)) };
    ui.data(&(format.write)(&cluster.outcome.name, graph))?;
    Ok(if errors { Status::Findings } else { Status::Clean })
}
