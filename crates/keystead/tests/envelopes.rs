//! Refusals in the form that each provider's SDK reads, and every code of them written down.

use serde_json::{Value, json};

use crate::harness::{Ask, Keystead, Reply, Scene, Store};

/// The text of an error and, where the form has one, its code.
fn read(provider: &str, reply: &Reply) -> (String, Option<String>) {
    let body = reply.json();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (message, code) = match provider {
        "anthropic" => {
            assert_eq!(body["type"], "error", "{body}");
            assert!(body["error"]["type"].is_string(), "{body}");
            (&body["error"]["message"], None)
        }
        "deepl" => (&body["message"], None),
        "stability" => {
            assert!(body["id"].is_string() && body["name"].is_string(), "{body}");
            (&body["errors"][0], text(&body["name"]))
        }
        "azure-vision" => (&body["error"]["message"], text(&body["error"]["code"])),
        _ => {
            let error = body["error"]
                .as_object()
                .unwrap_or_else(|| panic!("{body}"));
            for member in ["message", "type", "param", "code"] {
                assert!(error.contains_key(member), "{member} is missing: {body}");
            }
            (&body["error"]["message"], text(&body["error"]["code"]))
        }
    };
    (
        text(message).unwrap_or_else(|| panic!("no text in {body}")),
        code,
    )
}

const PROVIDERS: [(&str, &str); 6] = [
    ("openai", "/v1/models"),
    ("azure-openai", "/openai/v1/models"),
    ("azure-vision", "/vision/v3.2/models"),
    ("deepl", "/v2/usage"),
    ("stability", "/v2beta/results/none"),
    ("anthropic", "/v1/models"),
];

/// Of a known AddOn the provider is known, and its form is used for whatever is refused.
#[tokio::test]
async fn each_providers_form_is_used() {
    for (provider, path) in PROVIDERS {
        let scene = Scene::with(provider).await;
        let nothing = scene.client().send(scene.ask("POST", "/v9/nothing")).await;
        let (text, _) = read(provider, &nothing);
        assert!(!text.is_empty());
        nothing.clone().refused(404, "not_found");
        assert_eq!(
            nothing.header("x-should-retry"),
            Some("false"),
            "{provider}"
        );

        scene
            .ks
            .manage(
                "POST",
                &format!("/addons/{}/disable", scene.addon.id),
                &json!({}),
            )
            .await;
        let reply = scene.client().send(scene.ask("GET", path)).await;
        read(provider, &reply);
        reply.refused(403, "addon_disabled");
    }
}

/// Before the provider is known, the credential's form says what the SDK reads.
#[tokio::test]
async fn the_credentials_form_decides_before_the_provider_is_known() {
    let ks = Keystead::start(Store::Sqlite).await;
    let path = format!("/proxy/cl_{}/chat/v1/models", "0".repeat(32));
    for (provider, header, value, status) in [
        ("openai", "authorization", "Bearer kst1_x", 401),
        ("anthropic", "x-api-key", "kst1_x", 401),
        ("azure-openai", "api-key", "kst1_x", 401),
        ("azure-vision", "ocp-apim-subscription-key", "kst1_x", 401),
        ("deepl", "authorization", "DeepL-Auth-Key kst1_x", 403),
    ] {
        let reply = ks
            .client()
            .send(Ask::get(&path).header(header, value))
            .await;
        read(provider, &reply);
        reply.refused(status, "unauthenticated");
        // So are requests that are malformed before anybody looks at a token.
        let broken = Ask::get(format!("{path}?api_key=x")).header(header, value);
        let reply = ks.client().send(broken).await;
        read(provider, &reply);
        reply.refused(400, "credential_in_query");
    }
}

/// Ours can be told from a provider's, and can be named to support.
#[tokio::test]
async fn every_answer_says_where_it_comes_from() {
    let scene = Scene::with("openai").await;
    let ours = scene.client().send(scene.ask("GET", "/v1/nothing")).await;
    let theirs = scene.client().send(scene.chat()).await;
    for (reply, source) in [(&ours, "gateway"), (&theirs, "upstream")] {
        assert_eq!(reply.header("x-keystead-source"), Some(source));
        let id = reply.header("x-keystead-request-id").unwrap();
        assert!(id.starts_with("req_") && id.len() == 36, "{id}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{name}");
        }
    }
    assert_eq!(theirs.code(), None);
    assert_eq!(theirs.header("x-keystead-key-source"), Some("application"));
    assert_eq!(
        ours.header("x-keystead-key-source"),
        None,
        "no key was chosen yet"
    );
}

/// The reference page lists every code that any test of this file or a caller can meet.
#[test]
fn every_code_is_on_the_reference_page() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/reference/errors.md")).unwrap();
    let listed = |code: &str| page.contains(&format!("`{code}`"));
    let source = root.join("crates/keystead/src/proxy/refusal.rs");
    let source = std::fs::read_to_string(source).unwrap();
    // `(StatusCode::FORBIDDEN, "addon_disabled")`
    let codes = source.split("StatusCode::").skip(1).filter_map(|rest| {
        let (_, rest) = rest.split_once('"')?;
        let (code, _) = rest.split_once('"')?;
        code.bytes()
            .all(|b| b.is_ascii_lowercase() || b == b'_')
            .then_some(code)
    });
    let codes: std::collections::BTreeSet<&str> = codes.collect();
    assert!(
        codes.len() > 30,
        "only {} codes found in the source",
        codes.len()
    );
    let missing: Vec<_> = codes.iter().filter(|code| !listed(code)).collect();
    assert!(
        missing.is_empty(),
        "not in docs/reference/errors.md: {missing:?}"
    );
}

/// Errors of the REST API are RFC 9457 with a stable code.
#[tokio::test]
async fn management_errors_are_problems() {
    let ks = Keystead::start(Store::Sqlite).await;
    let anonymous = ks.client().send(Ask::get("/api/v1/keys")).await;
    let wrong = ks
        .client()
        .send(Ask::get("/api/v1/keys").bearer("ksa1_nonsense"))
        .await;
    let unknown = ks.api("GET", "/keys/key_01234567", &Value::Null).await;
    let nowhere = ks.api("GET", "/nowhere", &Value::Null).await;
    let method = ks.api("PUT", "/keys", &json!({})).await;
    let malformed = ks.api("POST", "/keys", &json!({"nmae": "x"})).await;
    let invalid = ks.api("POST", "/applications", &json!({"name": ""})).await;
    for (reply, status, code) in [
        (anonymous, 401, "unauthenticated"),
        (wrong, 401, "unauthenticated"),
        (unknown, 404, "not_found"),
        (nowhere, 404, "no_such_route"),
        (method, 405, "method_not_allowed"),
        (malformed, 400, "malformed"),
        (invalid, 422, "invalid"),
    ] {
        let body = reply.json();
        assert_eq!(
            (reply.status, &body["code"]),
            (status, &json!(code)),
            "{body}"
        );
        assert_eq!(
            reply.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(body["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(body[member].is_string(), "{member}: {body}");
        }
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
}

/// Tokens of one kind do nothing in the place of another.
#[tokio::test]
async fn tokens_are_not_interchangeable() {
    let scene = Scene::with("openai").await;
    for token in [&scene.token, &scene.app.client_secret] {
        let reply = scene
            .client()
            .send(Ask::get("/api/v1/keys").bearer(token))
            .await;
        assert_eq!(reply.status, 401);
    }
    let path = format!("{}/v1/models", scene.addon.path);
    for token in [&scene.ks.api_token, &scene.app.client_secret] {
        let reply = scene.client().send(Ask::get(&path).bearer(token)).await;
        reply.refused(401, "unauthenticated");
    }
    let mut wrong = scene.app.clone();
    for secret in [&scene.token, &scene.ks.api_token] {
        wrong.client_secret.clone_from(secret);
        assert_eq!(scene.ks.mint(&wrong, &[("uid", "u")]).await.status, 401);
    }
}
