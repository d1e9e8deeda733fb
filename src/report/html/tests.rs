//! The page: well-formed, self-contained, and nothing of a file is markup.

use super::*;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::{Span, codes};
use crate::diff::{
    ChangeKind, ChangeSet, FieldChange, FieldKind, FileChange, FileKind, FileMeaning, Meaning, ObjectChange,
    ObjectKind, Path, Step,
};
use crate::layout::{Edge, Graph, NodeKind, Why};
use crate::tree::RepoPath;
use crate::verify::{Ground, Proof, ProvenChange};

const HOSTILE: &str = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>\u{1b}[31m</pre></style>";

fn field() -> FieldChange {
    FieldChange {
        path: Path(vec![Step::Key("data".into()), Step::Key(HOSTILE.into())]),
        change: FieldKind::Changed,
        before: Some(HOSTILE.into()),
        after: Some(format!("{HOSTILE}\n{HOSTILE}").into()),
        secret: false,
    }
}

/// A cluster in which every text is hostile.
fn hostile() -> ClusterDiff {
    let path = RepoPath::parse("c/a.txt").expect("valid");
    let object = ObjectChange {
        change: ObjectKind::Changed,
        object: HOSTILE.into(),
        path: HOSTILE.into(),
        from: Some(HOSTILE.into()),
        fields: vec![field()],
    };
    let change = FileChange {
        path: path.clone(),
        kind: ChangeKind::Changed,
        before: Some(HOSTILE.into()),
        after: Some("other".into()),
    };
    let finding = Diagnostic::new(codes::INVALID_VALUE, HOSTILE).field(HOSTILE).file(HOSTILE).hint(HOSTILE);
    let edge = Edge { from: HOSTILE.into(), to: "b".into(), why: Why::DependsOn, at: None };
    ClusterDiff {
        cluster: HOSTILE.into(),
        intent: HOSTILE.into(),
        against: HOSTILE.into(),
        changes: ChangeSet::of(vec![change]),
        meaning: Meaning {
            objects: vec![object],
            files: vec![FileMeaning { path, kind: ChangeKind::Changed, what: FileKind::Text }],
        },
        hand_edits: Vec::new(),
        proofs: vec![Proof {
            base: None,
            kustomization: HOSTILE.into(),
            source: HOSTILE.into(),
            from: HOSTILE.into(),
            line: 1,
            matched: 1,
            object: Some(HOSTILE.into()),
            ground: Ground::Base(HOSTILE.into()),
            applied: true,
            changes: vec![ProvenChange {
                path: HOSTILE.into(),
                change: "added",
                existed: false,
                before: None,
                after: None,
            }]
            .into(),
        }],
        diagnostics: vec![finding.span(Span { start: 0, end: 1, line: 1, column: 1 })],
        graph: Some(Graph {
            nodes: [(HOSTILE.to_owned(), NodeKind::Part), ("b".to_owned(), NodeKind::Other)].into_iter().collect(),
            edges: vec![edge],
        }),
    }
}

/// Walks the tags of a page, and panics where they do not nest.
fn tags(page: &str) -> Vec<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    let body = page.strip_prefix("<!DOCTYPE html>\n").expect("a doctype");
    // The text of a style sheet is no markup.
    let (head, rest) = body.split_once("<style>").expect("a style");
    let (_, rest) = rest.split_once("</style>").expect("its end");
    let body = format!("{head}{rest}");
    for part in body.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or_else(|| panic!("no end: {part}"));
        assert!(!text.contains('>'), "a bare > behind {tag}");
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "{closed} closes something else");
        } else {
            found.push(tag.to_owned());
            if !tag.ends_with('/') {
                open.push(Box::leak(name.to_owned().into_boxed_str()));
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
    found
}

#[test]
fn nothing_of_a_file_is_markup() {
    let page = write(&[hostile(), hostile()], false);
    let tags = tags(&page);
    let known = "html head meta title style body a header h1 nav ul li span main section h2 h3 p strong code details \
                 summary div pre table thead tbody tr th td figure figcaption svg marker path rect text footer";
    let known: Vec<&str> = known.split_whitespace().collect();
    for tag in &tags {
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        assert!(known.contains(&name), "<{tag}>");
        let handler = tag.split(' ').any(|attribute| attribute.starts_with("on") || attribute.starts_with("style="));
        assert!(!handler, "<{tag}>");
    }
    assert!(!page.contains('\u{1b}') && page.contains("\\u{1b}[31m"), "control characters are shown, not sent");
}

#[test]
fn the_page_needs_nothing_else_and_ids_are_unique() {
    let page = write(&[hostile(), hostile()], false);
    let mut ids = Vec::new();
    for tag in tags(&page) {
        for attribute in ["src=", "href=", "url("] {
            if let Some((_, rest)) = tag.split_once(attribute) {
                assert!(rest.trim_start_matches('"').starts_with('#'), "<{tag}>");
            }
        }
        ids.extend(tag.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next().map(str::to_owned)));
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert!(count >= 5 && ids.len() == count, "{ids:?}");
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    assert!(
        page.contains(&format!("style-src 'sha256-{digest}'")) && page.contains(&format!("<style>{STYLE}</style>"))
    );
}

#[test]
fn an_intent_with_errors_has_a_page_of_findings() {
    let mut diff = hostile();
    diff.cluster = "demo".into();
    diff.graph = None;
    diff.changes = ChangeSet::default();
    diff.meaning = Meaning::default();
    diff.proofs.clear();
    let page = write(&[diff], false);
    assert!(page.contains("Nothing was compared.") && page.contains("<title>Changes of cluster demo</title>"));
    assert_eq!(page.matches("data-finding=").count(), 1);
    assert!(tags(&page).iter().all(|tag| !tag.starts_with("details") && !tag.starts_with("table")));
}
