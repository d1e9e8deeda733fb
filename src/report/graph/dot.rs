//! `-o dot`: a digraph of Graphviz.

use crate::layout::{Graph, NodeKind, Why};

/// Writes the graph of one cluster.
pub(super) fn write(cluster: &str, graph: &Graph) -> String {
    let mut out = format!(
        "// An arrow leads from what must be ready first; dashed: awaited by a health check.\ndigraph {} {{\n  rankdir=LR;\n  node [fontname=\"monospace\"];\n",
        quoted(cluster)
    );
    for (name, kind) in &graph.nodes {
        let shape = match kind {
            NodeKind::Root => "component",
            NodeKind::Part => "box",
            NodeKind::Module => "box, style=rounded",
            NodeKind::Other => "hexagon",
        };
        out.push_str(&format!("  {} [shape={shape}];\n", quoted(name)));
    }
    for edge in &graph.edges {
        let style = if edge.why == Why::DependsOn { "" } else { " [style=dashed]" };
        out.push_str(&format!("  {} -> {}{style};\n", quoted(&edge.to), quoted(&edge.from)));
    }
    out.push_str("}\n");
    out
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
