//! Variables in a text, as kustomize-controller substitutes them after a build.
//!
//! The operators look like those of a shell and differ in many details: `:+` and `:?` give a default as `:-` does,
//! lengths and positions count bytes, `$$` is a `$`, and `$name` without braces is text. Knows nothing of YAML.

mod operators;

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use self::operators::apply;

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
