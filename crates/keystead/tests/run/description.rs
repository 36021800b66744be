//! What a page is told of an AddOn before it asks anything.

use serde_json::{Value, json};

use super::done;
use crate::harness::{Ask, Keystead, Redis, Scene, Store};

async fn described(scene: &Scene) -> Value {
    let ask = Ask::get(scene.addon.task_path()).bearer(&scene.token);
    let reply = scene.client().send(ask).await.expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("x-keystead-source"), Some("gateway"));
    reply.json()
}

#[tokio::test]
async fn an_addon_says_what_it_does() {
    let all = json!(["text", "translate", "image", "alt-text"]);
    for (provider, kind, models, tasks) in [
        ("openai", "any", json!([]), all.clone()),
        (
            "openai",
            "translation",
            json!(["gpt-5.4"]),
            json!(["translate"]),
        ),
        (
            "anthropic",
            "any",
            json!([]),
            json!(["text", "translate", "alt-text"]),
        ),
        ("stability", "image", json!([]), json!(["image"])),
        ("azure-vision", "alt-text", json!([]), json!(["alt-text"])),
    ] {
        let ks = Keystead::start(Store::Sqlite).await;
        let addon = json!({"type": kind, "models": models});
        let scene = Scene::furnished(ks, provider, json!({}), addon).await;
        let asked = scene.ks.provider.exchanges().len();

        let mut told = described(&scene).await;

        assert!(told["limits"].take().is_array(), "{provider}");
        let expected = json!({"handle": "chat", "type": kind, "provider": provider,
            "tasks": tasks, "models": models, "key_source": "application", "limits": null});
        assert_eq!(told, expected, "{provider}");
        assert_eq!(
            scene.ks.provider.exchanges().len(),
            asked,
            "{provider} was asked"
        );
    }
}

#[tokio::test]
async fn limits_are_the_callers_own_and_looking_costs_nothing() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("limits.default.token", "\"60/h burst 3\"")
        .set("limits.default.subject", "\"60/h burst 5\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let limit = |scope: &str, limit: u64, used: u64| {
        json!({"scope": scope, "what": "requests", "limit": limit, "remaining": limit - used,
            "reset_s": 60 * used})
    };

    for _ in 0..5 {
        let told = described(&scene).await;
        assert_eq!(
            told["limits"],
            json!([limit("token", 3, 0), limit("user", 5, 0)])
        );
    }
    done(&scene, &json!({"task": "text", "input": scene.ks.prompt()})).await;

    let told = described(&scene).await;
    assert_eq!(
        told["limits"],
        json!([limit("token", 3, 1), limit("user", 5, 1)])
    );
}

/// What others have used is not known here, so nothing is said that may be wrong.
#[tokio::test]
async fn shared_limits_are_not_guessed() {
    let redis = Redis::start();
    let ks = Keystead::prepare(Store::Postgres);
    let file = ks.place().allow("redis-url");
    std::fs::write(&file, redis.url()).unwrap();
    let file = format!("\"{}\"", file.display());
    let ks = ks.set("limits.shared_url_file", &file).start().await;
    let scene = Scene::within(ks, "openai").await;
    assert_eq!(described(&scene).await["limits"], json!([]));
}

#[tokio::test]
async fn strangers_and_the_disabled_are_told_nothing() {
    let scene = Scene::with("openai").await;
    let path = scene.addon.task_path();
    let client = scene.client();

    client
        .send(Ask::get(&path))
        .await
        .refused(401, "unauthenticated");
    client
        .send(Ask::get(&path).bearer("kst1_x"))
        .await
        .refused(401, "unauthenticated");
    let evil = Ask::get(&path)
        .bearer(&scene.token)
        .header("origin", "https://evil.example");
    client.send(evil).await.refused(403, "origin_not_allowed");
    let addon = format!("/addons/{}/disable", scene.addon.id);
    scene.ks.manage("POST", &addon, &Value::Null).await;
    let ask = Ask::get(&path).bearer(&scene.token);
    client.send(ask).await.refused(403, "addon_disabled");
}
