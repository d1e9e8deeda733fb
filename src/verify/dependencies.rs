//! `dependsOn`: no cycles, which Flux does not detect, and no names that nobody deploys.

use std::collections::BTreeMap;

use crate::diagnostic::{codes, did_you_mean};
use crate::intent::Findings;
use crate::intent::manifest::ModuleState;
use crate::layout::Layout;
use crate::plan::Plan;

/// Checks the graph of Kustomizations.
pub(super) fn check(plan: &Plan, layout: &Layout, findings: &mut Findings) {
    let mut graph: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for part in &layout.parts {
        let names = part.depends_on.iter().filter_map(|name| layout.parts.iter().find(|other| other.name == *name));
        // A part is ready when its health checks are, so it waits for them as for its dependencies.
        let waits =
            names.map(|other| other.kustomization.as_str()).chain(part.health_checks.iter().map(String::as_str));
        graph.insert(&part.kustomization, waits.collect());
    }
    for module in plan.modules.iter().filter(|module| module.state == ModuleState::Enabled) {
        graph.insert(&module.kustomization, module.release.depends_on.iter().map(String::as_str).collect());
    }
    for (index, module) in plan.modules.iter().enumerate().filter(|(_, module)| module.state == ModuleState::Enabled) {
        for (number, name) in module.release.depends_on.indexed() {
            let at = format!("{}/release/dependsOn/{number}", module.at);
            let other = plan.modules.iter().enumerate().find(|(other, m)| *other != index && m.kustomization == *name);
            let absent = other.is_some_and(|(_, other)| other.state == ModuleState::Disabled);
            let known = graph.contains_key(name.as_str()) || other.is_some() || plan.platform.is_kustomization(name);
            if absent || !known {
                let what = if absent { "is disabled" } else { "is neither of this tree nor of the platform" };
                let hint = did_you_mean(name, graph.keys().copied()).map(|meant| format!("did you mean `{meant}`?"));
                findings
                    .add(
                        codes::DEPENDENCY_UNKNOWN,
                        &at,
                        format!("Kustomization `{name}` {what}; Flux would wait for ever"),
                    )
                    .hint = Some(hint.unwrap_or_else(|| "remove the dependency, or enable the module".into()));
            }
        }
    }
    if let Some(cycle) = find_cycle(&graph) {
        let first = plan.modules.iter().find(|module| cycle.contains(&module.kustomization.as_str()));
        let at = first.map_or_else(|| "/spec/modules".to_owned(), |module| format!("{}/release/dependsOn", module.at));
        findings
            .add(codes::DEPENDENCY_CYCLE, &at, format!("Kustomizations wait for each other: {}", cycle.join(" -> ")))
            .hint = Some("remove one of the dependencies".into());
    }
}

/// Finds one cycle, by walking depth first in the order of names.
fn find_cycle<'a>(graph: &BTreeMap<&'a str, Vec<&'a str>>) -> Option<Vec<&'a str>> {
    fn walk<'a>(
        node: &'a str,
        graph: &BTreeMap<&'a str, Vec<&'a str>>,
        path: &mut Vec<&'a str>,
        done: &mut Vec<&'a str>,
    ) -> Option<Vec<&'a str>> {
        if let Some(at) = path.iter().position(|known| *known == node) {
            let mut cycle = path[at..].to_vec();
            cycle.push(node);
            return Some(cycle);
        }
        if done.contains(&node) {
            return None;
        }
        path.push(node);
        for next in graph.get(node).into_iter().flatten() {
            if let Some(cycle) = walk(next, graph, path, done) {
                return Some(cycle);
            }
        }
        path.pop();
        done.push(node);
        None
    }
    let mut done = Vec::new();
    graph.keys().find_map(|node| walk(node, graph, &mut Vec::new(), &mut done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_found() {
        let graph = BTreeMap::from([("a", vec!["b"]), ("b", vec!["c"]), ("c", vec!["b"]), ("d", vec![])]);
        assert_eq!(find_cycle(&graph), Some(vec!["b", "c", "b"]));
        let graph = BTreeMap::from([("a", vec!["b", "c"]), ("b", vec!["c"]), ("c", vec![])]);
        assert_eq!(find_cycle(&graph), None);
    }
}
