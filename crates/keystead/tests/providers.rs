//! Each provider's own way: where the key goes, which paths, and what is added to a request.

use serde_json::json;

use crate::harness::{Ask, Keystead, Scene, Store};

/// The stored key stands in the one header that the provider wants, whatever header the token
/// came in, and the token in none.
#[tokio::test]
async fn the_key_goes_where_the_provider_wants_it() {
    for (provider, path, sent_in, found_in) in [
        ("openai", "/v1/models", "authorization", "authorization"),
        ("azure-openai", "/openai/v1/models", "api-key", "api-key"),
        (
            "azure-openai",
            "/openai/v1/models",
            "authorization",
            "api-key",
        ),
        (
            "azure-vision",
            "/vision/v3.2/models",
            "ocp-apim-subscription-key",
            "ocp-apim-subscription-key",
        ),
        ("deepl", "/v2/usage", "deepl", "authorization"),
        (
            "stability",
            "/v1/user/balance",
            "authorization",
            "authorization",
        ),
        ("anthropic", "/v1/models", "x-api-key", "x-api-key"),
        ("anthropic", "/v1/models", "authorization", "authorization"),
    ] {
        let scene = Scene::with(provider).await;
        let operations = json!({"operations": "all"});
        let addon = scene
            .ks
            .addon_with(&scene.app, &scene.key, "all", operations)
            .await;
        let ask =
            Ask::get(format!("{}{path}", addon.path)).header("anthropic-version", "2023-06-01");
        let ask = match sent_in {
            "authorization" => ask.bearer(&scene.token),
            "deepl" => ask.header("authorization", format!("DeepL-Auth-Key {}", scene.token)),
            name => ask.header(name, &scene.token),
        };
        let before = scene.ks.provider.exchanges().len();

        let reply = scene.client().send(ask).await;

        assert_eq!(
            reply.status,
            200,
            "{provider} by {sent_in}: {}",
            reply.text()
        );
        let exchanges = scene.ks.provider.exchanges();
        assert_eq!(exchanges.len(), before + 1, "{provider}");
        let asked = exchanges.last().unwrap();
        let value = asked
            .header(found_in)
            .unwrap_or_else(|| panic!("{provider}: {:?}", asked.headers));
        assert!(
            value.ends_with(&scene.key.secret),
            "{provider} by {sent_in}"
        );
        assert_eq!(
            asked.key(),
            Some(scene.key.secret.clone()),
            "{provider} by {sent_in}"
        );
    }
}

/// The provider's own path and query, behind the configured prefix.
#[tokio::test]
async fn path_and_query_go_on_as_they_came() {
    let scene = Scene::with("anthropic").await;
    let body = json!({"model": "claude-haiku-5-5", "max_tokens": 1, "messages": []});
    let ask = scene
        .ask("POST", "/v1/messages?beta=true&x=%2F%20y")
        .json(&body);

    scene.client().send(ask).await.expect(200);

    let asked = scene
        .ks
        .provider
        .service("anthropic")
        .last("POST /v1/messages");
    assert_eq!(asked.query.as_deref(), Some("beta=true&x=%2F%20y"));
    assert_eq!(asked.header("anthropic-version"), Some("2023-06-01"));
}

/// A page's opt-in stays here: with it goes the Origin, and some organizations refuse both.
#[tokio::test]
async fn anthropic_never_sees_that_a_browser_asks() {
    let ks = Keystead::start(Store::Sqlite).await;
    let scene = Scene::furnished(
        ks,
        "anthropic",
        json!({"origins": ["https://shop.example"]}),
        json!({}),
    )
    .await;
    let body = json!({"model": "claude-haiku-5-5", "max_tokens": 1, "messages": []});
    let ask = scene
        .ask("POST", "/v1/messages")
        .header("origin", "https://shop.example")
        .header("anthropic-dangerous-direct-browser-access", "true")
        .header("anthropic-beta", "fine-grained-tool-streaming-2025-05-14")
        .header("anthropic-workspace-id", "of-the-client");

    scene.client().send(ask.json(&body)).await.expect(200);

    let asked = scene
        .ks
        .provider
        .service("anthropic")
        .last("POST /v1/messages");
    for name in [
        "origin",
        "anthropic-dangerous-direct-browser-access",
        "anthropic-workspace-id",
    ] {
        assert_eq!(asked.header(name), None, "{name}");
    }
    assert_eq!(
        asked.header("anthropic-beta"),
        Some("fine-grained-tool-streaming-2025-05-14")
    );
}

/// DeepL says what it bills only where it is asked to: in JSON and in forms, and never twice.
#[tokio::test]
async fn deepl_is_asked_for_billed_characters() {
    let scene = Scene::with("deepl").await;
    let deepl = scene.ks.provider.service("deepl");
    let at = "POST /v2/translate";
    let json_ask = |body: serde_json::Value| scene.ask("POST", "/v2/translate").json(&body);

    scene
        .client()
        .send(json_ask(json!({"text": ["x"], "target_lang": "DE"})))
        .await
        .expect(200);
    assert_eq!(deepl.last(at).json()["show_billed_characters"], true);

    let own = json!({"text": ["x"], "target_lang": "DE", "show_billed_characters": false});
    scene.client().send(json_ask(own.clone())).await.expect(200);
    assert_eq!(deepl.last(at).json(), own, "the client's own word stays");

    let form = scene
        .ask("POST", "/v2/translate")
        .kind("application/x-www-form-urlencoded");
    scene
        .client()
        .send(form.body("text=a%20b&text=c&target_lang=DE"))
        .await
        .expect(200);
    let sent = deepl.last(at).text();
    assert!(
        sent.starts_with("text=a%20b&text=c&target_lang=DE"),
        "{sent}"
    );
    assert_eq!(sent.matches("show_billed_characters").count(), 1, "{sent}");
}

/// A Responses call that does not say otherwise is not kept by the provider.
#[tokio::test]
async fn responses_are_sent_with_store_off() {
    let scene = Scene::with("openai").await;
    let at = "POST /v1/responses";
    let body = json!({"model": "gpt-6-luna", "input": scene.ks.prompt()});
    scene
        .client()
        .send(scene.ask("POST", "/v1/responses").json(&body))
        .await
        .expect(200);
    let mut expected = body.clone();
    expected["store"] = json!(false);
    assert_eq!(scene.ks.provider.openai().last(at).json(), expected);
}

/// Vision takes an image's bytes, which stream, or its address as JSON.
#[tokio::test]
async fn vision_takes_bytes_and_addresses() {
    let scene = Scene::with("azure-vision").await;
    let path = "/computervision/imageanalysis:analyze?api-version=2024-02-01&features=caption,tags";
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_be_bytes()[3]).collect();

    let ask = scene
        .ask("POST", path)
        .kind("application/octet-stream")
        .body(bytes.clone());
    scene.client().send(ask).await.expect(200);

    let at = "POST /computervision/imageanalysis:analyze";
    let asked = scene.ks.provider.service("azure-vision").last(at);
    assert_eq!(asked.body(), bytes);
    assert_eq!(
        asked.query.as_deref(),
        Some("api-version=2024-02-01&features=caption,tags")
    );
    let body = json!({"url": "https://images.example/a.png"});
    scene
        .client()
        .send(scene.ask("POST", path).json(&body))
        .await
        .expect(200);
    // Encoded or not, the colon is no router's parameter.
    let encoded = path.replace(':', "%3A");
    scene
        .client()
        .send(scene.ask("POST", &encoded).json(&body))
        .await
        .expect(200);
}

/// Other services open to the same multi-service key are closed, whatever the AddOn allows.
#[tokio::test]
async fn vision_opens_no_other_service() {
    let scene = Scene::with("azure-vision").await;
    let addon = scene
        .ks
        .addon_with(&scene.app, &scene.key, "all", json!({"operations": "all"}))
        .await;
    let before = scene.ks.provider.exchanges().len();
    for path in [
        "/face/v1.0/detect",
        "/openai/v1/chat/completions",
        "/language/:analyze-text",
        "/formrecognizer/documentModels",
        "/computervision/models",
        "/customvision/v3.3/training",
    ] {
        let ask = addon
            .ask("POST", path, "azure-vision", &scene.token)
            .json(&json!({}));
        scene
            .client()
            .send(ask)
            .await
            .refused(403, "operation_not_allowed");
    }
    assert_eq!(scene.ks.provider.exchanges().len(), before);
}
