//! `-o html`: one page that needs nothing else: no network, no script, no font. Colours follow the reader's system.
//!
//! Owns the frame of the page; `cluster` owns what is in it, page.css how it looks.

mod cluster;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{ClusterDiff, EffectiveDiff, count_objects, inline, summary};

const STYLE: &str = include_str!("page.css");

/// Writes all clusters.
pub(super) fn write(diffs: &[ClusterDiff], _color: bool) -> String {
    let contents: Vec<(&str, String)> = diffs.iter().map(|diff| (diff.cluster.as_str(), content(diff))).collect();
    let mut body = String::new();
    for (number, diff) in diffs.iter().enumerate() {
        cluster::write(number + 1, diff, &mut body);
    }
    page(&contents, &body)
}

/// Writes what a cluster applies before and after.
pub(super) fn write_effective(diffs: &[EffectiveDiff], _color: bool) -> String {
    let contents: Vec<(&str, String)> = diffs.iter().map(|diff| (diff.cluster.as_str(), diff.lead())).collect();
    let mut body = String::new();
    for (number, diff) in diffs.iter().enumerate() {
        cluster::write_effective(number + 1, diff, &mut body);
    }
    page(&contents, &body)
}

/// Writes a page: the clusters with what is to be seen in each, and their sections.
fn page(clusters: &[(&str, String)], body: &str) -> String {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    let names: Vec<&str> = clusters.iter().map(|(name, _)| *name).collect();
    let title = match names.as_slice() {
        [name] => format!("Changes of cluster {name}"),
        names => format!("Changes of {} clusters", names.len()),
    };
    let title = escape(&title);
    let mut out = format!(
        r##"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta name="referrer" content="no-referrer"/>
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the changes</a>
<header>
<h1>{title}</h1>
"##
    );
    contents(clusters, &mut out);
    out.push_str("</header>\n<main id=\"main\">\n");
    out.push_str(body);
    out.push_str("</main>\n<footer>\n");
    out.push_str(&format!(
        "<p>Written by fluxwright {}. Credentials are shown as <code>********</code>.</p>\n",
        env!("CARGO_PKG_VERSION")
    ));
    out.push_str("</footer>\n</body>\n</html>\n");
    out
}

/// Writes the list of clusters, with what is to be seen in each.
fn contents(clusters: &[(&str, String)], out: &mut String) {
    out.push_str("<nav aria-label=\"Clusters\">\n<ul>\n");
    for (number, (name, content)) in clusters.iter().enumerate() {
        out.push_str(&format!(
            "<li><a href=\"#cluster-{}\">{}</a> <span class=\"muted\">{content}</span></li>\n",
            number + 1,
            escape(name)
        ));
    }
    out.push_str("</ul>\n</nav>\n");
}

/// What is to be seen in a cluster.
fn content(diff: &ClusterDiff) -> String {
    let changes = match diff.graph {
        None => "not compared".to_owned(),
        Some(_) if diff.changes.is_empty() => "no changes".to_owned(),
        Some(_) => count_objects(&diff.meaning.objects),
    };
    let findings = summary(&diff.diagnostics);
    let comma = if findings.is_empty() { "" } else { ", " };
    format!("{changes}{comma}{findings}")
}

/// Makes text of anything: no character of it is markup, and none acts unseen.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in inline::visible(text.to_owned()).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// Makes markup of a message: what it has between backticks is code.
fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let part = |(number, part): (usize, &&str)| match number % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)),
    };
    parts.iter().enumerate().map(part).collect()
}

#[cfg(test)]
mod tests;
