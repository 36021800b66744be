//! The AddOn in a page of a host application, in a real browser: against a stand-in for the gateway, whose
//! every word is the test's, and against the server itself.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::{PICTURE, script};
use crate::harness::ports::Port;
use crate::harness::provider::Exchange;
use crate::harness::provider::services::{WORDS, chat, chat_stream};
use crate::harness::{Answer, App, Hold, Key, Keystead, Step, Store, eventually};

const CHAT: &str = "POST /v1/chat/completions";

/// What the scripts with a stand-in are told.
fn file() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../widget/dist/keystead.js");
    json!({"file": file})
}

#[tokio::test]
async fn people_talk_with_an_addon() {
    let ks = Keystead::start(Store::Sqlite).await;
    let told = script::run(&ks, "addon/conversation.mjs", file()).await;
    assert_eq!(told, 8);
}

#[tokio::test]
async fn an_addon_keeps_what_it_promises_to_its_page() {
    let ks = Keystead::start(Store::Sqlite).await;
    let told = script::run(&ks, "addon/trust.mjs", file()).await;
    assert_eq!(told, 9);
}

/// With `KEYSTEAD_TEST_SCREENS`, each state's picture is taken as well.
#[tokio::test]
async fn everybody_can_use_every_state_of_an_addon() {
    let ks = Keystead::start(Store::Sqlite).await;
    let screens = std::env::var_os("KEYSTEAD_TEST_SCREENS");
    let mut facts = file();
    facts["screens"] = json!(screens.and_then(|folder| folder.into_string().ok()));
    let told = script::run(&ks, "addon/states.mjs", facts).await;
    assert_eq!(told, 27);
}

#[tokio::test]
async fn an_addon_does_what_its_server_does() {
    let ks = Keystead::start(Store::Sqlite).await;
    ks.expects_errors("key_refused");
    let port = Port::take();
    let origin = format!("http://localhost:{}", port.number());
    let app = ks
        .app_with(json!({"name": "Letterbox", "origins": [origin]}))
        .await;
    let hold = Hold::new();
    furnish(&ks, &app, &hold).await;

    let module = |whose| script::told(&format!("KEYSTEAD_TEST_{whose}_MODULES")).into_string();
    let module = |whose| module(whose).expect("it is a path of ours");
    let facts = json!({
        "port": port.number(),
        "application": {"client_id": app.client_id, "secret": app.client_secret},
        "modules": {"sdks": module("NODE"), "widget": module("WIDGET")},
        "picture": PICTURE,
        "words": WORDS.concat(),
    });
    script::run(&ks, "addon/real.mjs", facts).await;

    // What nobody reads any more is not paid for any longer.
    let openai = ks.provider.openai();
    let held = |exchange: &Exchange| exchange.json()["model"] == "held";
    eventually(
        "the call to the provider ends",
        Duration::from_secs(10),
        async || {
            let asked = openai.asked(CHAT);
            asked.iter().any(|one| held(one) && one.was_cancelled())
        },
    )
    .await;
    hold.release_all();
}

/// One AddOn a story, told apart by model at the provider.
async fn furnish(ks: &Keystead, app: &App, hold: &Hold) {
    let held = chat_stream(&["Sealed", " keys"], None).paced(&Step::Hold(hold.clone()));
    ks.provider.openai().on_each(CHAT, move |exchange| {
        let error = |status, code: &str| {
            let error = json!({"message": "no", "type": "error", "param": null, "code": code});
            Answer::new(status).and_json(&json!({"error": error}))
        };
        match exchange.json()["model"].as_str() {
            Some("held") => held.clone(),
            Some("down") => error(500, "server_error"),
            Some("rejected") => error(401, "invalid_api_key"),
            Some("refusing") => error(400, "content_policy_violation"),
            _ => chat(exchange),
        }
    });
    let picture = json!({"image": PICTURE, "finish_reason": "SUCCESS", "seed": 1});
    let draw = "POST /v2beta/stable-image/generate/*";
    ks.provider
        .service("stability")
        .on(draw, Answer::json(&picture));

    let openai = ks.key(app, "openai").await;
    for (handle, more) in [
        ("chat", json!({"type": "text", "models": ["gpt-6-luna"]})),
        ("describe", json!({"type": "alt-text"})),
        ("held", json!({"type": "text", "models": ["held"]})),
        (
            "few",
            json!({"type": "text", "limits": {"each_subject": {"requests": "1/h"}}}),
        ),
        (
            "spent",
            json!({"type": "text", "limits": {"budgets": ["1 tokens/day"]}}),
        ),
        ("down", json!({"type": "text", "models": ["down"]})),
        ("rejected", json!({"type": "text", "models": ["rejected"]})),
        ("refusing", json!({"type": "text", "models": ["refusing"]})),
    ] {
        ks.addon_with(app, &openai, handle, more).await;
    }
    for (provider, handle, kind) in [
        ("deepl", "translate", "translation"),
        ("stability", "draw", "image"),
        ("anthropic", "letters", "text"),
    ] {
        let key: Key = ks.key(app, provider).await;
        ks.addon_with(app, &key, handle, json!({"type": kind}))
            .await;
    }
    let disabled = ks.addon(app, &openai, "disabled").await;
    let path = format!("/addons/{}/disable", disabled.id);
    ks.manage("POST", &path, &Value::Null).await;
}
