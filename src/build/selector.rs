//! Label selectors, as `kubectl -l` and `labelSelector` of a patch target write them.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::{Map, Value};

/// A parsed selector: all requirements must hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Selector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq)]
enum Operator {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

impl Selector {
    /// Parses a selector; an empty text selects everything.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut reader = Reader { tokens: &tokens };
        let mut requirements = Vec::new();
        if tokens.is_empty() {
            return Ok(Self(requirements));
        }
        loop {
            requirements.push(reader.requirement()?);
            match reader.next() {
                None => return Ok(Self(requirements)),
                Some(Token::Symbol(",")) => {}
                Some(other) => return Err(format!("found {other}, expected `,` or the end")),
            }
        }
    }

    /// Tells whether labels (or annotations) meet all requirements; a value that is not a text counts as its JSON form.
    pub(super) fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        self.0.iter().all(|requirement| {
            let value = labels.and_then(|l| l.get(&requirement.key)).map(|value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            match (&requirement.operator, value) {
                (Operator::Exists, value) => value.is_some(),
                (Operator::Missing, value) => value.is_none(),
                (Operator::In(values), value) => value.is_some_and(|v| values.contains(&v)),
                (Operator::NotIn(values), value) => value.is_none_or(|v| !values.contains(&v)),
                (Operator::Greater(bound), value) => number(value).is_some_and(|n| n > *bound),
                (Operator::Less(bound), value) => number(value).is_some_and(|n| n < *bound),
            }
        })
    }
}

fn number(value: Option<String>) -> Option<i64> {
    value?.parse().ok()
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Symbol(&'static str),
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Word(text) => write!(f, "`{text}`"),
            Token::Symbol(text) => write!(f, "`{text}`"),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let then_equal = |chars: &mut Peekable<Chars<'_>>| chars.next_if_eq(&'=').is_some();
        out.push(match c {
            c if c.is_whitespace() => continue,
            '=' if then_equal(&mut chars) => Token::Symbol("="),
            '=' => Token::Symbol("="),
            '!' if then_equal(&mut chars) => Token::Symbol("!="),
            '!' => Token::Symbol("!"),
            ',' => Token::Symbol(","),
            '(' => Token::Symbol("("),
            ')' => Token::Symbol(")"),
            '>' => Token::Symbol(">"),
            '<' => Token::Symbol("<"),
            c if is_word(c) => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| is_word(*c)) {
                    word.push(c);
                }
                Token::Word(word)
            }
            other => return Err(format!("the character {other:?} has no place in a selector")),
        });
    }
    Ok(out)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/')
}

struct Reader<'t> {
    tokens: &'t [Token],
}

impl Reader<'_> {
    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first.clone())
    }

    fn word(&mut self, wanted: &str) -> Result<String, String> {
        match self.next() {
            Some(Token::Word(word)) => Ok(word),
            Some(other) => Err(format!("found {other}, expected {wanted}")),
            None => Err(format!("the selector ends where {wanted} should stand")),
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        if self.tokens.first() == Some(&Token::Symbol("!")) {
            self.next();
            let key = key(self.word("a key")?)?;
            return Ok(Requirement { key, operator: Operator::Missing });
        }
        let key = key(self.word("a key")?)?;
        let operator = match self.tokens.first() {
            None | Some(Token::Symbol(",")) => Operator::Exists,
            Some(Token::Symbol("=")) => {
                self.next();
                Operator::In(vec![self.value()?])
            }
            Some(Token::Symbol("!=")) => {
                self.next();
                Operator::NotIn(vec![self.value()?])
            }
            Some(Token::Word(word)) if word == "in" => {
                self.next();
                Operator::In(self.values()?)
            }
            Some(Token::Word(word)) if word == "notin" => {
                self.next();
                Operator::NotIn(self.values()?)
            }
            Some(Token::Symbol(symbol @ (">" | "<"))) => {
                let greater = *symbol == ">";
                self.next();
                let bound = self.word("a number")?;
                let bound = bound.parse().map_err(|_| format!("`{bound}` is not a whole number"))?;
                if greater { Operator::Greater(bound) } else { Operator::Less(bound) }
            }
            Some(other) => return Err(format!("found {other}, expected `=`, `!=`, `in` or `notin`")),
        };
        Ok(Requirement { key, operator })
    }

    /// One value behind `=`; nothing at all is the empty value.
    fn value(&mut self) -> Result<String, String> {
        match self.tokens.first() {
            None | Some(Token::Symbol(",")) => Ok(String::new()),
            _ => value(self.word("a value")?),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        if self.next() != Some(Token::Symbol("(")) {
            return Err("a list of values starts with `(`".into());
        }
        let mut values = Vec::new();
        loop {
            match self.next() {
                Some(Token::Word(word)) => {
                    values.push(value(word)?);
                    match self.next() {
                        Some(Token::Symbol(",")) => {}
                        Some(Token::Symbol(")")) => return Ok(values),
                        _ => return Err("a list of values ends with `)`".into()),
                    }
                }
                // `(x,)` and `()` hold an empty value.
                Some(Token::Symbol(",")) => values.push(String::new()),
                Some(Token::Symbol(")")) => {
                    values.push(String::new());
                    return Ok(values);
                }
                _ => return Err("a list of values ends with `)`".into()),
            }
        }
    }
}

fn key(text: String) -> Result<String, String> {
    let name = text.rsplit_once('/').map_or(text.as_str(), |(_, name)| name);
    if is_name(name) && !name.is_empty() { Ok(text) } else { Err(format!("`{text}` is not a label key")) }
}

fn value(text: String) -> Result<String, String> {
    if is_name(&text) { Ok(text) } else { Err(format!("`{text}` is not a label value")) }
}

/// Labels are at most 63 characters that start and end with a letter or digit.
fn is_name(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    text.len() <= 63 && !text.contains('/') && edge(text.chars().next()) && edge(text.chars().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn matches(text: &str) -> bool {
        let labels = json!({"a": "x", "tier": "web", "n": "3"});
        Selector::parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).matches(labels.as_object())
    }

    #[test]
    fn every_form_of_requirement_is_understood() {
        for text in [
            "",
            "a",
            "a=x",
            "a==x",
            "a in (x,y)",
            "a in (x, )",
            "q notin (x)",
            "q!=x",
            "!q",
            "a=x,tier=web",
            " a = x , tier != db ",
            "n>2",
            "n<4",
            "!b,a",
        ] {
            assert!(matches(text), "{text:?} should match");
        }
        for text in ["!a", "a!=x", "a=", "q=", "q", "a in ()", "a notin (x)", "A", "n>3", "a>1", "a=x,tier=db"] {
            assert!(!matches(text), "{text:?} should not match");
        }
    }

    #[test]
    fn broken_selectors_are_errors() {
        for text in ["a=x,", "a in", "a in (x", "=x", ",", "a=x y", "a b", "a=-", "a;b", "a,", "a>x", "!", "a/b/=c"] {
            assert!(Selector::parse(text).is_err(), "{text:?} was accepted");
        }
    }
}
