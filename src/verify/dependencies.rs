//! `dependsOn`: no cycles, which Flux does not detect, and no names that nobody deploys.

use crate::diagnostic::{codes, did_you_mean};
use crate::intent::Findings;
use crate::intent::manifest::ModuleState;
use crate::layout::{Layout, NodeKind};
use crate::plan::Plan;

/// Checks the graph of Kustomizations.
pub(super) fn check(plan: &Plan, layout: &Layout, findings: &mut Findings) {
    let graph = &layout.graph;
    for edge in &graph.edges {
        let Some(at) = edge.at.as_deref() else { continue };
        let name = edge.to.as_str();
        let other = plan.modules.iter().find(|module| module.kustomization == name && edge.from != name);
        let absent = other.is_some_and(|other| other.state == ModuleState::Disabled);
        let ours = graph.nodes.get(name).is_some_and(|kind| *kind != NodeKind::Other);
        if !absent && (ours || other.is_some() || plan.platform.is_kustomization(name)) {
            continue;
        }
        let what = if absent { "is disabled" } else { "is neither of this tree nor of the platform" };
        let known = graph.nodes.iter().filter(|(_, kind)| **kind != NodeKind::Other).map(|(name, _)| name.as_str());
        let hint = did_you_mean(name, known).map(|meant| format!("did you mean `{meant}`?"));
        findings
            .add(codes::DEPENDENCY_UNKNOWN, at, format!("Kustomization `{name}` {what}; Flux would wait for ever"))
            .hint = Some(hint.unwrap_or_else(|| "remove the dependency, or enable the module".into()));
    }
    if let Some(cycle) = graph.cycle() {
        let first = graph.edges.iter().find(|edge| edge.at.is_some() && cycle.contains(&edge.from.as_str()));
        let at = first.and_then(|edge| edge.at.as_deref()?.rsplit_once('/')).map_or("/spec/modules", |(list, _)| list);
        findings
            .add(codes::DEPENDENCY_CYCLE, at, format!("Kustomizations wait for each other: {}", cycle.join(" -> ")))
            .hint = Some("remove one of the dependencies".into());
    }
}
