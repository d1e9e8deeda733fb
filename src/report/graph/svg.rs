//! `-o svg`: a picture in columns; whoever waits for nobody stands on the left.

use std::collections::BTreeMap;

use crate::layout::{Graph, NodeKind, Why};
use crate::report::inline::visible;

const LETTER: usize = 8;
const HEIGHT: usize = 30;
const ROW: usize = 46;
const GAP: usize = 70;
const MARGIN: usize = 20;
const STYLE: &str = "text{font:13px monospace;fill:#1c1c1c}rect{fill:#f4f6f8;stroke:#57606a}.root{fill:#dbeafe}\
.module{fill:#dcfce7}.other{fill:none;stroke-dasharray:4 3}path{fill:none;stroke:#57606a}.health{stroke-dasharray:4 3}\
marker path{fill:#57606a;stroke:none}@media(prefers-color-scheme:dark){text{fill:#e6edf3}rect{fill:#21262d;stroke:#8b949e}\
.root{fill:#1f3a5f}.module{fill:#14432a}.other{fill:none}path{stroke:#8b949e}marker path{fill:#8b949e}}";

/// Writes the graph of one cluster.
pub(super) fn write(cluster: &str, graph: &Graph) -> String {
    draw(cluster, graph, "head", " xmlns=\"http://www.w3.org/2000/svg\"", &format!("<style>{STYLE}</style>\n"))
}

/// Writes the graph of one cluster for a page of HTML, which has the style; `id` is the only one in the picture.
pub(in crate::report) fn inline(cluster: &str, graph: &Graph, id: &str) -> String {
    draw(cluster, graph, id, "", "")
}

fn draw(cluster: &str, graph: &Graph, id: &str, namespace: &str, style: &str) -> String {
    let ranks = graph.ranks();
    let mut places: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    let mut x = MARGIN;
    for rank in &ranks {
        let width = rank.iter().map(|name| name.chars().count()).max().unwrap_or_default() * LETTER + 20;
        for (row, name) in rank.iter().enumerate() {
            places.insert(name, (x, MARGIN + row * ROW, width));
        }
        x += width + GAP;
    }
    let width = x - GAP + MARGIN;
    let height = ranks.iter().map(Vec::len).max().unwrap_or_default() * ROW + MARGIN;
    let mut out = format!(
        "<svg{namespace} width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>Kustomizations of {}</title>\n{style}<marker id=\"{id}\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\"/></marker>\n",
        escaped(cluster)
    );
    for edge in &graph.edges {
        let (Some(first), Some(then)) = (places.get(edge.to.as_str()), places.get(edge.from.as_str())) else {
            continue;
        };
        let (x1, y1) = (first.0 + first.2, first.1 + HEIGHT / 2);
        let (x2, y2) = (then.0, then.1 + HEIGHT / 2);
        let class = if edge.why == Why::DependsOn { "depends" } else { "health" };
        let (c1, c2) = (x1 + GAP / 2, x2.saturating_sub(GAP / 2));
        out.push_str(&format!(
            "<path class=\"{class}\" marker-end=\"url(#{id})\" d=\"M{x1} {y1}C{c1} {y1} {c2} {y2} {x2} {y2}\"/>\n"
        ));
    }
    for (name, kind) in &graph.nodes {
        let Some((x, y, width)) = places.get(name.as_str()) else { continue };
        let class = match kind {
            NodeKind::Root => "root",
            NodeKind::Part => "part",
            NodeKind::Module => "module",
            NodeKind::Other => "other",
        };
        out.push_str(&format!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" rx=\"5\"/><text x=\"{}\" y=\"{}\">{}</text>\n",
            x + 10,
            y + 20,
            escaped(name)
        ));
    }
    out.push_str("</svg>\n");
    out
}

fn escaped(text: &str) -> String {
    visible(text.to_owned()).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
