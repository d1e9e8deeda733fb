//! A tree of files as values, how it is written, and how it is made smaller while it still shows a fault.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::{TestRng, TestRunner};
use serde_json::{Map, Value};

use crate::dice::Dice;

/// The key of a value that stands in its file as a text: an inline patch stays a value that can be made smaller.
const INLINE: &str = "\u{0}inline";

/// What a file holds.
#[derive(Clone, Debug)]
pub enum File {
    /// Documents, in blocks as people write them or in one line each as JSON.
    Documents { documents: Vec<Value>, json: bool },
    /// A text that is not made of values.
    Text(String),
}

impl File {
    fn text(&self) -> String {
        match self {
            File::Text(text) => text.clone(),
            File::Documents { documents, json } => {
                let documents: Vec<String> = documents.iter().map(|value| emit(&resolved(value), *json)).collect();
                documents.join("---\n")
            }
        }
    }
}

/// A value that stands in its file as the text of its YAML.
pub fn inline(value: Value) -> Value {
    Value::Object(Map::from_iter([(INLINE.to_owned(), value)]))
}

fn emit(value: &Value, json: bool) -> String {
    if json { format!("{value}\n") } else { fluxwright::yaml::emit(value) }
}

/// The value with the texts of what is inline.
fn resolved(value: &Value) -> Value {
    match value {
        Value::Object(map) => match map.get(INLINE) {
            // Operations of a patch are read as JSON or YAML by their first character.
            Some(Value::String(text)) => Value::String(text.clone()),
            Some(inner) => {
                Value::String(emit(&resolved(inner), inner.as_array().is_some_and(|items| items.len() % 2 == 1)))
            }
            None => Value::Object(map.iter().map(|(key, value)| (key.clone(), resolved(value))).collect()),
        },
        Value::Array(items) => Value::Array(items.iter().map(resolved).collect()),
        other => other.clone(),
    }
}

/// Files, and the directory among them that is built.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub files: BTreeMap<String, File>,
    pub dir: String,
}

impl Tree {
    pub fn add(&mut self, path: &str, documents: Vec<Value>, json: bool) {
        self.files.insert(path.to_owned(), File::Documents { documents, json });
    }

    pub fn add_text(&mut self, path: &str, text: &str) {
        self.files.insert(path.to_owned(), File::Text(text.to_owned()));
    }

    /// Writes the files below a directory.
    pub fn write(&self, root: &Path) {
        std::fs::create_dir_all(root.join(&self.dir)).expect("a directory can be made");
        for (path, file) in &self.files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().expect("a file has a directory")).expect("a directory can be made");
            std::fs::write(&path, file.text()).expect("a file can be written");
        }
    }

    /// All files in one text.
    pub fn show(&self) -> String {
        self.files.iter().map(|(path, file)| format!("# {path}\n{}", file.text())).collect()
    }

    /// The fields of the kustomization files: what a fault is about.
    pub fn fields(&self) -> Vec<String> {
        let mut fields: Vec<String> = Vec::new();
        for (path, file) in &self.files {
            if let File::Documents { documents, .. } = file
                && path.ends_with("kustomization.yaml")
            {
                fields.extend(documents.iter().filter_map(Value::as_object).flat_map(Map::keys).cloned());
            }
        }
        fields.retain(|field| !["apiVersion", "kind", "resources"].contains(&field.as_str()));
        fields.sort();
        fields.dedup();
        fields
    }

    /// What can be taken out, the largest parts first.
    fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for (path, file) in &self.files {
            let part = |steps: Vec<Step>| Part { file: path.clone(), steps };
            parts.push(part(Vec::new()));
            match file {
                File::Text(text) => parts.extend((0..text.lines().count()).map(|at| part(vec![Step::Item(at)]))),
                File::Documents { documents, .. } => {
                    for (at, value) in documents.iter().enumerate() {
                        let mut steps = vec![Step::Item(at)];
                        parts.push(part(steps.clone()));
                        inside(value, &mut steps, &mut |steps| parts.push(part(steps.to_vec())));
                    }
                }
            }
        }
        parts.sort_by_key(|part| part.steps.len());
        parts
    }

    fn without(&self, part: &Part) -> Tree {
        let mut tree = self.clone();
        let Some((last, above)) = part.steps.split_last() else {
            tree.files.remove(&part.file);
            return tree;
        };
        match tree.files.get_mut(&part.file) {
            Some(File::Text(text)) => {
                let lines = text.split_inclusive('\n').enumerate();
                *text = lines.filter(|(at, _)| *last != Step::Item(*at)).map(|(_, line)| line).collect();
            }
            Some(File::Documents { documents, .. }) => remove(documents, above, last),
            None => {}
        }
        tree
    }
}

#[derive(Clone, Debug)]
struct Part {
    file: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    Item(usize),
}

fn inside(value: &Value, steps: &mut Vec<Step>, found: &mut dyn FnMut(&[Step])) {
    let mut enter = |step: Step, value: &Value, counts: bool| {
        steps.push(step);
        if counts {
            found(steps);
        }
        inside(value, steps, found);
        steps.pop();
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| enter(Step::Key(key.clone()), value, key != INLINE)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| enter(Step::Item(at), value, true)),
        _ => {}
    }
}

fn remove(documents: &mut Vec<Value>, above: &[Step], last: &Step) {
    let Some((Step::Item(first), rest)) = above.split_first() else {
        if let Step::Item(at) = last {
            documents.remove(*at);
        }
        return;
    };
    let mut value = &mut documents[*first];
    for step in rest {
        value = match step {
            Step::Key(key) => &mut value[key.as_str()],
            Step::Item(at) => &mut value[*at],
        };
    }
    match (value, last) {
        (Value::Object(map), Step::Key(key)) => drop(map.shift_remove(key)),
        (Value::Array(items), Step::Item(at)) => drop(items.remove(*at)),
        _ => {}
    }
}

/// Trees as a function makes them from dice.
pub struct Trees<F>(pub F);

impl<F: Fn(&mut Dice) -> Tree> std::fmt::Debug for Trees<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trees")
    }
}

impl<F: Fn(&mut Dice) -> Tree> Strategy for Trees<F> {
    type Tree = Shrinking;
    type Value = Tree;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let rng: TestRng = runner.new_rng();
        Ok(Shrinking { current: (self.0)(&mut Dice::new(rng)), before: None, at: 0, progress: false })
    }
}

/// A tree of which one part after the other is taken out.
#[derive(Debug)]
pub struct Shrinking {
    current: Tree,
    /// The tree before the last attempt.
    before: Option<Tree>,
    /// The part that is taken out next.
    at: usize,
    /// Whether something was left out since the parts were gone through the last time.
    progress: bool,
}

impl Shrinking {
    fn attempt(&mut self) -> bool {
        loop {
            if let Some(part) = self.current.parts().get(self.at) {
                let smaller = self.current.without(part);
                self.before = Some(std::mem::replace(&mut self.current, smaller));
                return true;
            }
            if !self.progress {
                return false;
            }
            self.at = 0;
            self.progress = false;
        }
    }
}

impl ValueTree for Shrinking {
    type Value = Tree;

    fn current(&self) -> Tree {
        self.current.clone()
    }

    /// The last attempt, if any, held: what stands at its place now is next.
    fn simplify(&mut self) -> bool {
        self.progress |= self.before.take().is_some();
        self.attempt()
    }

    /// The last attempt took out too much.
    fn complicate(&mut self) -> bool {
        let Some(before) = self.before.take() else { return false };
        self.current = before;
        self.at += 1;
        self.attempt()
    }
}
