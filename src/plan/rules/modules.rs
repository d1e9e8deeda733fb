//! Modules: whether the platform has them, who owns them, and how they get into the cluster.

use std::collections::HashMap;

use crate::catalog::{Catalog, ModuleDelivery, Owner, Platform};
use crate::diagnostic::{codes, did_you_mean, mask};
use crate::intent::Findings;
use crate::intent::manifest::{ClusterIntent, Helm, Module, ModuleState, Release};
use crate::plan::modules;

pub(super) fn check(intent: &ClusterIntent, platform: &Platform, catalog: &Catalog, findings: &mut Findings) {
    let mut kustomizations: HashMap<String, usize> = HashMap::new();
    for (index, module) in intent.spec.modules.indexed() {
        let at = format!("/spec/modules/{index}");
        let plugin = catalog.module(&module.name).filter(|plugin| plugin.works_on(&platform.name));
        let base = platform.base_module(&module.name);
        for key in module.options.keys().filter(|key| **key != module.name) {
            findings
                .add_at_key(
                    codes::MODULE_OPTIONS_MISPLACED,
                    &format!("{at}/{key}"),
                    format!("`{key}` does not belong to module `{}`", module.name),
                )
                .hint = Some(format!("options of a module stand under its own name, here `{}`", module.name));
        }
        match (plugin, base) {
            (None, None) => unknown(module, &at, platform, catalog, findings),
            (_, Some(_)) => base_module(intent, module, &at, platform, findings),
            (Some(_), None) => {}
        }
        if plugin.is_some() || base.is_some_and(|base| base.owner == Owner::FluxCD) {
            let facts = modules::facts(&module.name, platform, catalog);
            options(module, &at, catalog, findings);
            let one = One {
                intent,
                platform,
                module,
                at: &at,
                component: facts.component.as_deref().unwrap_or(&module.name),
            };
            one.delivery(facts.delivery, findings);
            one.shared(&mut kustomizations, index, findings);
        }
        health_checks(module, &at, findings);
    }
}

/// A module with required options needs its block.
fn options(module: &Module, at: &str, catalog: &Catalog, findings: &mut Findings) {
    let schema = catalog.module(&module.name).map(|plugin| plugin.options_schema());
    let required: Vec<String> = schema
        .iter()
        .filter_map(|schema| schema.get("required")?.as_array())
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    let place = format!("{at}/{}", module.name);
    let given = module.options.contains_key(&module.name) || findings.has_errors_at(&place);
    if module.state != ModuleState::Disabled && !required.is_empty() && !given {
        findings
            .add(codes::MISSING_FIELD, &place, format!("`{}` needs its options: {}", module.name, required.join(", ")))
            .hint = Some(format!("`fluxwright modules {}` documents them", module.name));
    }
}

/// A base module can only be patched, and only when Flux owns it.
fn base_module(intent: &ClusterIntent, module: &Module, at: &str, platform: &Platform, findings: &mut Findings) {
    let Some(base) = platform.base_module(&module.name) else { return };
    if base.owner != Owner::FluxCD {
        let reason = base.reason.as_deref().unwrap_or("changes would be reverted");
        findings
            .add(
                codes::MODULE_NOT_PATCHABLE,
                &format!("{at}/name"),
                format!("`{}` is owned by Configuration Manager, not by FluxCD: {reason}", module.name),
            )
            .hint = Some("remove it here and set it in the cluster specification".into());
    } else if module.state != ModuleState::Existing {
        findings
            .add(
                codes::BASE_MODULE_STATE,
                &format!("{at}/state"),
                format!("`{}` is a base module: it is always installed and cannot be {:?}", module.name, module.state),
            )
            .hint = Some("use `state: Existing` to patch it".into());
    }
    if intent.spec.platform.nodes.infra < base.min_infra_nodes {
        findings
            .add(
                codes::MODULE_NEEDS_NODES,
                &format!("{at}/name"),
                format!(
                    "`{}` is installed from {} infra nodes on; infra = {}",
                    module.name, base.min_infra_nodes, intent.spec.platform.nodes.infra
                ),
            )
            .hint = Some("remove the module, or correct `platform.nodes.infra`".into());
    }
    // Each pair is reported once, at the later of the two.
    let before = intent.spec.modules.iter().take_while(|other| other.name != module.name);
    if let Some(other) = before.filter(|other| base.excludes.contains(&other.name)).last() {
        findings
            .add(
                codes::MODULE_CONFLICT,
                &format!("{at}/name"),
                format!("no cluster has both `{}` and `{}`", module.name, other.name),
            )
            .hint = Some("keep the one that `kubectl get kustomizations -A` shows".into());
    }
}

/// A Job or a Pod that has finished is gone, and Flux would wait for it for ever.
fn health_checks(module: &Module, at: &str, findings: &mut Findings) {
    let Some(release) = &module.release else { return };
    for (number, check) in release.health_checks.indexed() {
        if matches!(check.kind.as_str(), "Job" | "Pod" | "CronJob") {
            findings
                .add(
                    codes::HEALTH_CHECK_KIND,
                    &format!("{at}/release/healthChecks/{number}/kind"),
                    format!("a {} says nothing about the module's health: it finishes and goes", check.kind),
                )
                .hint = Some("name a StatefulSet, DaemonSet, Deployment or HelmRelease".into());
        }
    }
}

fn unknown(module: &Module, at: &str, platform: &Platform, catalog: &Catalog, findings: &mut Findings) {
    let optional: Vec<&str> =
        catalog.modules().filter(|plugin| plugin.works_on(&platform.name)).map(|plugin| plugin.name.as_str()).collect();
    let base = platform.base_modules.iter().map(|base| base.name.as_str());
    let meant = did_you_mean(&module.name, optional.iter().copied().chain(base));
    let hint = meant.map_or_else(
        || {
            format!(
                "modules: {}; base modules can only be patched (`fluxwright modules` lists all)",
                optional.join(", ")
            )
        },
        |name| format!("did you mean `{name}`?"),
    );
    findings
        .add(
            codes::MODULE_UNKNOWN,
            &format!("{at}/name"),
            format!("unknown module {} on platform {}", mask::quote(&module.name), platform.name),
        )
        .hint = Some(hint);
}

/// One module with what its rules need.
struct One<'a> {
    intent: &'a ClusterIntent,
    platform: &'a Platform,
    module: &'a Module,
    at: &'a str,
    component: &'a str,
}

impl One<'_> {
    /// The block that fits how the module gets into the cluster, and only that.
    fn delivery(&self, delivery: ModuleDelivery, findings: &mut Findings) {
        let Self { module, at, platform, .. } = self;
        let by_helm = delivery == ModuleDelivery::Helm;
        match (module.state, by_helm) {
            (ModuleState::Disabled, _) => {}
            (ModuleState::Enabled, true) => {
                self.unused(
                    module.release.is_some(),
                    "release",
                    "this tree installs it from a Helm chart",
                    "helm",
                    findings,
                );
                match &module.helm {
                    Some(helm) => self.chart(helm, findings),
                    // It is there and faulty, which is reported.
                    None if findings.has_errors_at(&format!("{at}/helm")) => {}
                    None => {
                        findings
                            .add(
                                codes::HELM_REQUIRED,
                                at,
                                format!("`helm` is required: on {} `{}` is installed from a Helm chart", platform.name, module.name),
                            )
                            .hint = Some(
                            "add `helm: {source: {url: ..., version: ...}}`, or `state: Existing` when somebody else installs it"
                                .into(),
                        );
                    }
                }
            }
            (ModuleState::Enabled, false) => {
                self.unused(module.helm.is_some(), "helm", "the platform's release delivers it", "release", findings);
                self.released(findings);
            }
            (ModuleState::Existing, _) => {
                self.unused(
                    module.helm.is_some(),
                    "helm",
                    "this tree does not install an existing module",
                    "release",
                    findings,
                );
                self.existing(findings);
            }
        }
    }

    fn unused(&self, given: bool, field: &str, why: &str, other: &str, findings: &mut Findings) {
        if given {
            findings
                .add_at_key(
                    codes::DELIVERY_BLOCK_UNUSED,
                    &format!("{}/{field}", self.at),
                    format!("`{field}` of `{}` has no effect: {why}", self.module.name),
                )
                .hint = Some(format!("remove it; what is needed here is `{other}`"));
        }
    }

    fn release(&self, findings: &mut Findings) -> Option<&Release> {
        if self.module.release.is_none() && !findings.has_errors_at(&format!("{}/release", self.at)) {
            findings
                .add(
                    codes::RELEASE_REQUIRED,
                    self.at,
                    format!("`release` is required: which Kustomization delivers `{}`", self.module.name),
                )
                .hint =
                Some(format!("add `release: {{kustomization: {}}}`", self.platform.kustomization(self.component)));
        }
        self.module.release.as_ref()
    }

    /// What this tree needs to know to have the platform's release install a module.
    fn released(&self, findings: &mut Findings) {
        let Some(release) = self.release(findings) else { return };
        if release.path.is_none() {
            findings
                .add(
                    codes::RELEASE_PATH_REQUIRED,
                    &format!("{}/release", self.at),
                    "`path` is required to enable a module: its path in the platform's release repository",
                )
                .hint = Some(format!(
                "look it up in the release repository, for example `./{}/main`, or use `state: Existing`",
                self.module.name
            ));
        }
        if self.intent.spec.gitops.release_source.is_none() {
            findings
                .add(
                    codes::RELEASE_SOURCE_REQUIRED,
                    "/spec/gitops",
                    format!("`releaseSource` is required to enable module `{}`", self.module.name),
                )
                .hint =
                Some(format!("`kubectl -n {} get gitrepositories` lists the sources", self.platform.gitops.namespace));
        }
    }

    /// What of an existing module's Kustomization is not ours.
    fn existing(&self, findings: &mut Findings) {
        let Some(release) = self.release(findings) else { return };
        let given = [
            ("serviceAccountName", release.service_account_name.is_some()),
            ("dependsOn", !release.depends_on.is_empty()),
            ("varsFrom", !release.vars_from.is_empty()),
            ("healthChecks", !release.health_checks.is_empty()),
        ];
        for (field, _) in given.iter().filter(|(_, given)| *given) {
            findings
                .add_at_key(
                    codes::RELEASE_FIELD_NOT_OURS,
                    &format!("{}/release/{field}", self.at),
                    format!("`{field}` of an existing module belongs to the platform"),
                )
                .hint = Some("remove it; with `state: Existing` only variables and patches are merged in".into());
        }
    }

    /// A chart in a registry that asks for credentials needs them where Flux reads it.
    fn chart(&self, helm: &Helm, findings: &mut Findings) {
        if let Some(registry) = modules::needs_secret(self.intent, self.platform, helm) {
            let namespace = crate::plan::namespace(self.intent, self.platform);
            findings
                .add(
                    codes::CHART_SECRET_MISSING,
                    &format!("{}/helm/source", self.at),
                    format!(
                        "registry `{registry}` asks for credentials, and Flux has none for the chart in `{namespace}`"
                    ),
                )
                .hint = Some(format!(
                "add `{namespace}` to the namespaces of the pull secret of `{registry}`, or set `secretRef`"
            ));
        }
    }

    /// Each module has a Kustomization of its own, and waits for others only.
    fn shared(&self, seen: &mut HashMap<String, usize>, index: usize, findings: &mut Findings) {
        let Some(release) = &self.module.release else { return };
        let name = release.kustomization.clone().unwrap_or_else(|| self.platform.kustomization(self.component));
        if let Some(first) = seen.insert(name.clone(), index)
            && self
                .intent
                .spec
                .modules
                .indexed()
                .any(|(number, other)| number == first && other.name != self.module.name)
        {
            let first = findings.name_of(&format!("/spec/modules/{first}"), self.at);
            findings
                .add(
                    codes::RELEASE_NAME_SHARED,
                    &format!("{}/release", self.at),
                    format!("Kustomization `{name}` belongs to {first} already"),
                )
                .hint = Some("give each module its own Kustomization".into());
        }
        for (number, dependency) in release.depends_on.indexed() {
            if *dependency == name {
                findings
                    .add(
                        codes::MODULE_SELF_DEPENDENCY,
                        &format!("{}/release/dependsOn/{number}", self.at),
                        "a module cannot depend on itself",
                    )
                    .hint = Some("remove the entry".into());
            }
        }
    }
}
