//! The directories of a tree: bases, overlays, diamonds and components, each with a kustomization file.

use serde_json::{Map, Value, json};

use crate::dice::Dice;
use crate::fields::{Family, Layer};
use crate::mistakes;
use crate::objects::{Id, Maker};
use crate::tree::Tree;

/// What a directory is made of.
struct Plan<'p> {
    dir: &'p str,
    /// Objects of its own.
    objects: usize,
    /// Directories that it includes, by a path from the top, and the objects that come from there.
    includes: Vec<(&'p str, Vec<Id>)>,
    components: Vec<&'p str>,
    /// Set where two directories bring the same objects, which must then differ in their names.
    prefix: Option<&'p str>,
    component: bool,
    top: bool,
}

struct Builder {
    tree: Tree,
    maker: Maker,
    family: Family,
}

impl Builder {
    fn plan<'p>(dir: &'p str) -> Plan<'p> {
        Plan {
            dir,
            objects: 0,
            includes: Vec::new(),
            components: Vec::new(),
            prefix: None,
            component: false,
            top: false,
        }
    }

    /// Makes a directory; gives the objects that whoever includes it sees.
    fn layer(&mut self, plan: Plan, dice: &mut Dice) -> Vec<Id> {
        let json = dice.chance(25);
        let mut layer = Layer {
            dir: plan.dir.to_owned(),
            family: self.family,
            fields: Map::new(),
            ids: Vec::new(),
            json,
            files: 0,
            top: plan.top,
            tree: &mut self.tree,
            maker: &mut self.maker,
        };
        if plan.component || dice.chance(30) {
            let (version, kind) = if plan.component { ("v1alpha1", "Component") } else { ("v1beta1", "Kustomization") };
            layer.fields.insert("apiVersion".into(), format!("kustomize.config.k8s.io/{version}").into());
            layer.fields.insert("kind".into(), kind.into());
        }
        let up = "../".repeat(plan.dir.split('/').count());
        let mut resources: Vec<Value> = Vec::new();
        for (dir, ids) in plan.includes {
            if !dir.is_empty() {
                resources.push(format!("{up}{dir}").into());
            }
            layer.ids.extend(ids);
        }
        let objects = layer.maker.objects(dice, plan.objects);
        layer.ids.extend(objects.iter().flat_map(ids));
        let mut rest = objects;
        while !rest.is_empty() {
            let count = dice.between(1, rest.len().min(3));
            let documents = rest.drain(..count).collect();
            resources.push(layer.file("objects", documents).into());
        }
        if !resources.is_empty() {
            layer.fields.insert("resources".into(), resources.into());
        }
        if !plan.components.is_empty() {
            let components: Vec<String> = plan.components.iter().map(|dir| format!("{up}{dir}")).collect();
            layer.fields.insert("components".into(), json!(components));
        }
        layer.decorate(dice);
        if let Some(prefix) = plan.prefix {
            layer.fields.insert("namePrefix".into(), prefix.into());
            layer.fields.shift_remove("nameSuffix");
        }
        if layer.fields.keys().all(|key| key == "apiVersion" || key == "kind") {
            layer.fields.insert("nameSuffix".into(), "-only".into());
        }
        let (fields, ids) = (Value::Object(layer.fields), layer.ids);
        self.tree.add(&format!("{}/kustomization.yaml", plan.dir), vec![fields], json);
        ids
    }
}

/// The objects of a document, which may be a list of them.
fn ids(value: &Value) -> Vec<Id> {
    match value.get("items").and_then(Value::as_array) {
        Some(items) if value["kind"] == "List" => items.iter().map(Id::of).collect(),
        _ => vec![Id::of(value)],
    }
}

/// A tree of a family.
pub fn tree(dice: &mut Dice, family: Family) -> Tree {
    let maker = Maker::new(family.variables(), family.namespaces());
    let mut builder = Builder { tree: Tree { dir: "top".into(), ..Tree::default() }, maker, family };
    let shape = if family == Family::Components { 4 + dice.below(2) } else { dice.below(6) };
    let count = dice.between(2, 7);
    let plan = Builder::plan;
    match shape {
        0 => drop(builder.layer(Plan { objects: count, top: true, ..plan("top") }, dice)),
        1 | 2 => {
            let base = builder.layer(Plan { objects: count, ..plan("base") }, dice);
            let mut includes = vec![("base", base)];
            if shape == 2 {
                let middle = builder.layer(Plan { objects: dice.below(2), includes, ..plan("middle/one") }, dice);
                includes = vec![("middle/one", middle)];
            }
            builder.layer(Plan { objects: dice.below(3), includes, top: true, ..plan("top") }, dice);
        }
        3 if dice.chance(50) => {
            builder.maker.shared = true;
            let base = builder.layer(Plan { objects: count, ..plan("base") }, dice);
            let mut side = |dir, prefix, dice: &mut Dice| {
                let includes = vec![("base", base.clone())];
                let mut ids = builder.layer(Plan { includes, prefix: Some(prefix), ..plan(dir) }, dice);
                for id in &mut ids {
                    id.current = format!("{prefix}{}", id.name);
                }
                (dir, ids)
            };
            let includes = vec![side("left", "l-", dice), side("right", "r-", dice)];
            builder.maker.shared = false;
            builder.layer(Plan { includes, top: true, ..plan("top") }, dice);
        }
        3 => {
            let includes = vec![
                ("base", builder.layer(Plan { objects: count, ..plan("base") }, dice)),
                ("other", builder.layer(Plan { objects: dice.between(1, 3), ..plan("other") }, dice)),
            ];
            builder.layer(Plan { objects: dice.below(2), includes, top: true, ..plan("top") }, dice);
        }
        _ => {
            let base = builder.layer(Plan { objects: count, ..plan("base") }, dice);
            // A component sees the objects of whoever includes it, which its path does not say.
            let seen = vec![("", base.clone())];
            let mut components = vec!["parts/one"];
            let mut inner = Vec::new();
            if dice.chance(35) {
                builder.layer(Plan { includes: seen.clone(), component: true, ..plan("parts/inner") }, dice);
                inner.push("parts/inner");
            }
            let objects = dice.below(2);
            builder.layer(
                Plan { objects, includes: seen.clone(), components: inner, component: true, ..plan("parts/one") },
                dice,
            );
            if dice.chance(35) {
                builder.layer(Plan { includes: seen, component: true, ..plan("parts/two") }, dice);
                components.push("parts/two");
            }
            // The generators of a file run before its components, whose objects they must not know.
            builder.layer(Plan { includes: vec![("base", base)], components, top: true, ..plan("top") }, dice);
        }
    }
    let mut tree = builder.tree;
    if family == Family::Mistakes {
        mistakes::make(dice, &mut tree);
    }
    tree
}
