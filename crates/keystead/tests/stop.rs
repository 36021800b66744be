//! A stop is graceful: readiness turns off, no new calls are taken, running streams may finish up
//! to the deadline; a second signal ends at once.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::provider::services::chat_stream;
use crate::harness::server::get;
use crate::harness::{Hold, Keystead, Live, Scene, Step, Store, eventually};

const CHAT: &str = "POST /v1/chat/completions";

#[tokio::test]
async fn a_running_stream_finishes_and_then_the_process_ends() {
    let (scene, mut live, hold) = streaming("server.drain_deadline", "\"30s\"").await;

    scene.ks.terminate();

    eventually("readiness turns off", Duration::from_secs(2), async || {
        get(scene.ks.management(), "/readyz").is_some_and(|answer| answer.contains(" 503 "))
    })
    .await;
    assert!(get(scene.ks.management(), "/healthz").is_some_and(|answer| answer.contains(" 200 ")));
    tokio::time::sleep(Duration::from_millis(300)).await;
    hold.release_all();
    live.until("data: [DONE]\n\n").await;
    drop(live);
    let status = scene.ks.ended(Duration::from_secs(5)).await;
    assert_eq!(status.code(), Some(0));
    assert!(
        scene.client().try_send(scene.chat()).await.is_err(),
        "a new call was taken"
    );
}

#[tokio::test]
async fn the_deadline_ends_what_still_runs_and_says_so() {
    let (scene, mut live, _hold) = streaming("server.drain_deadline", "\"1s\"").await;
    let began = Instant::now();

    scene.ks.terminate();

    live.ends_properly().await;
    assert!(live.has_heard("stopping"), "{}", live.heard());
    let status = scene.ks.ended(Duration::from_secs(5)).await;
    assert_eq!(status.code(), Some(0));
    assert!(
        began.elapsed() > Duration::from_millis(900),
        "it did not wait"
    );
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let (scene, mut live, _hold) = streaming("server.drain_deadline", "\"60s\"").await;
    scene.ks.terminate();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(scene.ks.is_running());
    let began = Instant::now();

    scene.ks.signal(Signal::INT);

    live.ends_properly().await;
    scene.ks.ended(Duration::from_secs(5)).await;
    assert!(began.elapsed() < Duration::from_secs(3));
}

/// What was counted before the stop is in the ledger after it.
#[tokio::test]
async fn usage_is_written_before_the_process_ends() {
    let scene = Scene::on(Store::Sqlite).await;
    for _ in 0..7 {
        scene.client().send(scene.chat()).await.expect(200);
    }

    scene.ks.terminate();
    scene.ks.ended(Duration::from_secs(5)).await;
    scene.ks.start_again().await;

    let usage = scene
        .ks
        .manage("GET", "/usage?days=2", &serde_json::Value::Null)
        .await;
    let rows = usage["data"].as_array().unwrap();
    let input: u64 = rows
        .iter()
        .filter_map(|row| row["input_tokens"].as_u64())
        .sum();
    assert_eq!(input, 7 * 9, "{usage}");
}

/// A balancer needs a moment to see that readiness is off; calls in it are served.
#[tokio::test]
async fn calls_are_taken_while_balancers_look_away() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("server.drain_delay", "\"1s\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;

    scene.ks.terminate();
    tokio::time::sleep(Duration::from_millis(200)).await;

    scene.client().send(scene.chat()).await.expect(200);
    scene.ks.ended(Duration::from_secs(5)).await;
}

/// A scene with a stream that has begun and goes on when the hold is released.
async fn streaming(name: &str, value: &str) -> (Scene, Live, Hold) {
    let ks = Keystead::prepare(Store::Sqlite)
        .set(name, value)
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let hold = Hold::new();
    let stream = chat_stream(&["begun", "ended"], None).paced(&Step::Hold(hold.clone()));
    scene.ks.provider.openai().on(CHAT, stream);
    let mut live = scene.client().open(scene.stream()).await;
    live.until("begun").await;
    (scene, live, hold)
}
