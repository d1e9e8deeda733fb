//! Which values the rules of plugins held for before: clusters of a fleet give most rules the same values.
//!
//! Rules are pure, so they hold again for the same values. Only the fields of the cluster's facts that they name count.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr};
use serde_json::Value;

use crate::catalog::Plugin;

/// How many sets of values are kept of each plugin.
const KEPT: usize = 8;

/// What all rules of a plugin are given.
pub(super) struct Given<'v> {
    /// Facts of the cluster.
    pub(super) cluster: &'v Value,
    /// Facts of the module.
    pub(super) module: &'v Value,
    /// Options of the module.
    pub(super) options: &'v Value,
}

/// The values for which all rules of a plugin held, by the plugin's folder.
#[derive(Default)]
pub struct Held(Mutex<BTreeMap<String, Known>>);

struct Known {
    /// The fields of the cluster's facts that the rules name; `None` when one of them takes all.
    fields: Option<BTreeSet<String>>,
    values: Vec<Values>,
}

struct Values {
    cluster: Vec<(String, Option<Value>)>,
    module: Value,
    options: Value,
}

impl Held {
    /// Tells whether all rules of a plugin held for the same values before.
    pub(super) fn knows(&self, plugin: &Plugin, given: &Given<'_>) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |one: &Values| {
            one.options == *given.options
                && one.module == *given.module
                && one.cluster.iter().all(|(field, value)| given.cluster.get(field) == value.as_ref())
        };
        known.get(&plugin.dir).is_some_and(|known| known.values.iter().any(same))
    }

    /// Keeps the values that all rules of a plugin hold for, unless they take more than single fields.
    pub(super) fn keep(&self, plugin: &Plugin, given: &Given<'_>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            known.entry(plugin.dir.clone()).or_insert_with(|| Known { fields: named(plugin), values: Vec::new() });
        let Some(fields) = &known.fields else { return };
        let cluster = fields.iter().map(|field| (field.clone(), given.cluster.get(field).cloned())).collect();
        if known.values.len() == KEPT {
            known.values.remove(0);
        }
        known.values.push(Values { cluster, module: given.module.clone(), options: given.options.clone() });
    }
}

/// Lists the fields of `cluster` that the rules of a plugin name.
fn named(plugin: &Plugin) -> Option<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let single = plugin
        .validations
        .iter()
        .all(|rule| rule.program().is_ok_and(|program| collect(program.expression(), &mut found)));
    single.then_some(found)
}

/// Collects the fields of `cluster` that an expression names; false when it takes all.
fn collect(expression: &IdedExpr, found: &mut BTreeSet<String>) -> bool {
    let is_cluster = |name: &str| name.trim_start_matches('.') == "cluster";
    let mut all =
        |mut parts: &mut dyn Iterator<Item = &IdedExpr>| Iterator::all(&mut parts, |part| collect(part, found));
    match &expression.expr {
        Expr::Select(select) => match &select.operand.expr {
            Expr::Ident(name) if is_cluster(name) => {
                found.insert(select.field.clone());
                true
            }
            _ => collect(&select.operand, found),
        },
        Expr::Ident(name) => !is_cluster(name),
        Expr::Call(call) => all(&mut call.target.as_deref().into_iter().chain(&call.args)),
        Expr::List(list) => all(&mut list.elements.iter()),
        Expr::Map(map) => all(&mut map.entries.iter().flat_map(parts)),
        Expr::Struct(fields) => all(&mut fields.entries.iter().flat_map(parts)),
        Expr::Comprehension(one) => {
            all(&mut [&one.iter_range, &one.accu_init, &one.loop_cond, &one.loop_step, &one.result].into_iter())
        }
        Expr::Literal(_) | Expr::Unspecified => true,
    }
}

fn parts(entry: &IdedEntryExpr) -> impl Iterator<Item = &IdedExpr> {
    let (key, value) = match &entry.expr {
        EntryExpr::StructField(field) => (None, &field.value),
        EntryExpr::MapEntry(entry) => (Some(&entry.key), &entry.value),
    };
    key.into_iter().chain([value])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_wherever_they_stand() {
        let fields = |source: &str| {
            let program = cel::Program::compile(source).expect("valid");
            let mut found = BTreeSet::new();
            collect(program.expression(), &mut found).then(|| found.into_iter().collect::<Vec<_>>().join(" "))
        };
        for (source, named) in [
            ("self.a == 1", Some("")),
            ("has(cluster.a) && cluster.b.c[0] in [cluster.d]", Some("a b d")),
            ("cluster.a.all(x, x.b == {'k': cluster.e}.k)", Some("a e")),
            ("size(cluster.a.filter(x, x == cluster.c ? cluster.f.size() > 1 : false)) > 0", Some("a c f")),
            ("cluster['a'] == 1", None),
            ("[cluster].all(x, x.a == 1)", None),
            (".cluster == self", None),
        ] {
            assert_eq!(fields(source).as_deref(), named, "{source}");
        }
    }
}
