//! What a browser is told: which pages may call, and nothing to any other.

use ipnet::IpNet;
use serde_json::json;

use crate::harness::{Ask, Keystead, Scene, Store};

const PAGE: &str = "https://shop.example";

async fn scene() -> Scene {
    let ks = Keystead::start(Store::Sqlite).await;
    Scene::furnished(
        ks,
        "openai",
        json!({"origins": [PAGE, "http://localhost:3000"]}),
        json!({}),
    )
    .await
}

fn preflight(scene: &Scene, origin: &str, headers: &str) -> Ask {
    Ask::new(
        "OPTIONS",
        format!("{}/v1/chat/completions", scene.addon.path),
    )
    .header("origin", origin)
    .header("access-control-request-method", "POST")
    .header("access-control-request-headers", headers)
}

#[tokio::test]
async fn a_preflight_needs_no_credential() {
    let scene = scene().await;
    let wanted = "authorization,content-type,x-stainless-os,x-stainless-retry-count,anthropic-beta,\
                  openai-organization,x-api-key,api-key,ocp-apim-subscription-key";

    let reply = scene.client().send(preflight(&scene, PAGE, wanted)).await;

    assert!(matches!(reply.status, 200 | 204), "{}", reply.status);
    assert_eq!(reply.header("access-control-allow-origin"), Some(PAGE));
    let allowed = reply
        .header("access-control-allow-headers")
        .unwrap()
        .to_lowercase();
    for name in wanted.split(',') {
        assert!(
            allowed.split(", ").any(|known| known == name),
            "{name} in {allowed}"
        );
    }
    let methods = reply.header("access-control-allow-methods").unwrap();
    assert!(
        methods.contains("POST") && methods.contains("GET"),
        "{methods}"
    );
    assert!(reply.header("vary").unwrap().contains("Origin"));
    assert_eq!(reply.header("access-control-allow-credentials"), None);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox"),
    ] {
        assert_eq!(reply.header(name), Some(value));
    }
    assert!(reply.header("x-keystead-request-id").is_some());
    scene.assert_no_chat();
}

#[tokio::test]
async fn a_page_that_is_not_listed_gets_nothing() {
    let scene = scene().await;
    for origin in [
        "https://evil.example",
        "https://shop.example.evil.example",
        "http://shop.example",
        "https://shop.example:8443",
        "https://SHOP.example.",
        "null",
    ] {
        let reply = scene
            .client()
            .send(preflight(&scene, origin, "authorization"))
            .await;
        assert_eq!(
            reply.header("access-control-allow-origin"),
            None,
            "{origin}"
        );
        let reply = scene
            .client()
            .send(scene.chat().header("origin", origin))
            .await;
        assert_eq!(
            reply.header("access-control-allow-origin"),
            None,
            "{origin}"
        );
        reply.refused(403, "origin_not_allowed");
    }
    scene.assert_no_chat();
}

#[tokio::test]
async fn a_listed_page_may_read_the_answer_and_its_headers() {
    let scene = scene().await;

    for ask in [
        scene.chat(),
        scene.stream(),
        scene.ask("POST", "/v1/nonsense"),
    ] {
        let reply = scene.client().send(ask.header("origin", PAGE)).await;
        assert_eq!(reply.header("access-control-allow-origin"), Some(PAGE));
        assert!(reply.header("vary").unwrap().contains("Origin"));
        let exposed = reply.header("access-control-expose-headers").unwrap();
        for name in [
            "x-keystead-request-id",
            "x-keystead-error",
            "x-request-id",
            "request-id",
            "retry-after",
            "x-ratelimit-remaining-requests",
            "anthropic-ratelimit-requests-remaining",
        ] {
            assert!(exposed.contains(name), "{name} in {exposed}");
        }
    }
    let asked = scene.ks.provider.openai().last("POST /v1/chat/completions");
    assert_eq!(asked.header("origin"), None, "the provider learns the page");
}

/// Even a refusal must be readable, or the page can't tell its user what is wrong.
#[tokio::test]
async fn a_listed_page_may_read_why_it_was_refused() {
    let scene = scene().await;
    let ask = Ask::post(format!("{}/v1/chat/completions", scene.addon.path));
    let reply = scene.client().send(ask.header("origin", PAGE)).await;

    assert_eq!(reply.header("access-control-allow-origin"), Some(PAGE));
    reply.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_call_without_an_origin_is_no_page() {
    let scene = scene().await;

    let reply = scene.client().send(scene.chat()).await.expect(200);

    assert_eq!(reply.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn an_origin_that_is_taken_off_the_list_is_refused_at_once() {
    let scene = scene().await;
    scene
        .client()
        .send(scene.chat().header("origin", PAGE))
        .await
        .expect(200);

    let path = format!("/applications/{}", scene.app.id);
    scene
        .ks
        .manage("PATCH", &path, &json!({"origins": []}))
        .await;

    let reply = scene
        .client()
        .send(scene.chat().header("origin", PAGE))
        .await;
    reply.refused(403, "origin_not_allowed");
    let reply = scene
        .client()
        .send(preflight(&scene, PAGE, "authorization"))
        .await;
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

/// Management is for programs and the console's own pages: no other page may read it.
#[tokio::test]
async fn management_and_tokens_know_no_pages() {
    let scene = scene().await;
    for path in [
        "/api/v1/keys",
        "/api/v1/applications",
        "/oauth/token",
        "/oauth/revoke",
    ] {
        let ask = Ask::new("OPTIONS", path)
            .header("origin", PAGE)
            .header("access-control-request-method", "POST");
        let reply = scene.client().send(ask).await;
        assert_eq!(reply.header("access-control-allow-origin"), None, "{path}");
        let ask = Ask::get(path)
            .bearer(&scene.ks.api_token)
            .header("origin", PAGE);
        let reply = scene.client().send(ask).await;
        assert_eq!(reply.header("access-control-allow-origin"), None, "{path}");
    }
}

/// An application may be called from its address ranges only.
#[tokio::test]
async fn a_client_outside_the_address_ranges_is_refused() {
    let ks = Keystead::start(Store::Sqlite).await;
    // The range around the client: its own address is planted and must be found in no store.
    let around = IpNet::new(ks.address, 24).unwrap().trunc();
    let scene = Scene::furnished(
        ks,
        "openai",
        json!({"addresses": [around.to_string()]}),
        json!({}),
    )
    .await;
    scene.client().send(scene.chat()).await.expect(200);

    let mut elsewhere = scene.client();
    while around.contains(&elsewhere.from) {
        elsewhere.from = crate::harness::planted::address();
    }
    elsewhere
        .send(scene.chat())
        .await
        .refused(403, "address_not_allowed");
}
