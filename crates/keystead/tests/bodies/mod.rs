//! Bodies: what decides is held and read, what does not streams; neither beyond its bounds.

mod slow;

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc::Sender;

use crate::harness::{Answer, Ask, Keystead, Reply, Scene, Store, eventually, within};

const CHAT: &str = "POST /v1/chat/completions";
const TRANSCRIBE: &str = "POST /v1/audio/transcriptions";
const FORM: &str = "multipart/form-data; boundary=edge";

/// A part of a form; `file` gives it a file's name.
fn part(name: &str, file: bool, content: &str) -> String {
    let file = if file {
        "; filename=\"a.wav\"\r\ncontent-type: audio/wav"
    } else {
        ""
    };
    format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n")
}

/// openai-python sends the fields first, so the file need not be held.
#[tokio::test]
async fn a_file_behind_the_model_streams() {
    let scene = Scene::with("openai").await;
    let (sending, pieces) = upload(&scene);
    let head = part("model", false, "whisper-1")
        + "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    send(&pieces, &head).await;
    for _ in 0..20 {
        send(&pieces, &"A".repeat(10_000)).await;
    }

    // The client still holds the end, and the provider has most of it already.
    let openai = scene.ks.provider.openai();
    eventually("the upload begins", SOON, async || {
        !openai.asked(TRANSCRIBE).is_empty()
    })
    .await;
    let exchange = openai.last(TRANSCRIBE);
    within(
        SOON,
        "the file's pieces",
        exchange.has_received(head.len() + 150_000),
    )
    .await;
    assert!(!exchange.body_is_whole());
    send(&pieces, "\r\n--edge--\r\n").await;
    drop(pieces);

    assert_eq!(sending.await.unwrap().status, 200);
    let expected = format!("{head}{}\r\n--edge--\r\n", "A".repeat(200_000));
    assert_eq!(exchange.text(), expected, "a body goes on byte for byte");
}

/// openai-node sends the file first; nothing goes out before the model is known.
#[tokio::test]
async fn a_file_before_the_model_is_held() {
    let scene = Scene::with("openai").await;
    let (sending, pieces) = upload(&scene);
    let file = part("file", true, &"A".repeat(100_000));
    send(&pieces, &file).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let openai = scene.ks.provider.openai();
    assert!(
        openai.asked(TRANSCRIBE).is_empty(),
        "it went out before the model was known"
    );

    let rest = part("model", false, "whisper-1") + "--edge--\r\n";
    send(&pieces, &rest).await;
    drop(pieces);

    assert_eq!(sending.await.unwrap().status, 200);
    assert_eq!(openai.last(TRANSCRIBE).text(), file + &rest);
}

#[tokio::test]
async fn a_model_that_is_not_allowed_is_refused_in_either_order() {
    let scene = Scene::with("openai").await;
    let models = json!({"models": ["whisper-1"]});
    scene
        .ks
        .manage("PATCH", &format!("/addons/{}", scene.addon.id), &models)
        .await;
    let (model, file) = (
        part("model", false, "gpt-6-astra"),
        part("file", true, "AAAA"),
    );
    let second = part("model", false, "whisper-1");
    for (order, status, code) in [
        (vec![&model, &file], 403, "model_not_allowed"),
        (vec![&file, &model], 403, "model_not_allowed"),
        (vec![&file], 403, "model_not_allowed"),
        // Which of the two would the provider read?
        (vec![&second, &file, &model], 400, "body_invalid"),
        (vec![&file, &second, &model], 400, "body_invalid"),
    ] {
        let body = order.into_iter().cloned().collect::<String>() + "--edge--\r\n";
        let ask = scene
            .ask("POST", "/v1/audio/transcriptions")
            .kind(FORM)
            .body(body.clone());
        let reply = scene.client().send(ask).await;
        assert_eq!(
            (reply.status, reply.code()),
            (status, Some(code)),
            "{body}: {}",
            reply.text()
        );
    }
    let whole = scene.ks.provider.openai().asked(TRANSCRIBE);
    assert!(
        whole
            .iter()
            .all(|exchange| !exchange.text().contains("--edge--"))
    );
}

/// A body of unknown length, a known one, and one that grows beyond what it said.
#[tokio::test]
async fn a_body_above_the_operations_bound_is_refused() {
    let scene = Scene::with("deepl").await;
    let text = "a".repeat(200 * 1024);
    let body = json!({"text": [text], "target_lang": "DE"});

    let known = scene.ask("POST", "/v2/translate").json(&body);
    scene
        .client()
        .send(known)
        .await
        .refused(413, "body_too_large");

    let (ask, pieces) = scene
        .ask("POST", "/v2/translate")
        .kind("application/json")
        .pieces();
    let client = scene.client();
    let sending = tokio::spawn(async move { client.try_send(ask).await });
    for piece in body.to_string().as_bytes().chunks(16 * 1024) {
        if pieces.send(Bytes::copy_from_slice(piece)).await.is_err() {
            break;
        }
    }
    drop(pieces);
    // Whether the client hears the answer before its own sending fails is up to the kernel.
    if let Ok(reply) = sending.await.unwrap() {
        reply.refused(413, "body_too_large");
    }
    assert!(
        scene
            .ks
            .provider
            .service("deepl")
            .asked("POST /v2/translate")
            .is_empty()
    );
}

#[tokio::test]
async fn an_upload_above_its_bound_never_looks_whole_to_the_provider() {
    let scene = Scene::with("azure-vision").await;
    let at = "POST /vision/v3.2/analyze";
    let vision = scene.ks.provider.service("azure-vision");
    vision.on(at, Answer::json(&json!({"categories": []})));
    let (ask, pieces) = scene.ask("POST", "/vision/v3.2/analyze").pieces();
    let ask = ask.kind("application/octet-stream");
    let client = scene.client();
    let sending = tokio::spawn(async move { client.try_send(ask).await });
    for _ in 0..100 {
        if pieces.send(vec![7; 100_000].into()).await.is_err() {
            break;
        }
    }
    drop(pieces);
    if let Ok(reply) = sending.await.unwrap() {
        reply.refused(413, "body_too_large");
    }
    eventually("the upload ends", SOON, async || {
        vision.last(at).body_is_whole()
    })
    .await;
    assert!(vision.last(at).body().len() <= 4 << 20);
}

/// All that is held together has one bound, and it comes back.
#[tokio::test]
async fn held_bytes_have_one_bound_and_come_back() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("limits.held_bytes", "\"2MiB\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let (first, second) = (slow_chat(&scene).await, slow_chat(&scene).await);
    let (sending, pieces) = first;
    send(&pieces, &"a".repeat(800_000)).await;
    let held = || scene.ks.metric("keystead_held_bytes");
    eventually("the bytes are counted", SOON, async || held() >= 800_000.0).await;

    let (refused, more) = second;
    // The sender fails once the server has said no.
    drop(more.send("a".repeat(800_000).into()).await);
    drop(more.send("\"}]}".into()).await);
    drop(more);
    let reply = refused.await.unwrap().expect("an answer");
    assert!(reply.header("retry-after").is_some());
    reply.refused(503, "held_bytes_full");

    send(&pieces, "\"}]}").await;
    drop(pieces);
    assert_eq!(sending.await.unwrap().expect("an answer").status, 200);
    eventually("the bytes come back", SOON, async || held() == 0.0).await;
    let (sending, pieces) = slow_chat(&scene).await;
    send(&pieces, &"a".repeat(900_000)).await;
    send(&pieces, "\"}]}").await;
    drop(pieces);
    assert_eq!(sending.await.unwrap().expect("an answer").status, 200);
}

/// One application's users hold what they can get; those of another go on.
#[tokio::test]
async fn nobody_holds_all_of_the_memory_for_bodies() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("limits.held_bytes", "\"2MiB\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let app = scene.ks.app().await;
    let key = scene.ks.key(&app, "openai").await;
    let addon = scene.ks.addon(&app, &key, "chat").await;
    let token = scene.ks.token(&app).await;
    let mut kept = Vec::new();
    for _ in 0..6 {
        let (sending, pieces) = slow_chat(&scene).await;
        // The sender fails once the server has said no.
        drop(pieces.send("a".repeat(450_000).into()).await);
        kept.push((sending, pieces));
    }
    let held = || scene.ks.metric("keystead_held_bytes");
    eventually("the bytes are counted", SOON, async || held() >= 800_000.0).await;
    tokio::time::sleep(Duration::from_millis(300)).await;

    let mut body = scene.chat_body();
    body["messages"][0]["content"] = json!("a".repeat(300_000));
    let ask = addon.ask("POST", "/v1/chat/completions", "openai", &token);
    scene.client().send(ask.json(&body)).await.expect(200);
    assert!(held() >= 800_000.0, "they hold on");
    drop(kept);
}

/// What is held is counted by its bytes, so it may take no more room than they do.
#[tokio::test]
async fn a_body_in_pieces_of_one_byte_takes_no_more_room_than_another() {
    let scene = Scene::with("openai").await;
    let pieces = |text: &str| {
        let mut chunks = String::with_capacity(text.len() * 6);
        text.chars().for_each(|one| {
            chunks.push_str("1\r\n");
            chunks.push(one);
            chunks.push_str("\r\n");
        });
        chunks
    };
    let send = async |length| {
        let head = format!(
            "POST {}/v1/audio/transcriptions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             authorization: Bearer {}\r\ncontent-type: {FORM}\r\ntransfer-encoding: chunked\r\n\r\n",
            scene.addon.path, scene.token
        );
        let body = part("file", true, &"A".repeat(length))
            + &part("model", false, "whisper-1")
            + "--edge--\r\n";
        let request = head + &pieces(&body) + "0\r\n\r\n";
        let mut stream = scene.client().dial().await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    send(1_000).await;
    let before = scene.ks.most_memory();

    send(600_000).await;

    let grown = scene.ks.most_memory() - before;
    assert!(grown < 12 * 1024, "{grown} KiB for a body of 600 KB");
}

#[tokio::test]
async fn what_the_operation_does_not_take_is_refused() {
    let scene = Scene::with("openai").await;
    let body = scene.chat_body().to_string();
    let post = || scene.ask("POST", "/v1/chat/completions").body(body.clone());
    for (what, ask, status, code) in [
        (
            "text",
            post().kind("text/plain"),
            415,
            "unsupported_media_type",
        ),
        (
            "a form",
            post().kind("application/x-www-form-urlencoded"),
            415,
            "unsupported_media_type",
        ),
        (
            "multipart",
            post().kind(FORM),
            415,
            "unsupported_media_type",
        ),
        (
            "compressed",
            post()
                .kind("application/json")
                .header("content-encoding", "gzip"),
            415,
            "unsupported_media_type",
        ),
        (
            "two types",
            post().kind("application/json").kind("text/plain"),
            400,
            "malformed_request",
        ),
    ] {
        let reply = scene.client().send(ask).await;
        assert_eq!(
            (reply.status, reply.code()),
            (status, Some(code)),
            "{what}: {}",
            reply.text()
        );
    }
    scene.assert_no_chat();
}

/// Whatever two readers could read differently.
#[tokio::test]
async fn ambiguous_json_is_refused() {
    let scene = Scene::with("openai").await;
    let deep = format!(
        r#"{{"model":"m","messages":[],"x":{}{}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    for body in [
        r#"{"model":"a","model":"b","messages":[]}"#,
        r#"{"model":"a","mod\u0065l":"b","messages":[]}"#,
        r#"{"model":"a","messages":[],"metadata":{"x":1,"x":2}}"#,
        r#"{"model":"a","messages":[]} {"#,
        r#"{"model":"a","messages":[]"#,
        r#"{"model":7,"messages":[]}"#,
        "[]",
        "\u{feff}{}",
        deep.as_str(),
    ] {
        let ask = scene
            .ask("POST", "/v1/chat/completions")
            .kind("application/json");
        let reply = scene.client().send(ask.body(body.to_owned())).await;
        assert_eq!(
            (reply.status, reply.code()),
            (400, Some("body_invalid")),
            "{body:.60}"
        );
    }
    let latin1 = scene
        .ask("POST", "/v1/chat/completions")
        .kind("application/json");
    let latin1 = latin1.body(&b"{\"model\":\"\xe9\",\"messages\":[]}"[..]);
    scene
        .client()
        .send(latin1)
        .await
        .refused(400, "body_invalid");
    scene.assert_no_chat();
}

/// But for the documented insertions the provider gets what the client sent, to the byte.
#[tokio::test]
async fn the_bytes_go_on_as_they_came() {
    let scene = Scene::with("openai").await;
    let body = "{ \"messages\" : [ {\"content\":\"\\u00e9\\n  \", \"role\":\"user\"} ],\n\
                \t\"temperature\": 1.0e+0, \"model\" :\"gpt-6-luna\" , \"x_unknown\": [null, -0.0]}\n";
    let ask = scene
        .ask("POST", "/v1/chat/completions")
        .kind("application/json");

    scene.client().send(ask.body(body)).await.expect(200);

    assert_eq!(scene.ks.provider.openai().last(CHAT).text(), body);
}

/// Usage in a chat stream comes on request only: it is asked for, and what the client did not ask
/// for it does not get.
#[tokio::test]
async fn usage_is_asked_for_and_not_passed_on() {
    let scene = Scene::with("openai").await;

    let text = scene.client().send(scene.stream()).await.expect(200).text();

    let asked = scene.ks.provider.openai().last(CHAT).json();
    assert_eq!(asked["stream_options"]["include_usage"], true);
    assert!(!text.contains("prompt_tokens"), "{text}");
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");

    let mut body = scene.chat_body();
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let ask = scene.ask("POST", "/v1/chat/completions").json(&body);
    let text = scene.client().send(ask).await.expect(200).text();
    assert!(text.contains("prompt_tokens"), "{text}");

    // The client said no, and still the provider is asked; the answer is as the client wants it.
    body["stream_options"] = json!({"include_usage": false});
    let ask = scene.ask("POST", "/v1/chat/completions").json(&body);
    let text = scene.client().send(ask).await.expect(200).text();
    assert!(!text.contains("prompt_tokens"), "{text}");
}

const SOON: Duration = Duration::from_secs(5);

type Sending<T> = tokio::task::JoinHandle<T>;

/// A transcription whose body the test sends piece by piece.
fn upload(scene: &Scene) -> (Sending<Reply>, Sender<Bytes>) {
    let (ask, pieces) = scene
        .ask("POST", "/v1/audio/transcriptions")
        .kind(FORM)
        .pieces();
    let client = scene.client();
    (tokio::spawn(async move { client.send(ask).await }), pieces)
}

/// A chat completion whose prompt the test sends piece by piece.
async fn slow_chat(scene: &Scene) -> (Sending<Option<Reply>>, Sender<Bytes>) {
    let ask: Ask = scene
        .ask("POST", "/v1/chat/completions")
        .kind("application/json");
    let (ask, pieces) = ask.pieces();
    let client = scene.client();
    let sending = tokio::spawn(async move { client.try_send(ask).await.ok() });
    send(
        &pieces,
        r#"{"model":"gpt-6-luna","messages":[{"role":"user","content":""#,
    )
    .await;
    (sending, pieces)
}

async fn send(pieces: &Sender<Bytes>, text: &str) {
    pieces
        .send(Bytes::copy_from_slice(text.as_bytes()))
        .await
        .expect("the server reads on");
}
