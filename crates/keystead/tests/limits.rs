//! Rates and concurrent calls are limited from the first start; a refused call costs nothing, and
//! what a call took comes back however it ends.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::provider::services::{chat, chat_stream};
use crate::harness::{Answer, Ask, Keystead, Live, Scene, Step, Store, eventually, planted};

const CHAT: &str = "POST /v1/chat/completions";

/// Each rule in turn, by whom it counts: the other calls of the same kind are refused, and what
/// differs in that one respect passes.
#[tokio::test]
async fn each_rule_counts_what_it_is_named_after() {
    for rule in ["token", "subject", "addon", "application", "key", "address"] {
        let ks = Keystead::prepare(Store::Sqlite)
            .set(&format!("limits.default.{rule}"), "\"1/m burst 3\"")
            .start()
            .await;
        let scene = Scene::within(ks, "openai").await;
        for call in 0..3 {
            let reply = scene.client().send(scene.chat()).await;
            assert_eq!(reply.status, 200, "{rule}, call {call}: {}", reply.text());
        }

        let reply = scene.client().send(scene.chat()).await;

        let wait: u64 = reply
            .header("retry-after")
            .expect("a Retry-After")
            .parse()
            .unwrap();
        assert!((1..=60).contains(&wait), "{rule}: {wait}");
        assert!(reply.text().contains("limit"), "{}", reply.text());
        reply.refused(429, "rate_limited");
        assert_eq!(scene.ks.provider.openai().asked(CHAT).len(), 3, "{rule}");
        differing(&scene, rule).await;
    }
}

/// A call that differs from the scene's in `rule` alone, as far as that can be.
async fn differing(scene: &Scene, rule: &str) {
    let Scene {
        ks,
        app,
        key,
        addon,
        token,
    } = scene;
    let ask = |addon: &crate::harness::AddOn, token: &str| {
        addon
            .ask("POST", "/v1/chat/completions", "openai", token)
            .json(&scene.chat_body())
    };
    let mut client = ks.client();
    let other: Ask = match rule {
        "token" | "subject" => ask(addon, &ks.token(app).await),
        "addon" => ask(&ks.addon(app, key, "second").await, token),
        "application" => {
            let app = ks.app().await;
            let key = ks.key(&app, "openai").await;
            ask(&ks.addon(&app, &key, "chat").await, &ks.token(&app).await)
        }
        "key" => {
            let key = ks.key(app, "openai").await;
            ask(&ks.addon(app, &key, "second").await, token)
        }
        "address" => {
            client.from = crate::harness::planted::address();
            ask(addon, token)
        }
        other => panic!("no rule is called {other}"),
    };
    let reply = client.send(other).await;
    assert_eq!(reply.status, 200, "{rule}: {}", reply.text());
}

/// Two tokens of one end user share the user's limit.
#[tokio::test]
async fn a_new_token_is_no_new_allowance() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("limits.default.subject", "\"1/m burst 2\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let uid = scene.ks.uid();
    for status in [200, 200, 429] {
        let token = scene.ks.token_for(&scene.app, &uid).await;
        let ask = scene
            .addon
            .ask("POST", "/v1/chat/completions", "openai", &token);
        scene
            .client()
            .send(ask.json(&scene.chat_body()))
            .await
            .expect(status);
    }
}

#[tokio::test]
async fn refused_calls_cost_nothing() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("limits.default.token", "\"2/s burst 1\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    scene.client().send(scene.chat()).await.expect(200);
    let began = Instant::now();

    // If they counted, the next would be further away with each.
    while began.elapsed() < Duration::from_millis(400) {
        scene
            .client()
            .send(scene.chat())
            .await
            .refused(429, "rate_limited");
    }
    tokio::time::sleep(Duration::from_millis(300)).await;

    scene.client().send(scene.chat()).await.expect(200);
}

/// Whether a page may call is asked by anybody, with whatever address comes to mind: each such question is
/// one to the store, and so is charged to who asks. Pages of applications that are known ask on.
#[tokio::test]
async fn guessed_applications_are_charged_to_who_guesses() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("limits.default.address", "\"1/s burst 5\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let origins = json!({"origins": ["https://app.example"]});
    let path = format!("/applications/{}", scene.app.id);
    scene.ks.manage("PATCH", &path, &origins).await;
    let ask = |client_id: &str| {
        Ask::new("OPTIONS", format!("/proxy/{client_id}/chat/v1/models"))
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST")
    };
    scene
        .client()
        .send(ask(&scene.app.client_id))
        .await
        .expect(204);
    let mut refused = 0;
    for _ in 0..10 {
        let unknown = format!("cl_{}", planted::hex(32));
        let reply = scene.client().send(ask(&unknown)).await;
        refused += usize::from(reply.status == 429);
    }
    assert!(refused >= 2, "{refused} of 10 guesses were refused");
    scene
        .client()
        .send(ask(&scene.app.client_id))
        .await
        .expect(204);
}

#[tokio::test]
async fn limits_hold_from_the_first_start() {
    let scene = Scene::with("openai").await;
    let mut connection = scene.client().connect().await;
    let mut refused = 0;
    for _ in 0..220 {
        let reply = connection.send(scene.ask("GET", "/v1/models")).await;
        refused += usize::from(reply.status == 429);
    }
    assert!(
        refused > 0,
        "220 calls in a row, and `token` is 50 a second with a burst of 100"
    );
}

/// Every way for a call to end, and after each both permits are there again.
#[tokio::test]
async fn permits_come_back_on_every_path() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("limits.default.key_concurrency", "\"2\"")
        .set("limits.default.token", "\"500/s burst 1000\"")
        .set("limits.default.subject", "\"500/s burst 1000\"")
        .set("upstream.first_byte_timeout", "\"1s\"")
        .set("upstream.idle_timeout", "\"1s\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let openai = scene.ks.provider.openai();
    let client = scene.client();
    let image = || json!({"model": "tts-1", "voice": "alloy", "input": "x"});
    let speech = || scene.ask("POST", "/v1/audio/speech").json(&image());

    scene.ks.expects_errors("key_refused");
    both_permits_are_there(&scene, "at first").await;
    for (path, answer) in [
        ("a whole answer", Answer::json(&json!({"id": "x"}))),
        ("a whole stream", chat_stream(&["x"], None)),
        ("an error of the provider's", Answer::new(500)),
        ("a wrong key", Answer::new(401)),
        (
            "a refused call that is tried again",
            Answer::new(429).header("retry-after-ms", "1"),
        ),
        (
            "a wait above the cap",
            Answer::new(503).header("retry-after", "60"),
        ),
        (
            "a connection closed at once",
            Answer::new(200).first(Step::Reset),
        ),
        (
            "a stream that is reset",
            Answer::events(["data: 1\n\n"]).then(Step::Reset),
        ),
        (
            "a compressed answer",
            Answer::new(200).header("content-encoding", "br"),
        ),
        (
            "a provider that is silent",
            Answer::new(200).first(Step::Silence),
        ),
        (
            "a stream that falls silent",
            Answer::events(["data: 1\n\n"]).then(Step::Silence),
        ),
    ] {
        openai.on(CHAT, answer);
        drop(client.try_send(scene.stream()).await);
        both_permits_are_there(&scene, path).await;
    }

    openai.on(CHAT, chat_stream(&["begun"], None).then(Step::Silence));
    drop(begun(&scene, &scene.token).await);
    both_permits_are_there(&scene, "a client that left a stream").await;

    openai.on(CHAT, Answer::new(200).first(Step::Silence));
    let (leaving, ask) = (scene.client(), scene.chat());
    drop(tokio::time::timeout(Duration::from_millis(200), leaving.try_open(ask)).await);
    both_permits_are_there(&scene, "a client that left before the answer").await;

    openai.on(
        "POST /v1/audio/speech",
        Answer::bytes("audio/mpeg", "x").then(Step::Reset),
    );
    drop(client.try_send(speech()).await);
    both_permits_are_there(&scene, "a body that breaks off").await;

    let refused = scene
        .ask("POST", "/v1/chat/completions")
        .json(&json!({"model": 7}));
    drop(client.send(refused).await);
    both_permits_are_there(&scene, "a call that was refused").await;

    openai.on(CHAT, chat_stream(&["begun"], None).then(Step::Silence));
    let other = scene.ks.token(&scene.app).await;
    let mut live = begun(&scene, &other).await;
    scene.ks.revoke_token(&scene.app, &other).await;
    live.ends_properly().await;
    both_permits_are_there(&scene, "a stream that was cut").await;
}

/// A stream that has begun, as soon as there is a permit for it.
async fn begun(scene: &Scene, token: &str) -> Live {
    let mut body = scene.chat_body();
    body["stream"] = json!(true);
    let ask = || {
        scene
            .addon
            .ask("POST", "/v1/chat/completions", "openai", token)
            .json(&body)
    };
    let mut found = None;
    eventually("a permit", Duration::from_secs(2), async || {
        found = Some(scene.client().open(ask()).await).filter(|live| live.status == 200);
        found.is_some()
    })
    .await;
    let mut live = found.unwrap();
    live.until("begun").await;
    live
}

/// Exactly two calls may run at once: no permit is lost, and none came from nowhere.
async fn both_permits_are_there(scene: &Scene, after: &str) {
    let openai = scene.ks.provider.openai();
    openai.on(
        CHAT,
        chat_stream(&["held"], None).then(Step::Wait(Duration::from_secs(20))),
    );
    let client = scene.client();
    let mut held: Vec<Live> = Vec::new();
    eventually(
        &format!("two permits after {after}"),
        Duration::from_secs(2),
        async || {
            let mut live = client.open(scene.stream()).await;
            if live.status == 200 {
                live.until("held").await;
                held.push(live);
            }
            held.len() == 2
        },
    )
    .await;
    let reply = client.send(scene.chat()).await;
    assert!(reply.header("retry-after").is_some(), "after {after}");
    reply.refused(429, "concurrency_full");
    assert_eq!(scene.ks.metric("keystead_calls_running"), 2.0);
    drop(held);
    openai.on_each(CHAT, chat);
    eventually(
        &format!("the held calls end after {after}"),
        Duration::from_secs(2),
        async || scene.ks.metric("keystead_calls_running") == 0.0,
    )
    .await;
}
