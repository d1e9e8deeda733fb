//! Hand edits from both sides, for every format: what is yours, what the rendering changes, and where both meet.

use serde_json::{Value, json};

use super::inline::visible;
use super::lines::{self, Line};
use super::text::write_lines;
use super::unified::unified_texts;
use crate::diff::{ChangeSet, Conflict, FileKind, HandEdit, Meaning, shown_files};

/// Writes hand edits as text: for `render` and `commit`, and as a part of the text of `diff`.
pub fn hand_edits(edits: &[HandEdit], color: bool) -> String {
    let mut out = String::new();
    for edit in edits {
        out.push_str(&format!("  ! {} (changed by hand)\n", visible(edit.path.to_string())));
        write_lines(&lines(edit), color, &mut out);
    }
    out
}

/// Writes a hand edit as signed lines.
pub(super) fn lines(edit: &HandEdit) -> Vec<Line> {
    let mut out = Vec::new();
    let head = |text: String| Line { sign: ' ', depth: 0, text: visible(text) };
    match &edit.base {
        None => {
            out.push(head("yours, compared with the rendering; the last rendering is not found:".to_owned()));
            side(&edit.yours, &edit.yours_meaning, &mut out);
        }
        Some(base) => {
            out.push(head(format!("yours, since the last rendering ({base}):")));
            side(&edit.yours, &edit.yours_meaning, &mut out);
            let gone = edit.rendering.files.iter().any(|change| change.after.is_none());
            if edit.rendering.is_empty() {
                out.push(head("rendering: as it was".to_owned()));
            } else if gone {
                out.push(head("rendering: has the file no longer".to_owned()));
            } else {
                out.push(head("rendering, since then:".to_owned()));
                side(&edit.rendering, &edit.rendering_meaning, &mut out);
            }
            if !edit.conflicts.is_empty() {
                out.push(head("conflicts:".to_owned()));
                edit.conflicts.iter().for_each(|one| conflict(one, &mut out));
            }
        }
    }
    out
}

fn side(changes: &ChangeSet, meaning: &Meaning, out: &mut Vec<Line>) {
    let deeper = |line: Line| Line { depth: line.depth + 2, ..line };
    let signed =
        |sign: &str, text: String| Line { sign: sign.chars().next().unwrap_or(' '), depth: 1, text: visible(text) };
    for object in &meaning.objects {
        out.push(signed(object.change.sign(), object.object.clone()));
        out.extend(lines::of_fields(&object.fields).into_iter().map(deeper));
    }
    for file in &meaning.files {
        let fields = match &file.what {
            FileKind::Fields(fields) => lines::of_fields(fields),
            _ => changes.files.iter().filter(|change| change.path == file.path).flat_map(lines::of_text).collect(),
        };
        out.extend(fields.into_iter().map(|line| Line { depth: line.depth + 1, ..line }));
    }
}

/// Names the place of a conflict: the object and the field, or the whole file.
pub(super) fn place(one: &Conflict) -> String {
    let parts = [one.object.clone(), one.path.to_string()];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "the file".to_owned() } else { parts.join(", ") }
}

fn conflict(one: &Conflict, out: &mut Vec<Line>) {
    out.push(Line { sign: '!', depth: 1, text: visible(format!("{}: {}", place(one), one.clash.words())) });
    if one.yours.is_none() && one.rendering.is_none() {
        return;
    }
    for (name, value) in [("yours", &one.yours), ("rendering", &one.rendering)] {
        match value {
            Some(value) => out.extend(lines::of_value(' ', 2, name, value)),
            None => out.push(Line { sign: ' ', depth: 2, text: format!("{name}: removed") }),
        }
    }
}

/// Writes both sides as unified diffs of lines.
pub(super) fn raw(edit: &HandEdit, color: bool) -> String {
    let mut out = String::new();
    let last = if edit.base.is_some() { "last" } else { "rendering" };
    for (name, changes) in [("yours", &edit.yours), ("rendering", &edit.rendering)] {
        for change in &changes.files {
            let (before, after) = shown_files(change.before.as_ref(), change.after.as_ref());
            let side = |name: &str, text: &Option<String>| text.as_ref().map(|_| format!("{name}/{}", change.path));
            out.push_str(&unified_texts((side(last, &before), side(name, &after)), before, after, color));
        }
    }
    out
}

/// A hand edit for machines.
pub(super) fn value(edit: &HandEdit) -> Value {
    let side = |meaning: &Meaning| {
        let fields = meaning.files.iter().find_map(|file| match &file.what {
            FileKind::Fields(fields) => Some(fields.clone()),
            _ => None,
        });
        json!({"objects": meaning.objects, "fields": fields.unwrap_or_default()})
    };
    let last = edit.yours.files.first().filter(|_| edit.base.is_some());
    let last = last.and_then(|change| shown_files(change.before.as_ref(), change.after.as_ref()).0);
    json!({
        "path": edit.path.as_str(),
        "lastRenderingFrom": edit.base,
        "lastRendering": last,
        "yours": side(&edit.yours_meaning),
        "rendering": side(&edit.rendering_meaning),
        "conflicts": edit.conflicts,
    })
}
