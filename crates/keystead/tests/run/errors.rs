//! What goes wrong, in one form: as the body of an answer that never began, or as its last event.

use serde_json::{Value, json};

use super::told;
use crate::harness::provider::services::chat_stream;
use crate::harness::{Answer, Ask, Reply, Scene, Step};

const CHAT: &str = "POST /v1/chat/completions";

fn text(scene: &Scene) -> Ask {
    scene.task(&json!({"task": "text", "input": scene.ks.prompt()}))
}

/// The error that a body is, which has nothing beside it.
fn error(reply: &Reply) -> Value {
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let body = reply.json();
    let error = body["error"].as_object().expect("an error");
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    let id = reply.header("x-keystead-request-id");
    assert_eq!(error["request_id"].as_str(), id, "{body}");
    assert!(
        error["message"].is_string() && error["retryable"].is_boolean(),
        "{body}"
    );
    body["error"].clone()
}

#[tokio::test]
async fn a_refusal_is_the_same_whatever_the_provider() {
    for provider in ["openai", "anthropic", "deepl", "stability", "azure-vision"] {
        let scene = Scene::with(provider).await;
        let stranger = Ask::post(scene.addon.task_path()).bearer("kst1_nobody");
        let stranger = stranger.json(&json!({"task": "text", "input": "x"}));

        let reply = scene.client().send(stranger).await;

        let reply = reply.refused(401, "unauthenticated");
        let error = error(&reply);
        assert_eq!(error["code"], "unauthenticated", "{provider}");
        assert_eq!(error["retryable"], false, "{provider}");
    }
}

#[tokio::test]
async fn what_is_none_of_a_task_is_refused_before_anything_is_sent() {
    let scene = Scene::with("openai").await;
    let prompt = scene.ks.prompt();
    let long = "x".repeat(70_000);
    for (body, status, code) in [
        (json!({"task": "text"}), 400, "task_invalid"),
        (
            json!({"task": "poem", "input": prompt}),
            400,
            "task_invalid",
        ),
        (
            json!({"task": "text", "input": prompt, "tools": []}),
            400,
            "task_invalid",
        ),
        (
            json!({"task": "text", "input": long}),
            413,
            "body_too_large",
        ),
        (json!([prompt]), 400, "task_invalid"),
    ] {
        let reply = scene.client().send(scene.task(&body)).await;
        let reply = reply.refused(status, code);
        assert_eq!(error(&reply)["code"], code);
        assert!(!reply.text().contains(&prompt), "{}", reply.text());
    }
    let form = Ask::post(scene.addon.task_path()).bearer(&scene.token);
    let form = form.form(&[("task", "text")]);
    scene
        .client()
        .send(form)
        .await
        .refused(415, "unsupported_media_type");
    let put = Ask::new("PUT", scene.addon.task_path()).bearer(&scene.token);
    scene
        .client()
        .send(put)
        .await
        .refused(405, "method_not_allowed");
    let below = Ask::post(format!("{}/x", scene.addon.task_path())).bearer(&scene.token);
    scene.client().send(below).await.refused(404, "not_found");
    scene.assert_no_chat();
}

#[tokio::test]
async fn an_error_of_the_provider_has_its_status_and_its_text_masked() {
    let scene = Scene::with("openai").await;
    scene.ks.expects_errors("key_echoed");
    for (status, body, code, retryable) in [
        (
            400,
            json!({"error": {"message": "No such thing.", "type": "invalid_request_error",
                "param": null, "code": null}}),
            "provider_error",
            false,
        ),
        (
            400,
            json!({"error": {"message": format!("Blocked for {}.", scene.key.secret),
                "code": "content_policy_violation"}}),
            "content_refused",
            false,
        ),
        (
            500,
            json!({"error": {"message": "Oh."}}),
            "provider_error",
            true,
        ),
        (
            429,
            json!({"error": {"message": "You exceeded your current quota.",
            "type": "insufficient_quota", "code": "insufficient_quota"}}),
            "provider_error",
            false,
        ),
    ] {
        scene
            .ks
            .provider
            .openai()
            .on(CHAT, Answer::new(status).and_json(&body));

        let reply = scene.client().send(text(&scene)).await.expect(status);

        assert_eq!(reply.header("x-keystead-source"), Some("upstream"));
        assert_eq!(reply.code(), None);
        let error = error(&reply);
        assert_eq!(
            (&error["code"], &error["retryable"]),
            (&json!(code), &json!(retryable))
        );
        let sentence = body["error"]["message"].as_str().unwrap();
        let sentence = sentence.replace(&scene.key.secret, &"*".repeat(scene.key.secret.len()));
        assert_eq!(error["message"], sentence);
    }
}

#[tokio::test]
async fn a_pause_that_the_provider_asks_for_says_when() {
    let scene = Scene::with("openai").await;
    let busy = json!({"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}});
    let busy = Answer::new(429).and_json(&busy).header("retry-after", "77");
    scene.ks.provider.openai().on(CHAT, busy);

    let reply = scene.client().send(text(&scene)).await.expect(429);

    assert_eq!(reply.header("retry-after"), Some("77"));
    let error = error(&reply);
    assert_eq!(error["code"], "provider_rate_limited");
    assert_eq!(
        (&error["retry_after"], &error["retryable"]),
        (&json!(77), &json!(true))
    );
}

#[tokio::test]
async fn a_key_that_the_provider_refuses_is_told_apart_from_a_token() {
    let scene = Scene::with("openai").await;
    scene.ks.expects_errors("key_refused");
    scene.ks.provider.openai().withdraw(&scene.key.secret);

    let reply = scene.client().send(text(&scene)).await.expect(401);

    assert_eq!(reply.header("x-keystead-source"), Some("upstream"));
    let error = error(&reply);
    assert_eq!(error["code"], "key_rejected");
    assert!(!reply.text().contains("sk-pr"), "{}", reply.text());
}

#[tokio::test]
async fn what_breaks_off_in_the_middle_ends_in_one_event() {
    let scene = Scene::with("openai").await;
    let failed = json!({"error": {"message": "The server had an error.", "code": null}});
    let begun = || {
        chat_stream(&["one", " two"], None)
            .steps
            .into_iter()
            .take(2)
    };
    let with = |end: Vec<Step>| {
        let mut answer = Answer::events([""; 0]);
        answer.steps = begun().chain(end).collect();
        answer
    };
    for (end, code, retryable) in [
        (
            vec![Step::send(&format!("data: {failed}\n\n"))],
            "provider_error",
            true,
        ),
        (vec![Step::Reset], "provider_broke_off", true),
        // A proper end without a word that it is one.
        (vec![], "provider_broke_off", true),
        (
            vec![Step::send("data: {\"choices\":")],
            "provider_broke_off",
            true,
        ),
    ] {
        scene.ks.provider.openai().once(CHAT, with(end));

        let reply = scene.client().send(text(&scene)).await.expect(200);

        let (text, (name, data)) = told(&reply);
        assert_eq!(
            (text.as_str(), name.as_str()),
            ("one two", "error"),
            "{code}"
        );
        assert_eq!(
            (&data["code"], &data["retryable"]),
            (&json!(code), &json!(retryable))
        );
    }
}

/// An answer that is none of a task's must not pass for one, whatever its status.
#[tokio::test]
async fn an_answer_without_what_was_asked_for_says_so() {
    let scene = Scene::with("openai").await;
    scene
        .ks
        .provider
        .openai()
        .once(CHAT, Answer::json(&json!({"hello": "world"})));
    scene
        .ks
        .provider
        .openai()
        .once(CHAT, Answer::new(302).header("location", "/elsewhere"));

    let reply = scene.client().send(text(&scene)).await.expect(200);
    let redirected = scene.client().send(text(&scene)).await;

    assert_eq!(told(&reply).1.1["code"], "provider_answer_unusable");
    redirected.refused(502, "provider_answer_unusable");
}
