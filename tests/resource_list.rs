//! The form of a ResourceList: what does not change comes out as it came in, and what cannot be read prints nothing.

use fluxwright::diagnostic::Diagnostic;
use fluxwright::krm::ResourceList;
use fluxwright::yaml::{self, Dialect, Limits};
use proptest::prelude::*;
use serde_json::{Value, json};

const HEAD: &str = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n";
const CONFIG: &str = "functionConfig:\n  kind: ClusterIntent\n";

fn read(text: &[u8]) -> Result<ResourceList, Vec<Diagnostic>> {
    ResourceList::read(text.to_vec())
}

/// What the program gives back when nothing changes.
fn echo(text: &str) -> String {
    read(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults:#?}\n{text}")).print(&[])
}

fn values(text: &str) -> Value {
    let node = yaml::parse_one(text.as_bytes(), Dialect::Kubernetes, Limits::RESOURCE_LIST);
    let list = node.unwrap_or_else(|faults| panic!("{faults:#?}\n{text}")).to_value();
    list.get("items").cloned().unwrap_or_else(|| json!([]))
}

/// Lists in block style.
const BLOCK: &[&str] = &[
    "items:\n- {a: 1}\n",
    "items:\n- a: 1\n- b: 2\n",
    "items:\n  - a: 1\n  - b: 2\n",
    "items:\n      - a: 1\n        b: 2\n      -   c: 1\n          d: 2\n",
    "items: # all of them\n- a: 1\n",
    "items:\n\n\n- a: 1\n\n\n- b: 2\n\n",
    "items:\n# head\n- a: 1\n# between\n- b: 2\n  # inside\n# trailing\n",
    "items:\n- # of the item\n  a: 1\n-\n  b: 2\n",
    "items:\n- a: |\n    - apiVersion: v1\n      kind: x\n    # no comment\n  b: >-\n    - folded\n    text\n",
    "items:\n- a: |2\n      - deep\n- b: |+\n\n\n",
    "items:\n- a: \"one\n    - two\"\n- b: 'x\n\n    - y'\n",
    "items:\n- a:\n  - b\n  - - c\n    - d\n- e: [f,\n    g, {h: i}]\n",
    "items:\n- a: &x {b: 1}\n  c: *x\n- d: 1\n",
    "items:\n- a: &x {b: 1}\n- c: *x\n",
    "items:\n- a: yes\n  b: \"yes\"\n  c: 0x1F\n  d: 1_000\n  e: ~\n  f: .5\n",
    "items:\n- a: 1   \n  \"b\": 'c'  # d\n",
    "items:\n- ключ: значение 😀\n- é: \"\\u00e9\"\n",
    "items:\n- a: {}\n  b: []\n  c: ''\n  d:\n",
];

#[test]
fn block_lists_keep_their_bytes() {
    for items in BLOCK {
        for text in [
            format!("{HEAD}{items}{CONFIG}"),
            format!("---\n{HEAD}{items}{CONFIG}"),
            format!("# first\n{HEAD}{items}{CONFIG}...\n"),
        ] {
            let out = echo(&text);
            assert!(out.contains(&format!("{items}{CONFIG}")) || items.contains("# all"), "{text}\ngives\n{out}");
            assert_eq!(values(&out), values(&text), "{text}");
        }
        let last = format!("{CONFIG}{HEAD}{items}");
        assert!(echo(&last).contains(items.split_once('\n').expect("lines").1), "{last}\ngives\n{}", echo(&last));
    }
}

#[test]
fn other_styles_keep_their_values() {
    let json = json!({"kind": "ResourceList", "apiVersion": "config.kubernetes.io/v1", "items": [{"a": [1, "yes", null]}, {}], "functionConfig": {"kind": "ClusterIntent"}});
    let mut texts = vec![json.to_string(), format!("{json:#}")];
    for items in [
        "items: []\n",
        "items:\n",
        "",
        "items: [{a: 1}, {b: 2}]\n",
        "items: [\n- , ]\n",
        "items:\n- a: 1\n...\n",
        "\"items\":\n- a: 1\n",
        "items: &all\n- a: 1\n",
        "items: !!seq\n- a: 1\n",
        "items:\n  [{a: 1},\n   {b: 2}]\n",
        "items:\n- a: \"x\n- y\"\n",
    ] {
        texts.push(format!("{HEAD}{CONFIG}{items}"));
    }
    texts.push(format!("functionConfig: &c\n  kind: ClusterIntent\n{HEAD}items:\n- a: *c\n"));
    texts.push(format!("\u{feff}{HEAD}items:\n- a: 1\n{CONFIG}"));
    texts.push(format!("{HEAD}{CONFIG}items:\n- a: 1\n- b: 2"));
    texts.push(format!("{HEAD}{CONFIG}items:\n- a: |\n    x\n- b: |-\n    y"));
    for text in texts {
        let Ok(list) = read(text.as_bytes()) else {
            // Not every one is YAML to every reader; then nothing is printed.
            assert!(text.contains("[\n- ,") || text.contains("...") || text.contains("x\n- y"), "{text}");
            continue;
        };
        let out = list.print(&[]);
        let wanted = values(&text);
        assert_eq!(values(&out), if wanted.is_null() { json!([]) } else { wanted }, "{text}\ngives\n{out}");
    }
}

#[test]
fn line_ends_of_windows_keep_their_values_and_comments() {
    let text = format!("{HEAD}items:\n- a: 1 # one\n- b: |\n    x\n    y\n{CONFIG}").replace('\n', "\r\n");
    let out = echo(&text);
    assert_eq!(values(&out), values(&text));
    assert!(out.contains("- a: 1 # one\r\n"), "{out:?}");
}

#[test]
fn what_cannot_be_read_is_an_error_and_nothing_else() {
    let list = |items: &str| format!("{HEAD}{items}{CONFIG}").into_bytes();
    let utf16: Vec<u8> =
        format!("\u{feff}{HEAD}items: []\n{CONFIG}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", b"".to_vec(), "resource-list-invalid"),
        ("blank", b" \n\t\n".to_vec(), "resource-list-invalid"),
        ("comment", b"# ResourceList config.kubernetes.io/v1\n".to_vec(), "empty-file"),
        ("text", b"ResourceList".to_vec(), "resource-list-invalid"),
        ("list", b"- kind: ResourceList\n".to_vec(), "resource-list-invalid"),
        (
            "other kind",
            b"apiVersion: config.kubernetes.io/v1\nkind: List\nitems: []\n".to_vec(),
            "resource-list-invalid",
        ),
        ("other group", b"apiVersion: v1\nkind: ResourceList\nitems: []\n".to_vec(), "resource-list-invalid"),
        ("truncated", list("items:\n- a: {\n"), "yaml-syntax"),
        ("truncated text", list("items:\n- a: \"x\n"), "yaml-syntax"),
        ("tab", list("items:\n-\ta: 1\n\tb: 2\n"), "yaml-syntax"),
        ("map", list("items: {a: 1}\n"), "resource-list-invalid"),
        ("scalar", list("items: a\n"), "resource-list-invalid"),
        ("null item", list("items:\n- a: 1\n-\n"), "resource-list-invalid"),
        ("text item", list("items:\n- a: 1\n- b\n"), "resource-list-invalid"),
        ("list item", list("items:\n- - a: 1\n"), "resource-list-invalid"),
        ("duplicate key", list("items:\n- a: 1\n  a: 2\n"), "duplicate-key"),
        ("duplicate items", list("items:\n- a: 1\nitems: []\n"), "duplicate-key"),
        ("unknown alias", list("items:\n- a: *x\n"), "yaml-syntax"),
        ("two documents", list("items: []\n---\nitems: []\n"), "several-documents"),
        ("no configuration", format!("{HEAD}items: []\n").into_bytes(), "resource-list-invalid"),
        ("null configuration", format!("{HEAD}items: []\nfunctionConfig:\n").into_bytes(), "resource-list-invalid"),
        ("text configuration", format!("{HEAD}items: []\nfunctionConfig: a\n").into_bytes(), "resource-list-invalid"),
        ("UTF-16", utf16, "not-utf8"),
        ("latin 1", [&list("")[..], b"a: \xe9\n"].concat(), "not-utf8"),
        ("NUL", list("items:\n- a: \"\u{0}\"\n"), "yaml-syntax"),
        ("deep", list(&format!("items:\n- a: {}{}\n", "[".repeat(300), "]".repeat(300))), "yaml-syntax"),
    ];
    for (name, bytes, code) in cases {
        match read(&bytes) {
            Ok(list) => panic!("{name} is read:\n{}", list.print(&[])),
            Err(faults) => {
                let codes: Vec<&str> = faults.iter().map(|fault| fault.code.as_ref()).collect();
                assert!(codes.contains(&code), "{name}: {faults:#?}");
                assert!(faults.iter().all(Diagnostic::is_error), "{name}: {faults:#?}");
            }
        }
    }
}

#[test]
fn changed_items_leave_the_bytes_of_the_others() {
    for items in BLOCK {
        let text = format!("{HEAD}{items}{CONFIG}");
        let mut list = read(text.as_bytes()).expect("a list");
        let mut wanted = values(&text);
        let number = list.items.len() - 1;
        let mut value = list.items[number].value().clone();
        value["added"] = json!("x");
        wanted[number] = value.clone();
        list.items[number].set(value);
        let out = list.print(&[]);
        assert_eq!(values(&out), wanted, "{text}\ngives\n{out}");
        for comment in ["# head", "# between", "# inside", "# trailing", "# of the item", "# d\n"] {
            assert_eq!(out.contains(comment), items.contains(comment), "{comment}: {text}\ngives\n{out}");
        }
        list.items.remove(0);
        let mut left = wanted.clone();
        left.as_array_mut().expect("a list").remove(0);
        assert_eq!(values(&list.print(&[])), left, "{text}");
    }
}

/// Eight megabytes: enough that anything which grows with the square of the size would be seen by whoever waits.
#[test]
fn a_long_list_keeps_its_bytes() {
    let mut items = String::from("items:\n");
    for number in 0..20_000 {
        items.push_str(&format!("- apiVersion: v1\n  kind: ConfigMap # {number}\n  metadata: {{name: c{number}}}\n  data:\n    text: |\n      - a\n      # {}\n", "x".repeat(300)));
    }
    assert!(items.len() > 8_000_000);
    assert!(echo(&format!("{HEAD}{items}{CONFIG}")).contains(&items));
}

fn texts() -> impl Strategy<Value = String> {
    const ODD: &[&str] = &[
        "",
        "- apiVersion: v1\nkind: x\n",
        "# no comment",
        "yes",
        "1_0",
        "a: b",
        "x\n\ny\n\n",
        " lead",
        "---\n...\n",
        "\t",
        "é😀",
        "'\"",
        "*a",
        "|",
        "items:\n- a\n",
    ];
    prop_oneof![prop::sample::select(ODD).prop_map(str::to_owned), "[ -~\n]{0,20}"]
}

fn trees() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

fn objects() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-zA-Z./]{1,8}", trees(), 1..5).prop_map(|map| json!(map))
}

/// An item in one of the styles in which people write it.
fn written(item: &Value, style: u8, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let body = match style % 3 {
        0 => format!("{item}\n"),
        _ => yaml::emit(item),
    };
    let (first, gap) = match style / 3 % 3 {
        0 => (format!("{pad}- "), 2),
        1 => (format!("{pad}- # comment\n{pad}   "), 3),
        _ => (format!("{pad}-\n{pad}  "), 2),
    };
    let rest = format!("{pad}{}", " ".repeat(gap));
    let mut out = first;
    for (number, line) in body.lines().enumerate() {
        out.push_str(&if number == 0 || line.is_empty() { format!("{line}\n") } else { format!("{rest}{line}\n") });
    }
    if style.is_multiple_of(5) {
        out.push_str(&format!("{pad}# after\n"));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_list_passes_unchanged(
        items in prop::collection::vec((objects(), any::<u8>()), 1..5),
        indent in 0usize..4,
        first in any::<bool>(),
    ) {
        let body: String = items.iter().map(|(item, style)| written(item, *style, indent)).collect();
        let text = if first { format!("{CONFIG}{HEAD}items:\n{body}") } else { format!("{HEAD}items:\n{body}{CONFIG}") };
        let wanted: Vec<Value> = items.iter().map(|(item, _)| item.clone()).collect();
        prop_assert_eq!(&values(&text), &json!(wanted), "{}", text);
        let out = echo(&text);
        prop_assert!(out.contains(&format!("items:\n{body}")), "{}\ngives\n{}", text, out);
        prop_assert_eq!(&values(&out), &json!(wanted));

        let flow = format!("{HEAD}items: {}\n{CONFIG}", json!(wanted));
        prop_assert_eq!(&values(&echo(&flow)), &json!(wanted));
    }

    #[test]
    fn any_change_keeps_the_others(
        items in prop::collection::vec((objects(), any::<u8>()), 1..5),
        new in objects(),
        at in any::<prop::sample::Index>(),
    ) {
        let body: String = items.iter().map(|(item, style)| written(item, *style, 0)).collect();
        let text = format!("{HEAD}items:\n{body}{CONFIG}");
        let mut list = read(text.as_bytes()).expect("a list");
        let at = at.index(items.len());
        list.items[at].set(new.clone());
        let mut wanted: Vec<Value> = items.iter().map(|(item, _)| item.clone()).collect();
        wanted[at] = new;
        prop_assert_eq!(&values(&list.print(&[])), &json!(wanted));
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in "[ -~\n\t]{0,200}", cut in any::<prop::sample::Index>()) {
        let _ = read(text.as_bytes());
        let list = format!("{HEAD}items:\n- a: |\n    {text}\n- b: \"{text}\"\n{CONFIG}");
        let end = cut.index(list.len());
        if let Ok(cut) = read(&list.as_bytes()[..end]) {
            prop_assert_eq!(values(&cut.print(&[])), values(&list[..end]));
        }
    }
}
