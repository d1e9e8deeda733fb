//! Text to values, for what kustomize reads with a YAML 1.1 reader: its own file and JSON6902 patches.
//!
//! There plain `yes`, `no`, `on`, `off`, `y` and `n` are booleans, as values and as keys. Manifests and strategic merge
//! patches are read differently (they keep these texts) and need nothing of this file.

use serde_json::{Map, Value};

use crate::diagnostic::Diagnostic;
use crate::yaml::{Body, Dialect, Limits, Node, parse};

/// Parses manifests or strategic merge patches.
pub(super) fn documents(bytes: &[u8]) -> Result<Vec<Node>, Vec<Diagnostic>> {
    let mut nodes = parse(bytes, Dialect::Kubernetes, Limits::MANIFEST)?;
    nodes.retain(|node| !matches!(node.body, Body::Scalar(Value::Null)));
    Ok(nodes)
}

/// Parses a file of kustomize itself, in which of two equal keys the last one counts.
pub(super) fn lenient(bytes: &[u8]) -> Result<Vec<Node>, Vec<Diagnostic>> {
    let mut nodes = parse(bytes, Dialect::Lenient, Limits::MANIFEST)?;
    nodes.retain(|node| !matches!(node.body, Body::Scalar(Value::Null)));
    Ok(nodes)
}

/// Returns the value of a node of a manifest or strategic merge patch. A plain date is a point in time to kustomize, which
/// it writes out in full.
pub(super) fn manifest(node: &Node, bytes: &[u8]) -> Value {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    dated(node, bytes, false)
}

/// In braces and brackets kustomize keeps a time as it is written, because its colons need quotes there; a date has none.
fn dated(node: &Node, bytes: &[u8], in_braces: bool) -> Value {
    let in_braces = in_braces || matches!(bytes.get(node.span.start), Some(b'{' | b'['));
    match &node.body {
        Body::Scalar(Value::String(text)) => match timestamp(text) {
            Some(time) if is_plain(bytes, node.span.start, text) && !(in_braces && text.contains(':')) => {
                Value::String(time)
            }
            _ => Value::String(text.clone()),
        },
        Body::Scalar(value) => value.clone(),
        Body::Sequence(items) => Value::Array(items.iter().map(|item| dated(item, bytes, in_braces)).collect()),
        Body::Mapping(entries) => {
            let mut map = Map::with_capacity(entries.len());
            for (key, _, child) in entries {
                map.insert(key.clone(), dated(child, bytes, in_braces));
            }
            Value::Object(map)
        }
    }
}

/// Reads a date, or a date and a time, and writes it in the form of RFC 3339.
///
/// `2024-1-2`, `2024-01-02 3:04:05.6` (which is UTC) and `2024-01-02T3:04:05+01:00` are times, and one without a zone
/// behind `T` is none.
fn timestamp(text: &str) -> Option<String> {
    // Most texts are none, and end here.
    if !matches!(text.as_bytes(), [a, b, c, d, b'-', ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit())) {
        return None;
    }
    let number = |text: &str, most: usize| -> Option<u32> {
        (!text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse().ok())?
    };
    let at = text.find(['T', 't', ' ']);
    let (date, time) = (text.get(..at.unwrap_or(text.len()))?, at.and_then(|at| text.get(at + 1..)));
    let mut parts = date.split('-');
    let (year, month, day) = (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if parts.next().is_some() || !(1..=days).contains(&day) {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    let Some(time) = time else { return Some(format!("{date}T00:00:00Z")) };
    let (time, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => (time.get(..at)?, time.get(at..)?),
        None => (time, ""),
    };
    // Behind a space no zone may stand, behind a `T` one must.
    let spaced = at.and_then(|at| text.as_bytes().get(at)) == Some(&b' ');
    let zone = match zone {
        "" if spaced => "Z".to_owned(),
        "Z" if !spaced => "Z".to_owned(),
        zone if !spaced => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let (hours, minutes) = (
                number(hours, 2).filter(|h| hours.len() == 2 && *h < 24)?,
                number(minutes, 2).filter(|m| minutes.len() == 2 && *m < 60)?,
            );
            if hours == 0 && minutes == 0 { "Z".to_owned() } else { zone.to_owned() }
        }
        _ => return None,
    };
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    if time.contains('.') && (fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let mut parts = whole.split(':');
    let (hour, minute, second) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = fraction.get(..9).unwrap_or(fraction).trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    Some(format!("{date}T{hour:02}:{minute:02}:{second:02}{dot}{fraction}{zone}"))
}

/// Returns the value of a node as a YAML 1.1 reader types it.
pub(super) fn yaml_1_1(node: &Node, bytes: &[u8]) -> Value {
    // Spans count from behind the byte order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    convert(node, bytes)
}

fn convert(node: &Node, bytes: &[u8]) -> Value {
    match &node.body {
        Body::Scalar(Value::String(text)) => match boolean(text) {
            Some(flag) if is_plain(bytes, node.span.start, text) => Value::Bool(flag),
            _ => Value::String(text.clone()),
        },
        Body::Scalar(value) => value.clone(),
        Body::Sequence(items) => Value::Array(items.iter().map(|item| convert(item, bytes)).collect()),
        Body::Mapping(entries) => {
            let mut map = Map::with_capacity(entries.len());
            for (key, span, child) in entries {
                let key = match boolean(key) {
                    Some(flag) if is_plain(bytes, span.start, key) => flag.to_string(),
                    _ => key.clone(),
                };
                map.insert(key, convert(child, bytes));
            }
            Value::Object(map)
        }
    }
}

/// A quoted scalar starts with its quote and a block scalar with its indicator, so only a plain one starts with its text.
fn is_plain(bytes: &[u8], start: usize, text: &str) -> bool {
    bytes.get(start..).is_some_and(|rest| rest.starts_with(text.as_bytes()))
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_plain_date_is_a_point_in_time() {
        for (text, time) in [
            ("2020-01-01", Some("2020-01-01T00:00:00Z")),
            ("2024-1-2", Some("2024-01-02T00:00:00Z")),
            ("2024-01-01 1:02:03", Some("2024-01-01T01:02:03Z")),
            ("2024-01-01t1:02:03.4+01:00", Some("2024-01-01T01:02:03.4+01:00")),
            ("2024-01-01T01:02:03.450Z", Some("2024-01-01T01:02:03.45Z")),
            ("2024-01-01T1:2:3Z", Some("2024-01-01T01:02:03Z")),
            ("2024-13-01", None),
            ("2024-02-30", None),
            ("2024-01-01T01:02:03", None),
            ("2024-01-01-1", None),
            ("12024-01-01", None),
            ("2024", None),
        ] {
            assert_eq!(timestamp(text).as_deref(), time, "{text}");
        }
        let text = b"{a: 2020-01-01, b: '2020-01-01', c: [2020-01-01]}";
        let nodes = documents(text).expect("valid YAML");
        let expected = json!({"a": "2020-01-01T00:00:00Z", "b": "2020-01-01", "c": ["2020-01-01T00:00:00Z"]});
        assert_eq!(manifest(&nodes[0], text), expected);
    }

    #[test]
    fn plain_yes_is_true_and_quoted_yes_is_a_text() {
        let text = b"{a: yes, b: 'yes', c: \"no\", d: Off, e: yEs, n: 1, f: 010}";
        let nodes = documents(text).expect("valid YAML");
        assert_eq!(
            yaml_1_1(&nodes[0], text),
            json!({"a": true, "b": "yes", "c": "no", "d": false, "e": "yEs", "false": 1, "f": 8})
        );
    }
}
