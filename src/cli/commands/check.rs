//! `fluxwright check`: every fault at once, and the proofs.

use std::collections::{BTreeMap, BTreeSet};

use super::{check_flux, explain, show_merged};
use crate::cli::Status;
use crate::cli::args::{Check, Global};
use crate::cli::changes::{self, Decisions};
use crate::cli::session::{self, Depth, Done, Session};
use crate::cli::ui::Ui;
use crate::diagnostic::Diagnostic;
use crate::pipeline::Context;
use crate::repo::{Repo, git};
use crate::report::{self, CheckReport, Checked, Page};
use crate::tree::Tree;

pub fn run(global: &Global, args: &Check, ui: &Ui) -> anyhow::Result<Status> {
    if args.flux {
        return check_flux::run(global, args, ui);
    }
    if args.show_merged {
        return show_merged::run(global, args, ui);
    }
    let repo = session::repository(global)?;
    let mut checked = CheckReport {
        faults: Vec::new(),
        clusters: Vec::new(),
        prefix: prefix(&repo)?,
        sources: BTreeMap::new(),
        pages: BTreeMap::new(),
        verbose: ui.verbose(),
    };
    let context = match Context::new(&repo.plugins()?) {
        Ok(context) => {
            let decisions = Decisions::none(global);
            let session = Session::run(
                repo,
                &context,
                &args.selection,
                Depth::brief_if(args.output == "text" && !ui.verbose()),
                ui,
                |repo, outcome, previous| Ok(changes::survey(outcome, repo, &previous, &decisions)?.findings),
            )?;
            checked.faults = session.faults;
            checked.clusters = session.clusters.into_iter().map(checked_cluster).collect();
            checked.sources = session.sources;
            context
        }
        Err(faults) => {
            checked.faults = faults;
            Context::new(&Tree::new()).map_err(|_| anyhow::anyhow!("the embedded catalog is not valid"))?
        }
    };
    tell(checked, &context, args, ui)
}

/// Writes what was found.
pub(super) fn tell(mut checked: CheckReport, context: &Context, args: &Check, ui: &Ui) -> anyhow::Result<Status> {
    let format = report::check_format(&args.output).expect("clap accepts the formats of the table only");
    checked.pages = pages(&checked, context);
    let lists = || std::iter::once(&checked.faults).chain(checked.clusters.iter().map(|one| &one.diagnostics));
    if format.findings {
        ui.data(&(format.write)(&checked))?;
        for one in &checked.clusters {
            let findings = report::summary(&one.diagnostics);
            ui.say(&format!("{}: {}", one.name, if findings.is_empty() { "ok" } else { &findings }));
        }
    } else {
        lists().for_each(|list| ui.diagnostics(list, &checked.sources));
        ui.results(&(format.write)(&checked))?;
    }
    let errors = lists().flatten().any(Diagnostic::is_error);
    Ok(if errors { Status::Findings } else { Status::Clean })
}

fn checked_cluster(cluster: Done<Vec<Diagnostic>>) -> Checked {
    let Done { outcome, made: conflicts } = cluster;
    Checked {
        name: outcome.name,
        intent: outcome.file,
        inside: outcome.path.is_some(),
        directory: false,
        diagnostics: outcome.diagnostics.into_iter().chain(conflicts).collect(),
        proofs: outcome.proofs,
    }
}

/// The directory of the cluster repository in its git repository: what others count paths from.
pub(super) fn prefix(repo: &Repo) -> anyhow::Result<String> {
    let repository = git::discover(repo.root())?;
    Ok(repository.map(|repository| super::commit::prefix(&repository, repo)).unwrap_or_default())
}

fn pages(checked: &CheckReport, context: &Context) -> BTreeMap<String, Page> {
    let lists = std::iter::once(&checked.faults).chain(checked.clusters.iter().map(|one| &one.diagnostics));
    let codes: BTreeSet<&str> = lists.flatten().map(|found| found.code.as_ref()).collect();
    let known = explain::all_codes(context);
    let of = |code: &str| {
        let summary = known.iter().find(|(name, _, _)| name == code).map(|(_, _, summary)| summary.clone())?;
        Some(Page { summary, text: explain::page(code, context)? })
    };
    codes.into_iter().filter_map(|code| Some((code.to_owned(), of(code)?))).collect()
}
