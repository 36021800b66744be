//! What OpenAI's bodies use, and what is inserted into them.

use bytes::Bytes;
use keystead_providers::{BodyError, BodyPolicy, Facts};
use serde_json::json;

use crate::{features, fetches, operation};

fn inspect(name: &str, body: &str) -> Result<Facts, BodyError> {
    operation("openai", name).inspect_json(body.as_bytes(), &BodyPolicy::default())
}

fn edited(name: &str, body: &str, may_store: bool) -> Bytes {
    let policy = operation("openai", name).body_policy(may_store, None);
    let facts = operation("openai", name).inspect_json(body.as_bytes(), &policy);
    facts.expect(body).edits.apply(Bytes::from(body.to_owned()))
}

#[test]
fn a_chat_body_tells_model_stream_and_cost() {
    let facts = inspect(
        "chat.completions",
        r#" {"model":"gpt-6-luna","stream":true,"max_tokens":10,"max_completion_tokens":20,
            "messages":[{"role":"user","content":"héllo"},
                        {"role":"user","content":[{"type":"text","text":"ab"},
                         {"type":"image_url","image_url":{"url":"data:..."}}]}]} "#,
    )
    .unwrap();
    assert_eq!(facts.model.as_deref(), Some("gpt-6-luna"));
    assert!(facts.stream && facts.drop_usage_chunk && !facts.stores);
    assert_eq!(facts.max_output_tokens, Some(20));
    assert_eq!(facts.input_characters, 7);
    assert!(facts.gated.is_empty() && facts.fetches.is_empty() && facts.unknown_fields.is_empty());
}

/// An image in base64 is far fewer tokens than its bytes would be of text.
#[test]
fn what_is_attached_is_told_from_text() {
    let png = format!("iVBORw0KGgo{}", "A".repeat(989));
    let data = format!("data:image/png;base64,{png}");
    let url = "https://images.example/a.png";
    let part = |kind: &str, url: &str| json!({"type": kind, kind: {"url": url}});
    let chat = |parts: serde_json::Value| json!({"messages": [{"content": parts}]});
    let file =
        json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0"}});
    let output = json!({"type": "computer_screenshot", "image_url": data});
    let output = json!({"type": "computer_call_output", "call_id": "c", "output": output});
    let image = json!({"type": "input_image", "image_url": data});
    let sheet = json!({"type": "input_file", "file_url": "https://a.example/a.pdf"});
    for (name, body, expected) in [
        (
            "chat.completions",
            chat(json!([part("image_url", &data)])),
            (1, 1_022, 0),
        ),
        (
            "chat.completions",
            chat(json!([part("image_url", url)])),
            (1, 0, 0),
        ),
        (
            "chat.completions",
            chat(json!([part("image_url", "data:image/png;base64,")])),
            (1, 0, 0),
        ),
        (
            "chat.completions",
            chat(json!([part("image_url", &"text ".repeat(99))])),
            (1, 0, 0),
        ),
        ("chat.completions", chat(json!([file])), (0, 0, 1)),
        (
            "chat.completions",
            chat(json!([{"type": "text", "text": data}])),
            (0, 0, 0),
        ),
        (
            "responses",
            json!({"input": [{"content": [image, sheet]}]}),
            (1, 1_022, 1),
        ),
        ("responses", json!({"input": [output]}), (1, 1_022, 0)),
    ] {
        let facts = inspect(name, &body.to_string()).unwrap();
        let found = (facts.images_shown, facts.image_bytes, facts.documents);
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn several_answers_are_counted_shown_or_not() {
    for (name, body, expected) in [
        ("chat.completions", json!({"n": 3}), Ok(3)),
        ("chat.completions", json!({"n": null}), Ok(1)),
        ("chat.completions", json!({}), Ok(0)),
        ("completions", json!({"n": 2, "best_of": 5}), Ok(5)),
        ("completions", json!({"best_of": 1, "n": 2}), Ok(2)),
        (
            "chat.completions",
            json!({"n": "3"}),
            Err(BodyError::WrongType { field: "n" }),
        ),
    ] {
        let found = inspect(name, &body.to_string()).map(|facts| facts.choices);
        assert_eq!(found, expected, "{name} {body}");
    }
    for (format, is_stream) in [("sse", true), ("audio", false)] {
        let body = json!({"model": "gpt-4o-mini-tts", "input": "x", "stream_format": format});
        let facts = inspect("audio.speech", &body.to_string()).unwrap();
        assert_eq!(facts.stream, is_stream, "{format}");
    }
}

#[test]
fn gated_fields_are_named_with_their_feature() {
    for (operation, body, feature) in [
        ("responses", json!({"background": true}), Some("background")),
        ("responses", json!({"background": false}), None),
        ("responses", json!({"background": null}), None),
        ("responses", json!({"store": true}), Some("store")),
        (
            "responses",
            json!({"service_tier": "priority"}),
            Some("priority"),
        ),
        (
            "responses",
            json!({"service_tier": "ultrafast"}),
            Some("priority"),
        ),
        ("responses", json!({"service_tier": "flex"}), None),
        (
            "responses",
            json!({"tools": [{"type": "web_search_2025_08_26"}]}),
            Some("hosted-tools"),
        ),
        (
            "responses",
            json!({"tools": [{"type": "mcp", "server_url": "https://x"}]}),
            Some("remote-mcp"),
        ),
        (
            "responses",
            json!({"tools": [{"type": "function", "parameters": {"type": "mcp"}}]}),
            None,
        ),
        (
            "responses",
            json!({"input": [{"type": "additional_tools", "tools": [{"type": "mcp"}]}]}),
            Some("remote-mcp"),
        ),
        ("chat.completions", json!({"store": true}), Some("store")),
        (
            "chat.completions",
            json!({"web_search_options": {}}),
            Some("hosted-tools"),
        ),
        (
            "chat.completions",
            json!({"data_sources": [{"type": "azure_search"}]}),
            Some("data-sources"),
        ),
        ("chat.completions", json!({"data_sources": []}), None),
    ] {
        let facts = inspect(operation, &body.to_string()).unwrap();
        assert_eq!(
            features(&facts),
            feature.into_iter().collect::<Vec<_>>(),
            "{operation} {body}"
        );
    }
}

#[test]
fn tools_that_nobody_knows_are_named() {
    for (tool, expected) in [
        (json!({"type": "orbital_laser"}), "orbital_laser"),
        (json!({"type": "a b"}), "(unreadable)"),
        (json!({"name": "f"}), "(unreadable)"),
        (json!({"type": null}), "(unreadable)"),
        (json!({"type": 7}), "(unreadable)"),
        (json!({"type": {"type": "function"}}), "(unreadable)"),
    ] {
        let facts = inspect("responses", &json!({"tools": [tool]}).to_string()).unwrap();
        assert_eq!(facts.unknown_tools, [expected], "{tool}");
    }
    let escaped = inspect("responses", r#"{"tools":[{"type":"\u006dcp"}]}"#).unwrap();
    assert_eq!(escaped.gated[0].feature, "remote-mcp");
}

#[test]
fn ids_that_fetch_are_found_and_replayed_ids_pass() {
    for (body, expected) in [
        (
            json!({"previous_response_id": "resp_1"}),
            vec![("response", "resp_1")],
        ),
        (
            json!({"conversation": "conv_1"}),
            vec![("conversation", "conv_1")],
        ),
        (
            json!({"conversation": {"id": "conv_1"}}),
            vec![("conversation", "conv_1")],
        ),
        (
            json!({"prompt": {"id": "pmpt_1", "version": "2"}}),
            vec![("prompt", "pmpt_1")],
        ),
        (
            json!({"input": [{"type": "item_reference", "id": "msg_1"}]}),
            vec![("item", "msg_1")],
        ),
        (json!({"input": [{"id": "msg_1"}]}), vec![("item", "msg_1")]),
        (
            json!({"input": [{"id": "msg_1", "type": null}]}),
            vec![("item", "msg_1")],
        ),
        (
            json!({"input": [{"type": "message", "id": "msg_1", "content": []}]}),
            vec![],
        ),
        (
            json!({"input": [{"type": "function_call", "id": "fc_1"}]}),
            vec![],
        ),
        (
            json!({"input": [{"type": "reasoning", "id": "rs_1", "encrypted_content": "x"}]}),
            vec![],
        ),
        (
            json!({"input": [{"type": "reasoning", "id": "rs_1"}]}),
            vec![("item", "rs_1")],
        ),
        (
            json!({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]}),
            vec![("file", "file-1")],
        ),
        (
            json!({"tools": [{"type": "file_search", "vector_store_ids": ["vs_1", "vs_2"]}]}),
            vec![("vector_store", "vs_1"), ("vector_store", "vs_2")],
        ),
        (
            json!({"tools": [{"type": "code_interpreter", "container": "cntr_1"}]}),
            vec![("container", "cntr_1")],
        ),
        (
            json!({"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}}]}),
            vec![("file", "file-1")],
        ),
        (
            json!({"tools": [{"type": "function", "parameters": {"file_id": "file-1"}}]}),
            vec![],
        ),
        (json!({"metadata": {"file_id": "file-1"}}), vec![]),
    ] {
        let facts = inspect("responses", &body.to_string()).unwrap();
        assert_eq!(fetches(&facts), expected, "{body}");
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
    let twice = |field| Err(BodyError::DuplicateMember { field });
    let many: Vec<_> = (0..40).map(|n| format!("\"k{n}\":1")).collect();
    for (body, expected) in [
        (
            r#"{"model":"a","model":"a"}"#.to_owned(),
            twice(Some("model")),
        ),
        (
            r#"{"model":"a","model":"b"}"#.to_owned(),
            Err(BodyError::TwoModels),
        ),
        (
            r#"{"model":"a","\u006dodel":"a"}"#.to_owned(),
            twice(Some("model")),
        ),
        (r#"{"x":[{"y":{"z":1,"z":1}}]}"#.to_owned(), twice(None)),
        (format!("{{{},\"k7\":2}}", many.join(",")), twice(None)),
        (
            r#"{"stream_options":{"a":1,"a":2}}"#.to_owned(),
            twice(None),
        ),
        (r#"{"model":"a"} x"#.to_owned(), Err(BodyError::NotJson)),
        (r#"{"model":"a",}"#.to_owned(), Err(BodyError::NotJson)),
        (r#"{"model":"\ud800"}"#.to_owned(), Err(BodyError::NotJson)),
        ("[]".to_owned(), Err(BodyError::NotAnObject)),
        ("\"a\"".to_owned(), Err(BodyError::NotAnObject)),
        (deep(127), Err(BodyError::TooDeep)),
        (
            r#"{"model":7}"#.to_owned(),
            Err(BodyError::WrongType { field: "model" }),
        ),
        (
            r#"{"model":["a"]}"#.to_owned(),
            Err(BodyError::WrongType { field: "model" }),
        ),
        (
            r#"{"stream":"true"}"#.to_owned(),
            Err(BodyError::WrongType { field: "stream" }),
        ),
        (
            r#"{"store":{}}"#.to_owned(),
            Err(BodyError::WrongType { field: "store" }),
        ),
        (
            r#"{"service_tier":1}"#.to_owned(),
            Err(BodyError::WrongType {
                field: "service_tier",
            }),
        ),
        (
            r#"{"stream":true,"stream_options":7}"#.to_owned(),
            Err(BodyError::WrongType {
                field: "stream_options",
            }),
        ),
    ] {
        assert_eq!(inspect("chat.completions", &body), expected, "{body}");
    }
    assert!(inspect("chat.completions", &deep(126)).is_ok());
    let chat = operation("openai", "chat.completions");
    let read = chat.inspect_json(b"{\"a\":\"\xff\"}", &BodyPolicy::default());
    assert_eq!(read, Err(BodyError::NotUtf8));
    assert_eq!(
        chat.inspect_json(b"", &BodyPolicy::default()),
        Ok(Facts::default())
    );
}

#[test]
fn unknown_fields_are_listed_for_strict_addons() {
    let facts = inspect(
        "responses",
        r#"{"model":"a","shiny":1,"so\nodd":{"inner":2}}"#,
    )
    .unwrap();
    assert_eq!(facts.unknown_fields, ["shiny", "(unreadable)"]);
}

#[test]
fn usage_is_asked_for_in_streams_only_and_only_when_the_caller_did_not() {
    for (body, expected) in [
        (
            r#"{"stream":true}"#,
            r#"{"stream_options":{"include_usage":true},"stream":true}"#,
        ),
        (
            r#"  { "stream" : true }"#,
            r#"  {"stream_options":{"include_usage":true}, "stream" : true }"#,
        ),
        (
            r#"{"stream":true,"stream_options":null}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
        ),
        (
            r#"{"stream_options": { },"stream":true}"#,
            r#"{"stream_options": {"include_usage":true },"stream":true}"#,
        ),
        (
            r#"{"stream":true,"stream_options":{"include_usage": false}}"#,
            r#"{"stream":true,"stream_options":{"include_usage": true}}"#,
        ),
        (
            r#"{"stream":true,"stream_options":{"include_obfuscation":false}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}}"#,
        ),
    ] {
        assert_eq!(edited("chat.completions", body, false), expected);
        assert!(inspect("chat.completions", body).unwrap().drop_usage_chunk);
    }
    for same in [
        r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
        r#"{"stream":false}"#,
        r#"{}"#,
    ] {
        assert_eq!(edited("chat.completions", same, false), same);
        assert!(!inspect("chat.completions", same).unwrap().drop_usage_chunk);
    }
}

#[test]
fn a_response_is_not_stored_unless_that_is_allowed() {
    for (body, expected) in [
        ("{}", r#"{"store":false}"#),
        (r#"{"model":"a"}"#, r#"{"store":false,"model":"a"}"#),
        (
            r#"{"store": null ,"model":"a"}"#,
            r#"{"store": false ,"model":"a"}"#,
        ),
        (r#"{"store":false}"#, r#"{"store":false}"#),
        (r#"{"store":true}"#, r#"{"store":true}"#),
    ] {
        assert_eq!(edited("responses", body, false), expected);
        assert_eq!(edited("responses", body, true), body);
    }
}
