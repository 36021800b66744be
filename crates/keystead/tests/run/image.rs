//! Images: one event each, held until they are whole and no longer than they may be.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Event, done, events};
use crate::harness::provider::services::PNG;
use crate::harness::{Answer, Keystead, Reply, Scene, Step, Store, within};

const GENERATIONS: &str = "POST /v1/images/generations";

fn image(reply: &Reply) -> (Vec<Event>, Option<String>) {
    let events = events(&reply.text());
    let image = events.iter().find(|(name, _)| name == "image");
    let data = image.map(|(_, data)| data["data"].as_str().unwrap().to_owned());
    (events, data)
}

fn ask(scene: &Scene) -> Value {
    json!({"task": "image", "input": scene.ks.prompt(), "shape": "portrait"})
}

/// An image of so many letters of Base64, in OpenAI's answer.
fn large(letters: usize) -> (String, Answer) {
    let data = format!("iVBORw0KGgo{}", "A".repeat(letters));
    let body = json!({"created": 1, "data": [{"b64_json": data}],
        "usage": {"input_tokens": 12, "output_tokens": 272, "total_tokens": 284}});
    let body = body.to_string();
    let steps = body.as_bytes().chunks(100_000);
    let mut answer = Answer::new(200).header("content-type", "application/json");
    answer.steps = steps
        .map(|piece| Step::Send(piece.to_vec().into()))
        .collect();
    (data, answer)
}

#[tokio::test]
async fn an_image_is_one_event_whoever_makes_it() {
    for (provider, at, model) in [
        ("openai", GENERATIONS, None),
        (
            "azure-openai",
            "POST /openai/v1/images/generations",
            Some("our-deployment"),
        ),
        ("stability", "POST /v2beta/stable-image/generate/core", None),
        (
            "stability",
            "POST /v2beta/stable-image/generate/sd3",
            Some("sd3.5-medium"),
        ),
    ] {
        let scene = Scene::with(provider).await;
        let mut body = ask(&scene);
        if let Some(model) = model {
            body["model"] = json!(model);
        }

        let reply = scene.client().send(scene.task(&body)).await.expect(200);

        let (events, data) = image(&reply);
        assert_eq!(data.as_deref(), Some(PNG), "{provider}");
        assert_eq!(events[0].1["type"], "image/png", "{provider}");
        let [_, (name, end)] = &events[..] else {
            panic!("{provider}: {events:?}");
        };
        assert_eq!(
            (name.as_str(), &end["finish_reason"]),
            ("done", &json!("stop")),
            "{provider}"
        );
        let sent = scene.ks.provider.service(provider).last(at);
        let text = sent.text();
        assert!(
            text.contains(body["input"].as_str().unwrap()),
            "{provider}: {text}"
        );
        if provider == "stability" {
            assert_eq!(end["usage"], json!({"images": 1}));
            assert!(text.contains("2:3"), "{text}");
        } else {
            assert_eq!(
                end["usage"],
                json!({"input_tokens": 12, "output_tokens": 272, "images": 1})
            );
            assert_eq!(sent.json()["size"], "1024x1536");
            assert_eq!(sent.json()["model"], model.unwrap_or("gpt-image-1-mini"));
        }
    }
}

#[tokio::test]
async fn a_large_image_comes_out_to_the_letter() {
    let scene = Scene::with("openai").await;
    let (data, answer) = large(5_000_001);
    scene.ks.provider.openai().on(GENERATIONS, answer);

    let reply = scene
        .client()
        .send(scene.task(&ask(&scene)))
        .await
        .expect(200);

    assert!(image(&reply).1 == Some(data), "it is another one");
    assert_eq!(
        scene.ks.metric("keystead_held_bytes"),
        0.0,
        "what was held is given back"
    );
}

#[tokio::test]
async fn an_image_that_is_too_large_is_given_up() {
    let scene = Scene::with("openai").await;
    let (_, answer) = large(25 * 1024 * 1024);
    scene
        .ks
        .provider
        .openai()
        .on(GENERATIONS, answer.then(Step::Silence));

    let reply = scene
        .client()
        .send(scene.task(&ask(&scene)))
        .await
        .expect(200);

    let (events, data) = image(&reply);
    assert_eq!(data, None);
    let [(name, end)] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(
        (name.as_str(), &end["code"]),
        ("error", &json!("provider_answer_unusable"))
    );
    let exchange = scene.ks.provider.openai().last(GENERATIONS);
    within(
        Duration::from_secs(2),
        "the provider is left",
        exchange.is_cancelled(),
    )
    .await;
}

#[tokio::test]
async fn images_take_their_share_of_the_held_bytes() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("limits.held_bytes", "\"1MiB\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let (_, answer) = large(2_000_000);
    scene.ks.provider.openai().once(GENERATIONS, answer);

    let reply = scene
        .client()
        .send(scene.task(&ask(&scene)))
        .await
        .expect(200);
    let (_, after) = done_image(&scene).await;

    let (events, _) = image(&reply);
    let (name, end) = events.last().unwrap();
    assert_eq!(
        (name.as_str(), &end["code"]),
        ("error", &json!("held_bytes_full"))
    );
    assert_eq!(
        (&end["retryable"], &end["retry_after"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(after.as_deref(), Some(PNG), "what was held is given back");
}

async fn done_image(scene: &Scene) -> (Vec<Event>, Option<String>) {
    let reply = scene
        .client()
        .send(scene.task(&ask(scene)))
        .await
        .expect(200);
    image(&reply)
}

/// Only formats that can't carry a script pass for images.
#[tokio::test]
async fn what_is_no_image_is_not_passed_on_as_one() {
    let scene = Scene::with("stability").await;
    let svg = json!({"image": "PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+", "finish_reason": "SUCCESS"});
    let at = "POST /v2beta/stable-image/generate/core";
    scene
        .ks
        .provider
        .service("stability")
        .on(at, Answer::json(&svg));

    let (events, data) = done_image(&scene).await;

    assert_eq!((data, events.len()), (None, 1));
    assert_eq!(events[0].1["code"], "provider_answer_unusable");
}

#[tokio::test]
async fn content_that_is_refused_says_so() {
    let scene = Scene::with("stability").await;
    let at = "POST /v2beta/stable-image/generate/core";
    let refused = json!({"id": "1", "name": "content_moderation", "errors": ["Flagged."]});
    scene
        .ks
        .provider
        .service("stability")
        .once(at, Answer::new(403).and_json(&refused));
    let blurred = json!({"image": PNG, "finish_reason": "CONTENT_FILTERED", "seed": 7});
    scene
        .ks
        .provider
        .service("stability")
        .once(at, Answer::json(&blurred));

    let reply = scene
        .client()
        .send(scene.task(&ask(&scene)))
        .await
        .expect(403);
    let (_, end) = done(&scene, &ask(&scene)).await;

    assert_eq!(reply.header("x-keystead-source"), Some("upstream"));
    let error = &reply.json()["error"];
    assert_eq!(
        (&error["code"], &error["message"]),
        (&json!("content_refused"), &json!("Flagged."))
    );
    assert_eq!(end["finish_reason"], "content_filter");
}

#[tokio::test]
async fn an_image_that_takes_its_time_is_kept_alive() {
    let scene = Scene::with("openai").await;
    let (data, mut answer) = large(150_000);
    answer
        .steps
        .insert(1, Step::Wait(Duration::from_millis(11_500)));
    scene.ks.provider.openai().on(GENERATIONS, answer);

    let reply = scene
        .client()
        .send(scene.task(&ask(&scene)))
        .await
        .expect(200);

    assert!(reply.text().starts_with(": keep-alive\n\nevent: image\n"));
    assert!(image(&reply).1 == Some(data), "it is another one");
}
