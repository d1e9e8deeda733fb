//! Templates to typed output: what plugins render is parsed back before anything else sees it.
//!
//! Owns the template engine, its filters and the kinds of output. Policy that is true of every module lives in `layout`.

mod engine;
mod output;
mod resource;

use rayon::prelude::*;
use serde_json::{Value, json};

use crate::catalog::Plugin;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::{Plan, PlannedPlugin};

pub(crate) use engine::duration;
pub use output::{FileContent, Output, Ownership, PatchOutput, Rendered};
pub use resource::Resource;

/// Renders all plugins of a plan, in parallel; the order of the result is that of the plan.
///
/// # Errors
/// Faults of plugins, each naming its template. A valid intent and a valid plugin give none.
pub fn render(plan: &Plan) -> Result<Vec<Rendered>, Vec<Diagnostic>> {
    collect(plan, "templates", |planned| planned.renders, |plugin| &plugin.templates)
}

/// Renders the contracts of all plugins: the objects that their patches rely on.
///
/// # Errors
/// As [`render`].
pub fn contracts(plan: &Plan) -> Result<Vec<Rendered>, Vec<Diagnostic>> {
    collect(plan, "contract", |_| true, |plugin| &plugin.contract)
}

fn collect(
    plan: &Plan,
    folder: &str,
    wanted: impl Fn(&PlannedPlugin) -> bool + Sync,
    files: impl Fn(&Plugin) -> &std::collections::BTreeMap<String, String> + Sync,
) -> Result<Vec<Rendered>, Vec<Diagnostic>> {
    let results: Vec<Result<Vec<Rendered>, Vec<Diagnostic>>> = plan
        .plugins
        .par_iter()
        .enumerate()
        .filter(|(_, planned)| wanted(planned))
        .map(|(index, planned)| {
            let context = context(plan, planned);
            let mut rendered = Vec::new();
            for (name, text) in files(&planned.plugin) {
                let file = format!("{}/{folder}/{name}.j2", planned.plugin.dir);
                let text = engine::render(name, text, &context).map_err(|message| vec![fault(&file, message)])?;
                rendered.extend(output::parse(&text, index, &planned.at, name).map_err(|m| vec![fault(&file, m)])?);
            }
            Ok(rendered)
        })
        .collect();
    let mut all = Vec::new();
    let mut faults = Vec::new();
    for result in results {
        match result {
            Ok(rendered) => all.extend(rendered),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(all) } else { Err(faults) }
}

fn context(plan: &Plan, planned: &PlannedPlugin) -> Value {
    json!({
        "cluster": plan.facts,
        "platform": *plan.platform,
        "module": planned.module_facts(plan),
        "options": planned.options,
    })
}

fn fault(file: &str, message: String) -> Diagnostic {
    Diagnostic::new(codes::PLUGIN_INVALID, message).file(file).hint("correct the template; see docs/plugins.md")
}
