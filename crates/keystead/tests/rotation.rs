//! A key is exchanged while calls run: none fails, and every call that starts afterwards uses the
//! new one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::provider::services::chat_stream;
use crate::harness::{Hold, Keystead, Scene, Step, Store, on_each_store, planted};

on_each_store!(
    no_call_fails_while_keys_are_rotated_under_load,
    a_new_key_that_the_provider_refuses_changes_nothing,
    a_stream_that_runs_ends_with_the_key_it_began_with,
);

const CHAT: &str = "POST /v1/chat/completions";

async fn no_call_fails_while_keys_are_rotated_under_load(store: Store) {
    let ks = Keystead::prepare(store)
        .set("limits.default.token", "\"5000/s burst 5000\"")
        .set("limits.default.subject", "\"5000/s burst 5000\"")
        .set("limits.default.addon", "\"5000/s burst 5000\"")
        .set("limits.default.application", "\"5000/s burst 5000\"")
        .set("limits.default.key", "\"5000/s burst 5000\"")
        .set("limits.default.address", "\"5000/s burst 5000\"")
        .start()
        .await;
    let scene = Arc::new(Scene::within(ks, "openai").await);
    let over = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..8)
        .map(|_| tokio::spawn(call_until(scene.clone(), over.clone())))
        .collect();

    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        let new = rotate(&scene).await;
        // A call that starts now uses the new key.
        scene
            .client()
            .send(scene.ask("GET", "/v1/models"))
            .await
            .expect(200);
        let last = scene.ks.provider.openai().last("GET /v1/models");
        assert_eq!(last.key().as_deref(), Some(new.as_str()));
    }
    over.store(true, Ordering::Relaxed);
    let mut calls = 0;
    for worker in load {
        calls += worker.await.unwrap();
    }
    assert!(calls > 50, "only {calls} calls: there was no load");
}

async fn a_new_key_that_the_provider_refuses_changes_nothing(store: Store) {
    let scene = Scene::on(store).await;
    let unknown = scene.ks.place.plant("provider_key", planted::key("openai"));

    let path = format!("/keys/{}/rotate", scene.key.id);
    let reply = scene.ks.api("POST", &path, &json!({"key": unknown})).await;

    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (422, &json!("key_refused"))
    );
    scene.client().send(scene.chat()).await.expect(200);
    assert_eq!(
        scene.ks.provider.openai().last(CHAT).key(),
        Some(scene.key.secret.clone())
    );
    let shown = scene
        .ks
        .manage("GET", &format!("/keys/{}", scene.key.id), &Value::Null)
        .await;
    assert_eq!(shown["version"], 1);
}

async fn a_stream_that_runs_ends_with_the_key_it_began_with(store: Store) {
    let scene = Scene::on(store).await;
    let hold = Hold::new();
    let stream = chat_stream(&["begun", "ended"], None).paced(&Step::Hold(hold.clone()));
    scene.ks.provider.openai().on(CHAT, stream);
    let mut live = scene.client().open(scene.stream()).await;
    live.until("begun").await;

    rotate(&scene).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    hold.release_all();

    let text = live.rest().await.text();
    assert!(
        text.contains("ended") && text.ends_with("data: [DONE]\n\n"),
        "{text}"
    );
}

/// Puts a new key in place, which the provider takes beside the old one; gives it back.
async fn rotate(scene: &Scene) -> String {
    let new = scene.ks.place.plant("provider_key", planted::key("openai"));
    scene.ks.provider.openai().accept(&new);
    let path = format!("/keys/{}/rotate", scene.key.id);
    let rotated = scene.ks.manage("POST", &path, &json!({"key": new})).await;
    assert_eq!(rotated["last4"], new[new.len() - 4..]);
    new
}

/// Calls one after the other, all of which must work; how many there were.
async fn call_until(scene: Arc<Scene>, over: Arc<AtomicBool>) -> usize {
    let mut connection = scene.client().connect().await;
    let mut calls = 0;
    while !over.load(Ordering::Relaxed) {
        connection.send(scene.chat()).await.expect(200);
        calls += 1;
    }
    calls
}
