//! The explanation pages of the codes: Markdown files in `docs/diagnostics/`, embedded into the binary.

use rust_embed::Embed;

#[derive(Embed)]
#[folder = "docs/diagnostics/"]
struct Pages;

/// The page of one code: what it means, why it matters, wrong and right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Markdown text.
    pub text: String,
}

/// Returns the page of a code of the registry.
pub fn explanation(code: &str) -> Option<Explanation> {
    if !super::ALL.iter().any(|known| known.name == code) {
        return None;
    }
    let page = Pages::get(&format!("{code}.md"))?;
    Some(Explanation { text: String::from_utf8_lossy(&page.data).into_owned() })
}
