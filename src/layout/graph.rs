//! The graph of Flux Kustomizations: who waits for whom.

use std::collections::BTreeMap;

use super::Part;
use super::flux::root_name;
use super::parts::kustomization_name;
use crate::intent::manifest::ModuleState;
use crate::plan::Plan;

/// Kustomizations and what they wait for.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Nodes by name.
    pub nodes: BTreeMap<String, NodeKind>,
    /// Edges, sorted: who waits, and for whom.
    pub edges: Vec<Edge>,
}

/// What a Kustomization is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// The root, which applies the Kustomizations of the parts.
    Root,
    /// A part of this tree.
    Part,
    /// A module that this tree has the platform's release install.
    Module,
    /// Somebody else's.
    Other,
}

/// One Kustomization that waits for another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Who waits.
    pub from: String,
    /// For whom.
    pub to: String,
    /// Why.
    pub why: Why,
    /// JSON pointer of the field of the intent that says so, when the user wrote it.
    pub at: Option<String>,
}

/// Why one Kustomization waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// By `dependsOn`: it is not applied before.
    DependsOn,
    /// By a health check: it is not ready before.
    HealthCheck,
}

impl Graph {
    /// Draws the graph of a plan and its parts.
    pub(super) fn new(plan: &Plan, parts: &[Part]) -> Self {
        let mut graph = Self::default();
        let source = &plan.cluster.intent.spec.gitops.source.name;
        graph.nodes.insert(root_name(plan), NodeKind::Root);
        let enabled = || plan.modules.iter().filter(|module| module.state == ModuleState::Enabled);
        for module in enabled().filter(|module| module.helm.is_none()) {
            graph.nodes.insert(module.kustomization.clone(), NodeKind::Module);
        }
        for part in parts {
            graph.nodes.insert(part.kustomization.clone(), NodeKind::Part);
        }
        for part in parts {
            for name in &part.depends_on {
                graph.edge(&part.kustomization, &kustomization_name(source, name), Why::DependsOn, None);
            }
            for name in &part.health_checks {
                graph.edge(&part.kustomization, name, Why::HealthCheck, None);
            }
        }
        for module in enabled() {
            let (block, names) = match &module.helm {
                Some(helm) => ("helm", &helm.spec.depends_on),
                None => ("release", &module.release.depends_on),
            };
            for (number, name) in names.indexed() {
                let at = format!("{}/{block}/dependsOn/{number}", module.at);
                graph.edge(&module.kustomization, name, Why::DependsOn, Some(at));
            }
        }
        graph.edges.sort();
        graph
    }

    fn edge(&mut self, from: &str, to: &str, why: Why, at: Option<String>) {
        self.nodes.entry(to.to_owned()).or_insert(NodeKind::Other);
        self.edges.push(Edge { from: from.to_owned(), to: to.to_owned(), why, at });
    }

    /// Finds one cycle, by walking depth first in the order of names; the first name comes again at the end.
    pub fn cycle(&self) -> Option<Vec<&str>> {
        let mut done = Vec::new();
        self.nodes.keys().find_map(|node| self.walk(node, &mut Vec::new(), &mut done))
    }

    fn walk<'a>(&'a self, node: &'a str, path: &mut Vec<&'a str>, done: &mut Vec<&'a str>) -> Option<Vec<&'a str>> {
        if let Some(at) = path.iter().position(|known| *known == node) {
            let mut cycle = path[at..].to_vec();
            cycle.push(node);
            return Some(cycle);
        }
        if done.contains(&node) {
            return None;
        }
        path.push(node);
        for edge in self.edges.iter().filter(|edge| edge.from == node) {
            if let Some(cycle) = self.walk(&edge.to, path, done) {
                return Some(cycle);
            }
        }
        path.pop();
        done.push(node);
        None
    }

    /// Returns the nodes in ranks: whoever waits for nobody comes first, everybody else after all that they wait for.
    /// A graph with a cycle gives its nodes in one rank.
    pub fn ranks(&self) -> Vec<Vec<&str>> {
        if self.cycle().is_some() {
            return vec![self.nodes.keys().map(String::as_str).collect()];
        }
        let mut ranks: BTreeMap<&str, usize> = self.nodes.keys().map(|name| (name.as_str(), 0)).collect();
        loop {
            let mut moved = false;
            for edge in &self.edges {
                let least = ranks[edge.to.as_str()] + 1;
                if ranks[edge.from.as_str()] < least {
                    ranks.insert(&edge.from, least);
                    moved = true;
                }
            }
            if !moved {
                break;
            }
        }
        let mut sorted = vec![Vec::new(); ranks.values().max().map_or(0, |last| last + 1)];
        for (name, rank) in ranks {
            sorted[rank].push(name);
        }
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::default();
        for (from, to) in edges {
            graph.nodes.insert((*from).to_owned(), NodeKind::Part);
            graph.edge(from, to, Why::DependsOn, None);
        }
        graph
    }

    #[test]
    fn cycles_are_found() {
        assert_eq!(graph(&[("a", "b"), ("b", "c"), ("c", "b")]).cycle(), Some(vec!["b", "c", "b"]));
        assert_eq!(graph(&[("a", "b"), ("a", "c"), ("b", "c")]).cycle(), None);
    }

    #[test]
    fn ranks_follow_the_longest_way() {
        let graph = graph(&[("a", "b"), ("a", "c"), ("b", "c")]);
        assert_eq!(graph.ranks(), [vec!["c"], vec!["b"], vec!["a"]]);
    }
}
