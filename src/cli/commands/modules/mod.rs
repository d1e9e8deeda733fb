//! `fluxwright modules`: what the catalog offers, and modules of one's own.

mod new;
mod test;

use anyhow::bail;
use serde_json::Value;

use super::explain;
use crate::catalog::Owner;
use crate::cli::Status;
use crate::cli::args::{Global, Modules, ModulesCommand};
use crate::cli::session;
use crate::cli::ui::Ui;
use crate::diagnostic::did_you_mean;

pub fn run(global: &Global, args: &Modules, ui: &Ui) -> anyhow::Result<Status> {
    match &args.command {
        Some(ModulesCommand::New(args)) => return new::run(global, args, ui),
        Some(ModulesCommand::Test(args)) => return test::run(global, args, ui),
        None => {}
    }
    let repo = session::repository(global)?;
    let Some(context) = session::context(&repo, ui)? else { return Ok(Status::Findings) };
    let catalog = &context.catalog;
    let mut out = String::new();
    if let Some(name) = &args.name {
        let Some(plugin) = catalog.module(name) else {
            if let Some(platform) = catalog.platforms().find(|platform| platform.base_module(name).is_some()) {
                bail!(
                    "`{name}` is a base module of {}: it is always installed and has no options; `spec.patches` patches it",
                    platform.name
                );
            }
            let known: Vec<&str> = catalog.modules().map(|plugin| plugin.name.as_str()).collect();
            let hint = did_you_mean(name, known.iter().copied()).map(|meant| format!("did you mean `{meant}`?"));
            bail!("no module `{name}` in the catalog: {}", hint.unwrap_or_else(|| known.join(", ")));
        };
        out.push_str(&format!("{}: {}\n", plugin.name, plugin.summary));
        let names: Vec<&str> = catalog
            .platforms()
            .filter(|platform| plugin.works_on(&platform.name))
            .map(|platform| platform.name.as_str())
            .collect();
        let platforms = names.join(", ");
        out.push_str(&format!("platforms: {}\n\noptions, under `{}`:\n", platforms, plugin.name));
        let schema = plugin.options_schema();
        explain::fields(&schema, &schema, 1, usize::MAX, &mut out);
        if !plugin.validations.is_empty() {
            out.push_str("\nrules:\n");
            for rule in &plugin.validations {
                out.push_str(&format!("  {:<36} {}\n", rule.code, rule.severity));
            }
        }
        ui.data(&out)?;
        return Ok(Status::Clean);
    }
    for platform in catalog.platforms() {
        out.push_str(&format!("platform {}: {}\n", platform.name, platform.summary));
        out.push_str("  modules\n");
        for plugin in catalog.modules().filter(|p| p.works_on(&platform.name)) {
            out.push_str(&format!("    {:<20} {:<10} {}\n", plugin.name, plugin.category, plugin.summary));
        }
        if !platform.base_modules.is_empty() {
            out.push_str("  base modules, always installed; `state: Existing` patches them\n");
        }
        for base in &platform.base_modules {
            let note = match (base.owner, base.reason.as_deref()) {
                (Owner::FluxCD, _) => platform.kustomization(&base.name),
                (Owner::ConfigurationManager, reason) => {
                    format!("not patchable: {}", reason.unwrap_or("owned by Configuration Manager"))
                }
            };
            out.push_str(&format!("    {:<20} {} ({note})\n", base.name, base.summary));
        }
    }
    out.push_str("\n`fluxwright modules NAME` lists the options of a module\n");
    ui.data(&out)?;
    Ok(Status::Clean)
}

/// The type of a field in one word.
pub(super) fn type_word(schema: &Value) -> String {
    match schema.get("type") {
        Some(Value::String(one)) => one.clone(),
        Some(Value::Array(many)) => {
            many.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect::<Vec<_>>().join(" or ")
        }
        _ if schema.get("enum").is_some() || schema.get("oneOf").is_some() || schema.get("const").is_some() => {
            "string".into()
        }
        _ => "value".into(),
    }
}
