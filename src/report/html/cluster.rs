//! One cluster on the page: findings, objects, other files, proofs, graph.

use super::{escape, prose};
use crate::diagnostic::{Diagnostic, Severity};
use crate::diff::{ChangeKind, FieldChange, FileKind, FileMeaning, ObjectChange, ObjectKind};
use crate::layout::Why;
use crate::report::effective::{capital, group_words, place};
use crate::report::lines::{self, Line};
use crate::report::{ClusterDiff, EffectiveDiff, count_objects, graph, hand_edits, proofs_line, sign, text};
use crate::verify::Proof;

/// Writes one cluster; its number makes ids that no other cluster has.
pub(super) fn write(number: usize, diff: &ClusterDiff, out: &mut String) {
    let name = escape(&diff.cluster);
    out.push_str(&format!("<section aria-labelledby=\"cluster-{number}\">\n<h2 id=\"cluster-{number}\">{name}</h2>\n"));
    let against = escape(&diff.against);
    let proven = escape(&proofs_line(&diff.proofs));
    out.push_str(&match &diff.graph {
        None => format!(
            "<p class=\"lead\">The intent <code>{}</code> has errors. Nothing was compared.</p>\n",
            escape(&diff.intent)
        ),
        Some(_) if diff.changes.is_empty() => {
            format!("<p class=\"lead\">Compared with {against}: no changes{proven}.</p>\n")
        }
        Some(_) => {
            let objects = count_objects(&diff.meaning.objects);
            format!("<p class=\"lead\">Compared with {against}: {objects}{proven}.</p>\n")
        }
    });
    if !diff.diagnostics.is_empty() {
        out.push_str("<h3>Findings</h3>\n<ul class=\"findings\">\n");
        diff.diagnostics.iter().for_each(|one| finding(one, out));
        out.push_str("</ul>\n");
    }
    if !diff.meaning.objects.is_empty() {
        out.push_str("<h3>Objects</h3>\n");
        diff.meaning.objects.iter().for_each(|one| object(one, out));
    }
    if !diff.meaning.files.is_empty() || diff.changes.conflicts().next().is_some() {
        out.push_str("<h3>Other files</h3>\n");
        for change in diff.changes.conflicts() {
            let what = text::conflict(change.kind);
            let path = format!(
                "<code>{}</code> <span class=\"muted\">{what}, left alone</span>",
                escape(change.path.as_str())
            );
            let edit = diff.hand_edits.iter().find(|edit| edit.path == change.path).map(hand_edits::lines);
            let groups: Vec<Vec<Line>> = edit.into_iter().collect();
            entry("file", sign(change.kind), &path, true, &groups, out);
        }
        diff.meaning.files.iter().for_each(|one| file(diff, one, out));
    }
    if !diff.proofs.is_empty() {
        proofs(&diff.proofs, out);
    }
    if diff.graph.as_ref().is_some_and(|graph| !graph.nodes.is_empty()) {
        picture(number, diff, out);
    }
    out.push_str("</section>\n");
}

/// Writes what Flux applies in one cluster, by Kustomization.
pub(super) fn write_effective(number: usize, diff: &EffectiveDiff, out: &mut String) {
    let name = escape(&diff.cluster);
    out.push_str(&format!("<section aria-labelledby=\"cluster-{number}\">\n<h2 id=\"cluster-{number}\">{name}</h2>\n"));
    let (against, lead) = (escape(&diff.against), escape(&diff.lead()));
    out.push_str(&format!("<p class=\"lead\">Compared with {against}: {lead}.</p>\n"));
    for group in &diff.effective.groups {
        out.push_str(&format!("<h3>{} {}</h3>\n", capital(group.what), escape(&group.name)));
        let words = group_words(group);
        if !words.is_empty() {
            out.push_str(&format!("<p class=\"muted\">{}</p>\n", escape(&words)));
        }
        for change in &group.objects {
            let words = escape(&place(change));
            let class = if change.loss.is_some() { "del" } else { "muted" };
            let head = format!("<code>{}</code> <span class=\"{class}\">{words}</span>", escape(&change.object));
            let groups = lines::of_each(&change.fields);
            let open = change.change != ObjectKind::Added;
            entry("object", change.change.sign(), &head, open, &groups, out);
        }
    }
    out.push_str("</section>\n");
}

fn finding(one: &Diagnostic, out: &mut String) {
    let class = if one.severity == Severity::Error { "del" } else { "chg" };
    let field = one.field.as_ref().map(|field| format!("<code>{}</code>: ", escape(field))).unwrap_or_default();
    out.push_str(&format!(
        "<li data-finding=\"{}\" class=\"{class}\"><p><strong>{} <code>{}</code></strong> {field}{}</p>\n",
        one.severity,
        one.severity,
        escape(&one.code),
        prose(&one.message)
    ));
    if let Some(file) = &one.file {
        let place = one.span.map(|span| format!(":{}:{}", span.line, span.column)).unwrap_or_default();
        out.push_str(&format!("<p class=\"muted\">at <code>{}{place}</code></p>\n", escape(file)));
    }
    if let Some(hint) = &one.hint {
        out.push_str(&format!("<p>Hint: {}</p>\n", prose(hint)));
    }
    out.push_str("</li>\n");
}

fn object(change: &ObjectChange, out: &mut String) {
    let from = change.from.as_ref().map(|from| format!("{} → ", escape(from))).unwrap_or_default();
    let head =
        format!("<code>{}</code> <span class=\"muted\">{from}{}</span>", escape(&change.object), escape(&change.path));
    let groups = lines::of_each(&change.fields);
    entry("object", change.change.sign(), &head, change.change == ObjectKind::Changed, &groups, out);
}

fn file(diff: &ClusterDiff, file: &FileMeaning, out: &mut String) {
    let change = diff.changes.files.iter().find(|change| change.path == file.path);
    let path = format!("<code>{}</code>", escape(file.path.as_str()));
    let of = |fields: &[FieldChange]| lines::of_each(fields);
    let (mark, head, groups) = match &file.what {
        FileKind::Renamed(from) => {
            let from = format!("<code>{}</code> → {path} <span class=\"muted\">renamed</span>", escape(from.as_str()));
            (ObjectKind::Moved.sign(), from, Vec::new())
        }
        FileKind::Bookkeeping => {
            (sign(file.kind), format!("{path} <span class=\"muted\">bookkeeping</span>"), Vec::new())
        }
        FileKind::Fields(fields) => (sign(file.kind), path, of(fields)),
        FileKind::Text if file.kind == ChangeKind::Deleted => (sign(file.kind), path, Vec::new()),
        FileKind::Text => (sign(file.kind), path, change.map(lines::of_text).into_iter().collect()),
    };
    entry("file", mark, &head, file.kind == ChangeKind::Changed, &groups, out);
}

/// Writes an object or file, with its changes to unfold; without changes there is nothing to unfold.
fn entry(what: &str, mark: &str, head: &str, open: bool, groups: &[Vec<Line>], out: &mut String) {
    let (class, word) = match mark {
        "+" => ("add", "added"),
        "-" => ("del", "removed"),
        ">" => ("chg", "moved"),
        "!" => ("del", "in the way"),
        _ => ("chg", "changed"),
    };
    let head =
        format!("<span class=\"sign {class}\" role=\"img\" aria-label=\"{word}\">{}</span> {head}", escape(mark));
    if groups.is_empty() {
        out.push_str(&format!("<div class=\"entry\" data-{what}=\"{word}\">{head}</div>\n"));
        return;
    }
    let open = if open { " open=\"\"" } else { "" };
    out.push_str(&format!(
        "<details class=\"entry\" data-{what}=\"{word}\"{open}><summary>{head}</summary>\n<ul class=\"changes\">\n"
    ));
    for lines in groups {
        out.push_str("<li data-change=\"\"><pre>");
        for line in lines {
            let class = match line.sign {
                '+' => " class=\"add\"",
                '-' => " class=\"del\"",
                '~' => " class=\"chg\"",
                _ => "",
            };
            let text = format!("{} {:indent$}{}", line.sign, "", line.text, indent = 2 * line.depth);
            out.push_str(&format!("<span{class}>{}\n</span>", escape(&text)));
        }
        out.push_str("</pre></li>\n");
    }
    out.push_str("</ul>\n</details>\n");
}

fn proofs(proofs: &[Proof], out: &mut String) {
    out.push_str(
        "<h3>Proofs of the patches</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Proofs of the patches\">\n\
<table>\n<thead><tr><th scope=\"col\">Patch of</th><th scope=\"col\">Object</th><th scope=\"col\">State</th>\
<th scope=\"col\">Comes from</th><th scope=\"col\">Changes</th></tr></thead>\n<tbody>\n",
    );
    for proof in proofs {
        let (class, state) = if proof.landed() { ("add", "proven") } else { ("del", "not proven") };
        out.push_str(&format!(
            "<tr data-proof=\"{state}\"><th scope=\"row\"><code>{}</code></th><td><code>{}</code></td>\
<td><span class=\"{class} badge\">{state}</span> on {}</td><td><code>{}</code>, line {}{}</td><td><ul>",
            escape(&proof.kustomization),
            escape(proof.object.as_deref().unwrap_or("no object")),
            escape(&proof.ground.to_string()),
            escape(&proof.from),
            proof.line,
            proof.base.as_ref().map(|base| format!(" of <code>{}</code>", escape(base))).unwrap_or_default()
        ));
        for change in proof.changes.iter() {
            out.push_str(&format!("<li>{} <code>{}</code></li>", change.change, escape(&change.path)));
        }
        out.push_str("</ul></td></tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
}

fn picture(number: usize, diff: &ClusterDiff, out: &mut String) {
    let Some(shown) = &diff.graph else { return };
    out.push_str("<h3>Which Kustomization waits for which</h3>\n<figure>\n");
    out.push_str(
        "<div class=\"scroll graph\" tabindex=\"0\" role=\"region\" aria-label=\"Graph of Kustomizations\">\n",
    );
    out.push_str(&graph::inline(&diff.cluster, shown, &format!("arrow-{number}")));
    out.push_str("</div>\n<figcaption>An arrow leads from what must be ready first; dashed: awaited by a health check.</figcaption>\n</figure>\n");
    if shown.edges.is_empty() {
        return;
    }
    out.push_str("<details class=\"entry\"><summary>The graph as a list</summary>\n<ul>\n");
    for edge in &shown.edges {
        let why = if edge.why == Why::DependsOn { "" } else { " to be healthy" };
        out.push_str(&format!(
            "<li><code>{}</code> waits for <code>{}</code>{why}</li>\n",
            escape(&edge.from),
            escape(&edge.to)
        ));
    }
    out.push_str("</ul>\n</details>\n");
}
