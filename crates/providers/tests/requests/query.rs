//! Query parameters, and bodies by content type.

use http::Method;
use keystead_providers::{BodyError, BodyFormat, Facts, by_name};

use crate::operation;

fn read(provider: &str, name: &str, query: &str) -> Result<Facts, BodyError> {
    let mut facts = Facts::default();
    operation(provider, name)
        .inspect_query(Some(query), &mut facts)
        .map(|()| facts)
}

#[test]
fn features_are_billed_each() {
    for (name, query, expected) in [
        (
            "analyze",
            "features=caption,read,tags&api-version=2024-02-01",
            3,
        ),
        ("analyze", "features=caption%2Cread", 2),
        ("analyze", "api-version=2024-02-01", 0),
        (
            "v3.analyze",
            "visualFeatures=Tags,Faces&details=Landmarks",
            3,
        ),
    ] {
        assert_eq!(
            read("azure-vision", name, query).unwrap().transactions,
            expected,
            "{query}"
        );
    }
    let twice = read("azure-vision", "analyze", "features=tags&features=read");
    assert_eq!(
        twice,
        Err(BodyError::DuplicateMember {
            field: Some("features")
        })
    );
}

#[test]
fn a_query_can_name_a_model_a_key_or_a_gated_feature() {
    let facts = read("openai", "realtime", "model=gpt-realtime").unwrap();
    assert_eq!(facts.model.as_deref(), Some("gpt-realtime"));
    let facts = read("azure-vision", "analyze", "model-name=mine").unwrap();
    assert_eq!(facts.gated[0].feature, "custom-models");
    let refused = read("deepl", "translate", "auth_key=k");
    assert_eq!(refused, Err(BodyError::Refused { field: "auth_key" }));
    assert_eq!(
        read("openai", "chat.completions", "beta=true").unwrap(),
        Facts::default()
    );
}

#[test]
fn a_body_is_told_by_its_content_type() {
    use BodyFormat::{Binary, Form, Json, None as Empty};
    for (provider, name, content_type, length, expected) in [
        (
            "openai",
            "chat.completions",
            Some("application/json"),
            None,
            Some(Json),
        ),
        (
            "openai",
            "chat.completions",
            Some("application/json; charset=UTF-8"),
            None,
            Some(Json),
        ),
        (
            "openai",
            "chat.completions",
            Some("application/json; charset=utf-16"),
            None,
            None,
        ),
        ("openai", "chat.completions", None, Some(2), Some(Json)),
        (
            "openai",
            "chat.completions",
            Some("text/plain"),
            Some(2),
            None,
        ),
        (
            "openai",
            "chat.completions",
            Some("application/x-www-form-urlencoded"),
            None,
            None,
        ),
        ("openai", "models", None, Some(0), Some(Empty)),
        ("openai", "models", Some("application/json"), Some(2), None),
        (
            "deepl",
            "translate",
            Some("application/x-www-form-urlencoded"),
            None,
            Some(Form),
        ),
        (
            "azure-vision",
            "analyze",
            Some("application/octet-stream"),
            None,
            Some(Binary),
        ),
        (
            "azure-vision",
            "analyze",
            Some("image/png"),
            None,
            Some(Binary),
        ),
        (
            "azure-vision",
            "analyze",
            Some("application/json"),
            None,
            Some(Json),
        ),
        (
            "azure-vision",
            "analyze",
            Some("multipart/form-data; boundary=a"),
            None,
            None,
        ),
        ("azure-vision", "analyze", None, Some(9), Some(Json)),
    ] {
        let read = operation(provider, name)
            .body
            .format(content_type, length)
            .ok();
        assert_eq!(read, expected, "{provider} {name} {content_type:?}");
    }
}

#[test]
fn usage_is_asked_for_only_where_the_version_knows_how() {
    let azure = by_name("azure-openai").unwrap().about();
    for (path, query, asked) in [
        (
            "/openai/deployments/d/chat/completions",
            Some("api-version=2024-10-21"),
            true,
        ),
        (
            "/openai/deployments/d/chat/completions",
            Some("api-version=2024-09-01-preview"),
            true,
        ),
        (
            "/openai/deployments/d/chat/completions",
            Some("a=b&api-version=2024-06-01"),
            false,
        ),
        (
            "/openai/deployments/d/chat/completions",
            Some("api-version=v1"),
            true,
        ),
        ("/openai/deployments/d/chat/completions", None, true),
        (
            "/openai/v1/chat/completions",
            Some("api-version=2024-06-01"),
            true,
        ),
    ] {
        let operation = azure.classify(&Method::POST, path).unwrap().operation;
        let policy = operation.body_policy(false, query);
        let facts = operation
            .inspect_json(br#"{"stream":true}"#, &policy)
            .unwrap();
        assert_eq!(!facts.edits.is_empty(), asked, "{path}?{query:?}");
        assert_eq!(facts.drop_usage_chunk, asked, "{path}?{query:?}");
    }
}
