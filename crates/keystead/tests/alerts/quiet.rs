//! Ordinary traffic, with what goes wrong on any day, is nothing that a person must look at.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::server::get;
use crate::harness::{Answer, Ask, Keystead, Scene, Store, on_each_store, planted};

on_each_store!(quiet_traffic_raises_no_alert);

const CHAT: &str = "POST /v1/chat/completions";

async fn quiet_traffic_raises_no_alert(store: Store) {
    let ks = Keystead::prepare(store)
        .set("watch.interval", "\"1s\"")
        .set("audit.checkpoint_interval", "\"1s\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let path = format!("/applications/{}", scene.app.id);
    let limits = json!({"limits": {"budgets": ["1000 requests/day"]}});
    scene.ks.manage("PATCH", &path, &limits).await;
    let decoy = json!({"name": "the wiki", "form": "openai", "application_id": scene.app.id});
    let ask = Ask::post("/api/v1/decoys")
        .bearer(&scene.ks.api_token)
        .json(&decoy)
        .secret();
    scene.client().send(ask).await.expect(201);
    let begins_alike = Answer::bytes("text/plain", scene.key.secret[..12].to_owned());
    let openai = scene.ks.provider.openai();
    for _ in 0..10 {
        scene.client().send(scene.chat()).await.expect(200);
        scene.client().send(scene.stream()).await.expect(200);
    }
    for (answer, status) in [
        (Answer::new(400), 400),
        (Answer::new(500), 500),
        (begins_alike, 200),
    ] {
        openai.on(CHAT, answer);
        scene.client().send(scene.chat()).await.expect(status);
    }
    // Somebody mistyped, an old token, an operation that is not allowed.
    for credential in ["nothing", &planted::key("openai"), &scene.ks.api_token] {
        let ask = Ask::get(format!("{}/v1/models", scene.addon.path));
        let ask = ask.bearer(credential).secret();
        scene.client().send(ask).await.expect(401);
    }
    let fine_tuning = scene.ask("POST", "/v1/fine_tuning/jobs").json(&json!({}));
    scene.client().send(fine_tuning).await.expect(403);
    // Its rules are asked, and its checkpoints given away, more than once.
    tokio::time::sleep(Duration::from_millis(3_500)).await;

    let alerts = scene.ks.manage("GET", "/alerts", &Value::Null).await;
    assert_eq!(alerts["data"], json!([]), "{alerts}");
    let page = get(scene.ks.management(), "/metrics").unwrap();
    assert!(page.contains("# TYPE keystead_alerts counter"), "{page}");
    assert!(!page.contains("keystead_alerts_total{"), "{page}");
}
