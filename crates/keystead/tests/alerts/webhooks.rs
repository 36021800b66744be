//! What alerts bring about: something is told, something is frozen.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keystead::store::Role;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::harness::setup::text;
use crate::harness::{Answer, Ask, Keystead, Scene, Store, eventually, on_each_store};
use crate::sdks::told;

on_each_store!(
    a_webhook_is_told_until_it_takes_it,
    a_key_is_frozen_where_the_rule_says_so,
    an_application_is_frozen_where_the_rule_says_so,
);

const PATIENCE: Duration = Duration::from_secs(20);
const CHAT: &str = "POST /v1/chat/completions";

/// What came, and what is answered.
#[derive(Clone, Default)]
struct Receiver {
    heard: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    answers: Arc<Mutex<u16>>,
}

async fn receiver(answers: u16) -> (Receiver, String) {
    let receiver = Receiver::default();
    *receiver.answers.lock() = answers;
    let take = async |State(receiver): State<Receiver>, headers: HeaderMap, body: String| {
        receiver.heard.lock().push((headers, body));
        StatusCode::from_u16(*receiver.answers.lock()).unwrap()
    };
    let router = Router::new()
        .route("/hook", post(take))
        .with_state(receiver.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook?of=alerts", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (receiver, address)
}

async fn made(ks: &Keystead, path: &str, body: &Value) -> Value {
    let ask = Ask::post(format!("/api/v1{path}"))
        .bearer(&ks.api_token)
        .json(body)
        .secret();
    ks.client().send(ask).await.expect(201).json()
}

/// Has the provider send its key back, which is an alert.
async fn echo(scene: &Scene) {
    scene.ks.expects_errors("alert: key_echoed");
    let says = format!("you sent {}", scene.key.secret);
    let answer = Answer::bytes("text/plain", says);
    scene.ks.provider.openai().on(CHAT, answer);
    scene.client().send(scene.chat()).await.expect(200);
}

async fn a_webhook_is_told_until_it_takes_it(store: Store) {
    let (receiver, url) = receiver(503).await;
    let ks = Keystead::prepare(store).init().await;
    let [mut admin] = ks.sign_in([Role::Admin]).await;
    ks.start_again().await;
    let scene = Scene::within(ks, "openai").await;
    let webhook = made(&scene.ks, "/webhooks", &json!({"url": url})).await;
    let secret = scene
        .ks
        .place
        .plant("webhook_secret", text(&webhook, "secret"));
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    assert_eq!(key.len(), 32);
    echo(&scene).await;
    eventually("a second attempt", PATIENCE, async || {
        receiver.heard.lock().len() >= 2
    })
    .await;
    // What is still to be told survives the process.
    scene.ks.kill();
    scene.ks.start_again().await;
    *receiver.answers.lock() = 204;
    let log = async || {
        let told = scene
            .ks
            .manage("GET", "/webhooks/deliveries", &Value::Null)
            .await;
        told["data"][0].clone()
    };
    // What a killed process had under way is taken up again after a minute.
    eventually("it is taken", Duration::from_secs(90), async || {
        log().await["state"] == "taken"
    })
    .await;
    let told = log().await;
    assert!(told["attempts"].as_u64().unwrap() >= 3, "{told}");
    assert_eq!(told["answer"], "204");

    let alerts = scene.ks.manage("GET", "/alerts", &Value::Null).await;
    let alerts = alerts["data"].as_array().unwrap();
    let echoed = alerts.iter().find(|alert| alert["kind"] == "key_echoed");
    let heard = receiver.heard.lock().clone();
    let id = heard[0].0["webhook-id"].to_str().unwrap().to_owned();
    assert_eq!(told["delivery_id"], id.as_str());
    for (headers, body) in &heard {
        let header = |name: &str| headers[name].to_str().unwrap();
        assert_eq!(header("webhook-id"), id, "the same in every attempt");
        let signed = format!("{id}.{}.{body}", header("webhook-timestamp"));
        let tag = header("webhook-signature").strip_prefix("v1,").unwrap();
        let tag = STANDARD.decode(tag).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        hmac::verify(&key, signed.as_bytes(), &tag).unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["type"], "alert.opened");
        assert_eq!(body["data"]["alert_id"], echoed.unwrap()["alert_id"]);
        assert_eq!(body["data"]["object"], scene.key.id.as_str());
        let members: Vec<_> = body["data"].as_object().unwrap().keys().collect();
        let known = [
            "alert_id",
            "kind",
            "level",
            "object",
            "organization_id",
            "place",
        ];
        assert_eq!(members, known, "ids and stable words alone");
    }
    checked_by_their_own_library(&scene.ks, &secret, &heard).await;
    let taken = heard.len();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(receiver.heard.lock().len(), taken, "once it was taken");

    let page = admin.visit("/console/alerts/webhooks").await.expect(200);
    assert!(page.says("Taken") && page.says("204"), "{}", page.words());
    let id = text(&webhook, "webhook_id");
    let form = page.form(&format!("/console/alerts/webhooks/{id}/remove"));
    let page = admin.submit(&form).await.expect(200);
    assert!(page.says("No webhook yet"), "{}", page.words());
    let verified = scene.ks.local_command(&["audit", "verify", "--json"]);
    assert_eq!(verified.run().await.json()["ok"], true);
}

/// The library that Standard Webhooks gives to receivers takes what was told, and nothing else.
async fn checked_by_their_own_library(ks: &Keystead, secret: &str, heard: &[(HeaderMap, String)]) {
    let delivery = |(headers, body): &(HeaderMap, String)| {
        let headers = headers
            .iter()
            .filter(|(name, _)| name.as_str().starts_with("webhook-"));
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap()));
        json!({"headers": headers.collect::<BTreeMap<_, _>>(), "body": body})
    };
    let deliveries: Vec<_> = heard.iter().map(delivery).collect();
    let told_to_it = json!({"secret": secret, "deliveries": deliveries}).to_string();
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/python/standard_webhooks.py");
    let mut child = Command::new(told("KEYSTEAD_TEST_PYTHON"))
        .arg(script)
        .env_clear()
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(told_to_it.as_bytes()).unwrap();
    drop(stdin);
    let output = tokio::task::spawn_blocking(|| child.wait_with_output());
    let output = output.await.unwrap().unwrap();
    ks.place.keep("scripts", &output.stderr);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

async fn a_key_is_frozen_where_the_rule_says_so(store: Store) {
    let scene = Scene::on(store).await;
    echo(&scene).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let key = format!("/keys/{}", scene.key.id);
    let shown = scene.ks.manage("GET", &key, &Value::Null).await;
    assert_eq!(shown["disabled"], false, "off until somebody says so");

    let rules = json!({"alert_rules": {"freeze_on": ["key_echoed"]}});
    scene.ks.manage("PATCH", "/organization", &rules).await;
    // What is frozen cuts the call that it was found in, unless that is answered by then.
    let last = scene.client().send(scene.chat()).await;
    assert!([200, 403].contains(&last.status), "{}", last.status);
    eventually("the key is frozen", PATIENCE, async || {
        scene.ks.manage("GET", &key, &Value::Null).await["disabled"] == true
    })
    .await;
    scene.client().send(scene.chat()).await.expect(403);
    // The key is closed first; that it was is told after.
    eventually("the alert says so", PATIENCE, async || {
        let alerts = scene.ks.manage("GET", "/alerts", &Value::Null).await;
        alerts["data"][0]["froze"] == scene.key.id.as_str()
    })
    .await;
    let log = scene
        .ks
        .manage("GET", "/audit?limit=200", &Value::Null)
        .await;
    let log = log["data"].as_array().unwrap();
    for action in ["key.disabled", "alert.froze"] {
        let row = log.iter().find(|row| row["action"] == action).unwrap();
        assert_eq!(
            (&row["actor"], &row["object"]),
            (&json!("keystead"), &json!(scene.key.id)),
            "{row}"
        );
    }
    // A person unfreezes it.
    scene
        .ks
        .provider
        .openai()
        .on(CHAT, Answer::bytes("text/plain", "fine"));
    scene
        .ks
        .manage("POST", &format!("{key}/enable"), &json!({}))
        .await;
    scene.client().send(scene.chat()).await.expect(200);
}

async fn an_application_is_frozen_where_the_rule_says_so(store: Store) {
    let scene = Scene::on(store).await;
    scene.ks.expects_errors("alert: honeytoken_used");
    let decoy = json!({"name": "the wiki", "form": "openai", "application_id": scene.app.id});
    let decoy = made(&scene.ks, "/decoys", &decoy).await;
    let decoy = scene.ks.place.plant("decoy", text(&decoy, "decoy"));
    let rules = json!({"alert_rules": {"freeze_on": ["honeytoken_used"]}});
    scene.ks.manage("PATCH", "/organization", &rules).await;
    scene.client().send(scene.chat()).await.expect(200);

    let ask = Ask::get(format!("{}/v1/models", scene.addon.path));
    let ask = ask.bearer(&decoy).secret();
    scene.client().send(ask).await.expect(401);
    let app = format!("/applications/{}", scene.app.id);
    eventually("the application is frozen", PATIENCE, async || {
        scene.ks.manage("GET", &app, &Value::Null).await["disabled"] == true
    })
    .await;
    scene.client().send(scene.chat()).await.expect(403);

    scene
        .ks
        .manage("POST", &format!("{app}/enable"), &json!({}))
        .await;
    scene.client().send(scene.chat()).await.expect(200);
}
