//! Descriptions of images: the image goes to the provider as that provider takes it.

use serde_json::{Value, json};

use super::done;
use crate::harness::Scene;
use crate::harness::provider::services::{PNG, WORDS};

fn ask(data: &str) -> Value {
    json!({"task": "alt-text", "image": {"type": "image/png", "data": data}})
}

#[tokio::test]
async fn vision_gets_the_bytes_and_gives_a_caption() {
    let scene = Scene::with("azure-vision").await;

    let (text, end) = done(&scene, &ask(PNG)).await;

    assert_eq!(text, "a sealed letter");
    assert_eq!(end, json!({"finish_reason": "stop", "usage": {}}));
    let at = "POST /computervision/imageanalysis:analyze";
    let sent = scene.ks.provider.service("azure-vision").last(at);
    assert!(sent.body().starts_with(b"\x89PNG\r\n\x1a\n"));
    assert_eq!(sent.body().len(), 70);
    assert_eq!(
        sent.header("content-type"),
        Some("application/octet-stream")
    );
    let query = sent.query.as_deref().unwrap();
    for part in ["api-version=2024-02-01", "features=caption", "language=en"] {
        assert!(query.split('&').any(|own| own == part), "{query}");
    }
}

/// Words in an image are told to be a part of it; the language is the host's choice.
#[tokio::test]
async fn text_models_get_the_image_in_a_message_of_the_user() {
    for (provider, at) in [
        ("openai", "POST /v1/chat/completions"),
        ("azure-openai", "POST /openai/v1/chat/completions"),
        ("anthropic", "POST /v1/messages"),
    ] {
        let scene = Scene::with(provider).await;
        let mut body = ask(PNG);
        body["language"] = json!("ar");
        if provider == "azure-openai" {
            body["model"] = json!("our-deployment");
        }

        let (text, end) = done(&scene, &body).await;

        assert_eq!(text, WORDS.concat(), "{provider}");
        assert!(end["usage"]["output_tokens"].is_u64(), "{provider}: {end}");
        let sent = scene.ks.provider.service(provider).last(at).json();
        let messages = sent["messages"].as_array().unwrap();
        let user = messages.last().unwrap();
        assert_eq!(user["role"], "user", "{provider}");
        let (system, expected) = match provider {
            "anthropic" => (
                &sent["system"],
                json!([{"type": "image", "source":
                    {"type": "base64", "media_type": "image/png", "data": PNG}}]),
            ),
            _ => (
                &messages[0]["content"],
                json!([{"type": "image_url",
                    "image_url": {"url": format!("data:image/png;base64,{PNG}")}}]),
            ),
        };
        assert_eq!(user["content"], expected, "{provider}");
        assert!(
            system.as_str().unwrap().contains("\"ar\""),
            "{provider}: {system}"
        );
    }
}

#[tokio::test]
async fn an_image_has_a_bound_and_is_what_it_says() {
    let scene = Scene::with("openai").await;
    let client = scene.client();
    let of = |letters: usize| format!("iVBORw0KGgo{}", "A".repeat(letters));

    // A multiple of four, as Base64 is.
    client
        .send(scene.task(&ask(&of(4_000_001))))
        .await
        .expect(200);
    // Whether the client hears the answer before its own sending fails is up to the kernel.
    let large = scene.task(&ask(&of(8 * 1024 * 1024)));
    if let Ok(reply) = client.try_send(large).await {
        reply.refused(413, "body_too_large");
    }

    for wrong in ["PHN2Zz4=", "R0lGODlhAQABAAAAACw=", &of(2), ""] {
        client
            .send(scene.task(&ask(wrong)))
            .await
            .refused(400, "task_invalid");
    }
    let mut address = ask(PNG);
    address["image"] = json!({"type": "image/png", "url": "http://169.254.169.254/"});
    client
        .send(scene.task(&address))
        .await
        .refused(400, "task_invalid");
    assert_eq!(
        scene
            .ks
            .provider
            .openai()
            .asked("POST /v1/chat/completions")
            .len(),
        1
    );
}
