//! The graph of Kustomizations as text: one file per format. An arrow leads from what must be ready first.

mod dot;
mod mermaid;
mod svg;

use crate::layout::Graph;

pub(super) use svg::inline;

/// A format of `graph`: its name for `-o` and its writer.
pub struct GraphFormat {
    /// The value of `-o`.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Writes the graph of one cluster.
    pub write: fn(cluster: &str, graph: &Graph) -> String,
}

/// The formats of `graph`.
pub const GRAPH_FORMATS: &[GraphFormat] = &[
    GraphFormat { name: "mermaid", help: "for Markdown, as GitHub and Gitea draw it", write: mermaid::write },
    GraphFormat { name: "dot", help: "for Graphviz", write: dot::write },
    GraphFormat { name: "svg", help: "a picture, drawn here", write: svg::write },
];

/// Finds a format by name.
pub fn graph_format(name: &str) -> Option<&'static GraphFormat> {
    GRAPH_FORMATS.iter().find(|format| format.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Edge, NodeKind, Why};

    /// A graph with a name that every format has to escape.
    pub(super) fn sample() -> Graph {
        let nodes =
            [("root", NodeKind::Root), ("a.b\"<&", NodeKind::Part), ("c", NodeKind::Module), ("d", NodeKind::Other)];
        let edge = |from: &str, to: &str, why| Edge { from: from.to_owned(), to: to.to_owned(), why, at: None };
        Graph {
            nodes: nodes.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect(),
            edges: vec![edge("a.b\"<&", "c", Why::HealthCheck), edge("c", "d", Why::DependsOn)],
        }
    }

    #[test]
    fn every_format_names_every_node_and_escapes() {
        for format in GRAPH_FORMATS {
            let text = (format.write)("demo", &sample());
            assert!(text.ends_with('\n') && text.contains("root"), "{}: {text}", format.name);
            assert!(!text.contains("b\"<&"), "{}: {text}", format.name);
        }
    }
}
