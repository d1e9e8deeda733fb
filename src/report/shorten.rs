//! Shortens Markdown to what a forge takes. Works on whole blocks: a code block, a table, a `<details>` section is kept or
//! left out, never cut. Does not know what the text says.

use std::collections::BTreeSet;

/// A text that fits, and what it lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortened {
    /// The text.
    pub text: String,
    /// How many blocks were left out.
    pub left_out: usize,
}

/// Shortens a text to `limit` characters (Unicode code points, as GitHub counts them).
///
/// The largest sections, code blocks and tables go first; each leaves a line with its heading and size behind. When those
/// lines are still too many, blocks go from the end. A last line says how much is missing and links `url`, the full
/// report. A text that fits is returned as it is. The limit holds whenever it leaves room for that last line.
pub fn shorten(text: &str, limit: usize, url: Option<&str>) -> Shortened {
    if characters(text) <= limit {
        return Shortened { text: text.to_owned(), left_out: 0 };
    }
    let blocks = blocks(text);
    // Room for the last line, at its longest.
    let room = limit.saturating_sub(characters(&note(blocks.len(), limit, url)));
    let sizes: Vec<usize> = blocks.iter().map(|block| characters(block.text)).collect();
    let stubs: Vec<Option<String>> = blocks.iter().map(Block::stub).collect();
    let mut large: Vec<usize> =
        (0..blocks.len()).filter(|at| stubs[*at].as_ref().is_some_and(|stub| characters(stub) < sizes[*at])).collect();
    // Of two equally large ones the later goes first.
    large.sort_by_key(|at| std::cmp::Reverse((sizes[*at], *at)));
    let mut total: usize = sizes.iter().sum();
    let mut left_out = BTreeSet::new();
    for at in large {
        if total <= room {
            break;
        }
        total = total - sizes[at] + stubs[at].as_deref().map_or(0, characters);
        left_out.insert(at);
    }
    let mut out = String::new();
    let mut used = 0;
    let mut missing = left_out.len();
    for (at, block) in blocks.iter().enumerate() {
        let shown = if left_out.contains(&at) { stubs[at].as_deref().unwrap_or_default() } else { block.text };
        used += characters(shown);
        if used > room {
            missing = left_out.range(..at).count() + blocks.len() - at;
            break;
        }
        out.push_str(shown);
    }
    out.push_str(&note(missing, limit, url));
    Shortened { text: out, left_out: missing }
}

fn characters(text: &str) -> usize {
    text.chars().count()
}

fn note(count: usize, limit: usize, url: Option<&str>) -> String {
    let link = url.map(|url| format!(" [The full report]({url}).")).unwrap_or_default();
    format!("\n> {count} parts are left out: a text here has at most {limit} characters.{link}\n")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Details,
    Fence,
    Table,
    Other,
}

/// A run of whole lines that must stay together, with the empty lines behind it.
struct Block<'t> {
    kind: Kind,
    text: &'t str,
}

impl Block<'_> {
    /// The line that stands for the block when it is left out; none for texts and headings.
    fn stub(&self) -> Option<String> {
        let what = match self.kind {
            Kind::Details => match self.summary() {
                Some(summary) => summary.to_owned(),
                None => "a section".to_owned(),
            },
            Kind::Fence => "a code block".to_owned(),
            Kind::Table => format!("a table of {} rows", self.text.lines().count().saturating_sub(3)),
            Kind::Other => return None,
        };
        Some(format!("- {what}: left out, {} characters\n\n", characters(self.text)))
    }

    /// The summary of a section, when it is one short line.
    fn summary(&self) -> Option<&str> {
        let (_, rest) = self.text.split_once("<summary>")?;
        let (summary, _) = rest.split_once("</summary>")?;
        (characters(summary) <= 300 && !summary.contains(['\n', '\r'])).then_some(summary)
    }
}

/// Cuts a text into blocks; together they are the text.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let (mut start, mut at) = (0, 0);
    let mut kind = None;
    let mut fence: Option<(char, usize)> = None;
    let mut depth = 0_usize;
    let mut ended = false;
    for line in text.split_inclusive('\n') {
        let content = line.trim();
        let open = fence.is_some() || depth > 0;
        if let (Some(done), false) = (kind, open)
            && ended
            && !content.is_empty()
        {
            found.push(Block { kind: done, text: &text[start..at] });
            (start, kind, ended) = (at, None, false);
        }
        let was_fence = fence.is_some();
        match (fence, fence_of(line)) {
            (Some((mark, length)), Some((other, longer, true))) if mark == other && longer >= length => fence = None,
            (None, Some((mark, length, _))) => fence = Some((mark, length)),
            _ => {}
        }
        if !was_fence && fence.is_none() {
            depth = (depth + content.matches("<details").count()).saturating_sub(content.matches("</details>").count());
        }
        if kind.is_none() && !content.is_empty() {
            kind = Some(if content.starts_with("<details") {
                Kind::Details
            } else if fence.is_some() {
                Kind::Fence
            } else if content.starts_with('|') {
                Kind::Table
            } else {
                Kind::Other
            });
        }
        // A paragraph or table ends with an empty line, a section or code block with its own end.
        ended = fence.is_none() && depth == 0 && (ended || content.is_empty() || was_fence || open);
        at += line.len();
    }
    if start < text.len() {
        found.push(Block { kind: kind.unwrap_or(Kind::Other), text: &text[start..] });
    }
    found
}

/// The mark and length of a fence, and whether it can close one (CommonMark 4.5: nothing follows).
fn fence_of(line: &str) -> Option<(char, usize, bool)> {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let content = line.trim();
    let mark = content.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = content.chars().take_while(|c| *c == mark).count();
    let rest = &content[length..];
    let info = mark == '~' || !rest.contains('`');
    (indent <= 3 && length >= 3 && info).then_some((mark, length, rest.is_empty()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Fences that are open at the end, and how many sections are.
    fn balance(text: &str) -> (bool, i64) {
        let mut fence: Option<usize> = None;
        let mut depth = 0;
        for line in text.lines() {
            match (fence, fence_of(line)) {
                (Some(length), Some((_, longer, true))) if longer >= length => fence = None,
                (None, Some((_, length, _))) => fence = Some(length),
                (None, None) => {
                    depth += line.matches("<details").count() as i64 - line.matches("</details>").count() as i64;
                }
                _ => {}
            }
        }
        (fence.is_some(), depth)
    }

    fn section(name: &str, lines: usize) -> String {
        let body = "+ a line of a diff, with `ticks` and <details> in it\n".repeat(lines);
        format!("<details><summary>~ <code>{name}</code></summary>\n\n```diff\n{body}```\n\n</details>\n\n")
    }

    #[test]
    fn a_text_that_fits_stays() {
        let text = section("a.yaml", 3);
        assert_eq!(shorten(&text, characters(&text), None), Shortened { text, left_out: 0 });
    }

    #[test]
    fn the_largest_sections_go_and_leave_their_names() {
        let text = format!("### Cluster\n\nsummary\n\n{}{}{}", section("a", 3), section("big", 6000), section("c", 4));
        let short = shorten(&text, 65_536, Some("https://ci.example/1"));
        assert_eq!(short.left_out, 1);
        assert!(characters(&short.text) <= 65_536);
        assert!(short.text.starts_with(&format!("### Cluster\n\nsummary\n\n{}", section("a", 3))), "{}", short.text);
        assert!(short.text.contains(&section("c", 4)));
        assert!(short.text.contains("- ~ <code>big</code>: left out, 318"), "{}", short.text);
        assert!(short.text.contains("[The full report](https://ci.example/1)"));
    }

    #[test]
    fn many_small_sections_go_from_the_end() {
        let text: String =
            std::iter::once("# head\n\n".to_owned()).chain((0..2000).map(|n| section(&format!("f{n}"), 3))).collect();
        let short = shorten(&text, 20_000, None);
        assert!(characters(&short.text) <= 20_000 && characters(&short.text) > 15_000, "{}", characters(&short.text));
        assert!(short.text.starts_with("# head\n\n"));
        assert_eq!(balance(&short.text), (false, 0));
        assert_eq!(short.left_out, 2000);
    }

    #[test]
    fn characters_are_code_points() {
        let text = format!("{}\n\n", "\u{1f308}".repeat(70_000));
        assert_eq!(shorten(&text, 70_002, None).left_out, 0);
        assert!(characters(&shorten(&text, 65_536, None).text) <= 65_536);
    }

    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-zA-Z <>`~|é🌈-]{0,60}"
                .prop_map(|text| format!("text {}\n\n", text.replace("```", "").replace("~~~", ""))),
            Just("### Heading\n".to_owned()),
            (1_usize..40).prop_map(|rows| format!("| | Object |\n|---|---|\n{}\n", "| + | `x` |\n".repeat(rows))),
            (0_usize..40).prop_map(|lines| section("x.yaml", lines)),
            (0_usize..40).prop_map(|lines| format!("````\n{}````\n", "```\n<details>\n".repeat(lines))),
            (0_usize..10).prop_map(|lines| format!("<details>\n\n{}</details>\n", section("inner", lines))),
            Just("~~~\n| not | a table |\n\n</details>\n~~~\nbehind\n".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_left_is_whole_and_short(pieces in prop::collection::vec(piece(), 0..40), limit in 300_usize..6000) {
            let text = pieces.concat();
            let short = shorten(&text, limit, Some("https://ci.example/run/1"));
            prop_assert!(characters(&short.text) <= limit);
            prop_assert_eq!(balance(&short.text), (false, 0), "{}", &short.text);
            prop_assert_eq!(short.left_out == 0, characters(&text) <= limit);
            if short.left_out == 0 {
                prop_assert_eq!(&short.text, &text);
            }
            prop_assert_eq!(blocks(&text).iter().map(|block| block.text).collect::<String>(), text);
        }
    }
}
