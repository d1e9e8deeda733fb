//! Diagnostics for people: message, the line of the file, the next action. A file with a credential is not quoted.

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet, renderer::DecorStyle};

use crate::diagnostic::{Diagnostic, Severity, mask};

/// Writes diagnostics; `source` gives the text of a file, if it can be shown.
pub fn diagnostics<'s>(list: &[Diagnostic], source: impl Fn(&str) -> Option<&'s str>, color: bool) -> String {
    let renderer =
        if color { Renderer::styled() } else { Renderer::plain() }.decor_style(DecorStyle::Ascii).term_width(160);
    let mut out = String::new();
    // A file that holds a credential, or seems to, is never quoted: its lines are not told apart safely.
    let found: Vec<&str> =
        list.iter().filter(|one| one.is_about_credential()).filter_map(|one| one.file.as_deref()).collect();
    for diagnostic in list {
        let file = diagnostic.file.as_deref().unwrap_or_default();
        let text = source(file).filter(|text| !found.contains(&file) && !mask::has_secret(text));
        out.push_str(&one(diagnostic, text, &renderer));
        out.push_str("\n\n");
    }
    out
}

fn one(diagnostic: &Diagnostic, text: Option<&str>, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let message = match &diagnostic.field {
        Some(field) => format!("{field}: {}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let mut group =
        level.primary_title(message).id(diagnostic.code.as_ref()).elements(std::iter::empty::<Origin<'_>>());
    let file = diagnostic.file.as_deref();
    match (file, diagnostic.span, text) {
        (Some(file), Some(span), Some(text)) => {
            let line = text.lines().nth(span.line - 1).unwrap_or_default();
            let start: usize = line.chars().take(span.column - 1).map(char::len_utf8).sum();
            let wanted = (start + span.end.saturating_sub(span.start).max(1)).min(line.len());
            let end = (wanted..=line.len()).find(|at| line.is_char_boundary(*at)).unwrap_or(line.len());
            group = group.element(
                Snippet::source(line)
                    .line_start(span.line)
                    .path(file)
                    .annotation(AnnotationKind::Primary.span(start..end.max(start))),
            );
        }
        (Some(file), Some(span), None) => {
            group = group.element(Origin::path(file).line(span.line).char_column(span.column));
        }
        (Some(file), None, _) => group = group.element(Origin::path(file)),
        (None, _, _) => {}
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.with_name("hint").message(hint.as_str()));
    }
    renderer.render(&[group])
}

/// Counts findings in words: `2 errors, 1 warning`; empty when there is none.
pub fn summary(list: &[Diagnostic]) -> String {
    let errors = list.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let warnings = list.len() - errors;
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    match (errors, warnings) {
        (0, 0) => String::new(),
        (errors, 0) => plural(errors, "error"),
        (0, warnings) => plural(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", plural(errors, "error"), plural(warnings, "warning")),
    }
}
