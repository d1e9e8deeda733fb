//! [`Node`]: a YAML value that remembers where each part of it stands.

use serde_json::{Map, Value};

use crate::diagnostic::Span;

/// A value with its place in the source.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where the value stands.
    pub span: Span,
    /// Which file it stands in, by the counting of whoever merged several; 0 is the file itself. The key of an entry
    /// stands where its value does.
    pub file: u16,
    /// The value.
    pub body: Body,
}

/// What a [`Node`] is.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Null, a boolean, a number or a string.
    Scalar(Value),
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping in source order: key, place of the key, value.
    Mapping(Vec<(String, Span, Node)>),
}

impl Node {
    /// Returns the plain value.
    pub fn to_value(&self) -> Value {
        match &self.body {
            Body::Scalar(value) => value.clone(),
            Body::Sequence(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            Body::Mapping(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for (key, _, node) in entries {
                    map.insert(key.clone(), node.to_value());
                }
                Value::Object(map)
            }
        }
    }

    /// Finds a child of a mapping by key, or of a sequence by index.
    pub fn child(&self, key: &str) -> Option<&Node> {
        match &self.body {
            Body::Scalar(_) => None,
            Body::Sequence(items) => items.get(key.parse::<usize>().ok()?),
            Body::Mapping(entries) => entries.iter().find(|(k, _, _)| k == key).map(|(_, _, node)| node),
        }
    }

    /// Returns the place of a JSON pointer: of its value, or of the nearest parent that exists.
    pub fn span_at(&self, pointer: &str) -> Span {
        self.nearest(pointer).span
    }

    /// Returns the value at a JSON pointer, or its nearest parent that exists.
    pub fn nearest(&self, pointer: &str) -> &Node {
        let mut node = self;
        for part in pointer.split('/').skip(1) {
            match node.child(&unescape(part)) {
                Some(child) => node = child,
                None => return node,
            }
        }
        node
    }

    /// Returns the place that a finding about a JSON pointer is shown at: the value, or the key of a block mapping or
    /// list, whose own place is that of its first child. What does not exist is shown at its nearest parent.
    pub fn place_of(&self, pointer: &str) -> Span {
        let mut pointer = pointer;
        while self.at(pointer).is_none() {
            let Some((parent, _)) = pointer.rsplit_once('/') else { return self.span };
            pointer = parent;
        }
        let Some(node) = self.at(pointer) else { return self.span };
        let starts_with_key = match &node.body {
            Body::Mapping(entries) => {
                entries.iter().any(|(_, span, child)| span.start == node.span.start && child.file == node.file)
            }
            _ => false,
        };
        if starts_with_key && !pointer.is_empty() { self.key_span_at(pointer) } else { node.span }
    }

    /// Returns the place of the key that a JSON pointer ends in, or of the value where there is no key.
    pub fn key_span_at(&self, pointer: &str) -> Span {
        let Some((parent, key)) = pointer.rsplit_once('/') else { return self.span };
        let key = unescape(key);
        match self.at(parent).map(|node| &node.body) {
            Some(Body::Mapping(entries)) => {
                entries.iter().find(|(k, _, _)| *k == key).map_or_else(|| self.span_at(pointer), |(_, span, _)| *span)
            }
            _ => self.span_at(pointer),
        }
    }

    /// Follows a JSON pointer.
    pub fn at(&self, pointer: &str) -> Option<&Node> {
        pointer.split('/').skip(1).try_fold(self, |node, part| node.child(&unescape(part)))
    }

    /// Calls a function with the pointer, the key and the value of every scalar below.
    pub fn scalars<'a>(&'a self, visit: &mut impl FnMut(&str, &str, &'a Node, &'a Value)) {
        fn walk<'a>(
            node: &'a Node,
            pointer: &mut String,
            key: &str,
            visit: &mut impl FnMut(&str, &str, &'a Node, &'a Value),
        ) {
            let length = pointer.len();
            match &node.body {
                Body::Scalar(value) => visit(pointer, key, node, value),
                Body::Sequence(items) => {
                    for (index, item) in items.iter().enumerate() {
                        pointer.push_str(&format!("/{index}"));
                        walk(item, pointer, key, visit);
                        pointer.truncate(length);
                    }
                }
                Body::Mapping(entries) => {
                    for (name, _, item) in entries {
                        pointer.push('/');
                        pointer.push_str(&escape(name));
                        walk(item, pointer, name, visit);
                        pointer.truncate(length);
                    }
                }
            }
        }
        walk(self, &mut String::new(), "", visit);
    }
}

/// Escapes a key as one part of a JSON pointer.
pub(crate) fn escape(key: &str) -> std::borrow::Cow<'_, str> {
    if key.contains(['~', '/']) { key.replace('~', "~0").replace('/', "~1").into() } else { key.into() }
}

/// Undoes the escapes of one part of a JSON pointer.
pub(crate) fn unescape(part: &str) -> std::borrow::Cow<'_, str> {
    if part.contains('~') { part.replace("~1", "/").replace("~0", "~").into() } else { part.into() }
}
