//! `fluxwright check --show-merged`: what an intent says after its bases, and where each value stands.

use rayon::prelude::*;

use crate::cli::Status;
use crate::cli::args::{Check, Global};
use crate::cli::session;
use crate::cli::ui::Ui;
use crate::diagnostic::Diagnostic;
use crate::intent::Document;
use crate::pipeline::{self, Draft};
use crate::yaml::{self, Body, Limits};

pub fn run(global: &Global, args: &Check, ui: &Ui) -> anyhow::Result<Status> {
    let repo = session::repository(global)?;
    let Some(context) = session::context(&repo, ui)? else { return Ok(Status::Findings) };
    let library = session::library(&repo);
    let (files, faults) = session::select(&repo, &context, &args.selection, &library, ui)?;
    let drafts: Vec<Draft> = files
        .par_iter()
        .map(|file| pipeline::read(&file.name, file.path.clone(), &file.bytes, &context, &library))
        .collect::<Result<_, _>>()?;
    let small = files.iter().filter(|file| file.bytes.len() <= Limits::INTENT.bytes);
    let own = small.map(|file| (file.name.clone(), String::from_utf8_lossy(&file.bytes).into_owned()));
    let sources = library.texts().into_iter().chain(own).collect();
    ui.diagnostics(&faults, &sources);
    let mut errors = !faults.is_empty();
    let many = drafts.len() > 1;
    for draft in drafts {
        let merged = draft.document().map(print);
        let found = draft.into_findings();
        errors |= found.iter().any(Diagnostic::is_error);
        ui.diagnostics(&found, &sources);
        if let Some(text) = merged {
            ui.data(&if many { format!("---\n{text}") } else { text })?;
        }
    }
    Ok(if errors { Status::Findings } else { Status::Clean })
}

/// Prints a merged intent.
fn print(document: &Document) -> String {
    let mut whole = document.shown();
    if let Body::Mapping(entries) = &mut whole.body {
        // What is extended is in it already; a base's order of sections is not that of an intent.
        entries.retain(|(key, _, _)| key != "extends");
        let known = ["apiVersion", "kind", "metadata", "spec"];
        entries.sort_by_key(|(key, _, _)| known.iter().position(|name| name == key).unwrap_or(known.len()));
    }
    yaml::emit_annotated(&whole, |node| {
        let file = document.parts.get(usize::from(node.file)).map(|part| &*part.name).unwrap_or_default();
        format!("{file}:{}", node.span.line)
    })
}
