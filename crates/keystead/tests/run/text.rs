//! Texts: said as one text or as a conversation, and streamed as they come.

use std::time::Duration;

use serde_json::{Value, json};

use super::{done, events, told};
use crate::harness::provider::services::{WORDS, chat_stream};
use crate::harness::{Hold, Scene, Step, Store, eventually, on_each_store, within};

const CHAT: &str = "POST /v1/chat/completions";
const AT_ONCE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_text_is_answered_in_the_same_events_by_every_provider() {
    for (provider, at, model, used) in [
        ("openai", CHAT, "gpt-6-luna", (9, 4)),
        (
            "azure-openai",
            "POST /openai/v1/chat/completions",
            "gpt-6-luna",
            (9, 4),
        ),
        (
            "anthropic",
            "POST /v1/messages",
            "claude-haiku-5-5",
            (11, 6),
        ),
    ] {
        let scene = Scene::with(provider).await;
        let prompt = scene.ks.prompt();
        let mut body = json!({"task": "text", "input": prompt, "instructions": "Be brief.",
            "max_output_tokens": 77});
        if provider == "azure-openai" {
            body["model"] = json!("our-deployment");
        }

        let (text, end) = done(&scene, &body).await;

        assert_eq!(text, WORDS.concat(), "{provider}");
        let usage = json!({"input_tokens": used.0, "output_tokens": used.1});
        let expected = json!({"finish_reason": "stop", "model": model, "usage": usage});
        assert_eq!(end, expected, "{provider}");
        let asked = scene.ks.provider.service(provider).last(at);
        assert_eq!(
            asked.key().as_deref(),
            Some(&*scene.key.secret),
            "{provider}"
        );
        let sent = asked.json();
        let most = ["max_tokens", "max_completion_tokens"].map(|name| sent[name].clone());
        assert!(most.contains(&json!(77)), "{provider}: {sent}");
        let messages = sent["messages"].as_array().unwrap();
        let last = json!({"role": "user", "content": prompt});
        assert_eq!(messages.last(), Some(&last), "{provider}");
        let told = match provider {
            "anthropic" => &sent["system"],
            _ => &messages[0]["content"],
        };
        assert_eq!(told, "Be brief.", "{provider}");
    }
}

on_each_store!(a_task_is_booked_as_the_call_that_it_became);

/// What a task used stands in the same rows, of the same operation, as a call of the proxy.
async fn a_task_is_booked_as_the_call_that_it_became(store: Store) {
    let scene = Scene::on(store).await;
    let task = json!({"task": "text", "input": scene.ks.prompt()});

    done(&scene, &task).await;
    scene.client().send(scene.stream()).await.expect(200);

    assert_eq!(scene.ks.provider.openai().asked(CHAT).len(), 2);
    let usage = async || {
        let usage = scene
            .ks
            .manage("GET", "/usage?days=2&limit=200", &Value::Null)
            .await;
        usage["data"].as_array().unwrap().clone()
    };
    let is_written = async || {
        usage()
            .await
            .iter()
            .map(|row| row["attempts"].as_u64().unwrap())
            .sum::<u64>()
            == 2
    };
    eventually("both are written", AT_ONCE, is_written).await;
    let rows = usage().await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["operation"], "chat.completions", "{rows:?}");
}

#[tokio::test]
async fn a_conversation_is_sent_as_it_was() {
    let scene = Scene::with("openai").await;
    let talk = json!([{"role": "user", "content": scene.ks.prompt()},
        {"role": "assistant", "content": "Go on."}, {"role": "user", "content": "Well …"}]);

    done(&scene, &json!({"task": "text", "input": talk})).await;

    let sent = scene.ks.provider.openai().last(CHAT).json();
    assert_eq!(sent["messages"], talk);
    assert_eq!(sent["model"], "gpt-6-luna");
}

/// The provider says each event only after the client has the one before.
#[tokio::test]
async fn each_piece_passes_while_the_provider_still_holds_the_next() {
    let scene = Scene::with("openai").await;
    let hold = Hold::new();
    let words: Vec<String> = (0..8).map(|n| format!("piece {n};")).collect();
    let stream = chat_stream(&words, Some((1, 2))).paced(&Step::Hold(hold.clone()));
    scene.ks.provider.openai().on(CHAT, stream);
    let body = json!({"task": "text", "input": scene.ks.prompt()});

    let mut live = scene.client().open(scene.task(&body)).await;

    for (n, word) in words.iter().enumerate() {
        within(AT_ONCE, word, live.until(word)).await;
        assert!(!live.has_heard(&format!("piece {};", n + 1)));
        hold.release();
    }
    hold.release_all();
    let (text, (name, _)) = told(&live.rest().await);
    assert_eq!((text, name.as_str()), (words.concat(), "done"));
}

/// However much a model writes, and however fast: it is passed on, not collected.
#[tokio::test]
async fn a_long_text_is_never_held_whole() {
    let scene = Scene::with("openai").await;
    let body = json!({"task": "text", "input": scene.ks.prompt()});
    done(&scene, &body).await;
    let words = vec!["w".repeat(32 * 1024); 1_024];
    let stream = chat_stream(&words, Some((1, 2)));
    scene.ks.provider.openai().on(CHAT, stream);
    let before = scene.ks.most_memory();

    // Not kept for the leak scan: it is long, and nobody's.
    let reply = scene.client().send(scene.task(&body).secret()).await;

    let reply = reply.expect(200);
    assert!(reply.body.len() > 32 * 1024 * 1024, "{}", reply.body.len());
    assert!(reply.text().contains("\n\nevent: done\n"));
    let grown = scene.ks.most_memory() - before;
    assert!(grown < 16 * 1024, "{grown} KiB for a text of 32 MiB");
}

#[tokio::test]
async fn a_hostile_answer_arrives_to_the_letter_as_a_text() {
    let scene = Scene::with("openai").await;
    let hostile = [
        "<script>alert(1)</script>",
        "\n\nevent: done\ndata: {\"finish_reason\":\"stop\"}\n\n",
        "\u{202e}\u{2028}\u{0}\\\"",
        ": keep-alive\r\n\r\n",
    ];
    let stream = chat_stream(&hostile, Some((1, 2)));
    scene.ks.provider.openai().on(CHAT, stream);

    let (text, _) = done(&scene, &json!({"task": "text", "input": scene.ks.prompt()})).await;

    assert_eq!(text, hostile.concat());
}

#[tokio::test]
async fn a_silent_answer_is_kept_alive_between_events() {
    let scene = Scene::with("openai").await;
    let silence = Step::Wait(Duration::from_millis(11_500));
    let stream = chat_stream(&["one", "two"], None).paced(&silence);
    scene.ks.provider.openai().on(CHAT, stream);
    let body = json!({"task": "text", "input": scene.ks.prompt()});

    let mut live = scene.client().open(scene.task(&body)).await;
    live.until("two").await;

    let heard = live.heard();
    assert!(
        heard.contains("\n\n: keep-alive\n\nevent: delta\n"),
        "{heard}"
    );
    assert_eq!(events(&heard).len(), 2, "{heard}");
}
