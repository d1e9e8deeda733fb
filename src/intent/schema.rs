//! The JSON Schema of the intent and its validator; schema faults become findings in words.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use serde_json::{Value, json};

use super::findings::Findings;
use super::manifest::ClusterIntent;
use crate::diagnostic::{codes, did_you_mean, mask};

/// The schema that intents are validated with.
pub struct Schema {
    value: Value,
    validator: Validator,
}

/// A schema that is not valid itself; a fault of a plugin's `options.schema.json`.
#[derive(Debug, thiserror::Error)]
#[error("the intent schema is not valid: {0}")]
pub struct SchemaError(String);

/// Returns the schema of the envelope and the cross-cutting sections, without any module's options.
pub fn base_schema() -> Value {
    let mut schema = schemars::generate::SchemaSettings::draft2020_12()
        .with(|s| s.inline_subschemas = false)
        .into_generator()
        .into_root_schema_for::<ClusterIntent>()
        .to_value();
    // Options of modules are flattened into the module in Rust, so that serde cannot close the object.
    if let Some(module) = schema.pointer_mut("/$defs/Module") {
        module["additionalProperties"] = json!(false);
    }
    without_null(&mut schema);
    schema
}

/// Takes `null` out of optional fields: a field without value is absent before the schema sees it, and `anyOf` would
/// hide the fault of an object behind "violates anyOf".
fn without_null(schema: &mut Value) {
    if let Value::Object(map) = schema {
        if let Some(Value::Array(types)) = map.get_mut("type") {
            types.retain(|one| one != "null");
            if let [one] = types.as_slice() {
                let one = one.clone();
                map.insert("type".into(), one);
            }
        }
        let is_null = |one: &Value| one.get("type").is_some_and(|kind| kind == "null");
        if let Some(Value::Array(branches)) = map.get("anyOf")
            && let [one, null] = branches.as_slice()
            && is_null(null)
            && let Value::Object(one) = one.clone()
        {
            map.shift_remove("anyOf");
            map.extend(one);
        }
        choices(map);
        if map.get("default").is_some_and(Value::is_null) {
            map.shift_remove("default");
        }
        if let Some(Value::Object(default)) = map.get_mut("default") {
            default.retain(|_, value| !value.is_null());
        }
        map.values_mut().for_each(without_null);
    } else if let Value::Array(items) = schema {
        items.iter_mut().for_each(without_null);
    }
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// When the schema itself is not valid.
    pub fn compile(value: Value) -> Result<Self, SchemaError> {
        let validator = jsonschema::draft202012::options().build(&value).map_err(|e| SchemaError(e.to_string()))?;
        Ok(Self { value, validator })
    }

    /// Returns the schema as JSON.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Reports every violation and takes faulty parts out of the value, until what remains is valid.
    ///
    /// Faulty list elements become `null`, so that the others keep their indexes; a faulty field goes, and when it is
    /// required, the object that needs it goes too. Returns whether anything of the document is left.
    pub fn check(&self, value: &mut Value, findings: &mut Findings) -> bool {
        let mut reported = false;
        loop {
            let mut cuts: Vec<(String, Cut)> = Vec::new();
            for error in self.validator.iter_errors(value) {
                if reported && is_hole(value, &error) {
                    continue;
                }
                if !reported {
                    self.report(&error, findings);
                }
                cuts.push((error.instance_path().to_string(), Cut::of(&error)));
            }
            reported = true;
            if cuts.is_empty() {
                return true;
            }
            let before = value.clone();
            for (pointer, cut) in cuts {
                if !cut.apply(value, &pointer) {
                    return false;
                }
            }
            // What cannot be cut any further must not keep us here.
            if *value == before {
                return true;
            }
        }
    }

    fn report(&self, error: &ValidationError<'_>, findings: &mut Findings) {
        let pointer = error.instance_path().to_string();
        let value = error.instance();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let known = self.known_fields(error);
                for name in unexpected {
                    unknown_field(&pointer, name, &known, findings);
                }
            }
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                let expected = self.describe(error, name);
                let finding = findings.add_at_key(
                    codes::MISSING_FIELD,
                    &pointer,
                    format!("the required field `{name}` is missing"),
                );
                finding.hint = expected.map(|text| format!("`{name}`: {text}"));
            }
            ValidationErrorKind::Type { kind } => {
                let expected = match kind {
                    TypeKind::Single(one) => type_name(&one.to_string()).to_owned(),
                    TypeKind::Multiple(many) => many
                        .iter()
                        .map(|one| one.to_string())
                        .filter(|one| one != "null")
                        .map(|one| type_name(&one).to_owned())
                        .collect::<Vec<_>>()
                        .join(" or "),
                };
                let found = kind_of(value);
                let secret = pointer.rsplit('/').next().is_some_and(mask::is_secret_name);
                let shown = if secret { String::new() } else { shown(value) };
                let finding =
                    findings.add(codes::WRONG_TYPE, &pointer, format!("expected {expected}, found {found}{shown}"));
                finding.hint = type_hint(&expected, value);
            }
            _ => {
                let message = describe_fault(error);
                let hint = match error.kind() {
                    ValidationErrorKind::Enum { options } => value.as_str().and_then(|wrong| {
                        let options: Vec<&str> = options.as_array()?.iter().filter_map(Value::as_str).collect();
                        did_you_mean(wrong, options).map(|right| format!("did you mean `{right}`?"))
                    }),
                    ValidationErrorKind::Constant { expected_value } => {
                        Some(format!("write `{}`", expected_value.as_str().unwrap_or_default()))
                    }
                    _ => None,
                };
                let version = pointer == "/apiVersion" || pointer == "/kind";
                let code = if version { codes::UNSUPPORTED_VERSION } else { codes::INVALID_VALUE };
                findings.add(code, &pointer, message).hint = hint;
            }
        }
    }

    /// Names the fields that the object of an error may have.
    fn known_fields(&self, error: &ValidationError<'_>) -> Vec<String> {
        let object = self.schema_object(error);
        object
            .and_then(|schema| schema.get("properties"))
            .and_then(Value::as_object)
            .map(|properties| properties.keys().cloned().collect())
            .unwrap_or_default()
    }

    fn describe(&self, error: &ValidationError<'_>, field: &str) -> Option<String> {
        let text = self.schema_object(error)?.pointer(&format!("/properties/{field}"))?;
        let text = match text.get("$ref").and_then(Value::as_str) {
            Some(reference) if text.get("description").is_none() => self.value.pointer(reference.strip_prefix('#')?)?,
            _ => text,
        };
        first_sentence(text.get("description")?.as_str()?)
    }

    /// The schema object that holds the violated keyword.
    fn schema_object(&self, error: &ValidationError<'_>) -> Option<&Value> {
        let path = error.schema_path().to_string();
        self.value.pointer(path.rsplit_once('/')?.0)
    }
}

/// Turns a choice of described constants into an `enum`, whose fault names the values; editors show the descriptions.
fn choices(map: &mut serde_json::Map<String, Value>) {
    let Some(Value::Array(branches)) = map.get("oneOf") else { return };
    let values: Vec<Value> = branches.iter().filter_map(|one| one.get("const").cloned()).collect();
    if values.len() != branches.len() {
        return;
    }
    let texts: Vec<Value> = branches.iter().filter_map(|one| one.get("description").cloned()).collect();
    map.shift_remove("oneOf");
    map.insert("type".into(), json!("string"));
    map.insert("enum".into(), Value::Array(values));
    map.insert("enumDescriptions".into(), Value::Array(texts));
}

/// Takes the first sentence of a description, without its period, for a hint.
fn first_sentence(text: &str) -> Option<String> {
    let text = text.replace('\n', " ");
    let sentence = text.split(". ").next()?.trim().trim_end_matches('.');
    let mut chars = sentence.chars();
    let first = chars.next()?;
    Some(first.to_lowercase().chain(chars).collect())
}

/// Reports one unknown field with the nearest known name; names of credentials get a code of their own.
pub fn did_you_mean_field(name: &str, known: &[String]) -> Option<String> {
    did_you_mean(name, known.iter().map(String::as_str)).map(|right| format!("did you mean `{right}`?"))
}

fn unknown_field(parent: &str, name: &str, known: &[String], findings: &mut Findings) {
    let pointer = format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"));
    if mask::is_secret_name(name) {
        let reference = known.iter().find(|field| field.ends_with("Ref"));
        let message = format!("`{name}` would put a credential into the repository in plain text");
        findings.add_at_key(codes::PLAINTEXT_CREDENTIAL, &pointer, message).hint = Some(match reference {
            Some(field) => format!("remove it, put the credential into a Secret, and name that Secret in `{field}`"),
            None => "remove it; credentials reach the cluster by reference only, see `fluxwright explain plaintext-credential`".into(),
        });
        return;
    }
    if name == "$patch" {
        let hint = "there is nothing to merge: only an intent with `extends` has directives";
        findings.add_at_key(codes::UNKNOWN_FIELD, &pointer, "unknown field `$patch`").hint = Some(hint.into());
        return;
    }
    let hint = did_you_mean_field(name, known).unwrap_or_else(|| {
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        format!("known fields: {}", names.join(", "))
    });
    findings.add_at_key(codes::UNKNOWN_FIELD, &pointer, format!("unknown field `{name}`")).hint = Some(hint);
}

/// Whether an error is about a hole that an earlier round left in a list.
fn is_hole(root: &Value, error: &ValidationError<'_>) -> bool {
    let pointer = error.instance_path().to_string();
    let in_list = pointer.rsplit_once('/').and_then(|(parent, _)| root.pointer(parent)).is_some_and(Value::is_array);
    error.instance().is_null() && in_list
}

/// What to take out of a value so that an error goes away.
enum Cut {
    Fields(Vec<String>),
    Whole,
}

impl Cut {
    fn of(error: &ValidationError<'_>) -> Self {
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => Cut::Fields(unexpected.clone()),
            ValidationErrorKind::PropertyNames { error } => {
                Cut::Fields(error.instance().as_str().map(str::to_owned).into_iter().collect())
            }
            _ => Cut::Whole,
        }
    }

    /// Returns false when the root itself had to go.
    fn apply(self, root: &mut Value, pointer: &str) -> bool {
        match self {
            Cut::Fields(names) => {
                if let Some(Value::Object(map)) = root.pointer_mut(pointer) {
                    names.iter().for_each(|name| {
                        map.shift_remove(name);
                    });
                }
                true
            }
            Cut::Whole => {
                let Some((parent, key)) = pointer.rsplit_once('/') else { return false };
                let key = key.replace("~1", "/").replace("~0", "~");
                match root.pointer_mut(parent) {
                    Some(Value::Object(map)) => {
                        map.shift_remove(&key);
                    }
                    Some(Value::Array(items)) => {
                        if let Some(item) = key.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                            *item = Value::Null;
                        }
                    }
                    _ => {}
                }
                true
            }
        }
    }
}

fn type_name(name: &str) -> &str {
    match name {
        "object" => "a mapping",
        "array" => "a list",
        "string" => "a string",
        "integer" => "an integer",
        "number" => "a number",
        "boolean" => "a boolean",
        other => other,
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(n) if n.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!(" {}", mask::quote(text)),
        Value::Number(_) | Value::Bool(_) => format!(" `{value}`"),
        _ => String::new(),
    }
}

fn type_hint(expected: &str, value: &Value) -> Option<String> {
    match (expected, value) {
        ("a string", Value::Number(_) | Value::Bool(_)) => Some("write it in quotes, exactly as it stands".into()),
        ("an integer" | "a number" | "an integer or a string", Value::String(text)) if text.parse::<f64>().is_ok() => {
            Some(format!("write it without quotes: {text}"))
        }
        ("a boolean", Value::String(text)) if matches!(text.to_lowercase().as_str(), "yes" | "on" | "y") => {
            Some("write `true`".into())
        }
        ("a boolean", Value::String(text)) if matches!(text.to_lowercase().as_str(), "no" | "off" | "n") => {
            Some("write `false`".into())
        }
        ("a list", Value::Object(_)) => Some("start each element with `- `".into()),
        ("a list", Value::String(_)) => Some("write one element per line, each after `- `".into()),
        _ => None,
    }
}

/// Says a violated keyword in words.
fn describe_fault(error: &ValidationError<'_>) -> String {
    let value = shown(error.instance());
    let value = if value.is_empty() { " the value".to_owned() } else { value };
    let value = value.trim_start();
    match error.kind() {
        ValidationErrorKind::Enum { options } => {
            let options: Vec<String> = options
                .as_array()
                .map(|list| {
                    list.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect()
                })
                .unwrap_or_default();
            format!("{value} is not one of {}", options.join(", "))
        }
        ValidationErrorKind::Constant { expected_value } => format!("{value} is not {expected_value}"),
        ValidationErrorKind::Maximum { limit } => format!("{value} is greater than the maximum of {limit}"),
        ValidationErrorKind::Minimum { limit } => format!("{value} is less than the minimum of {limit}"),
        ValidationErrorKind::MinLength { limit } => format!("{value} is shorter than {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("{value} is longer than {limit} characters"),
        ValidationErrorKind::MinItems { limit } => format!("the list needs at least {limit} element(s)"),
        ValidationErrorKind::MaxItems { limit } => format!("the list has more than {limit} element(s)"),
        ValidationErrorKind::UniqueItems => "the list has the same element twice".into(),
        ValidationErrorKind::Pattern { pattern } => format!("{value} {}", describe_pattern(pattern)),
        ValidationErrorKind::PropertyNames { error } => {
            format!("the name {} is not allowed here: {}", shown(error.instance()).trim(), describe_fault(error))
        }
        other => format!("{value} violates `{}`", other.keyword()),
    }
}

/// The patterns of the schema in the words of their users.
fn describe_pattern(pattern: &str) -> String {
    let words = match pattern {
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" => "is not a DNS-1123 label: lower-case letters, digits and `-`",
        r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" => "is not a DNS-1123 subdomain: lower-case letters, digits, `-` and `.`",
        r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$" => "is not a duration as in `10m` or `1h30m`",
        r"^1\.[0-9]{1,2}$" => "is not a Kubernetes minor version as in `1.28`",
        r"^[_A-Za-z][_A-Za-z0-9]*$" => {
            "is not a Flux substitution variable: letters, digits and `_`, not starting with a digit"
        }
        r"^(http|https|ssh)://[^\s/]+/\S+$" => "is not an address of the form https://, http:// or ssh:// host/path",
        other => return format!("does not match `{other}`"),
    };
    words.to_owned()
}
