//! `-o github`: workflow commands, from which GitHub makes annotations at the lines of a pull request. The escapes are
//! those of the `@actions/core` toolkit.

use super::{CheckReport, message};
use crate::diagnostic::mask;

pub(super) fn write(report: &CheckReport) -> String {
    let mut out = String::new();
    for (cluster, found) in report.findings() {
        let file = found.file.as_ref().map(|file| report.file(cluster, file));
        let file = file.or_else(|| cluster.map(|one| report.file(Some(one), &one.intent)));
        let mut properties: Vec<(&str, String)> = file.map(|file| ("file", file)).into_iter().collect();
        if let Some(place) = report.place(found) {
            properties.push(("line", place.line.to_string()));
            properties.push(("endLine", place.line.to_string()));
            properties.push(("col", place.column.to_string()));
            properties.push(("endColumn", place.end_column.to_string()));
        }
        properties.push(("title", found.code.to_string()));
        let properties: Vec<String> =
            properties.iter().map(|(name, value)| format!("{name}={}", property(value))).collect();
        let hint = found.hint.as_deref().map(|hint| format!("\nhint: {}", mask::mask(hint))).unwrap_or_default();
        out.push_str(&format!(
            "::{} {}::{}\n",
            found.severity,
            properties.join(","),
            data(&format!("{}{hint}", message(found)))
        ));
    }
    out
}

/// Escapes the text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
