//! The reader: text to [`Node`] trees, with every fault it can still see after the first.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span as RawSpan};
use serde_json::Value;

use super::node::{Body, Node};
use super::scalar::{self, Plain};
use crate::diagnostic::{Code, Diagnostic, Span, codes, mask};

/// How plain scalars are typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// For what users write for us: what YAML 1.1 and 1.2 read differently is a fault.
    Strict,
    /// For Kubernetes manifests: as kustomize types them (octal, binary, underscores).
    Kubernetes,
    /// As [`Dialect::Kubernetes`], and of two equal keys the last one counts: how kustomize reads its own file.
    Lenient,
    /// For text that a controller reads back: YAML 1.1 with its booleans, keys of any type, and the last of equal keys.
    Yaml11,
}

/// What is refused for being too large.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest file in bytes.
    pub bytes: usize,
    /// Deepest nesting.
    pub depth: usize,
    /// Most nodes after aliases are expanded.
    pub nodes: usize,
}

impl Limits {
    /// For files that people write: intents, plugin manifests, option schemas.
    pub const INTENT: Limits = Limits { bytes: 1 << 20, depth: 64, nodes: 50_000 };
    /// For Kubernetes manifests, CRDs included.
    pub const MANIFEST: Limits = Limits { bytes: 32 << 20, depth: 200, nodes: 4_000_000 };
    /// For the list of objects that a KRM function is given: a whole package at once.
    pub const RESOURCE_LIST: Limits = Limits { bytes: 256 << 20, depth: 200, nodes: 20_000_000 };
}

/// Parses all documents of a file.
///
/// # Errors
/// All faults found, each with its place; the file name is added by the caller.
pub fn parse(bytes: &[u8], dialect: Dialect, limits: Limits) -> Result<Vec<Node>, Vec<Diagnostic>> {
    if bytes.len() > limits.bytes {
        return Err(vec![
            Diagnostic::new(
                codes::FILE_TOO_LARGE,
                format!("the file has {} bytes; at most {} are read", bytes.len(), limits.bytes),
            )
            .hint("check that this is the right file"),
        ]);
    }
    let text = decode(bytes, dialect)?;
    let mut reader = Reader {
        dialect,
        limits,
        text,
        lines: line_starts(text),
        anchors: HashMap::new(),
        faults: Vec::new(),
        nodes: 0,
        stack: Vec::new(),
        documents: Vec::new(),
        full: false,
    };
    reader.run();
    if reader.faults.is_empty() { Ok(reader.documents) } else { Err(reader.faults) }
}

fn decode(bytes: &[u8], dialect: Dialect) -> Result<&str, Vec<Diagnostic>> {
    let fault = |code: Code, message: String, hint: &str| Err(vec![Diagnostic::new(code, message).hint(hint)]);
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    if utf16 {
        return fault(
            codes::NOT_UTF8,
            "the file is UTF-16, not UTF-8".into(),
            "save it as UTF-8 without byte order mark",
        );
    }
    let bytes = match bytes.strip_prefix(&[0xef, 0xbb, 0xbf]) {
        Some(rest) if dialect != Dialect::Strict => rest,
        Some(_) => {
            return fault(
                codes::BYTE_ORDER_MARK,
                "the file starts with a byte order mark".into(),
                "save it as UTF-8 without byte order mark",
            );
        }
        None => bytes,
    };
    std::str::from_utf8(bytes).or_else(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        fault(
            codes::NOT_UTF8,
            format!("byte {} (line {line}) is not UTF-8", error.valid_up_to() + 1),
            "save the file as UTF-8",
        )
    })
}

struct Reader<'t> {
    dialect: Dialect,
    limits: Limits,
    text: &'t str,
    lines: Vec<usize>,
    anchors: HashMap<usize, (Node, usize)>,
    faults: Vec<Diagnostic>,
    nodes: usize,
    stack: Vec<Frame>,
    documents: Vec<Node>,
    full: bool,
}

/// A collection that is not closed yet.
struct Frame {
    span: Span,
    anchor: usize,
    nodes_before: usize,
    kind: FrameKind,
}

enum FrameKind {
    Sequence(Vec<Node>),
    Mapping(Entries),
}

/// A mapping that is not closed yet.
#[derive(Default)]
struct Entries {
    entries: Vec<(String, Span, Node)>,
    key: Option<(Option<String>, Span)>,
    merges: Vec<Node>,
    /// Lines of the keys; empty while there are few of them.
    index: HashMap<String, usize>,
    /// How many entries the index knows.
    indexed: usize,
}

impl Entries {
    /// Below this a walk is faster than a table.
    const FEW: usize = 32;

    /// Returns the line of a key that is there already.
    fn line_of(&mut self, name: &str) -> Option<usize> {
        if self.entries.len() < Self::FEW {
            return self.entries.iter().find(|(known, _, _)| known == name).map(|(_, span, _)| span.line);
        }
        for (known, span, _) in &self.entries[self.indexed..] {
            self.index.entry(known.clone()).or_insert(span.line);
        }
        self.indexed = self.entries.len();
        self.index.get(name).copied()
    }

    /// Adds what `<<` brings; it never overrides a key that the mapping has itself.
    fn merged(mut self) -> Vec<(String, Span, Node)> {
        for merge in std::mem::take(&mut self.merges) {
            let Body::Mapping(extra) = merge.body else { continue };
            for entry in extra {
                if self.line_of(&entry.0).is_none() {
                    self.entries.push(entry);
                }
            }
        }
        self.entries
    }
}

impl Reader<'_> {
    fn run(&mut self) {
        // Comments are read over; with events for them, a long block of comments would be an error.
        let options = granit_parser::options! { emit_comments: false };
        for next in Parser::new_from_str_with_options(self.text, options) {
            match next {
                Ok((event, span)) => self.event(event, span),
                Err(error) => {
                    self.syntax(&error);
                    return;
                }
            }
            if self.full {
                return;
            }
        }
    }

    fn event(&mut self, event: Event<'_>, raw: RawSpan) {
        let span = self.span(&raw);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|t| t.to_string());
                // A block that ends with the file ends in a line break only if the file does.
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let cut = is_block && span.end >= self.text.len() && !self.text.ends_with('\n');
                let text = if cut { text.strip_suffix('\n').unwrap_or(&text) } else { &text };
                let value = self.scalar(text, style, tag.as_deref(), span);
                self.finish(Node { span, file: 0, body: Body::Scalar(value) }, anchor, 1);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.collection_tag(tag.map(|t| t.to_string()), "seq", span);
                self.open(span, anchor, FrameKind::Sequence(Vec::new()));
            }
            Event::MappingStart(_, anchor, tag) => {
                self.collection_tag(tag.map(|t| t.to_string()), "map", span);
                self.open(span, anchor, FrameKind::Mapping(Entries::default()));
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some((mut node, size)) => {
                    // Faults in an aliased value are shown where it is used.
                    node.span = span;
                    self.finish(node, 0, size);
                }
                None => self.fault(codes::YAML_SYNTAX, span, "an alias stands inside its own anchor", None),
            },
            Event::DocumentEnd => self.anchors.clear(),
            _ => {}
        }
    }

    fn open(&mut self, span: Span, anchor: usize, kind: FrameKind) {
        if self.stack.len() >= self.limits.depth {
            let message = format!("the document is nested more than {} levels deep", self.limits.depth);
            self.fault(codes::NESTING_TOO_DEEP, span, message, None);
            self.full = true;
            return;
        }
        self.stack.push(Frame { span, anchor, nodes_before: self.nodes, kind });
    }

    fn close(&mut self, end: Span) {
        let Some(frame) = self.stack.pop() else { return };
        let body = match frame.kind {
            FrameKind::Sequence(items) => Body::Sequence(items),
            FrameKind::Mapping(mapping) => Body::Mapping(mapping.merged()),
        };
        let mut span = frame.span;
        span.end = span.end.max(end.end);
        let size = self.nodes - frame.nodes_before + 1;
        self.finish(Node { span, file: 0, body }, frame.anchor, size);
    }

    fn finish(&mut self, node: Node, anchor: usize, size: usize) {
        let grown = if size > 1 && matches!(node.body, Body::Scalar(_)) { 1 } else { size };
        // A closed collection's children are counted already; an alias brings all of its nodes anew.
        self.nodes += if self.is_closing(&node) { 1 } else { grown };
        if self.nodes > self.limits.nodes {
            let message =
                format!("the document has more than {} values once its aliases are expanded", self.limits.nodes);
            self.fault(codes::ALIAS_EXPLOSION, node.span, message, Some("write the repeated values out"));
            self.full = true;
            return;
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        self.attach(node);
    }

    fn is_closing(&self, node: &Node) -> bool {
        !matches!(node.body, Body::Scalar(_))
            && node.span.end > node.span.start
            && self.text.as_bytes().get(node.span.start) != Some(&b'*')
    }

    fn attach(&mut self, node: Node) {
        let mut pending = None;
        match self.stack.last_mut().map(|frame| &mut frame.kind) {
            None => self.documents.push(node),
            Some(FrameKind::Sequence(items)) => items.push(node),
            Some(FrameKind::Mapping(mapping)) => match mapping.key.take() {
                None => {
                    let name = match &node.body {
                        Body::Scalar(Value::String(name)) => Some(name.clone()),
                        Body::Scalar(value) if self.dialect == Dialect::Yaml11 => scalar::key(value),
                        _ => None,
                    };
                    match &name {
                        None => {
                            let shown =
                                self.text.get(node.span.start..node.span.end).unwrap_or_default().trim().to_owned();
                            let hint = format!("write the key in quotes: {}", mask::quote(&shown));
                            pending = Some((
                                codes::NON_STRING_KEY,
                                node.span,
                                format!("the key {} is not a string", mask::quote(&shown)),
                                Some(hint),
                            ));
                        }
                        Some(_) if self.dialect == Dialect::Yaml11 => {}
                        Some(name) => {
                            if self.dialect != Dialect::Lenient
                                && let Some(first) = mapping.line_of(name)
                            {
                                let message =
                                    format!("the key {} stands here twice; first at line {first}", mask::quote(name));
                                pending =
                                    Some((codes::DUPLICATE_KEY, node.span, message, Some("keep one of them".into())));
                            }
                        }
                    }
                    mapping.key = Some((name, node.span));
                }
                Some((Some(name), span)) => {
                    let plain = self.text.get(span.start..span.end).is_some_and(|t| t.trim_end() == "<<");
                    match (plain, node.body) {
                        (true, Body::Sequence(items)) => mapping.merges.extend(items),
                        (true, body @ Body::Mapping(_)) => mapping.merges.push(Node { span: node.span, file: 0, body }),
                        (_, body) => mapping.entries.push((name, span, Node { span: node.span, file: 0, body })),
                    }
                }
                // The key was not a string and is reported; its value has no place in the tree.
                Some((None, _)) => {}
            },
        }
        if let Some((code, span, message, hint)) = pending {
            self.fault(code, span, message, hint.as_deref());
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&str>, span: Span) -> Value {
        let string = || Value::String(text.to_owned());
        if let Some(tag) = tag {
            let core = tag.strip_prefix("tag:yaml.org,2002:").or_else(|| tag.strip_prefix("!!"));
            match core {
                Some("str") => return string(),
                Some("int" | "float" | "bool" | "null") | None if tag != "!" && core.is_some() => {}
                // To kustomize this tag says nothing about a plain scalar.
                _ if tag == "!" && style == ScalarStyle::Plain && self.dialect != Dialect::Strict => {}
                _ if tag == "!" => return string(),
                _ => {
                    self.fault(
                        codes::UNSUPPORTED_TAG,
                        span,
                        format!("the tag {} has no meaning here", mask::quote(tag)),
                        Some("remove the tag"),
                    );
                    return string();
                }
            }
        } else if style != ScalarStyle::Plain {
            return string();
        }
        match scalar::resolve(text, self.dialect) {
            Plain::Value(value) => value,
            Plain::Ambiguous(hint) => {
                let message = "YAML 1.1 reads this number as an octal one, YAML 1.2 as a decimal one";
                self.fault(codes::AMBIGUOUS_SCALAR, span, message, Some(hint));
                string()
            }
            Plain::NotANumber => {
                if self.dialect != Dialect::Kubernetes {
                    let message = "this is not a number that Kubernetes can hold";
                    self.fault(codes::AMBIGUOUS_SCALAR, span, message, Some("quote it if it is a string"));
                }
                string()
            }
        }
    }

    fn collection_tag(&mut self, tag: Option<String>, own: &str, span: Span) {
        let Some(tag) = tag else { return };
        let core = tag.strip_prefix("tag:yaml.org,2002:").or_else(|| tag.strip_prefix("!!"));
        if core != Some(own) && tag != "!" {
            let message = format!("the tag {} has no meaning here", mask::quote(&tag));
            self.fault(codes::UNSUPPORTED_TAG, span, message, Some("remove the tag"));
        }
    }

    fn syntax(&mut self, error: &ScanError) {
        let mark = error.marker();
        let start = mark.byte_offset().unwrap_or_else(|| self.offset(mark.index()));
        let length = self.text.get(start..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        let span = self.locate(start, start + length);
        let message = mask::mask(&error.info());
        let mut near = self.text.lines().skip(span.line - 1).take(2);
        let tab = near.any(|line| line.trim_start_matches(' ').starts_with('\t'));
        let hint = if tab {
            "indent with spaces; YAML forbids tabs"
        } else {
            "check indentation, quotes and brackets on this line and the one before"
        };
        self.fault(codes::YAML_SYNTAX, span, message, Some(hint));
    }

    fn fault(&mut self, code: Code, span: Span, message: impl Into<String>, hint: Option<&str>) {
        let mut diagnostic = Diagnostic::new(code, message).span(span);
        diagnostic.hint = hint.map(str::to_owned);
        self.faults.push(diagnostic);
    }

    fn span(&self, raw: &RawSpan) -> Span {
        let offset = |mark: &granit_parser::Marker| mark.byte_offset().unwrap_or_else(|| self.offset(mark.index()));
        self.locate(offset(&raw.start), offset(&raw.end))
    }

    /// Byte offset of the n-th character.
    fn offset(&self, index: usize) -> usize {
        self.text.char_indices().nth(index).map_or(self.text.len(), |(offset, _)| offset)
    }

    fn locate(&self, start: usize, end: usize) -> Span {
        let start = start.min(self.text.len());
        let line = self.lines.partition_point(|first| *first <= start);
        let first = self.lines[line - 1];
        let column = self.text.get(first..start).map_or(0, |before| before.chars().count()) + 1;
        Span { start, end: end.clamp(start, self.text.len()), line, column }
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

#[cfg(test)]
mod tests;
