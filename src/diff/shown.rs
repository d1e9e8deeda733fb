//! What of a whole text may be shown: credentials of several lines, and the values of Secrets, cannot be hidden line by
//! line. A text that holds one is shown as its values, hidden by `conceal`; one that cannot be read is not shown.

use serde_json::Value;

use super::conceal;
use crate::diagnostic::mask::{self, HIDDEN};
use crate::tree::Blob;
use crate::yaml::{self, Dialect, Limits};

/// Texts in texts that are looked into; deeper ones are hidden whole.
const DEEPEST: usize = 8;

/// Returns the texts of a file before and after, without credentials.
///
/// When either holds one, both are the values without comments, so that they can be compared; when such a text cannot be
/// read as YAML, both are [`HIDDEN`].
pub fn files(before: Option<&Blob>, after: Option<&Blob>) -> (Option<String>, Option<String>) {
    let text = |blob: Option<&Blob>| blob.map(|blob| String::from_utf8_lossy(blob.bytes()).into_owned());
    texts(text(before).as_deref(), text(after).as_deref())
}

/// Does the same for texts.
pub(super) fn texts(before: Option<&str>, after: Option<&str>) -> (Option<String>, Option<String>) {
    texts_at(before, after, 0)
}

fn texts_at(before: Option<&str>, after: Option<&str>, level: usize) -> (Option<String>, Option<String>) {
    let read = |text| Text::read(text, level);
    let (old, new) = (before.map(read), after.map(read));
    let both = || [&old, &new].into_iter().flatten();
    if both().all(|text| !text.holds_credential) {
        return (before.map(mask::mask), after.map(mask::mask));
    }
    let readable = both().all(|text| text.values.is_some());
    let shown = |text: &Option<Text>| {
        text.as_ref().map(|text| text.values.as_ref().filter(|_| readable).map_or_else(|| HIDDEN.into(), |v| emit(v)))
    };
    (shown(&old), shown(&new))
}

/// Returns a text without credentials, so many levels deep in texts of texts.
pub(super) fn text(text: &str, level: usize) -> String {
    texts_at(Some(text), None, level).0.unwrap_or_default()
}

/// A text, and what may be told of it.
struct Text {
    /// Whether it holds a credential that its lines alone do not show.
    holds_credential: bool,
    /// Its documents without credentials, when all of them are maps or lists.
    values: Option<Vec<Value>>,
}

impl Text {
    fn read(text: &str, level: usize) -> Self {
        // No text that could be looked into: UTF-16, or no text at all.
        if text.contains('\0') {
            return Self { holds_credential: true, values: None };
        }
        if !text.contains('\n') && !text.trim_start().starts_with(['{', '[']) {
            return Self { holds_credential: false, values: None };
        }
        if level > DEEPEST {
            return Self { holds_credential: true, values: None };
        }
        let limits = Limits { depth: 64, ..Limits::MANIFEST };
        let Ok(nodes) = yaml::parse(text.as_bytes(), Dialect::Kubernetes, limits) else {
            return Self { holds_credential: mask::has_secret(text) || mentions_secret(text), values: None };
        };
        let values: Vec<Value> = nodes.iter().map(yaml::Node::to_value).collect();
        if !values.iter().all(|value| value.is_object() || value.is_array() || value.is_null()) {
            return Self { holds_credential: mentions_secret(text) || opens_credential(text), values: None };
        }
        let shown: Vec<Value> = values.iter().map(|value| conceal::within(value.clone(), "", level)).collect();
        let comments = yaml::comments(text).join("\n");
        let noted = mentions_secret(&comments) || opens_credential(&comments);
        Self { holds_credential: noted || shown != values, values: Some(shown) }
    }
}

fn emit(values: &[Value]) -> String {
    let documents: Vec<String> = values.iter().map(|value| mask::mask(&yaml::emit(value))).collect();
    documents.join("---\n")
}

/// Tells whether a text that is not read, such as a comment, has the kind of a Secret in it.
fn mentions_secret(text: &str) -> bool {
    text.split("kind").skip(1).any(|rest| {
        let value = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ':' | '=' | '\\'));
        let end = value.strip_prefix("Secret").map(|rest| !rest.starts_with(char::is_alphanumeric));
        end == Some(true) && rest[..rest.len() - value.len()].contains([':', '='])
    })
}

/// Tells whether a text that is not read has a credential on lines below its name.
fn opens_credential(text: &str) -> bool {
    text.lines().filter_map(|line| line.rsplit_once(':')).any(|(key, value)| {
        let key = key.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '-'));
        matches!(value.trim().get(..1), Some("|" | ">")) && conceal::names_secret(key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_in_texts_end() {
        let mut text = String::from("kind: Secret\ndata: {a: YWJj}\n");
        for _ in 0..300 {
            let lines: String = text.lines().map(|line| format!("  {line}\n")).collect();
            text = format!("a: |\n{lines}");
        }
        let (shown, _) = files(Some(&Blob::from(text.as_str())), None);
        assert!(!shown.unwrap_or_default().contains("YWJj"));
    }

    #[test]
    fn what_is_no_text_is_not_shown() {
        let token: Vec<u8> = "token: ghp_0123456789".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (shown, _) = files(Some(&Blob::from(token)), None);
        assert_eq!(shown.as_deref(), Some(HIDDEN));
    }
}
