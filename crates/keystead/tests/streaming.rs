//! Streams pass piece by piece: nothing is held back, nothing is mixed up, nothing is added but
//! comments that keep a silent stream alive.

use std::time::Duration;

use serde_json::json;

use crate::harness::provider::services::chat_stream;
use crate::harness::{Answer, Hold, Scene, Step, Store, is_long, within};
use crate::harness::{Keystead, Live};

const CHAT: &str = "POST /v1/chat/completions";
const AT_ONCE: Duration = Duration::from_secs(2);

/// The provider says each event only after the client has the one before: a stream that held
/// anything back would stand still here.
#[tokio::test]
async fn each_event_passes_while_the_provider_still_holds_the_next() {
    let scene = Scene::with("openai").await;
    let hold = Hold::new();
    let words: Vec<String> = (0..8).map(|n| format!("piece {n};")).collect();
    let stream = chat_stream(&words, None).paced(&Step::Hold(hold.clone()));
    scene.ks.provider.openai().on(CHAT, stream);

    let mut live = scene.client().open(scene.stream()).await;

    for (n, word) in words.iter().enumerate() {
        within(AT_ONCE, word, live.until(word)).await;
        assert!(!live.has_heard(&format!("piece {};", n + 1)));
        hold.release();
    }
    hold.release_all();
    assert!(live.rest().await.text().ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn the_head_passes_before_the_first_event() {
    let scene = Scene::with("openai").await;
    let hold = Hold::new();
    let mut stream = chat_stream(&["late"], None);
    stream.steps.insert(0, Step::Hold(hold.clone()));
    scene.ks.provider.openai().on(CHAT, stream);

    let live = within(AT_ONCE, "the head", scene.client().open(scene.stream())).await;

    assert_eq!(live.status, 200);
    assert_eq!(live.headers["x-keystead-source"], "upstream");
    hold.release_all();
    assert!(live.rest().await.text().contains("late"));
}

/// An event in pieces of one byte: the piece is the unit, not the event.
#[tokio::test]
async fn half_an_event_passes_too() {
    let scene = Scene::with("openai").await;
    let hold = Hold::new();
    let stream = Answer::events(["data: {\"choices\"", ":[]", "}\n", "\n"]);
    scene
        .ks
        .provider
        .openai()
        .on(CHAT, stream.paced(&Step::Hold(hold.clone())));
    let mut body = scene.chat_body();
    body["stream"] = json!(true);
    // Asked for by the client itself, so that no event is looked at to be dropped.
    body["stream_options"] = json!({"include_usage": true});

    let mut live = scene
        .client()
        .open(scene.ask("POST", "/v1/chat/completions").json(&body))
        .await;

    within(AT_ONCE, "half an event", live.until("{\"choices\"")).await;
    hold.release();
    within(AT_ONCE, "three quarters", live.until(":[]")).await;
    hold.release_all();
    assert_eq!(live.rest().await.text(), "data: {\"choices\":[]}\n\n");
}

#[tokio::test]
async fn nothing_is_ever_compressed() {
    let scene = Scene::with("openai").await;
    let ask = scene.stream().header("accept-encoding", "gzip, br, zstd");

    let reply = scene.client().send(ask).await.expect(200);

    assert_eq!(reply.header("content-encoding"), None);
    let asked = scene.ks.provider.openai().last(CHAT);
    assert_eq!(asked.header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn an_answer_that_is_compressed_all_the_same_is_refused() {
    let scene = Scene::with("openai").await;
    let answer = Answer::json(&json!({"id": "x"})).header("content-encoding", "gzip");
    scene.ks.provider.openai().on(CHAT, answer);

    let reply = scene.client().send(scene.chat()).await;

    reply.refused(502, "provider_answer_unusable");
}

/// All streams run at once, held by the provider until every one has begun; then each must come
/// out whole, in order, and with nobody else's pieces.
#[tokio::test]
async fn concurrent_streams_come_out_whole_and_in_order() {
    const PIECES: usize = 20;
    let streams = if is_long() { 1_000 } else { 200 };
    let ks = Keystead::prepare(Store::Sqlite)
        .set("limits.default.key_concurrency", "\"1000\"")
        .set("limits.default.token", "\"1000/s burst 1000\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let hold = Hold::new();
    let held = hold.clone();
    scene.ks.provider.openai().on_each(CHAT, move |exchange| {
        let number = exchange.json()["seed"].as_u64().unwrap();
        let words: Vec<String> = (0..PIECES).map(|n| format!("{number}:{n};")).collect();
        let mut answer = chat_stream(&words, None).paced(&Step::Wait(Duration::from_millis(2)));
        answer.steps.insert(1, Step::Hold(held.clone()));
        answer
    });
    // A subject has a limit as well, so each stream is another end user's.
    let mut running: Vec<Live> = Vec::new();
    for number in 0..streams {
        let token = scene.ks.token(&scene.app).await;
        let mut body = scene.chat_body();
        body["stream"] = json!(true);
        body["seed"] = json!(number);
        let ask = scene
            .addon
            .ask("POST", "/v1/chat/completions", "openai", &token);
        let mut live = scene.client().open(ask.json(&body)).await;
        assert_eq!(live.status, 200);
        live.until(&format!("{number}:0;")).await;
        running.push(live);
    }

    hold.release_all();
    let ends = running.into_iter().enumerate().map(|(number, live)| {
        tokio::spawn(async move {
            let text = live.rest().await.text();
            let expected: Vec<String> = (0..PIECES).map(|n| format!("{number}:{n};")).collect();
            assert_eq!(contents(&text), expected.concat());
            assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
        })
    });
    for end in ends.collect::<Vec<_>>() {
        within(Duration::from_secs(60), "a stream's end", end)
            .await
            .unwrap();
    }
}

/// A comment may stand between two events and nowhere else.
#[tokio::test]
async fn a_silent_stream_is_kept_alive_between_events_only() {
    let scene = Scene::with("openai").await;
    let silence = Step::Wait(Duration::from_millis(11_500));
    let between = Answer::events(["data: 1\n\n", "data: 2\n\n"]).paced(&silence);
    let within_one = Answer::events(["data: 3", "\n\n"]).paced(&silence);
    scene.ks.provider.openai().once(CHAT, between);
    scene.ks.provider.openai().once(CHAT, within_one);
    let client = scene.client();

    let first = client.open(scene.stream()).await;
    let second = client.open(scene.stream()).await;
    let (first, second) = tokio::join!(first.rest(), second.rest());

    assert_eq!(first.text(), "data: 1\n\n: keep-alive\n\ndata: 2\n\n");
    assert_eq!(second.text(), "data: 3\n\n");
}

/// The client learns that an event stream is not whole, in a form that its SDK can read.
#[tokio::test]
async fn a_stream_that_the_provider_breaks_off_says_so() {
    let scene = Scene::with("openai").await;
    let broken = Answer::events(["data: {\"choices\":[]}\n\n"]).then(Step::Reset);
    scene.ks.provider.openai().on(CHAT, broken);

    let reply = scene.client().send(scene.stream()).await;

    let text = reply.text();
    assert!(text.starts_with("data: {\"choices\":[]}\n\n"), "{text}");
    assert!(text.contains("provider_broke_off"), "{text}");
    assert!(!text.contains("[DONE]"), "{text}");
}

/// Bytes have no form to say it in, so the connection breaks: a short body must not look whole.
#[tokio::test]
async fn a_body_that_the_provider_breaks_off_does_not_look_whole() {
    let scene = Scene::with("openai").await;
    let broken = Answer::bytes("audio/mpeg", vec![7; 4_096]).then(Step::Reset);
    scene
        .ks
        .provider
        .openai()
        .on("POST /v1/audio/speech", broken);
    let body = json!({"model": "tts-1", "voice": "alloy", "input": scene.ks.prompt()});

    let ask = scene.ask("POST", "/v1/audio/speech").json(&body);
    let mut live = scene.client().open(ask).await;

    assert_eq!(live.status, 200);
    assert!(!live.ends_properly().await, "it ended as if it were whole");
}

/// The contents of every chunk of a chat stream, joined.
fn contents(text: &str) -> String {
    let events = text.lines().filter_map(|line| line.strip_prefix("data: {"));
    events
        .map(|event| serde_json::from_str(&format!("{{{event}")).unwrap())
        .filter_map(|event: serde_json::Value| {
            event["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::to_owned)
        })
        .collect()
}
