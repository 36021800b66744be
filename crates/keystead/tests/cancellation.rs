//! A client that leaves ends the provider's work within a second: nobody pays for what nobody
//! reads.

use std::time::Duration;

use crate::harness::provider::services::chat_stream;
use crate::harness::{Answer, Scene, Step, eventually, within};

const CHAT: &str = "POST /v1/chat/completions";
const SOON: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_client_that_leaves_in_a_stream_cancels_it() {
    let scene = Scene::with("openai").await;
    let endless = chat_stream(&["one", "two"], None).then(Step::Silence);
    scene.ks.provider.openai().on(CHAT, endless);
    let mut live = scene.client().open(scene.stream()).await;
    live.until("two").await;

    drop(live);

    let exchange = scene.ks.provider.openai().last(CHAT);
    within(SOON, "the provider is left", exchange.is_cancelled()).await;
}

#[tokio::test]
async fn a_client_that_leaves_while_events_come_cancels_them() {
    let scene = Scene::with("openai").await;
    let words = vec!["more"; 10_000];
    let fast = chat_stream(&words, None).paced(&Step::Wait(Duration::from_millis(1)));
    scene.ks.provider.openai().on(CHAT, fast);
    let mut live = scene.client().open(scene.stream()).await;
    live.until("more").await;

    drop(live);

    let exchange = scene.ks.provider.openai().last(CHAT);
    within(SOON, "the provider is left", exchange.is_cancelled()).await;
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_cancels_it() {
    let scene = Scene::with("openai").await;
    scene
        .ks
        .provider
        .openai()
        .on(CHAT, Answer::new(200).first(Step::Silence));
    let (client, ask) = (scene.client(), scene.chat());
    let waiting = tokio::spawn(async move { client.try_open(ask).await.is_ok() });
    let openai = scene.ks.provider.openai();
    eventually("the call arrives", SOON * 5, async || {
        !openai.asked(CHAT).is_empty()
    })
    .await;

    waiting.abort();

    within(
        SOON,
        "the provider is left",
        openai.last(CHAT).is_cancelled(),
    )
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_while_it_sends_cancels_the_upload() {
    let scene = Scene::with("stability").await;
    let (ask, pieces) = scene
        .ask("POST", "/v2beta/stable-image/generate/core")
        .pieces();
    let ask = ask.kind("multipart/form-data; boundary=edge");
    let client = scene.client();
    let sending = tokio::spawn(async move { client.try_open(ask).await.is_ok() });
    let head = "--edge\r\ncontent-disposition: form-data; name=\"prompt\"\r\n\r\nx\r\n--edge\r\n\
                content-disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\nAAAA";
    pieces.send(head.into()).await.unwrap();
    let service = scene.ks.provider.service("stability");
    let at = "POST /v2beta/stable-image/generate/core";
    eventually("the upload begins", SOON * 5, async || {
        !service.asked(at).is_empty()
    })
    .await;
    let exchange = service.last(at);

    sending.abort();
    drop(pieces);

    eventually("the upload ends", SOON, async || exchange.body_is_whole()).await;
    assert!(
        !exchange.text().contains("--edge--"),
        "it looks whole to the provider"
    );
}
