use proptest::prelude::*;
use serde_json::Value;

use super::*;

const PATHS: [&str; 5] = ["usage.total", "usage", "data[].n", "data[]", "id"];

fn tree() -> FieldTree<usize> {
    let mut tree = FieldTree::new();
    for (index, path) in PATHS.into_iter().enumerate() {
        tree.insert(path, index);
    }
    tree
}

fn scan(chunks: &[&[u8]]) -> (Vec<(&'static str, String)>, bool) {
    let tree = tree();
    let mut scanner = Scanner::new();
    let mut seen = Vec::new();
    for chunk in chunks {
        scanner.push(&tree, chunk, &mut |index: usize, what| {
            seen.push((PATHS[index], format!("{what:?}")));
        });
    }
    (seen, scanner.is_done())
}

#[test]
fn watched_members_are_reported_in_order() {
    let (seen, done) = scan(&[
        br#" {"x":{"usage":{"total":9}},"id":"a\"b","usage":{"total": 17 ,
        "y":[1,{"total":3}]},"data":[{"n":1.5},{"n":null},[],7],"id":"resp_1"} "#,
    ]);
    assert!(done);
    let seen: Vec<_> = seen
        .iter()
        .map(|(path, what)| (*path, what.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("id", "Other"),
            ("usage", "Object"),
            ("usage.total", "Number(\"17\")"),
            ("data[]", "Object"),
            ("data[].n", "Number(\"1.5\")"),
            ("data[]", "Object"),
            ("data[].n", "Other"),
            ("data[]", "Array"),
            ("data[]", "Other"),
            ("id", "Text(\"resp_1\")"),
        ]
        .map(|(path, what)| if what == "Other" && path == "data[]" {
            (path, "Number(\"7\")")
        } else {
            (path, what)
        })
    );
}

#[test]
fn what_is_no_json_ends_the_scan_quietly() {
    for bad in ["]", "{]", "{\"a\" 1}", "\u{1}", "{,}", "<html>", "[}"] {
        let (_, done) = scan(&[bad.as_bytes()]);
        assert!(!done, "{bad}");
    }
}

proptest! {
    #[test]
    fn chunks_do_not_matter(document in document(), cuts in prop::collection::vec(0usize..400, 0..6)) {
        let text = document.to_string();
        let whole = scan(&[text.as_bytes()]);
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for cut in cuts {
            chunks.push(&text.as_bytes()[from..cut]);
            from = cut;
        }
        chunks.push(&text.as_bytes()[from..]);
        prop_assert_eq!(scan(&chunks), whole.clone());
        prop_assert!(whole.1 || !document.is_object());
    }

    #[test]
    fn the_numbers_are_those_of_the_model(document in document()) {
        let (seen, _) = scan(&[document.to_string().as_bytes()]);
        let found = seen.iter().find(|(path, _)| *path == "usage.total").map(|(_, what)| what.clone());
        let model = document.pointer("/usage/total").map(|value| match value {
            Value::Number(number) => format!("Number(\"{number}\")"),
            Value::String(text) if text.contains(['"', '\\']) => "Other".into(),
            Value::String(text) => format!("{:?}", Seen::Text(text)),
            Value::Object(_) => "Object".into(),
            Value::Array(_) => "Array".into(),
            _ => "Other".into(),
        });
        prop_assert_eq!(found, model);
    }

    #[test]
    fn a_string_ends_at_the_first_quote_that_nothing_escapes(
        bytes in "[a-b\"\\\\]{1,50}",
        plain in "[a-z]{0,50}",
        escaped: bool,
    ) {
        let bytes = [bytes, plain].concat();
        let mut escapes = escaped;
        let mut end = None;
        for (at, byte) in bytes.bytes().enumerate() {
            if byte == b'"' && !escapes {
                end = Some(at + 1);
                break;
            }
            escapes = byte == b'\\' && !escapes;
        }
        let expected = end.map_or((bytes.len(), Some(escapes)), |end| (end, None));
        prop_assert_eq!(skim::string(bytes.as_bytes(), escaped), expected);
    }

    #[test]
    fn no_bytes_make_it_panic(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6)) {
        let chunks: Vec<_> = chunks.iter().map(Vec::as_slice).collect();
        scan(&chunks);
    }
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z]{0,8}".prop_map(Value::from),
        "[a-z{}\"\\\\]{0,60}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("usage|total|data|n|id|x", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
