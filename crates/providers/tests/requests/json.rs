//! JSON bodies, against `serde_json::Value`.

use bytes::Bytes;
use keystead_providers::{BodyError, BodyPolicy, Facts, Operation};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::operation;

const NAMES: &str = "model|stream|store|messages|input|tools|type|id|file_id|metadata|content|\
                     stream_options|include_usage|text|function|background|x|\u{e9}|a\"b";

fn read(operation: &Operation, body: &str) -> Result<Facts, BodyError> {
    operation.inspect_json(body.as_bytes(), &BodyPolicy::default())
}

fn edited(operation: &Operation, body: &str, may_store: bool) -> Option<Value> {
    let facts = operation
        .inspect_json(
            body.as_bytes(),
            &BodyPolicy {
                may_store,
                ..BodyPolicy::default()
            },
        )
        .ok()?;
    let edited = facts.edits.apply(Bytes::from(body.to_owned()));
    assert_eq!(edited.len(), facts.edits.length(body.len()));
    let joined = facts.edits.segments(&Bytes::from(body.to_owned())).concat();
    assert_eq!(joined, edited);
    Some(serde_json::from_slice(&edited).expect("an edited body is JSON"))
}

/// Every id under a member called `file_id` (a string, a list of them, the `id` of an object),
/// outside opaque parts.
fn file_ids(value: &Value, place: Place, found: &mut Vec<String>) {
    match value {
        Value::String(id) if place == Place::Id => found.push(id.clone()),
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("metadata", _) if place == Place::Root => {}
                    ("file_id", _) => file_ids(member, Place::Id, found),
                    ("id", Value::String(id)) if place == Place::Id => found.push(id.clone()),
                    _ => file_ids(member, Place::Inside, found),
                }
            }
        }
        Value::Array(elements) => {
            let place = if place == Place::Root {
                Place::Inside
            } else {
                place
            };
            elements.iter().for_each(|one| file_ids(one, place, found));
        }
        _ => {}
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Root,
    Id,
    Inside,
}

proptest! {
    #[test]
    fn what_is_json_is_read_and_what_is_not_is_refused(text in "[ {}\\[\\]\":,0-9a-e\\\\.+u-]{0,24}") {
        let model: Result<Value, _> = serde_json::from_str(&text);
        let read = read(operation("openai", "chat.completions"), &text);
        match (text.is_empty(), model) {
            (true, _) => prop_assert_eq!(read, Ok(Facts::default())),
            (false, Err(_)) => prop_assert!(read.is_err()),
            (false, Ok(Value::Object(_))) => {
                let twice = matches!(read, Err(BodyError::DuplicateMember { .. }));
                prop_assert!(read.is_ok() || twice, "{:?}", read);
            }
            (false, Ok(_)) => prop_assert_eq!(read, Err(BodyError::NotAnObject)),
        }
    }

    #[test]
    fn the_model_and_the_file_ids_are_those_of_the_document(body in body()) {
        let facts = match read(operation("openai", "chat.completions"), &body.to_string()) {
            Ok(facts) => facts,
            Err(error) => {
                prop_assert!(matches!(error, BodyError::WrongType { .. }), "{error}");
                return Ok(());
            }
        };
        prop_assert_eq!(facts.model.as_deref(), body["model"].as_str());
        prop_assert_eq!(facts.stream, body["stream"] == json!(true));
        let mut expected = Vec::new();
        file_ids(&body, Place::Root, &mut expected);
        expected.sort();
        let files = facts.fetches.iter().filter(|object| object.kind == "file");
        let mut found: Vec<_> = files.map(|object| object.id.clone()).collect();
        found.sort();
        // Some parts of a chat are the caller's own data as well.
        prop_assert!(found.iter().all(|id| expected.contains(id)));
        if body.get("tools").is_none() && body.get("messages").is_none() {
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_member_added_twice_anywhere_is_refused(body in body(), name in "[a-z]{1,6}", escaped in any::<bool>()) {
        let spelled = match escaped {
            true => name.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect(),
            false => name.clone(),
        };
        let twice = format!("{{\"{name}\":1,\"{spelled}\":2}}");
        for text in [
            format!("{{\"y\":[{twice}],\"z\":{body}}}"),
            format!("{{\"z\":{body},\"tools\":[{{\"type\":\"function\",\"function\":{twice}}}]}}"),
        ] {
            let read = read(operation("openai", "responses"), &text);
            prop_assert!(matches!(read, Err(BodyError::DuplicateMember { .. })), "{text}: {read:?}");
        }
    }

    #[test]
    fn edits_keep_a_body_equal_but_for_the_insertion(body in body(), pretty in any::<bool>(), may_store in any::<bool>()) {
        let text = if pretty { format!("{body:#}") } else { body.to_string() };
        if let Some(edited) = edited(operation("openai", "responses"), &text, may_store) {
            let mut expected = body.clone();
            if !may_store && body.get("store").is_none_or(Value::is_null) {
                expected["store"] = json!(false);
            }
            prop_assert_eq!(edited, expected);
        }
        if let Some(edited) = edited(operation("openai", "chat.completions"), &text, may_store) {
            let mut expected = body.clone();
            if body["stream"] == json!(true) {
                if body["stream_options"].is_null() {
                    expected["stream_options"] = json!({});
                }
                expected["stream_options"]["include_usage"] = json!(true);
            }
            prop_assert_eq!(edited, expected);
        }
        if let Some(edited) = edited(operation("deepl", "translate"), &text, may_store) {
            let mut expected = body;
            expected["show_billed_characters"] = json!(true);
            prop_assert_eq!(edited, expected);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = operation("openai", "responses").inspect_json(&bytes, &BodyPolicy::default());
    }
}

#[test]
fn a_body_of_very_many_names_is_refused_before_it_costs_much() {
    let names: Vec<_> = (0..100_001).map(|n| format!("\"{n}\":0")).collect();
    let body = format!("{{\"logit_bias\":{{{}}}}}", names.join(","));
    let read = read(operation("openai", "chat.completions"), &body);
    assert_eq!(read, Err(BodyError::TooManyMembers));
}

#[test]
fn a_body_of_very_many_ids_or_tools_costs_no_memory() {
    let ids = format!(
        "{{\"tools\":[{{\"file_ids\":[{}]}}]}}",
        ["\"f\""; 1_001].join(",")
    );
    let refused = read(operation("openai", "responses"), &ids);
    assert_eq!(refused, Err(BodyError::TooManyMembers));
    let tools = format!("{{\"tools\":[{}]}}", ["{}"; 10_000].join(","));
    let facts = read(operation("openai", "responses"), &tools).unwrap();
    assert_eq!(facts.unknown_tools, ["(unreadable)"]);
}

#[test]
fn deepl_is_asked_for_its_count_only_when_the_caller_did_not() {
    let translate = operation("deepl", "translate");
    for (body, expected) in [
        (
            json!({"text": ["a"]}),
            json!({"text": ["a"], "show_billed_characters": true}),
        ),
        (
            json!({"show_billed_characters": false}),
            json!({"show_billed_characters": false}),
        ),
        (
            json!({"show_billed_characters": true}),
            json!({"show_billed_characters": true}),
        ),
        (
            json!({"show_billed_characters": null}),
            json!({"show_billed_characters": null}),
        ),
    ] {
        assert_eq!(edited(translate, &body.to_string(), false), Some(expected));
    }
    let refused = read(translate, r#"{"auth_key":"k"}"#);
    assert_eq!(refused, Err(BodyError::Refused { field: "auth_key" }));
    let facts = read(translate, r#"{"text":["h\u00e9","b"],"target_lang":"DE"}"#).unwrap();
    assert_eq!((facts.input_characters, facts.unknown_fields.len()), (3, 0));
}

fn body() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(NAMES, value(), 0..7)
        .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z\"\\\\\u{e9}]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(NAMES, inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
