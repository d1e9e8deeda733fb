//! Variables in a text, as kustomize-controller substitutes them after a build.
//!
//! The operators look like those of a shell and differ in many details: `:+` and `:?` give a default as `:-` does,
//! lengths and positions count bytes, `$$` is a `$`, and `$name` without braces is text. Knows nothing of YAML.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::glob::{Exhausted, FUEL, Glob, first_char};

/// Expressions inside of expressions.
const DEEPEST: usize = 100;
/// Largest text that comes out.
const LARGEST: usize = 64 << 20;

/// What is known of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<'v> {
    /// Its value. Secrets may hold any bytes.
    Value(Cow<'v, [u8]>),
    /// Nothing sets it.
    Unset,
    /// Something that is not known here sets it, or could.
    Elsewhere,
    /// Something that need not be there at all could set it.
    Perhaps,
}

/// Why a text cannot be substituted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubstituteFault {
    /// An expression that cannot be read.
    #[error("`{expression}` is not an expression that Flux can read; write `$${{` for a plain `${{`")]
    Malformed {
        /// The start of the expression.
        expression: String,
    },
    /// A variable that nothing sets.
    #[error("the variable `{name}` is not set")]
    Unset {
        /// The variable.
        name: String,
    },
    /// The expressions stand in each other too deeply.
    #[error("expressions stand in each other more than {DEEPEST} levels deep")]
    TooDeep,
    /// The work or its result has no sensible size.
    #[error("the substitution of `{name}` has no sensible size")]
    TooLarge {
        /// The variable.
        name: String,
    },
}

/// What became of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substituted {
    /// The text; values may bring bytes that are no UTF-8.
    pub text: Vec<u8>,
    /// The variables whose expressions were left as they are, in order, each of them once.
    pub left: Vec<String>,
    /// The variables that nothing sets and that became empty texts, in order, each of them once.
    pub unset: Vec<String>,
}

/// Substitutes all variables of a text. Expressions whose value is not known are left in it.
///
/// # Errors
/// The first fault. With `strict`, a variable that nothing sets is one, unless the expression gives a default.
pub fn substitute<'v>(
    text: &str,
    strict: bool,
    lookup: impl Fn(&str) -> Lookup<'v>,
) -> Result<Substituted, SubstituteFault> {
    // A reader that takes a zero byte for the end stops there.
    let text = text.split('\0').next().unwrap_or_default();
    let template = Parser { text, at: 0, depth: 0 }.template()?;
    let mut run = Run { text, strict, lookup, left: Vec::new(), unset: Vec::new() };
    let mut out = Vec::with_capacity(text.len());
    for part in &template {
        match run.part(part)? {
            Some(value) => out.extend_from_slice(&value),
            None => out.extend_from_slice(run.source(part).as_bytes()),
        }
        if out.len() > LARGEST {
            return Err(SubstituteFault::TooLarge { name: part.variable().to_owned() });
        }
    }
    Ok(Substituted { text: out, left: run.left, unset: run.unset })
}

/// A piece of a text, or of an operand.
#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    Expression(Expression),
}

impl Part {
    fn variable(&self) -> &str {
        match self {
            Part::Text(_) => "",
            Part::Expression(expression) => &expression.variable,
        }
    }
}

#[derive(Debug, PartialEq)]
struct Expression {
    variable: String,
    operator: Operator,
    operands: Vec<Part>,
    /// Where it stands in the text.
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Value,
    Length,
    /// `=`, and `:` with one of `-`, `=`, `?`, `+`.
    Default,
    Lower,
    LowerFirst,
    Upper,
    UpperFirst,
    Slice,
    ReplaceFirst,
    ReplaceAll,
    ReplacePrefix,
    ReplaceSuffix,
    /// `#`, `##`, `%`, `%%`.
    Trim {
        suffix: bool,
        longest: bool,
    },
}

/// Which two characters stand for the second of them.
#[derive(Clone, Copy, PartialEq)]
enum Escapes {
    None,
    /// `$$`.
    Dollar,
    /// `$$`, `\/` and `\\`.
    All,
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Steps over the next character if it is the one wanted.
    fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.at += wanted.len_utf8();
        }
        there
    }

    fn template(mut self) -> Result<Vec<Part>, SubstituteFault> {
        let mut parts = Vec::new();
        while !self.rest().is_empty() {
            parts.push(if self.rest().starts_with("${") {
                Part::Expression(self.expression()?)
            } else {
                Part::Text(self.plain(Escapes::Dollar, |_| true))
            });
        }
        Ok(parts)
    }

    /// Reads text up to the next expression or the first character that is not accepted.
    fn plain(&mut self, escapes: Escapes, accept: impl Fn(char) -> bool) -> String {
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let escaped = match escapes {
                Escapes::None => false,
                Escapes::Dollar => rest.starts_with("$$"),
                Escapes::All => rest.starts_with("$$") || rest.starts_with("\\/") || rest.starts_with("\\\\"),
            };
            if escaped {
                out.extend(rest.chars().nth(1));
                self.at += 2;
                continue;
            }
            match rest.chars().next() {
                Some(c) if !rest.starts_with("${") && accept(c) => {
                    out.push(c);
                    self.at += c.len_utf8();
                }
                _ => return out,
            }
        }
    }

    /// Reads an operand: one expression, or text that is not empty.
    fn operand(
        &mut self,
        start: usize,
        escapes: Escapes,
        accept: impl Fn(char) -> bool,
    ) -> Result<Part, SubstituteFault> {
        if self.rest().starts_with("${") {
            return self.expression().map(Part::Expression);
        }
        let before = self.at;
        let text = self.plain(escapes, accept);
        if self.at == before { Err(self.malformed(start)) } else { Ok(Part::Text(text)) }
    }

    fn name(&mut self) -> Option<String> {
        let rest = self.rest();
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let name = rest.get(..end).filter(|name| !name.is_empty())?.to_owned();
        self.at += end;
        Some(name)
    }

    fn expression(&mut self) -> Result<Expression, SubstituteFault> {
        let start = self.at;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(SubstituteFault::TooDeep);
        }
        self.at += 2;
        let length = self.take('#');
        let variable = self.name().ok_or_else(|| self.malformed(start))?;
        let (operator, operands) = match self.peek() {
            _ if length => (Operator::Length, Vec::new()),
            Some(':') => {
                self.at += 1;
                match self.peek() {
                    Some('-' | '=' | '?' | '+') => {
                        self.at += 1;
                        (Operator::Default, self.default()?)
                    }
                    // Flux's reader loses its place there.
                    Some(c) if !c.is_ascii() => return Err(self.malformed(start)),
                    _ => (Operator::Slice, self.slice(start)?),
                }
            }
            Some('=') => {
                self.at += 1;
                (Operator::Default, self.default()?)
            }
            Some(',' | '^') => (self.case(), Vec::new()),
            Some('/') => self.replacement(start)?,
            Some(sign @ ('#' | '%')) => {
                self.at += 1;
                let longest = self.take(sign);
                let pattern = self.operand(start, Escapes::None, |c| c != '}')?;
                (Operator::Trim { suffix: sign == '%', longest }, vec![pattern])
            }
            _ => (Operator::Value, Vec::new()),
        };
        if !self.take('}') {
            return Err(self.malformed(start));
        }
        self.depth -= 1;
        Ok(Expression { variable, operator, operands, start, end: self.at })
    }

    /// The default may have any number of parts, and none.
    fn default(&mut self) -> Result<Vec<Part>, SubstituteFault> {
        let mut parts = Vec::new();
        while !matches!(self.peek(), None | Some('}')) {
            parts.push(self.operand(self.at, Escapes::None, |c| c != '}')?);
        }
        Ok(parts)
    }

    /// The position and the length have one part each.
    fn slice(&mut self, start: usize) -> Result<Vec<Part>, SubstituteFault> {
        let mut operands = vec![self.operand(start, Escapes::None, |c| c != ':' && c != '}')?];
        if self.take(':') {
            while self.take(':') {}
            operands.push(self.operand(start, Escapes::None, |c| c != '}')?);
        }
        Ok(operands)
    }

    fn case(&mut self) -> Operator {
        let signs: String = self.rest().chars().take(2).take_while(|c| matches!(c, ',' | '^')).collect();
        self.at += signs.len();
        match signs.as_str() {
            "," => Operator::LowerFirst,
            ",," => Operator::Lower,
            "^" => Operator::UpperFirst,
            "^^" => Operator::Upper,
            // Two different signs mean nothing.
            _ => Operator::Value,
        }
    }

    fn replacement(&mut self, start: usize) -> Result<(Operator, Vec<Part>), SubstituteFault> {
        self.at += 1;
        let operator = if self.take('/') {
            Operator::ReplaceAll
        } else if self.take('#') {
            Operator::ReplacePrefix
        } else if self.take('%') {
            Operator::ReplaceSuffix
        } else {
            Operator::ReplaceFirst
        };
        let mut operands = vec![self.operand(start, Escapes::All, |c| c != '/')?];
        if !self.take('/') {
            return Err(self.malformed(start));
        }
        while self.take('/') {}
        if self.peek() != Some('}') {
            operands.push(self.operand(start, Escapes::All, |c| c != '}')?);
        }
        Ok((operator, operands))
    }

    fn malformed(&self, start: usize) -> SubstituteFault {
        let line = self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let end = line.find('}').map_or(line.len(), |at| at + 1);
        let expression: String = line.get(..end).unwrap_or_default().chars().take(60).collect();
        SubstituteFault::Malformed { expression }
    }
}

fn is_name(c: char) -> bool {
    static WIDE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^[\p{L}\p{Nd}]$").expect("a valid expression"));
    c == '_' || c.is_ascii_alphanumeric() || !c.is_ascii() && WIDE.is_match(c.encode_utf8(&mut [0; 4]))
}

/// A walk over the parts of one text.
struct Run<'t, F> {
    text: &'t str,
    strict: bool,
    lookup: F,
    left: Vec<String>,
    unset: Vec<String>,
}

impl<'v, F: Fn(&str) -> Lookup<'v>> Run<'_, F> {
    fn source(&self, part: &Part) -> &str {
        match part {
            Part::Text(_) => "",
            Part::Expression(expression) => self.text.get(expression.start..expression.end).unwrap_or_default(),
        }
    }

    /// Returns what a part stands for, `None` when that is not known.
    fn part<'p>(&mut self, part: &'p Part) -> Result<Option<Cow<'p, [u8]>>, SubstituteFault> {
        match part {
            Part::Text(text) => Ok(Some(Cow::Borrowed(text.as_bytes()))),
            Part::Expression(expression) => Ok(self.expression(expression)?.map(Cow::Owned)),
        }
    }

    fn expression(&mut self, expression: &Expression) -> Result<Option<Vec<u8>>, SubstituteFault> {
        let Expression { variable, operator, operands, .. } = expression;
        let before = self.left.len();
        // Operands come first, also those that are not used in the end: one of them may be a fault.
        let mut values = Some(Vec::new());
        for operand in operands {
            let value = self.part(operand)?;
            values = values.zip(value).map(|(mut all, value)| {
                all.push(value);
                all
            });
        }
        let gives_default = *operator == Operator::Default;
        let value = match (self.lookup)(variable) {
            Lookup::Value(value) => value,
            Lookup::Unset if self.strict && !gives_default => {
                return Err(SubstituteFault::Unset { name: variable.clone() });
            }
            Lookup::Unset => {
                if !gives_default && !self.unset.contains(variable) {
                    self.unset.push(variable.clone());
                }
                Cow::Borrowed(&b""[..])
            }
            Lookup::Perhaps if gives_default => Cow::Borrowed(&b""[..]),
            Lookup::Elsewhere | Lookup::Perhaps => {
                self.leave(variable);
                return Ok(None);
            }
        };
        if gives_default && !value.is_empty() {
            // What is not known would not have been used.
            self.left.truncate(before);
            return Ok(Some(value.into_owned()));
        }
        let Some(values) = values else { return Ok(None) };
        apply(*operator, &value, &values).map(Some).ok_or_else(|| SubstituteFault::TooLarge { name: variable.clone() })
    }

    fn leave(&mut self, variable: &str) {
        if !self.left.iter().any(|known| known == variable) {
            self.left.push(variable.to_owned());
        }
    }
}

/// Carries out an operator; `None` when the result has no sensible size.
fn apply(operator: Operator, value: &[u8], operands: &[Cow<'_, [u8]>]) -> Option<Vec<u8>> {
    let operand = |index: usize| operands.get(index).map_or(&b""[..], |operand| operand.as_ref());
    Some(match operator {
        Operator::Value => value.to_vec(),
        Operator::Length => value.len().to_string().into_bytes(),
        Operator::Default => operands.concat(),
        Operator::Lower => each(value, lower),
        Operator::Upper => each(value, upper),
        Operator::LowerFirst => first(value, lower),
        Operator::UpperFirst => first(value, upper),
        Operator::Slice => slice(value, operands).to_vec(),
        Operator::ReplaceFirst => return replace(value, operand(0), operand(1), 1),
        Operator::ReplaceAll => return replace(value, operand(0), operand(1), usize::MAX),
        Operator::ReplacePrefix if operands.len() == 2 && value.starts_with(operand(0)) => {
            return replace(value, operand(0), operand(1), 1);
        }
        Operator::ReplaceSuffix if operands.len() == 2 => match value.strip_suffix(operand(0)) {
            Some(rest) => [rest, operand(1)].concat(),
            None => value.to_vec(),
        },
        // Without a replacement nothing happens.
        Operator::ReplacePrefix | Operator::ReplaceSuffix => value.to_vec(),
        Operator::Trim { suffix: false, longest } => trim(value, operand(0), longest)?.to_vec(),
        Operator::Trim { suffix: true, longest } => {
            // The end is looked at from behind, the pattern too, with its brackets and escapes the wrong way round.
            reversed(trim(&reversed(value), &reversed(operand(0)), longest)?)
        }
    })
}

fn characters(bytes: &[u8]) -> impl DoubleEndedIterator<Item = char> {
    let mut found = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((c, length)) = first_char(rest) {
        found.push(c);
        rest = rest.get(length..).unwrap_or_default();
    }
    found.into_iter()
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    characters(bytes).rev().collect::<String>().into_bytes()
}

fn each(bytes: &[u8], change: impl Fn(char) -> char) -> Vec<u8> {
    characters(bytes).map(change).collect::<String>().into_bytes()
}

fn first(bytes: &[u8], change: impl Fn(char) -> char) -> Vec<u8> {
    let Some((c, length)) = first_char(bytes) else { return Vec::new() };
    let mut out = change(c).to_string().into_bytes();
    out.extend_from_slice(bytes.get(length..).unwrap_or_default());
    out
}

/// One character for one character, so `ß` stays as it is.
fn upper(c: char) -> char {
    let mut all = c.to_uppercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        // Greek letters with a small iota have one capital form each, eight or nine places on.
        _ => match c as u32 {
            code @ (0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7) => char::from_u32(code + 8).unwrap_or(c),
            code @ (0x1fb3 | 0x1fc3 | 0x1ff3) => char::from_u32(code + 9).unwrap_or(c),
            _ => c,
        },
    }
}

fn lower(c: char) -> char {
    let mut all = c.to_lowercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        (Some(one), Some(_)) => one,
        _ => c,
    }
}

/// `${name:position}` and `${name:position:length}`, in bytes; what is no number changes nothing.
fn slice<'v>(value: &'v [u8], operands: &[Cow<'_, [u8]>]) -> &'v [u8] {
    let number = |index: usize| std::str::from_utf8(operands.get(index)?).ok()?.parse::<i64>().ok();
    let size = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let Some(position) = number(0) else { return value };
    let start = if position < 0 { (size + position).max(0) } else { position };
    let end = match (operands.len(), number(1)) {
        (..2, _) => size,
        (_, None) => return value,
        (_, Some(length)) if length < 0 => size + length,
        (_, Some(length)) => start.saturating_add(length).min(size),
    };
    let at = |position: i64| usize::try_from(position).unwrap_or(0);
    value.get(at(start)..at(end)).unwrap_or_default()
}

/// Replaces the first places of a text; an empty text is found before every character and at the end.
fn replace(value: &[u8], wanted: &[u8], new: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(value.len());
    let (mut rest, mut done) = (value, 0);
    while done < most {
        if out.len() > LARGEST {
            return None;
        }
        if wanted.is_empty() {
            out.extend_from_slice(new);
            done += 1;
            let Some((_, length)) = first_char(rest) else { break };
            let (c, behind) = rest.split_at(length);
            out.extend_from_slice(c);
            rest = behind;
        } else {
            let Some(at) = find(rest, wanted) else { break };
            let (before, behind) = rest.split_at(at);
            out.extend_from_slice(before);
            out.extend_from_slice(new);
            rest = behind.get(wanted.len()..).unwrap_or_default();
            done += 1;
        }
    }
    out.extend_from_slice(rest);
    Some(out)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// Takes the shortest or longest start off that a pattern matches, and that is not empty.
fn trim<'v>(value: &'v [u8], pattern: &[u8], longest: bool) -> Option<&'v [u8]> {
    let Some(glob) = Glob::parse(pattern) else { return Some(value) };
    let mut fuel = FUEL;
    let mut lengths: Vec<usize> = (1..=value.len()).collect();
    if longest {
        lengths.reverse();
    }
    for length in lengths {
        let (start, rest) = value.split_at(length);
        match glob.matches(start, &mut fuel) {
            Ok(true) => return Some(rest),
            Ok(false) => {}
            Err(Exhausted) => return None,
        }
    }
    Some(value)
}
