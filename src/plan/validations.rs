//! Cross-field rules of plugins: CEL over the options and the facts of the cluster.

use cel::{Context, Program, Value as CelValue};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::held::{Given, Held};
use super::{PlannedModule, PlannedPlugin};
use crate::catalog::Validation;
use crate::diagnostic::{Diagnostic, codes, mask};
use crate::intent::Findings;

/// Evaluates the rules of all planned plugins, but for those that are known to hold.
pub(super) fn check(
    plugins: &[PlannedPlugin],
    modules: &[PlannedModule],
    cluster: &Value,
    held: &Held,
    findings: &mut Findings,
) {
    // Functions and facts are the same for all of them.
    let mut shared = None;
    for planned in plugins.iter().filter(|planned| !planned.plugin.validations.is_empty()) {
        let module = if planned.module.is_some() { &planned.facts } else { &Value::Null };
        let at = match planned.module {
            Some(index) => format!("{}/{}", modules[index].at, modules[index].name),
            None => planned.at.clone(),
        };
        // Rules see what is left of faulty options, which may lack what they count on; the faults are reported.
        if planned.module.is_some() && findings.has_errors_at(&at) {
            continue;
        }
        let given = Given { cluster, module, options: &planned.options };
        if held.knows(&planned.plugin, &given) {
            continue;
        }
        let before = findings.count();
        let dir = &planned.plugin.dir;
        let shared = match &mut shared {
            Some(shared) => &*shared,
            none => {
                let mut context = Context::default();
                if !bind(&mut context, "cluster", cluster, dir, findings) {
                    return;
                }
                &*none.insert(context)
            }
        };
        let mut context = shared.new_inner_scope();
        if !bind(&mut context, "self", &planned.options, dir, findings)
            || !bind(&mut context, "module", module, dir, findings)
        {
            return;
        }
        for rule in &planned.plugin.validations {
            check_rule(rule, &context, &at, dir, findings);
        }
        if findings.count() == before {
            held.keep(&planned.plugin, &given);
        }
    }
}

/// Gives a value to rules under a name; false when it cannot be one of CEL, which is reported.
fn bind(context: &mut Context<'_, '_>, name: &str, value: &Value, dir: &str, findings: &mut Findings) -> bool {
    match cel::to_value(Signed(value)) {
        Ok(value) => {
            context.add_variable_from_value(name, value);
            true
        }
        Err(error) => {
            broken(dir, &error.to_string(), findings);
            false
        }
    }
}

fn check_rule(rule: &Validation, context: &Context<'_, '_>, at: &str, dir: &str, findings: &mut Findings) {
    let holds = rule.program().map_err(str::to_owned);
    match holds.and_then(|program| program.execute(context).map_err(|error| error.to_string())) {
        Ok(CelValue::Bool(true)) => {}
        Ok(CelValue::Bool(false)) => {
            let message = match rule.message_expression.as_deref().map(|text| evaluate(text, context)) {
                Some(Ok(CelValue::String(text))) => text.to_string(),
                Some(Err(error)) if rule.message.is_none() => {
                    broken(dir, &format!("messageExpression of `{}`: {error}", rule.code), findings);
                    return;
                }
                _ => rule.message.clone().unwrap_or_else(|| format!("violates `{}`", rule.code)),
            };
            let pointer = format!("{at}{}", rule.field_path.as_deref().unwrap_or_default().replace('.', "/"));
            let mut diagnostic = Diagnostic::new(codes::INVALID_VALUE, mask::mask(&message));
            diagnostic.code = rule.code.clone().into();
            diagnostic.severity = rule.severity;
            diagnostic.hint = rule.hint.clone();
            findings.push(diagnostic, &pointer, false);
        }
        Ok(other) => {
            broken(dir, &format!("rule `{}` gives {:?} instead of true or false", rule.code, other.type_of()), findings)
        }
        Err(error) => broken(dir, &format!("rule `{}`: {error}", rule.code), findings),
    }
}

fn evaluate(source: &str, context: &Context<'_, '_>) -> Result<CelValue, String> {
    let program = Program::compile(source).map_err(|error| error.to_string())?;
    program.execute(context).map_err(|error| error.to_string())
}

/// Whole numbers as CEL's `int`: JSON's unsigned ones would become `uint`, which literals cannot be added to.
struct Signed<'v>(&'v Value);

impl Serialize for Signed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Number(number) => match number.as_i64() {
                Some(number) => serializer.serialize_i64(number),
                None => number.serialize(serializer),
            },
            Value::Array(items) => serializer.collect_seq(items.iter().map(Signed)),
            Value::Object(map) => serializer.collect_map(map.iter().map(|(key, value)| (key, Signed(value)))),
            other => other.serialize(serializer),
        }
    }
}

fn broken(dir: &str, message: &str, findings: &mut Findings) {
    findings.extend([Diagnostic::new(codes::PLUGIN_INVALID, message)
        .file(format!("{dir}/plugin.yaml"))
        .hint("see docs/plugins.md for the shape of a rule")]);
}
