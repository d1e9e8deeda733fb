//! The laws of the merge, and its cases.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).expect("valid")
}

fn merged(base: &str, yours: &str, rendering: &str) -> Result<String, Vec<String>> {
    let blob = |text: &str| Blob::from(text);
    match merge(&path("c/a.yaml"), Some(&blob(base)), &blob(yours), Some(&blob(rendering))) {
        Ok(blob) => Ok(blob.map(|blob| blob.text().unwrap_or_default().to_owned()).unwrap_or_default()),
        Err(conflicts) => {
            let shown = |side: &Option<Value>| side.as_ref().map_or("nothing".to_owned(), Value::to_string);
            Err(conflicts
                .iter()
                .map(|one| {
                    format!(
                        "{}: {}: {}: {} / {}",
                        one.object,
                        one.path,
                        one.clash.words(),
                        shown(&one.yours),
                        shown(&one.rendering)
                    )
                })
                .collect())
        }
    }
}

const MAP: &str = "# head\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: one\n  w: two\n";

#[test]
fn both_sides_are_taken_and_comments_stay() {
    let yours = MAP.replace("  x: one\n", "  # mine\n  x: 'three'  # here\n");
    let rendering = MAP.replace("two", "four") + "  z: five\n";
    let text = merged(MAP, &yours, &rendering).expect("no conflict");
    insta::assert_snapshot!(text, @r"
    # head
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: a
    data:
      # mine
      x: three # here
      w: four
      z: five
    ");
}

#[test]
fn a_document_that_one_side_left_alone_stays_as_the_other_wrote_it() {
    let other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n";
    let base = format!("{MAP}---\n{other}");
    let yours = format!("{MAP}---\n# mine\n{}data:   {{q:   'r'}}\n", other);
    let rendering = format!("{}---\n{other}", MAP.replace("one", "six"));
    let text = merged(&base, &yours, &rendering).expect("no conflict");
    assert_eq!(text, yours.replace("one", "six"));
}

#[test]
fn documents_come_and_go() {
    let doc = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n");
    let join = |names: &[&str]| names.iter().map(|name| doc(name)).collect::<Vec<_>>().join("---\n");
    let text = merged(&join(&["a", "b"]), &join(&["a", "m", "b"]), &join(&["b", "r"])).expect("no conflict");
    assert_eq!(text, join(&["m", "b", "r"]));
    let both = merged(&join(&["a", "b", "c"]), &join(&["b", "a", "c"]), &join(&["a", "c", "b"]));
    assert_eq!(both, Err(vec![": : both sides changed the order: nothing / nothing".into()]));
}

#[test]
fn conflicts_are_named() {
    let yours = MAP.replace("one", "1").replace("  w: two\n", "");
    let rendering = MAP.replace("one", "2").replace("two", "3");
    assert_eq!(
        merged(MAP, &yours, &rendering),
        Err(vec![
            "v1 ConfigMap a: data.x: both sides changed it: 1 / 2".into(),
            "v1 ConfigMap a: data.w: both sides changed it: nothing / 3".into(),
        ])
    );
    let other = MAP.replace("name: a", "name: b");
    let removed = merged(MAP, &other, &rendering).expect_err("a conflict");
    assert!(removed[0].starts_with("v1 ConfigMap a: : both sides changed it: nothing / {"), "{removed:?}");
}

#[test]
fn credentials_are_hidden_in_conflicts() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {token: a}\n";
    let found =
        merged(secret, &secret.replace("token: a", "token: hunter2"), &secret.replace("token: a", "token: hunter3"));
    assert_eq!(
        found,
        Err(vec!["v1 Secret s: stringData.token: both sides changed it: \"********\" / \"********\"".into()])
    );
    let whole = merged(secret, "# gone\n", &secret.replace("token: a", "token: hunter3")).expect_err("a conflict");
    assert!(!whole[0].contains("hunter3"), "{whole:?}");
    let config = MAP.replace("x: one", "password: one");
    let found = merged(&config, &config.replace("one", "hunter2"), &config.replace("one", "hunter3"));
    assert!(!format!("{found:?}").contains("hunter"), "{found:?}");
}

#[test]
fn lists_are_merged_by_the_names_of_their_items() {
    let deployment = |containers: Value| {
        crate::yaml::emit(&json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
            "spec": {"template": {"spec": {"containers": containers}}}}))
    };
    let base = deployment(json!([{"name": "a", "args": ["x"]}, {"name": "b"}]));
    let yours = deployment(json!([{"name": "a", "args": ["x"], "image": "i"}, {"name": "mine"}, {"name": "b"}]));
    let rendering = deployment(json!([{"name": "a", "args": ["x", "y"]}, {"name": "b"}, {"name": "new"}]));
    let want =
        json!([{"name": "a", "args": ["x", "y"], "image": "i"}, {"name": "mine"}, {"name": "b"}, {"name": "new"}]);
    let text = merged(&base, &yours, &rendering).expect("no conflict");
    assert_eq!(
        document::read(&Blob::from(text)).expect("YAML")[0].value["spec"]["template"]["spec"]["containers"],
        want
    );
    let args = deployment(json!([{"name": "a", "args": ["x", "z"]}, {"name": "b"}]));
    assert_eq!(
        merged(&base, &args, &rendering),
        Err(vec![
            "apps/v1 Deployment d: spec.template.spec.containers[a].args: both sides changed it: [\"x\",\"z\"] / [\"x\",\"y\"]"
                .into()
        ])
    );
}

#[test]
fn comments_that_have_no_place_are_a_conflict() {
    let yours = MAP.replace("  w: two\n", "  w: two # mine\n").replace("one", "1");
    let rendering = MAP.replace("  w: two\n", "");
    let found = merged(MAP, &yours, &rendering).expect_err("a conflict");
    assert_eq!(found, ["v1 ConfigMap a: : comments would be lost: nothing / nothing"]);
    let both = merged(MAP, &MAP.replace("# head", "# mine"), &MAP.replace("# head", "# ours").replace("one", "1"));
    assert!(both.is_err());
}

#[test]
fn what_has_no_structure_is_merged_only_while_one_side_is_as_it_was() {
    let text = |text: &str| Blob::from(text);
    let merge = |base: &str, yours: &str, rendering: Option<&str>| {
        super::merge(&path("c/HANDOVER.md"), Some(&text(base)), &text(yours), rendering.map(text).as_ref())
    };
    assert_eq!(merge("a", "a", Some("b")), Ok(Some(text("b"))));
    assert_eq!(merge("a", "b", Some("a")), Ok(Some(text("b"))));
    assert_eq!(merge("a", "a\r\n", Some("a\n")), Ok(Some(text("a\r\n"))));
    assert_eq!(merge("a", "a", None), Ok(None));
    let clash = |found: Result<_, Vec<Conflict>>| found.expect_err("a conflict")[0].clash;
    assert_eq!(clash(merge("a", "b", Some("c"))), Clash::Whole);
    assert_eq!(clash(merge("a", "b", None)), Clash::Dropped);
    assert_eq!(clash(super::merge(&path("x"), None, &text("a"), Some(&text("b")))), Clash::NoBase);
    for broken in ["%YAML 1.2\n---\na: 1\n", "--- {a: 1}\n", "a: 1\n...\n", "a: 1\n---\nb: 1\n"] {
        let file = |blob: &str| super::merge(&path("c/a.yaml"), Some(&text(MAP)), &text(blob), Some(&text("a: 1\n")));
        assert_eq!(clash(file(broken)), Clash::Whole, "{broken}");
    }
    for (unfit, why) in
        [("a: [", Clash::Broken), ("# all gone\n", Clash::Broken), ("<<<<<<< a\n>>>>>>> b\n", Clash::Marks)]
    {
        let found = super::merge(&path("c/a.yaml"), Some(&text(MAP)), &text(unfit), Some(&text(MAP)));
        assert_eq!(clash(found), why, "{unfit}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4i64).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from)
    ];
    scalar.prop_recursive(3, 24, 4, |inner| {
        let named =
            prop::collection::btree_map("[a-d]", prop::collection::btree_map("[p-s]", inner.clone(), 0..3), 0..4);
        let named = named.prop_flat_map(|items| {
            let list: Vec<Value> = items
                .into_iter()
                .map(|(name, fields)| {
                    let mut map: serde_json::Map<String, Value> = fields.into_iter().collect();
                    map.insert("name".into(), name.into());
                    Value::Object(map)
                })
                .collect();
            Just(list).prop_shuffle().prop_map(Value::Array)
        });
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::btree_map("[p-s]", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
            named,
        ]
    })
}

fn of(base: &Value, yours: &Value, rendering: &Value) -> Option<Value> {
    let (merged, conflicts) = value::merge([Some(base), Some(yours), Some(rendering)]);
    conflicts.is_empty().then_some(merged).flatten()
}

#[test]
fn the_order_of_items_in_conflict_is_no_further_conflict() {
    let (base, yours) =
        (json!([{"name": "a", "p": 1}, {"name": "b"}, {"name": "c"}]), json!([{"name": "c"}, {"name": "b"}]));
    let rendering = json!([{"name": "b"}, {"name": "c"}, {"name": "a", "p": 2}]);
    let count = |one, other| value::merge([Some(&base), Some(one), Some(other)]).1.len();
    assert_eq!((count(&yours, &rendering), count(&rendering, &yours)), (1, 1));
}

proptest! {
    #[test]
    fn a_side_that_changed_nothing_gives_way(b in value(), x in value()) {
        prop_assert_eq!(of(&b, &b, &x), Some(x.clone()));
        prop_assert_eq!(of(&b, &x, &b), Some(x.clone()));
        prop_assert_eq!(of(&b, &x, &x), Some(x));
    }

    #[test]
    fn the_sides_can_change_places(b in value(), x in value(), y in value()) {
        prop_assert_eq!(of(&b, &x, &y), of(&b, &y, &x));
    }

    #[test]
    fn disjoint_edits_are_both_taken(
        b in prop::collection::btree_map("[p-s]", value(), 0..4),
        x in prop::collection::btree_map("[p-q]", value(), 0..3),
        y in prop::collection::btree_map("[r-s]", value(), 0..3),
    ) {
        let with = |edit: &[&std::collections::BTreeMap<String, Value>]| {
            let mut map: serde_json::Map<String, Value> = b.clone().into_iter().collect();
            edit.iter().for_each(|edit| map.extend((*edit).clone()));
            Value::Object(map)
        };
        prop_assert_eq!(of(&with(&[]), &with(&[&x]), &with(&[&y])), Some(with(&[&x, &y])));
    }

    #[test]
    fn files_keep_the_laws(b in value(), x in value(), y in value()) {
        let file = |value: &Value| Blob::from(crate::yaml::emit(&json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": value,
        })));
        let (base, one, two) = (file(&b), file(&x), file(&y));
        let merge = |base: &Blob, yours: &Blob, rendering: &Blob| super::merge(&path("a.yaml"), Some(base), yours, Some(rendering));
        prop_assert_eq!(merge(&base, &base, &one), Ok(Some(one.clone())));
        prop_assert_eq!(merge(&base, &one, &base), Ok(Some(one.clone())));
        prop_assert_eq!(merge(&base, &one, &one), Ok(Some(one.clone())));
        let read = |blob: Option<Blob>| document::read(&blob.expect("a file")).expect("YAML").remove(0).value;
        match (merge(&base, &one, &two), merge(&base, &two, &one)) {
            (Ok(there), Ok(back)) => prop_assert_eq!(read(there), read(back)),
            (Err(there), Err(back)) => prop_assert_eq!(there.len(), back.len()),
            _ => prop_assert!(false, "one way has conflicts, the other has not"),
        }
    }
}
