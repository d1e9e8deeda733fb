//! YAML in and out: one reader that knows where every value stands, one emitter that every reader agrees on.
//!
//! Reading: [`parse`] gives [`Node`] trees with spans and all faults it can find. Writing: [`emit`] prints values so
//! that YAML 1.1 and 1.2 readers get them back unchanged, [`emit_with_comments`] keeps the comments of an earlier text,
//! [`emit_annotated`] adds a comment to each value, [`comments`] lists them; [`order`] puts fields as people write them.

mod annotate;
mod comments;
mod emit;
mod node;
mod order;
mod parse;
mod scalar;

pub use annotate::emit_annotated;
pub use comments::{comments, emit_with_comments};
pub use emit::{emit, emit_object};
pub use node::{Body, Node};
pub(crate) use node::{escape, unescape};
pub use order::order;
pub use parse::{Dialect, Limits, parse};

/// Parses a file that must hold exactly one document.
///
/// # Errors
/// All faults found; `several-documents` and `empty-file` among them.
pub fn parse_one(bytes: &[u8], dialect: Dialect, limits: Limits) -> Result<Node, Vec<crate::diagnostic::Diagnostic>> {
    use crate::diagnostic::{Diagnostic, codes};
    let mut documents = parse(bytes, dialect, limits)?;
    if documents.len() > 1 {
        return Err(vec![
            Diagnostic::new(codes::SEVERAL_DOCUMENTS, format!("the file holds {} documents", documents.len()))
                .span(documents[1].span)
                .hint("keep one intent per file: `clusters/<name>/cluster.yaml`"),
        ]);
    }
    documents.pop().ok_or_else(|| {
        vec![
            Diagnostic::new(codes::EMPTY_FILE, "the file holds no YAML document")
                .hint("`fluxwright init NAME` writes a minimal intent"),
        ]
    })
}
