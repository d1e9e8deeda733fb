//! What a plain scalar means, to YAML 1.2's core schema and to YAML 1.1 readers.

use serde_json::{Number, Value};

use super::parse::Dialect;

/// The meaning of a plain scalar.
pub(super) enum Plain {
    /// One meaning.
    Value(Value),
    /// Readers disagree on it; the text tells how to write it.
    Ambiguous(&'static str),
    /// A number that JSON cannot hold.
    NotANumber,
}

/// Resolves a plain scalar.
pub(super) fn resolve(text: &str, dialect: Dialect) -> Plain {
    if dialect == Dialect::Yaml11 {
        return yaml_1_1(text);
    }
    let value = match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => return number(text, dialect),
    };
    Plain::Value(value)
}

fn number(text: &str, dialect: Dialect) -> Plain {
    let string = || Plain::Value(Value::String(text.to_owned()));
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        Some(b'0'..=b'9' | b'.') => (false, text),
        _ => return string(),
    };
    if matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Plain::NotANumber;
    }
    let radix = |digits: &str, radix| {
        u64::from_str_radix(digits, radix).ok().and_then(|n| signed(n, negative)).map_or_else(string, Plain::Value)
    };
    if let Some(hex) = digits.strip_prefix("0x") {
        return radix(hex, 16);
    }
    if let Some(octal) = digits.strip_prefix("0o") {
        return radix(octal, 8);
    }
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        if digits.len() > 1 && digits.starts_with('0') {
            // 0755 is 493 to YAML 1.1 and 755 to YAML 1.2.
            return match dialect {
                Dialect::Strict => Plain::Ambiguous(
                    "quote it if it is a string, write it without leading zero if it is a decimal number",
                ),
                // What has a digit that no octal number has is a decimal one.
                Dialect::Kubernetes | Dialect::Lenient | Dialect::Yaml11 => match radix(digits, 8) {
                    Plain::Value(Value::String(_)) => float(text).map_or_else(string, Plain::Value),
                    octal => octal,
                },
            };
        }
        return match digits.parse::<u64>().ok().and_then(|n| signed(n, negative)) {
            Some(value) => Plain::Value(value),
            None => float(text).map_or_else(string, Plain::Value),
        };
    }
    if dialect != Dialect::Strict {
        if let Some(binary) = digits.strip_prefix("0b") {
            return radix(binary, 2);
        }
        let bare: String = digits.chars().filter(|c| *c != '_').collect();
        if digits.contains('_')
            && digits.starts_with(|c: char| c.is_ascii_digit())
            && bare.bytes().all(|b| b.is_ascii_digit())
        {
            return radix(&bare, 10);
        }
    }
    let float_like = digits.bytes().any(|b| b.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
        && digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if float_like { float(text).map_or_else(string, Plain::Value) } else { string() }
}

/// Resolves a plain scalar as the YAML 1.1 reader of Kubernetes' Go libraries does: no base 60, no dates.
fn yaml_1_1(text: &str) -> Plain {
    let string = || Plain::Value(Value::String(text.to_owned()));
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Value(Value::Null),
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Plain::Value(Value::Bool(true));
        }
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Plain::Value(Value::Bool(false));
        }
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    // Of those that are no number only the infinities may have a sign.
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Plain::NotANumber;
    }
    if text.starts_with('.') {
        return if is_decimal(text) { float(text).map_or_else(string, Plain::Value) } else { string() };
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')) {
        return string();
    }
    let bare: String = text.chars().filter(|c| *c != '_').collect();
    let (negative, digits) = match bare.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, bare.strip_prefix('+').unwrap_or(&bare)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = match lower.get(..2) {
        Some("0x") => (16, lower.get(2..)),
        Some("0o") => (8, lower.get(2..)),
        Some("0b") => (2, lower.get(2..)),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, lower.get(1..)),
        _ => (10, Some(lower.as_str())),
    };
    // A second sign would be read by the standard library.
    let whole =
        body.filter(|body| !body.starts_with(['+', '-'])).and_then(|body| u64::from_str_radix(body, radix).ok());
    let whole = whole.filter(|n| !bare.starts_with('+') || *n <= i64::MAX as u64).and_then(|n| signed(n, negative));
    match whole {
        Some(whole) => Plain::Value(whole),
        None if is_decimal(&bare) => float(&bare).map_or_else(string, Plain::Value),
        None => string(),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (body, None),
    };
    let mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// Returns the text of a key that is a boolean or a number; null and numbers beyond 64 bits with a sign are no keys.
pub(super) fn key(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Number(number) if number.is_u64() && !number.is_i64() => None,
        // Numbers with a point are keys in the shortest form of 32 bits.
        Value::Number(number) if number.is_f64() => number.as_f64().map(|float| (float as f32).to_string()),
        other => Some(other.to_string()),
    }
}

fn float(text: &str) -> Option<Value> {
    text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
}

fn signed(n: u64, negative: bool) -> Option<Value> {
    if negative { 0i64.checked_sub_unsigned(n).map(Value::from) } else { Some(Value::from(n)) }
}

/// Tells whether any YAML 1.1 or 1.2 reader might take a plain text for something other than a string.
///
/// Errs on the side of quoting.
pub(super) fn needs_quotes(text: &str) -> bool {
    const WORDS: [&str; 15] =
        ["", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<", ".inf", ".nan"];
    if WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return true;
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '+')) {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    let digits = lower.strip_prefix(['-', '+']).unwrap_or(&lower);
    let Some(first) = digits.bytes().next() else { return true };
    if !(first.is_ascii_digit() || first == b'.' || first == b'_') {
        return false;
    }
    let rest_is =
        |prefix: &str, set: &str| digits.strip_prefix(prefix).is_some_and(|rest| rest.chars().all(|c| set.contains(c)));
    if matches!(digits, ".inf" | ".nan")
        || rest_is("0x", "0123456789abcdef_")
        || rest_is("0o", "01234567_")
        || rest_is("0b", "01_")
    {
        return true;
    }
    // Whole numbers, floats with or without exponent, base 60, dates and times.
    let numeric = digits.chars().all(|c| c.is_ascii_digit() || "._e+-:tz ".contains(c));
    let dots = digits.matches('.').count();
    let base60_or_date =
        digits.contains(':') || digits.starts_with(|c: char| c.is_ascii_digit()) && digits.contains('-');
    numeric && digits.bytes().any(|b| b.is_ascii_digit()) && (dots <= 1 || base60_or_date)
}
