//! Clients that stop, trickle, or hold a request open: each is given up, and takes nobody else's room.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{SOON, send, slow_chat};
use crate::harness::{Ask, Keystead, Scene, Store, eventually, within};

/// A stream that never ends its body must not hold a call for ever.
#[tokio::test]
async fn a_client_that_stops_sending_is_given_up() {
    let scene = impatient().await;
    let (sending, pieces) = slow_chat(&scene).await;
    send(&pieces, "aaaa").await;

    let reply = within(SOON, "it is given up", sending)
        .await
        .unwrap()
        .expect("an answer");

    reply.refused(408, "body_timeout");
    drop(pieces);
}

/// Nothing is charged before a body is there, so to hold one must cost its sender something.
#[tokio::test]
async fn a_body_that_trickles_in_is_given_up_and_one_that_takes_long_is_not() {
    let scene = impatient().await;
    let (trickling, drops) = slow_chat(&scene).await;
    // All at once, and then as little as keeps it from standing still.
    send(&drops, &"a".repeat(500_000)).await;
    let (steady, pieces) = slow_chat(&scene).await;
    let began = Instant::now();
    for _ in 0..12 {
        for _ in 0..2 {
            drop(drops.send("a".into()).await);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        send(&pieces, &"a".repeat(32_000)).await;
    }
    assert!(began.elapsed() > Duration::from_secs(4));
    send(&pieces, "\"}]}").await;
    drop(pieces);
    assert_eq!(steady.await.unwrap().expect("an answer").status, 200);

    let reply = within(SOON, "it is given up", trickling).await.unwrap();
    reply.expect("an answer").refused(408, "body_timeout");
    drop(drops);
}

/// Who asks is found out when all of a request is there: one that was begun in time is not acted on
/// for someone who may not any more.
#[tokio::test]
async fn a_request_that_is_held_open_outlives_no_right() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("server.body_idle_timeout", "\"3s\"")
        .start()
        .await;
    let begin = || {
        let ask = Ask::post("/api/v1/applications").bearer(&ks.api_token);
        let (ask, pieces) = ask.kind("application/json").pieces();
        let client = ks.client();
        (tokio::spawn(async move { client.send(ask).await }), pieces)
    };
    let (stalled, never) = begin();
    let (held, pieces) = begin();
    send(&pieces, "{\"name\":").await;
    send(&never, "{\"name\":").await;
    let tokens = ks.manage("GET", "/api-tokens", &Value::Null).await;
    let id = tokens["data"][0]["api_token_id"].as_str().unwrap();
    let path = format!("/api/v1/api-tokens/{id}");
    let revoke = Ask::new("DELETE", path).bearer(&ks.api_token);
    ks.client().send(revoke).await.expect(204);
    send(&pieces, "\"late\"}").await;
    drop(pieces);
    let late = within(SOON, "it is answered", held).await.unwrap();
    late.expect(401);

    let stalled = within(SOON, "it is given up", stalled).await.unwrap();
    stalled.refused(408, "body_timeout");
    drop(never);
}

/// What strangers hold open is bounded, and is nobody else's room.
#[tokio::test]
async fn requests_that_are_held_open_have_a_common_bound() {
    let scene = Scene::with("openai").await;
    let mut held = Vec::new();
    for _ in 0..512 {
        let (ask, pieces) = Ask::post("/oauth/token").kind("text/plain").pieces();
        let client = scene.client();
        let task = tokio::spawn(async move { client.send(ask).await });
        send(&pieces, "never").await;
        held.push((task, pieces));
    }
    // All are there when one found no room; nobody else may ask before that, and take another's.
    let one_is_refused = async || held.iter().any(|(task, _)| task.is_finished());
    eventually("the room is full", SOON, one_is_refused).await;
    let ask = || Ask::post("/api/v1/applications").json(&json!({"name": "n"}));
    scene.client().send(ask()).await.expect(503);

    // Calls have a room of their own.
    scene.client().send(scene.chat()).await.expect(200);
    for (task, pieces) in held {
        drop(pieces);
        task.await.unwrap();
    }
    let answered = async || scene.client().send(ask()).await.status == 401;
    eventually("it is given back", SOON, answered).await;
}

/// A scene in which clients may pause for a second.
async fn impatient() -> Scene {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("server.body_idle_timeout", "\"1s\"")
        .start()
        .await;
    Scene::within(ks, "openai").await
}
