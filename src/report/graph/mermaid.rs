//! `-o mermaid`: a flowchart.

use crate::layout::{Graph, NodeKind, Why};

/// Writes the graph of one cluster.
pub(super) fn write(cluster: &str, graph: &Graph) -> String {
    let mut out = format!(
        "%% {cluster}: an arrow leads from what must be ready first; dotted: awaited by a health check\nflowchart LR\n"
    );
    let id = |name: &str| graph.nodes.keys().position(|node| node == name).unwrap_or_default();
    for (name, kind) in &graph.nodes {
        let text = name.replace('&', "#amp;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;");
        let (open, close) = match kind {
            NodeKind::Root => ("[[", "]]"),
            NodeKind::Part => ("[", "]"),
            NodeKind::Module => ("([", "])"),
            NodeKind::Other => ("{{", "}}"),
        };
        out.push_str(&format!("  n{}{open}\"{text}\"{close}\n", id(name)));
    }
    for edge in &graph.edges {
        let arrow = if edge.why == Why::DependsOn { "-->" } else { "-.->" };
        out.push_str(&format!("  n{} {arrow} n{}\n", id(&edge.to), id(&edge.from)));
    }
    out
}
