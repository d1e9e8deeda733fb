//! `diff --effective`: what Flux applies before and after, by Kustomization, in every format but HTML.

use serde_json::{Value, json};

use super::inline::visible;
use super::lines;
use super::markdown;
use super::paint::{BOLD, CYAN, RED, paint};
use super::text::{signed, write_lines};
use super::unified::unified_texts;
use crate::diff::{Effective, EffectiveChange, Group, ObjectKind, count_kinds};

/// What `diff --effective` found for one cluster.
#[derive(Clone, Debug)]
pub struct EffectiveDiff {
    /// Name of the cluster: that of its directory in `clusters/`, else the path of its directory.
    pub cluster: String,
    /// The entry directory.
    pub entry: String,
    /// The revision that is compared with.
    pub against: String,
    /// Whether the entry directory is new or gone.
    pub change: Option<ObjectKind>,
    /// The objects.
    pub effective: Effective,
}

impl EffectiveDiff {
    /// Tells whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.objects().next().is_none()
    }

    fn objects(&self) -> impl Iterator<Item = &EffectiveChange> + Clone {
        self.effective.groups.iter().flat_map(|group| &group.objects)
    }

    /// Sums up: `objects: 2 added, 1 changed`.
    pub(super) fn lead(&self) -> String {
        let counts = count_kinds(self.objects().map(|object| object.change));
        let counts = if counts.is_empty() { "no changes".to_owned() } else { format!("objects: {counts}") };
        match self.effective.groups.iter().filter(|group| group.not_compared.is_some()).count() {
            0 => counts,
            1 => format!("{counts}; 1 Kustomization is not compared"),
            several => format!("{counts}; {several} Kustomizations are not compared"),
        }
    }

    /// What stands behind the name of a cluster that is new or gone as a whole.
    fn is_new_or_gone(&self) -> &'static str {
        match self.change {
            Some(ObjectKind::Added) => ": new",
            Some(_) => ": removed",
            None => "",
        }
    }
}

/// Says what is particular to a Kustomization; empty when nothing is.
pub(super) fn group_words(group: &Group) -> String {
    let change = match group.change {
        Some(ObjectKind::Added) => Some("new"),
        Some(ObjectKind::Removed) => Some("removed"),
        _ => None,
    };
    let suspended = group.suspended.then_some("suspended: Flux does not apply this now");
    let skipped = group.not_compared.map(|why| why.words());
    [change, suspended, skipped].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Writes a word as the first one of a heading.
pub(super) fn capital(word: &str) -> String {
    let mut rest = word.chars();
    rest.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(rest).collect()
}

/// Says where an object comes from and what Flux does with it.
pub(super) fn place(change: &EffectiveChange) -> String {
    let from = change.from_kustomization.as_ref().map(|from| format!("from {from}"));
    let path = change.path.clone().filter(|_| change.change != ObjectKind::Removed);
    let words = Some(change.words()).filter(|words| !words.is_empty());
    [path, from, words].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Writes all clusters as text.
pub(super) fn text(diffs: &[EffectiveDiff], color: bool) -> String {
    let mut out = String::new();
    for diff in diffs {
        for group in &diff.effective.groups {
            out.push_str(&format!("{}\n", paint(BOLD, &visible(heading(diff, group)), color)));
            for change in &group.objects {
                let place = visible(place(change));
                let style = if change.loss.is_some() { RED } else { CYAN };
                let place = if place.is_empty() { place } else { format!("  {}", paint(style, &place, color)) };
                let name = paint(BOLD, &visible(change.object.clone()), color);
                out.push_str(&format!("  {} {name}{place}\n", signed(change.change.sign(), color)));
                write_lines(&lines::of_fields(&change.fields), color, &mut out);
            }
            out.push('\n');
        }
    }
    out + &summary(diffs, color)
}

/// Writes unified diffs of objects.
pub(super) fn text_raw(diffs: &[EffectiveDiff], color: bool) -> String {
    let objects = diffs.iter().flat_map(EffectiveDiff::objects);
    objects.map(|change| unified(change, color)).collect::<String>() + &summary(diffs, color)
}

fn unified(change: &EffectiveChange, color: bool) -> String {
    let (before, after) = change.texts();
    let from = change.from_kustomization.as_ref().unwrap_or(&change.kustomization);
    let name = |kustomization: &str| format!("{kustomization}: {}", change.object);
    let names = (before.as_ref().map(|_| name(from)), after.as_ref().map(|_| name(&change.kustomization)));
    if before == after && change.fields.is_empty() {
        // Only the Kustomization is another one.
        let (old, new) = (name(from), name(&change.kustomization));
        return paint(BOLD, &format!("--- {}\n+++ {}", visible(old), visible(new)), color) + "\n";
    }
    unified_texts(names, before, after, color)
}

fn heading(diff: &EffectiveDiff, group: &Group) -> String {
    let words = group_words(group);
    let words = if words.is_empty() { words } else { format!(" ({words})") };
    format!("cluster {}, {} {}{words}", diff.cluster, group.what, group.name)
}

fn summary(diffs: &[EffectiveDiff], color: bool) -> String {
    let mut out = String::new();
    for diff in diffs {
        let name = paint(BOLD, &format!("cluster {}{}", diff.cluster, diff.is_new_or_gone()), color);
        out.push_str(&format!("{name}, compared with {}: {}\n", diff.against, diff.lead()));
        for change in diff.objects() {
            let words = change.words();
            let words = if words.is_empty() { words } else { format!(": {words}") };
            let sign = change.change.sign();
            let line = visible(format!("{} ({}){words}", change.object, change.kustomization));
            out.push_str(&format!("  {sign} {line}\n"));
        }
    }
    out
}

/// Writes all clusters as Markdown, one section for each object.
pub(super) fn markdown(diffs: &[EffectiveDiff], _color: bool) -> String {
    clusters(diffs, |change| markdown::body(&lines::of_fields(&change.fields)))
}

/// Writes all clusters as Markdown, one unified diff for each object.
pub(super) fn markdown_raw(diffs: &[EffectiveDiff], _color: bool) -> String {
    clusters(diffs, |change| unified(change, false))
}

fn clusters(diffs: &[EffectiveDiff], body: impl Fn(&EffectiveChange) -> String) -> String {
    let mut out = String::new();
    for diff in diffs {
        let cluster = markdown::cell(&diff.cluster);
        out.push_str(&format!("### Cluster {cluster}{}\n\n", diff.is_new_or_gone()));
        out.push_str(&format!("Compared with {}: {}.\n\n", diff.against, diff.lead()));
        for group in &diff.effective.groups {
            let words = group_words(group);
            let words = if words.is_empty() { words } else { format!(" ({words})") };
            out.push_str(&format!("#### {} {}{words}\n\n", capital(group.what), markdown::cell(&group.name)));
            if group.objects.is_empty() {
                continue;
            }
            out.push_str("| | Object | What Flux does |\n|---|---|---|\n");
            for change in &group.objects {
                let from = change.from_kustomization.as_ref().map(|from| format!("from {}", markdown::cell(from)));
                let words = Some(change.words()).filter(|words| !words.is_empty());
                let mark = if change.loss.is_some() { "**" } else { "" };
                let words = words.map(|words| format!("{mark}{words}{mark}"));
                let words = [from, words].into_iter().flatten().collect::<Vec<_>>().join(", ");
                let object = markdown::cell(&change.object);
                out.push_str(&format!("| {} | {object} | {words} |\n", change.change.sign()));
            }
            out.push('\n');
            for change in &group.objects {
                let body = body(change);
                if !body.is_empty() {
                    let head = format!("{} {}", change.change.sign(), markdown::code(&change.object));
                    markdown::section(&head, &body, &mut out);
                }
            }
        }
    }
    out
}

/// Writes one versioned document. docs/diff-json.md describes it.
pub(super) fn json(diffs: &[EffectiveDiff], _color: bool) -> String {
    let clusters: Vec<Value> = diffs
        .iter()
        .map(|diff| {
            json!({
                "name": diff.cluster,
                "intent": diff.entry,
                "against": diff.against,
                "effective": true,
                "change": diff.change,
                "changed": !diff.is_empty(),
                "unchangedFiles": 0,
                "unchangedObjects": diff.effective.unchanged,
                "files": [],
                "kustomizations": diff.effective.groups,
                "objects": diff.objects().collect::<Vec<_>>(),
                "proofs": [],
            })
        })
        .collect();
    let document = json!({"apiVersion": "fluxwright.dev/v1alpha1", "kind": "Diff", "clusters": clusters});
    // A value made of strings, numbers and maps always prints.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

/// Writes the objects that differ, one a line.
pub(super) fn name_only(diffs: &[EffectiveDiff], _color: bool) -> String {
    let mut out = String::new();
    for diff in diffs {
        for change in diff.objects() {
            out.push_str(&visible(format!("{}: {}: {}", diff.cluster, change.kustomization, change.object)));
            out.push('\n');
        }
    }
    out
}
