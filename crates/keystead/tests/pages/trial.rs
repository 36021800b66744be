//! An AddOn of every provider is tried from its page, in a real browser.

use std::time::Duration;

use keystead::store::Role;
use serde_json::{Value, json};

use super::{PICTURE, base64, script};
use crate::harness::provider::services::chat_stream;
use crate::harness::{Answer, Hold, Keystead, Step, Store, eventually};

#[tokio::test]
async fn every_kind_of_addon_is_tried_from_its_page() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [owner] = ks.sign_in([Role::Owner]).await;
    ks.start_again().await;
    let app = ks.app().await;
    let service = |name: &str| ks.provider.service(name);
    let pictures = json!({"created": 1, "data": [{"b64_json": PICTURE}],
        "usage": {"input_tokens": 5, "output_tokens": 300, "total_tokens": 305}});
    service("openai").on("POST /v1/images/generations", Answer::json(&pictures));
    let png = base64(PICTURE);
    service("stability").on(
        "POST /v2beta/stable-image/generate/*",
        Answer::bytes("image/png", png),
    );

    let kinds = [
        ("openai", &["text", "translation", "image", "alt-text"][..]),
        ("azure-openai", &["text"]),
        ("azure-vision", &["alt-text"]),
        ("deepl", &["translation"]),
        ("stability", &["image"]),
        ("anthropic", &["text", "alt-text"]),
    ];
    let mut trials = Vec::new();
    for (provider, kinds) in kinds {
        let key = ks.key(&app, provider).await;
        for kind in kinds {
            let handle = format!("{provider}-{kind}");
            let addon = ks
                .addon_with(&app, &key, &handle, json!({"type": kind}))
                .await;
            let path = format!("/console/addons/{}/try", addon.id);
            trials.push(json!({"name": handle, "path": path}));
        }
    }
    let other = ks.app().await;
    let key = ks.key(&other, "openai").await;
    let closed = ks.addon(&other, &key, "closed").await;
    ks.manage(
        "POST",
        &format!("/addons/{}/disable", closed.id),
        &Value::Null,
    )
    .await;
    let hold = Hold::new();
    let azure = ks.key(&other, "azure-openai").await;
    let models = json!({"models": ["held"]});
    let held = ks.addon_with(&other, &azure, "held", models).await;
    let held_answer = chat_stream(&["Sealed", " keys"], None).paced(&Step::Hold(hold.clone()));
    let answers = service("azure-openai");
    answers.on_each("POST /openai/v1/chat/completions", move |exchange| {
        match exchange.json()["model"] == "held" {
            true => held_answer.clone(),
            false => crate::harness::provider::services::chat(exchange),
        }
    });

    let page = |id: &str| format!("/console/addons/{id}/try");
    let facts = json!({"session": owner.session(), "picture": PICTURE, "trials": trials,
        "held": page(&held.id), "closed": page(&closed.id)});
    let told = script::run(&ks, "trial.mjs", facts).await;
    for one in told["seen"].as_array().unwrap() {
        let name = one["name"].as_str().unwrap();
        assert_eq!(one["state"], "Done", "{one}");
        let makes_pictures = name.ends_with("-image");
        let pictures = if makes_pictures {
            json!([1])
        } else {
            json!([])
        };
        assert_eq!(one["pictures"], pictures, "{one}");
        let text = one["text"].as_str().unwrap();
        assert_eq!(text.is_empty(), makes_pictures, "{one}");
        let facts = one["facts"].as_str().unwrap();
        assert!(facts.contains("first byte"), "{one}");
        let is_counted = name.starts_with("openai") || name.starts_with("anthropic");
        assert_eq!(
            facts.contains("output tokens"),
            is_counted || name == "azure-openai-text",
            "{one}"
        );
    }
    assert_eq!(told["stopped"], "Sealed");
    let refused = told["refused"].as_str().unwrap();
    assert!(
        refused.contains("Keystead refused the call: 403 addon_disabled."),
        "{refused}"
    );
    // What nobody reads any more is not paid for any longer.
    eventually(
        "the call to the provider ends",
        Duration::from_secs(10),
        async || {
            answers
                .last("POST /openai/v1/chat/completions")
                .was_cancelled()
        },
    )
    .await;
    hold.release_all();
}
