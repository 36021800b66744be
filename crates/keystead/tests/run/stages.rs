//! A task goes through the proxy's stages: what holds there holds here.

use std::time::Duration;

use serde_json::json;

use super::{done, told};
use crate::harness::provider::services::chat_stream;
use crate::harness::{Answer, Ask, Keystead, Scene, Step, Store, eventually, within};

const CHAT: &str = "POST /v1/chat/completions";
const PAGE: &str = "https://shop.example";
const SOON: Duration = Duration::from_secs(1);

fn text(scene: &Scene) -> Ask {
    scene.task(&json!({"task": "text", "input": scene.ks.prompt()}))
}

async fn with_addon(addon: serde_json::Value) -> Scene {
    let ks = Keystead::start(Store::Sqlite).await;
    Scene::furnished(ks, "openai", json!({"origins": [PAGE]}), addon).await
}

#[tokio::test]
async fn a_task_that_the_addon_is_not_for_is_refused() {
    let scene = with_addon(json!({"type": "translation"})).await;

    scene
        .client()
        .send(text(&scene))
        .await
        .refused(403, "task_not_supported");

    let image = json!({"task": "image", "input": scene.ks.prompt()});
    scene
        .client()
        .send(scene.task(&image))
        .await
        .refused(403, "task_not_supported");
    let translate = json!({"task": "translate", "input": scene.ks.prompt(), "target": "de"});
    done(&scene, &translate).await;
}

#[tokio::test]
async fn a_task_that_the_provider_does_not_do_is_refused() {
    let scene = Scene::with("deepl").await;
    scene
        .client()
        .send(text(&scene))
        .await
        .refused(403, "task_not_supported");
}

#[tokio::test]
async fn models_and_operations_are_the_addons() {
    let scene = with_addon(json!({"models": ["gpt-5.4", "gpt-5.5"]})).await;
    let mut body = json!({"task": "text", "input": scene.ks.prompt()});

    done(&scene, &body).await;
    assert_eq!(
        scene.ks.provider.openai().last(CHAT).json()["model"],
        "gpt-5.4"
    );

    body["model"] = json!("gpt-6-luna");
    scene
        .client()
        .send(scene.task(&body))
        .await
        .refused(403, "model_not_allowed");
    let scene = with_addon(json!({"operations": ["models"]})).await;
    scene
        .client()
        .send(text(&scene))
        .await
        .refused(403, "operation_not_allowed");
    scene.assert_no_chat();
}

#[tokio::test]
async fn only_the_customer_knows_the_names_of_deployments() {
    let scene = Scene::with("azure-openai").await;
    scene
        .client()
        .send(text(&scene))
        .await
        .refused(400, "model_needed");
}

#[tokio::test]
async fn tasks_and_calls_share_their_limits() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("limits.default.token", "\"2/h burst 2\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;

    scene.client().send(scene.chat()).await.expect(200);
    done(&scene, &json!({"task": "text", "input": scene.ks.prompt()})).await;

    let reply = scene
        .client()
        .send(text(&scene))
        .await
        .refused(429, "rate_limited");
    let error = reply.json()["error"].clone();
    assert_eq!(error["retryable"], true);
    let wait = reply.header("retry-after").unwrap();
    assert_eq!(error["retry_after"].to_string(), wait);
    scene
        .client()
        .send(scene.chat())
        .await
        .refused(429, "rate_limited");
}

#[tokio::test]
async fn a_budget_is_reserved_for_a_task_and_settled_by_what_it_used() {
    // One task reserves its 8,192 tokens of output and the few of its request.
    let scene = with_addon(json!({"limits": {"budgets": ["9000 tokens/day"]}})).await;

    for _ in 0..3 {
        done(&scene, &json!({"task": "text", "input": scene.ks.prompt()})).await;
    }

    let greedy = json!({"task": "text", "input": "x", "max_output_tokens": 20_000});
    let reply = scene.client().send(scene.task(&greedy)).await;
    reply.refused(429, "budget_exhausted");
}

#[tokio::test]
async fn a_client_that_leaves_cancels_the_task() {
    let scene = Scene::with("openai").await;
    let endless = chat_stream(&["one", "two"], None).then(Step::Silence);
    scene.ks.provider.openai().on(CHAT, endless);
    let mut live = scene.client().open(text(&scene)).await;
    live.until("two").await;

    drop(live);

    let exchange = scene.ks.provider.openai().last(CHAT);
    within(SOON, "the provider is left", exchange.is_cancelled()).await;
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_cancels_the_task() {
    let scene = Scene::with("openai").await;
    let silent = Answer::new(200).first(Step::Silence);
    scene.ks.provider.openai().on(CHAT, silent);
    let (client, ask) = (scene.client(), text(&scene));
    let waiting = tokio::spawn(async move { client.try_open(ask).await.is_ok() });
    let openai = scene.ks.provider.openai();
    eventually("the call arrives", SOON * 5, async || {
        !openai.asked(CHAT).is_empty()
    })
    .await;

    waiting.abort();

    let exchange = openai.last(CHAT);
    within(SOON, "the provider is left", exchange.is_cancelled()).await;
}

#[tokio::test]
async fn a_revocation_ends_a_running_task_with_an_event() {
    let scene = Scene::with("openai").await;
    let mut endless = chat_stream(&["one", "two"], None);
    endless.steps.truncate(2);
    scene
        .ks
        .provider
        .openai()
        .on(CHAT, endless.then(Step::Silence));
    let mut live = scene.client().open(text(&scene)).await;
    live.until("two").await;

    scene.ks.revoke_token(&scene.app, &scene.token).await;

    let reply = within(SOON, "the task is cut", live.rest()).await;
    let (text, (name, data)) = told(&reply);
    assert_eq!((text.as_str(), name.as_str()), ("onetwo", "error"));
    assert_eq!(
        (&data["code"], &data["retryable"]),
        (&json!("revoked"), &json!(false))
    );
    let exchange = scene.ks.provider.openai().last(CHAT);
    within(SOON, "the provider is left", exchange.is_cancelled()).await;
}

#[tokio::test]
async fn an_echoed_key_is_masked_in_the_text() {
    let scene = Scene::with("openai").await;
    scene.ks.expects_errors("key_echoed");
    let secret = scene.key.secret.clone();
    let words = ["Your key is ", &secret, "."];
    scene
        .ks
        .provider
        .openai()
        .on(CHAT, chat_stream(&words, Some((1, 1))));

    let (text, _) = done(&scene, &json!({"task": "text", "input": scene.ks.prompt()})).await;

    assert_eq!(text, format!("Your key is {}.", "*".repeat(secret.len())));
}

#[tokio::test]
async fn pages_of_the_application_may_run_tasks_and_others_may_not() {
    let scene = with_addon(json!({})).await;
    let preflight = |origin| {
        Ask::new("OPTIONS", scene.addon.task_path())
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            )
    };

    let allowed = scene.client().send(preflight(PAGE)).await.expect(204);
    let reply = scene
        .client()
        .send(text(&scene).header("origin", PAGE))
        .await
        .expect(200);

    for answer in [&allowed, &reply] {
        assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    }
    let exposed = reply.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("x-keystead-request-id"), "{exposed}");
    let sent = scene.ks.provider.openai().last(CHAT);
    assert_eq!(sent.header("origin"), None, "it is nobody's business there");
    for origin in ["https://evil.example", "null"] {
        for ask in [preflight(origin), text(&scene).header("origin", origin)] {
            let reply = scene.client().send(ask).await;
            assert_eq!(
                reply.header("access-control-allow-origin"),
                None,
                "{origin}"
            );
            let reply = reply.refused(403, "origin_not_allowed");
            assert_eq!(reply.json()["error"]["code"], "origin_not_allowed");
        }
    }
}

/// What the client sends beside its task is not the provider's business, and opens nothing.
#[tokio::test]
async fn no_header_of_the_client_goes_on() {
    let scene = Scene::with("anthropic").await;
    let ask = text(&scene)
        .header("anthropic-beta", "files-api-2025-04-14")
        .header("anthropic-version", "2026-10-21")
        .header("user-agent", "Canary/1.0")
        .header("cookie", "a=b")
        .header("x-forwarded-for", "192.0.2.7");

    scene.client().send(ask).await.expect(200);

    let sent = scene
        .ks
        .provider
        .service("anthropic")
        .last("POST /v1/messages");
    for name in ["anthropic-beta", "user-agent", "cookie", "x-forwarded-for"] {
        assert_eq!(sent.header(name), None, "{name}");
    }
    assert_eq!(sent.header("anthropic-version"), Some("2023-06-01"));
}
