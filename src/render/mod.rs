//! Templates to typed output: what plugins render is parsed back before anything else sees it.
//!
//! Owns the template engine, its filters and the kinds of output. Policy that is true of every module lives in `layout`.

mod engine;
mod memo;
mod output;
mod resource;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::catalog::{Catalog, Plugin};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::{Plan, PlannedPlugin};

use engine::Template;
pub(crate) use engine::duration;
use memo::{Facts, Given, Memo};
pub use output::{FileContent, Output, Ownership, PatchOutput, Rendered};
pub use resource::Resource;

/// The templates of a catalog, each compiled when it is rendered first, with what they rendered: once for all clusters.
pub struct Templates(BTreeMap<String, Known>);

#[derive(Default)]
struct Known {
    compiled: OnceLock<Result<Template, String>>,
    memo: Memo,
}

impl Templates {
    /// Takes note of the templates of a catalog.
    pub fn of(catalog: &Catalog) -> Self {
        let files = catalog.plugins().flat_map(|plugin| {
            let rendered = plugin.templates.keys().map(|name| file(plugin, RENDERED, name));
            rendered.chain(plugin.contract.keys().map(|name| file(plugin, CONTRACT, name)))
        });
        Self(files.map(|file| (file, Known::default())).collect())
    }
}

/// The folder of the templates of a plugin.
const RENDERED: &str = "templates";
/// The folder of its contract.
const CONTRACT: &str = "contract";

fn file(plugin: &Plugin, folder: &str, name: &str) -> String {
    format!("{}/{folder}/{name}.j2", plugin.dir)
}

/// Renders all plugins of a plan, in parallel; the order of the result is that of the plan.
///
/// # Errors
/// Faults of plugins, each naming its template. A valid intent and a valid plugin give none.
pub fn render(plan: &Plan, templates: &Templates) -> Result<Vec<Arc<Rendered>>, Vec<Diagnostic>> {
    collect(plan, templates, RENDERED, |planned| planned.renders, |plugin| &plugin.templates)
}

/// Renders the contracts of all plugins: the objects that their patches rely on.
///
/// # Errors
/// As [`render`].
pub fn contracts(plan: &Plan, templates: &Templates) -> Result<Vec<Arc<Rendered>>, Vec<Diagnostic>> {
    collect(plan, templates, CONTRACT, |_| true, |plugin| &plugin.contract)
}

fn collect(
    plan: &Plan,
    templates: &Templates,
    folder: &str,
    wanted: impl Fn(&PlannedPlugin) -> bool + Sync,
    files: impl Fn(&Plugin) -> &BTreeMap<String, String> + Sync,
) -> Result<Vec<Arc<Rendered>>, Vec<Diagnostic>> {
    let values = OnceLock::new();
    let results: Vec<Result<Vec<Arc<Rendered>>, Vec<Diagnostic>>> = plan
        .plugins
        .par_iter()
        .enumerate()
        .filter(|(_, planned)| wanted(planned) && !files(&planned.plugin).is_empty())
        .map(|(index, planned)| {
            let given = Given {
                platform: &plan.platform.name,
                cluster: &plan.facts,
                module: &planned.facts,
                options: &planned.options,
                plugin: index,
                at: &planned.at,
            };
            let mut rendered = Vec::new();
            for (name, text) in files(&planned.plugin) {
                let file = file(&planned.plugin, folder, name);
                let values = || values.get_or_init(|| (template_value(&plan.facts), template_value(&*plan.platform)));
                let one = templates.render(&file, name, text, &given, values);
                rendered.extend(one.map_err(|message| vec![fault(&file, message)])?.iter().cloned());
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

impl Templates {
    /// Renders one template, or recalls what it rendered for the same values.
    ///
    /// `values` gives facts of cluster and platform as templates see them.
    fn render<'v>(
        &self,
        file: &str,
        name: &str,
        text: &str,
        given: &Given<'_>,
        values: impl Fn() -> &'v (minijinja::Value, minijinja::Value),
    ) -> Result<Arc<[Arc<Rendered>]>, String> {
        let known = self.0.get(file).ok_or("the template is not of this catalog")?;
        if let Some(rendered) = known.memo.recall(given) {
            return Ok(rendered);
        }
        let template = known.compiled.get_or_init(|| Template::compile(text)).as_ref().map_err(Clone::clone)?;
        let (cluster, platform) = values();
        let facts = Facts::new(cluster.clone());
        let context = minijinja::context! {
            cluster => minijinja::Value::from_dyn_object(facts.clone()),
            platform => platform.clone(),
            module => template_value(given.module),
            options => template_value(given.options),
        };
        let text = template.render(&context)?;
        let rendered: Arc<[_]> =
            output::parse(&text, given.plugin, given.at, name)?.into_iter().map(Arc::new).collect();
        known.memo.keep(given, &facts, rendered.clone());
        Ok(rendered)
    }
}

fn template_value(value: &impl serde::Serialize) -> minijinja::Value {
    minijinja::Value::from(minijinja::value::Serde(value))
}

fn fault(file: &str, message: String) -> Diagnostic {
    Diagnostic::new(codes::PLUGIN_INVALID, message).file(file).hint("correct the template; see docs/plugins.md")
}
