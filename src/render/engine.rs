//! The template engine: strict, limited, and unable to let a value change the structure of its output.

use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

/// Steps after which a template is stopped: far beyond any plugin, well under a second.
const FUEL: u64 = 2_000_000;
/// Largest output of one template in bytes.
const LARGEST: usize = 8 << 20;

/// A compiled template.
pub(super) struct Template(Environment<'static>);

impl Template {
    /// The name that a template has in its environment, where it is alone.
    const NAME: &'static str = "template";

    /// Compiles a template.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let mut env = Environment::new();
        // Missing fields may be tested with `if`, but never printed or looked into.
        env.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        env.set_auto_escape_callback(|_| AutoEscape::Json);
        env.set_fuel(Some(FUEL));
        env.set_recursion_limit(50);
        let syntax = minijinja::syntax::SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        env.set_syntax(syntax.map_err(|error| describe(&error))?);
        env.add_filter("mebibytes", mebibytes);
        env.add_filter("duration", |text: String| {
            duration(&text).ok_or_else(|| invalid(format!("`{text}` is not a duration")))
        });
        env.add_filter("bare", bare);
        env.add_filter("shell", shell);
        env.add_filter("line", line);
        env.add_template_owned(Self::NAME, text.to_owned()).map_err(|error| describe(&error))?;
        Ok(Self(env))
    }

    /// Renders the template.
    pub(super) fn render(&self, context: &Value) -> Result<String, String> {
        let output = self
            .0
            .get_template(Self::NAME)
            .and_then(|template| template.render(context.clone()))
            .map_err(|error| describe(&error))?;
        if output.len() > LARGEST {
            return Err(format!("the output is larger than {LARGEST} bytes"));
        }
        Ok(output)
    }
}

fn describe(error: &Error) -> String {
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{line}{}{detail}", error.kind())
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// Takes a percentage of a memory quantity (`Mi` or `Gi`), rounded up to whole mebibytes: `4Gi` at 110 is `4506Mi`.
fn mebibytes(quantity: String, percent: u64) -> Result<String, Error> {
    let (number, factor) = match (quantity.strip_suffix("Gi"), quantity.strip_suffix("Mi")) {
        (Some(number), _) => (number, 1024),
        (_, Some(number)) => (number, 1),
        _ => return Err(invalid(format!("`{quantity}` is not a quantity in Mi or Gi"))),
    };
    let number: u64 = number.parse().map_err(|_| invalid(format!("`{quantity}` is not a quantity in Mi or Gi")))?;
    let total = number.checked_mul(factor).and_then(|mebi| mebi.checked_mul(percent));
    total.map(|total| format!("{}Mi", total.div_ceil(100))).ok_or_else(|| invalid(format!("`{quantity}` is too large")))
}

/// Writes a duration as Go and so the Kubernetes API print it: `10m` is `10m0s`, `90m` is `1h30m0s`.
///
/// Takes the units that Flux accepts (ms, s, m, h); fractions of a millisecond are lost.
pub(crate) fn duration(text: &str) -> Option<String> {
    let mut rest = text;
    let mut total = 0f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|at| *at > 0)?;
        let number: f64 = rest[..digits].parse().ok()?;
        let (unit, after) = [("ms", 1f64), ("s", 1e3), ("m", 6e4), ("h", 3.6e6)]
            .into_iter()
            .find_map(|(unit, factor)| Some((factor, rest[digits..].strip_prefix(unit)?)))?;
        total += number * unit;
        rest = after;
    }
    if text.is_empty() || !total.is_finite() || total > 9e15 {
        return None;
    }
    let millis = total.round() as u64;
    let (hours, minutes, seconds, left) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60, millis % 1000);
    let fraction = if left == 0 { String::new() } else { format!(".{left:03}").trim_end_matches('0').to_owned() };
    Some(match (hours, minutes) {
        (0, 0) if seconds == 0 && left > 0 => format!("{left}ms"),
        (0, 0) => format!("{seconds}{fraction}s"),
        (0, _) => format!("{minutes}m{seconds}{fraction}s"),
        _ => format!("{hours}h{minutes}m{seconds}{fraction}s"),
    })
}

/// Writes a value without quotes, for text such as shell commands; refuses anything that text could misread.
fn bare(value: Value) -> Result<Value, Error> {
    let text = value.to_string();
    if !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | ':' | '@' | '-'))
    {
        Ok(Value::from_safe_string(text))
    } else {
        Err(invalid("`bare` takes letters, digits and . _ / : @ - only".into()))
    }
}

/// Writes a value as it is into one line of prose; refuses control characters.
fn line(value: Value) -> Result<Value, Error> {
    let text = value.to_string();
    if text.chars().any(char::is_control) {
        return Err(invalid("`line` takes no control characters".into()));
    }
    Ok(Value::from_safe_string(text))
}

/// Writes a value as one word of a POSIX shell, in single quotes; refuses control characters.
fn shell(value: Value) -> Result<Value, Error> {
    let text = value.to_string();
    if text.chars().any(char::is_control) {
        return Err(invalid("`shell` takes no control characters".into()));
    }
    Ok(Value::from_safe_string(format!("'{}'", text.replace('\'', "'\\''"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(text: &str, context: serde_json::Value) -> Result<String, String> {
        Template::compile(text)?.render(&Value::from(minijinja::value::Serde(&context)))
    }

    #[test]
    fn durations_print_as_go_prints_them() {
        for (text, printed) in [
            ("10m", "10m0s"),
            ("1h", "1h0m0s"),
            ("90m", "1h30m0s"),
            ("30s", "30s"),
            ("1.5s", "1.5s"),
            ("250ms", "250ms"),
            ("0s", "0s"),
        ] {
            assert_eq!(duration(text).as_deref(), Some(printed));
        }
        assert_eq!(duration("10"), None);
        assert_eq!(duration("m"), None);
    }

    #[test]
    fn memory_rounds_up() {
        assert_eq!(mebibytes("4Gi".into(), 110).expect("valid"), "4506Mi");
        assert_eq!(mebibytes("2Gi".into(), 110).expect("valid"), "2253Mi");
        assert!(mebibytes("99999999999999999999Gi".into(), 110).is_err());
    }

    #[test]
    fn endless_and_huge_templates_stop() {
        assert!(
            render("{% for x in range(100000) %}{% for y in range(100000) %}x{% endfor %}{% endfor %}", json!({}))
                .is_err()
        );
        assert!(render("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", json!({})).is_err());
        assert!(render("{{ missing }}", json!({})).is_err());
        assert!(render("{{ 'a b'|bare }}", json!({})).is_err());
    }

    #[test]
    fn values_cannot_inject_structure() {
        for hostile in ["a\nb: c", "a: b", "- x", "{a}", "#", "\u{2028}x: y", "'", "\"", "---\n"] {
            let text = render("name: {{ v }}\n", json!({"v": hostile})).expect("renders");
            let node =
                crate::yaml::parse_one(text.as_bytes(), crate::yaml::Dialect::Strict, crate::yaml::Limits::INTENT)
                    .expect("YAML");
            assert_eq!(node.to_value(), json!({"name": hostile}));
        }
    }
}
