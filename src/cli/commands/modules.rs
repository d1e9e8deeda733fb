//! `fluxwright modules`: what the catalog offers.

use anyhow::bail;
use serde_json::Value;

use super::explain;
use crate::catalog::Owner;
use crate::cli::Status;
use crate::cli::args::{Global, Modules};
use crate::cli::session;
use crate::cli::ui::Ui;
use crate::diagnostic::did_you_mean;

pub fn run(global: &Global, args: &Modules, ui: &Ui) -> anyhow::Result<Status> {
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
        out.push_str(&format!("platforms: {}\n\noptions, under `{}`:\n", plugin.platforms.join(", "), plugin.name));
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
        for plugin in catalog.modules().filter(|p| p.platforms.is_empty() || p.platforms.contains(&platform.name)) {
            out.push_str(&format!("    {:<20} {:<10} {}\n", plugin.name, plugin.category, plugin.summary));
        }
        out.push_str("  base modules, always installed; `state: Existing` patches them\n");
        for base in &platform.base_modules {
            let note = if base.owner == Owner::FluxCD {
                platform.kustomization(&base.name)
            } else {
                "owned by Configuration Manager, not patchable".into()
            };
            out.push_str(&format!("    {:<20} {note}\n", base.name));
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
