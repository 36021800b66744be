//! What Anthropic's bodies and beta names use.

use http::{HeaderMap, HeaderValue};
use keystead_providers::{BodyError, BodyPolicy, Facts};
use serde_json::{Value, json};

use crate::{features, fetches, operation};

fn read(name: &str, body: &Value) -> Result<Facts, BodyError> {
    let body = body.to_string();
    operation("anthropic", name).inspect_json(body.as_bytes(), &BodyPolicy::default())
}

#[test]
fn gated_fields_are_named_with_their_feature() {
    for (body, expected) in [
        (
            json!({"tools": [{"name": "f", "input_schema": {"type": "object"}}]}),
            vec![],
        ),
        (json!({"tools": [{"type": "custom", "name": "f"}]}), vec![]),
        (
            json!({"tools": [{"type": "bash_20250124"}, {"type": "computer_toolset_20260801"}]}),
            vec![],
        ),
        (
            json!({"tools": [{"type": "web_search_20260318"}]}),
            vec!["hosted-tools"],
        ),
        (
            json!({"tools": [{"type": "code_execution_20260521"}]}),
            vec!["hosted-tools"],
        ),
        (
            json!({"tools": [{"type": "mcp_toolset"}]}),
            vec!["remote-mcp"],
        ),
        (
            json!({"mcp_servers": [{"type": "url", "url": "https://x"}]}),
            vec!["remote-mcp"],
        ),
        (json!({"mcp_servers": []}), vec![]),
        (
            json!({"messages": [{"role": "system", "content": [{"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {"type": "mcp_toolset"}}}]}]}),
            vec!["remote-mcp"],
        ),
        (json!({"speed": "fast"}), vec!["priority"]),
        (json!({"speed": "standard", "service_tier": "auto"}), vec![]),
        (json!({"inference_geo": "us"}), vec!["inference-geo"]),
        (
            json!({"fallbacks": [{"model": "other"}]}),
            vec!["other-models"],
        ),
        (json!({"thread": {"type": "create"}}), vec!["store"]),
        (
            json!({"container": {"skills": [{"type": "anthropic", "skill_id": "pptx"}]}}),
            vec!["containers"],
        ),
    ] {
        let facts = read("messages", &body).unwrap();
        assert_eq!(features(&facts), expected, "{body}");
        assert!(
            facts.unknown_tools.is_empty() && facts.unknown_fields.is_empty(),
            "{body}"
        );
    }
    let facts = read(
        "messages",
        &json!({"tools": [{"type": "orbital_laser_2027"}]}),
    )
    .unwrap();
    assert_eq!(facts.unknown_tools, ["orbital_laser_2027"]);
}

#[test]
fn ids_that_fetch_are_found_and_the_callers_own_data_is_not_searched() {
    for (body, expected) in [
        (
            json!({"container": "container_1"}),
            vec![("container", "container_1")],
        ),
        (
            json!({"container": {"id": "container_1"}}),
            vec![("container", "container_1")],
        ),
        (
            json!({"container": {"skills": [{"type": "custom", "skill_id": "skill_1"}]}}),
            vec![("skill", "skill_1")],
        ),
        (
            json!({"container": {"skills": [{"type": "anthropic", "skill_id": "pptx"}]}}),
            vec![],
        ),
        (
            json!({"thread": {"type": "continue", "previous_message_id": "msg_1"}}),
            vec![("message", "msg_1")],
        ),
        (
            json!({"messages": [{"content": [{"type": "document", "source": {"type": "file", "file_id": "file_1"}}]}]}),
            vec![("file", "file_1")],
        ),
        (
            json!({"messages": [{"content": [{"type": "tool_use", "input": {"file_id": "mine"}}]}]}),
            vec![],
        ),
        (
            json!({"tools": [{"name": "f", "input_schema": {"file_id": "mine"}}]}),
            vec![],
        ),
    ] {
        let facts = read("messages", &body).unwrap();
        assert_eq!(fetches(&facts), expected, "{body}");
    }
}

#[test]
fn requests_in_a_batch_are_read_like_one_of_their_own() {
    let request = |model: &str| json!({"custom_id": "1", "params": {"model": model, "max_tokens": 9, "speed": "fast"}});
    let facts = read(
        "batches.create",
        &json!({"requests": [request("a"), request("a")]}),
    )
    .unwrap();
    assert_eq!(facts.model.as_deref(), Some("a"));
    assert_eq!(facts.gated[0].feature, "priority");
    let two = read(
        "batches.create",
        &json!({"requests": [request("a"), request("b")]}),
    );
    assert_eq!(two, Err(BodyError::TwoModels));
}

#[test]
fn betas_gate_by_name_whatever_the_case_and_the_line() {
    let names = |lines: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("anthropic-beta", HeaderValue::from_static(line));
        }
        let mut facts = Facts::default();
        operation("anthropic", "messages").inspect_headers(&headers, &mut facts);
        (features(&facts), facts.unknown_fields)
    };
    let claude_code = "claude-code-20250219,interleaved-thinking-2025-05-14, fine-grained-tool-streaming-2025-05-14";
    assert_eq!(names(&[claude_code]), (vec![], vec![]));
    assert_eq!(
        names(&["pdfs-2024-09-25", "MCP-Client-2025-11-20"]).0,
        ["remote-mcp"]
    );
    assert_eq!(
        names(&["context-1m-2025-08-07,fast-mode-2026-02-01"]).0,
        ["long-context", "priority"]
    );
    assert_eq!(names(&["brand-new-2027-01-01"]).1, ["brand-new-2027-01-01"]);
}

#[test]
fn what_is_attached_is_told_from_text() {
    let jpeg = format!("/9j/{}", "A".repeat(996));
    let source = |data: &str| json!({"type": "base64", "data": data});
    let block = |kind: &str, data: &str| json!({"type": kind, "source": source(data)});
    let image = block("image", &jpeg);
    let nested = json!({"type": "tool_result", "content": [image]});
    let by_address =
        json!({"type": "image", "source": {"type": "url", "url": "https://a.example"}});
    let text = json!({"type": "text", "media_type": "text/plain", "data": "words"});
    let text = json!({"type": "document", "source": text});
    for (block, expected) in [
        (image, (1, 1_000, 0)),
        (nested, (1, 1_000, 0)),
        (by_address, (1, 0, 0)),
        (block("document", "JVBERi0xLjQ"), (0, 0, 1)),
        (text, (0, 0, 1)),
        (json!({"type": "text", "text": jpeg}), (0, 0, 0)),
    ] {
        let body = json!({"messages": [{"content": [block]}]});
        let facts = read("messages", &body).unwrap();
        let found = (facts.images_shown, facts.image_bytes, facts.documents);
        assert_eq!(found, expected, "{body}");
    }
}
