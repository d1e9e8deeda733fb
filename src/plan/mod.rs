//! The plan: which plugins render what, with every name and option resolved against the platform.
//!
//! Owns the rules that need the catalog's facts, and the facts themselves: one JSON document that templates and CEL rules
//! see. Renders nothing.

mod facts;
mod held;
mod modules;
mod rules;
mod validations;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::catalog::{Catalog, Platform, Plugin};
use crate::diagnostic::{Diagnostic, codes};
use crate::intent::manifest::{
    ClusterIntent, ConfigMapOwnership, Helm, ModuleState, NodeExposure, PatchFormat, PatchMode, Protocol, Release,
    StreamFlags,
};
use crate::intent::{Cluster, Findings};

pub use held::Held;

/// A cluster with everything that its rendering needs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The valid intent.
    pub cluster: Cluster,
    /// Its platform.
    pub platform: Arc<Platform>,
    /// Namespace of the Flux objects.
    pub namespace: String,
    /// How patches reach Kustomizations that this tree does not own.
    pub patch_mode: PatchMode,
    /// Ingress controllers with all names.
    pub controllers: Vec<PlannedController>,
    /// Modules of the intent.
    pub modules: Vec<PlannedModule>,
    /// Plugins to render, sections first, then modules, each by name.
    pub plugins: Vec<PlannedPlugin>,
    /// What templates and CEL rules see as `cluster`.
    pub facts: Value,
}

impl Plan {
    /// Tells whether the intent gives options to a module.
    pub fn has_options(&self, module: &PlannedModule) -> bool {
        self.cluster.intent.spec.modules.iter().any(|entry| entry.name == module.name && !entry.options.is_empty())
    }
}

/// An ingress controller with its object names.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedController {
    /// Name of the controller.
    pub name: String,
    /// Namespace of its objects.
    pub namespace: String,
    /// Its Service.
    pub service: String,
    /// Kind of its workload: `DaemonSet` or `Deployment`.
    pub workload_kind: &'static str,
    /// Name of its workload.
    pub workload: String,
    /// Its ConfigMap for TCP services.
    pub tcp_config_map: String,
    /// Its ConfigMap for UDP services.
    pub udp_config_map: String,
    /// Kustomization that deploys it.
    pub kustomization: String,
    /// How its ports reach the node.
    pub node_exposure: NodeExposure,
    /// Whether it has the flags that name its ConfigMaps.
    pub stream_flags: StreamFlags,
    /// Form of its patches.
    pub patch_format: PatchFormat,
    /// Who writes its ConfigMaps.
    pub config_map_ownership: ConfigMapOwnership,
    /// All ports, by number and protocol.
    pub ports: Vec<PlannedPort>,
    /// The TCP ports.
    pub tcp: Vec<PlannedPort>,
    /// The UDP ports.
    pub udp: Vec<PlannedPort>,
}

/// An exposed port with its defaults.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedPort {
    /// Port of the controller and its Service.
    pub port: u32,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Name of the Service port.
    pub name: String,
    /// The value that ingress-nginx reads: `namespace/service:port[:PROXY][:PROXY]`.
    pub upstream: String,
    /// JSON pointer of the entry in the intent.
    pub at: String,
}

/// A module of the intent, resolved.
#[derive(Clone, Debug)]
pub struct PlannedModule {
    /// Name of the module.
    pub name: String,
    /// What should be with it.
    pub state: ModuleState,
    /// Namespace of its objects, if its plugin knows it.
    pub namespace: Option<String>,
    /// Its Kustomization.
    pub kustomization: String,
    /// The Kustomization that delivers it, as the intent describes it.
    pub release: Release,
    /// The chart that this tree installs it from.
    pub helm: Option<PlannedHelm>,
    /// Modules that come first, if the intent has them.
    pub after: Vec<String>,
    /// Health checks of the plugin, used when the release names none.
    pub health_checks: Vec<Value>,
    /// JSON pointer of the entry in the intent.
    pub at: String,
}

/// The chart of a module, resolved.
#[derive(Clone, Debug)]
pub struct PlannedHelm {
    /// What the intent says.
    pub spec: Helm,
    /// Address of the repository, without the chart.
    pub url: String,
    /// Name of the chart.
    pub chart: String,
    /// Secret in the GitOps namespace with the repository's credentials.
    pub secret: Option<String>,
}

/// A plugin with what it renders for.
#[derive(Clone, Debug)]
pub struct PlannedPlugin {
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// Index into [`Plan::modules`], for the plugin of a module.
    pub module: Option<usize>,
    /// What templates and rules see as `module`: empty for a section.
    pub facts: Value,
    /// Options of the module with defaults; `null` for a section.
    pub options: Value,
    /// JSON pointer in the intent of what it renders.
    pub at: String,
    /// Whether there is anything to render; without, only the contract counts, for patches of the user's own.
    pub renders: bool,
}

/// What the catalog makes of an intent, be it valid as a whole or not.
pub struct Prepared {
    platform: Arc<Platform>,
    controllers: Vec<PlannedController>,
    modules: Vec<PlannedModule>,
    plugins: Vec<PlannedPlugin>,
}

/// Checks the part of an intent that needs the catalog but not a valid whole, so that its faults are reported in the same run.
///
/// `None` when the platform is not in the catalog.
pub fn check(intent: &ClusterIntent, catalog: &Catalog, held: &Held, findings: &mut Findings) -> Option<Prepared> {
    let platform = catalog.platform(&intent.spec.platform.kind)?.clone();
    rules::check(intent, &platform, catalog, findings);
    let controllers = facts::controllers(intent, &platform);
    let modules = modules::resolve(intent, &platform, catalog);
    let plugins = plugins(intent, &modules, catalog, &platform);
    let facts = facts::cluster(intent, &platform, catalog, &controllers, &modules, None);
    validations::check(&plugins, &modules, &facts, held, findings);
    Some(Prepared { platform, controllers, modules, plugins })
}

/// Resolves a valid cluster, given what [`check`] has made of its intent.
///
/// # Errors
/// When the platform is not in the catalog; everything else has been checked.
pub fn resolve(cluster: Cluster, prepared: Option<Prepared>, catalog: &Catalog) -> Result<Plan, Vec<Diagnostic>> {
    let intent = &cluster.intent;
    let Prepared { platform, controllers, modules, plugins } = prepared.ok_or_else(|| {
        vec![Diagnostic::new(codes::INVALID_VALUE, "no such platform in the catalog").file(cluster.file.clone())]
    })?;
    let namespace = namespace(intent, &platform);
    let facts = facts::cluster(intent, &platform, catalog, &controllers, &modules, Some(&cluster));
    let patch_mode = patch_mode(intent, &platform);
    Ok(Plan { platform, namespace, patch_mode, controllers, modules, plugins, facts, cluster })
}

/// The name of the Kustomization that applies the HelmRelease of a module.
pub(crate) fn release_part(source: &str, module: &str) -> String {
    format!("{source}-{module}-release")
}

fn patch_mode(intent: &ClusterIntent, platform: &Platform) -> PatchMode {
    intent.spec.gitops.patch_mode.unwrap_or(match platform.gitops.patch_mode.as_str() {
        "ManualSnippet" => PatchMode::ManualSnippet,
        _ => PatchMode::MergeAnnotation,
    })
}

fn namespace(intent: &ClusterIntent, platform: &Platform) -> String {
    intent.spec.gitops.namespace.clone().unwrap_or_else(|| platform.gitops.namespace.clone())
}

/// Faulty elements of lists were cut out and reported; rules look at the others.
fn without_holes(options: &mut Value) {
    match options {
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(without_holes);
        }
        Value::Object(map) => map.values_mut().for_each(without_holes),
        _ => {}
    }
}

/// Chooses the plugins: those of the sections that the platform knows, then those of the modules that are not disabled.
fn plugins(
    intent: &ClusterIntent,
    modules: &[PlannedModule],
    catalog: &Catalog,
    platform: &Platform,
) -> Vec<PlannedPlugin> {
    let spec = serde_json::to_value(&intent.spec).unwrap_or_default();
    let present = |section: &str| match spec.get(section) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    };
    let mut planned: Vec<PlannedPlugin> = catalog
        .plugins()
        .filter(|plugin| plugin.works_on(&platform.name))
        .filter_map(|plugin| {
            let section = plugin.section.as_deref()?;
            let renders = present(section);
            Some(PlannedPlugin {
                plugin: plugin.clone(),
                module: None,
                facts: Value::Object(serde_json::Map::new()),
                options: Value::Null,
                at: format!("/spec/{section}"),
                renders,
            })
        })
        .collect();
    let by_name: BTreeMap<&str, usize> =
        modules.iter().enumerate().map(|(index, m)| (m.name.as_str(), index)).collect();
    for (name, index) in by_name {
        let module = &modules[index];
        let Some(plugin) = catalog.module(name).filter(|_| module.state != ModuleState::Disabled) else { continue };
        let given = intent.spec.modules.indexed().find(|(number, _)| module.at == format!("/spec/modules/{number}"));
        let mut options = given.and_then(|(_, entry)| entry.options.get(name)).cloned().unwrap_or(Value::Null);
        without_holes(&mut options);
        crate::catalog::with_defaults(&mut options, &plugin.options_schema());
        planned.push(PlannedPlugin {
            plugin: plugin.clone(),
            module: Some(index),
            facts: facts::module(module),
            options,
            at: module.at.clone(),
            renders: true,
        });
    }
    planned
}
