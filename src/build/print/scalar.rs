//! Scalars: which style a text takes, and where it is folded.

use serde_json::Number;

use super::{Printer, WIDTH};

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

impl Printer {
    /// Writes a text; lines after the first start at `indent`. A key stands on one line.
    pub(super) fn string(&mut self, text: &str, indent: usize, key: bool) {
        match style(text, key) {
            Style::Plain => self.plain(text, indent, !key),
            Style::Single => self.single(text, indent, !key),
            Style::Double => self.double(text, indent, !key),
            Style::Literal => self.literal(text, indent),
        }
    }

    /// Starts a new line in the middle of a text.
    fn fold(&mut self, indent: usize) {
        self.put('\n');
        self.indent(indent);
    }

    fn plain(&mut self, text: &str, indent: usize, folds: bool) {
        let mut after_space = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == ' ' && folds && !after_space && self.column > WIDTH && chars.peek() != Some(&' ') {
                self.fold(indent);
            } else {
                self.put(c);
            }
            after_space = c == ' ';
        }
    }

    fn single(&mut self, text: &str, indent: usize, folds: bool) {
        self.put('\'');
        let (mut after_space, mut after_break) = (false, false);
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, next)| *next);
            if c == ' ' {
                let inside = at > 0 && next.is_some();
                if folds && !after_space && self.column > WIDTH && inside && next != Some(' ') {
                    self.fold(indent);
                } else {
                    self.put(c);
                }
            } else if is_break(c) {
                self.put(c);
                self.column = 0;
            } else {
                if after_break {
                    self.indent(indent);
                }
                if c == '\'' {
                    self.put(c);
                }
                self.put(c);
            }
            (after_space, after_break) = (c == ' ', is_break(c));
        }
        self.put('\'');
    }

    fn double(&mut self, text: &str, indent: usize, folds: bool) {
        self.put('"');
        let mut after_space = false;
        // The writer takes every character behind a byte order mark for one.
        let marked = text.starts_with('\u{feff}');
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, next)| *next);
            let escape = marked || !is_printable(c) || is_break(c) || c == '"' || c == '\\';
            if escape {
                self.text(&escaped(c));
            } else if c == ' ' && folds && !after_space && self.column > WIDTH && at > 0 && next.is_some() {
                self.fold(indent);
                if next == Some(' ') {
                    self.put('\\');
                }
            } else {
                self.put(c);
            }
            after_space = c == ' ';
        }
        self.put('"');
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put('|');
        if text.starts_with([' ', '\n']) {
            self.put('2');
        }
        if !text.ends_with('\n') {
            self.put('-');
        } else if text == "\n" || text.ends_with("\n\n") {
            self.put('+');
        }
        self.put('\n');
        for line in text.split_inclusive('\n') {
            if line != "\n" {
                self.indent(indent);
            }
            self.text(line);
        }
    }
}

/// Chooses the style of a text as the writer does.
fn style(text: &str, key: bool) -> Style {
    let traits = Traits::of(text);
    if key && traits.breaks {
        return Style::Double;
    }
    let wanted = if text.contains('\n') {
        Style::Literal
    } else if is_taken_for_text(text) {
        Style::Plain
    } else {
        return Style::Double;
    };
    match wanted {
        Style::Literal if key || traits.trailing_space || traits.special => Style::Double,
        Style::Literal => Style::Literal,
        _ if traits.plain() => Style::Plain,
        _ if traits.single() => Style::Single,
        _ => Style::Double,
    }
}

/// What a text has in it that forbids a style.
#[derive(Default)]
struct Traits {
    breaks: bool,
    /// Starts or ends with a space or a break.
    outer_blank: bool,
    trailing_space: bool,
    /// A space directly behind a break.
    space_after_break: bool,
    /// A character that is not printable, or a space directly before a break.
    special: bool,
    /// A character that means something to YAML where it stands.
    indicator: bool,
}

impl Traits {
    fn of(text: &str) -> Self {
        let mut traits = Self { indicator: text.starts_with("---") || text.starts_with("..."), ..Self::default() };
        let (mut previous, mut chars) = (None, text.chars().peekable());
        while let Some(c) = chars.next() {
            let next = chars.peek().copied();
            let (first, last) = (previous.is_none(), next.is_none());
            let before_blank = next.is_none_or(|next| next == ' ' || next == '\t' || is_break(next));
            let after_blank = previous.is_none_or(|before| before == ' ' || before == '\t' || is_break(before));
            traits.indicator |= match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
                    if first =>
                {
                    true
                }
                '?' | '-' if first => before_blank,
                ':' => before_blank,
                '#' => after_blank,
                _ => false,
            };
            traits.special |= !is_printable(c);
            if c == ' ' {
                traits.outer_blank |= first || last;
                traits.trailing_space |= last;
                traits.space_after_break |= previous.is_some_and(is_break);
            } else if is_break(c) {
                traits.breaks = true;
                traits.outer_blank |= first || last;
                traits.special |= previous == Some(' ');
            }
            previous = Some(c);
        }
        traits
    }

    fn plain(&self) -> bool {
        self.single() && !self.outer_blank && !self.breaks && !self.indicator
    }

    fn single(&self) -> bool {
        !self.space_after_break && !self.special
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What the writer takes for printable: no tab, nothing above the basic plane.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

fn escaped(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' | '\\' => c,
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        c => {
            return match c as u32 {
                code @ ..0x100 => format!("\\x{code:02X}"),
                code @ ..0x1_0000 => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}

/// Whether a YAML 1.1 reader takes a plain text for a text.
pub(in crate::build) fn is_taken_for_text(text: &str) -> bool {
    let Some(first) = text.bytes().next() else { return false };
    match first {
        b'+' | b'-' | b'0'..=b'9' => !(is_integer(text) || is_float(text) || is_base_60(text) || is_time(text)),
        b'.' => !matches!(text, ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF") && !is_float(text),
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => !is_word(text),
        _ => true,
    }
}

fn is_word(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let lower = text.to_ascii_lowercase();
    // All small, all capital, or the first letter capital.
    let rest = text.get(1..).unwrap_or_default();
    let cased = text == lower || text == text.to_ascii_uppercase() || rest == rest.to_ascii_lowercase();
    text == "~" || cased && WORDS.contains(&lower.as_str())
}

/// Whole numbers of 64 bits: decimal, `0x`, `0o`, `0b`, octal by a leading zero; underscores do not count.
fn is_integer(text: &str) -> bool {
    let bare: String = text.chars().filter(|c| *c != '_').collect();
    let (negative, digits) = match bare.as_bytes().first() {
        Some(b'-') => (true, &bare[1..]),
        Some(b'+') => (false, &bare[1..]),
        _ => (false, bare.as_str()),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let sign_inside = digits.starts_with(['+', '-']);
    let parsed = u64::from_str_radix(digits, radix).ok().filter(|_| !sign_inside);
    let signed = bare.starts_with('+');
    parsed.is_some_and(|n| if negative { n <= 1 << 63 } else { !signed || n <= i64::MAX as u64 })
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, and the infinities with a sign.
fn is_float(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    if body.len() < text.len() && matches!(body, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let bare: String = body.chars().filter(|c| *c != '_').collect();
    let (mantissa, exponent) = match bare.find(['e', 'E']) {
        Some(at) => (&bare[..at], Some(&bare[at + 1..])),
        None => (bare.as_str(), None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
fn is_base_60(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = body.split(':');
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    if !parts.next().is_some_and(|first| first.starts_with(|c: char| c.is_ascii_digit()) && digits(first)) {
        return false;
    }
    let mut rest: Vec<&str> = parts.collect();
    let Some(last) = rest.pop() else { return false };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    let sixty = |part: &str| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    };
    rest.into_iter().all(sixty) && sixty(last) && digits(fraction)
}

/// A date, or a date and a time, as YAML 1.1 writes them.
fn is_time(text: &str) -> bool {
    let Some(date) = text.get(..10.min(text.len())).filter(|_| text.is_ascii()) else { return false };
    let number = |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let end = text.find(['T', 't', ' ']).unwrap_or(text.len());
    let parts: Vec<&str> = text[..end].split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let within = |text: &str, most: u32| text.parse::<u32>().is_ok_and(|n| (1..=most).contains(&n));
    let length = |year: u32, month: u32| match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    };
    let numbers = date.len() >= 8 && year.len() == 4 && number(year, 4) && number(month, 2) && number(day, 2);
    let (Ok(years), Ok(months)) = (year.parse(), month.parse()) else { return false };
    numbers && within(month, 12) && within(day, length(years, months)) && (end == text.len() || is_clock(&text[end..]))
}

/// What follows the date: `T1:02:03.4Z`, `t1:02:03+01:00`, ` 1:02:03`.
fn is_clock(text: &str) -> bool {
    let (zoned, body) = (!text.starts_with(' '), &text[1..]);
    let two = |text: &str, least: usize, most: u32| {
        (least..=2).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.parse::<u32>().is_ok_and(|n| n < most)
    };
    let zone = body.find(['Z', '+', '-']).unwrap_or(body.len());
    let (clock, zone) = body.split_at(zone);
    let parts: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else { return false };
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let digits = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    let zone = match (zoned, zone) {
        (false, zone) => zone.is_empty(),
        (true, "Z") => true,
        (true, zone) => zone
            .strip_prefix(['+', '-'])
            .and_then(|zone| zone.split_once(':'))
            .is_some_and(|(hours, minutes)| two(hours, 2, 25) && two(minutes, 2, 60)),
    };
    two(hour, 1, 24) && two(minute, 1, 60) && two(second, 1, 60) && digits && zone
}

/// A number as it comes out of JSON: whole floats as integers, large and tiny ones with an exponent of two digits.
pub(super) fn number(number: &Number) -> String {
    if !number.is_f64() {
        return number.to_string();
    }
    let value = number.as_f64().unwrap_or_default();
    if value.fract() == 0.0 && value.abs() < 1e21 {
        let whole = value as i128;
        if (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&whole) {
            return whole.to_string();
        }
    }
    // Shortest digits, and the exponent of the first of them.
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}
