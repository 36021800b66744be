//! A provider that says the key back, in whatever form and in however many pieces: the client sees
//! as many stars, and the operator an alert.
//!
//! The keys are random; one letter repeated would also be found in any image.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::harness::{Answer, Keystead, Scene, Step, Store, eventually};

const CHAT: &str = "POST /v1/chat/completions";

/// Every form in which a key may come back: what it is called, the text around it, and the text
/// itself.
fn forms(key: &str) -> Vec<(&'static str, String)> {
    let base64 = |before: &str| STANDARD.encode(format!("{before}{key}after"));
    let url = |before: &str| URL_SAFE_NO_PAD.encode(format!("{before}{key}after"));
    vec![
        ("as it is", key.to_owned()),
        (
            "in a sentence",
            format!("Incorrect API key provided: {key}."),
        ),
        ("as a header", format!("authorization: Bearer {key}\r\n")),
        ("twice in a row", format!("{key}{key}")),
        ("in base64", STANDARD.encode(key)),
        ("in base64 without padding", STANDARD_NO_PAD.encode(key)),
        ("in base64, second alignment", base64("b")),
        ("in base64, third alignment", base64("be")),
        ("in base64url", URL_SAFE_NO_PAD.encode(key)),
        ("in base64url, second alignment", url("b")),
        ("in base64url, third alignment", url("be")),
        (
            "percent-encoded",
            utf8_percent_encode(key, NON_ALPHANUMERIC).to_string(),
        ),
        (
            "percent-encoded in lower case",
            utf8_percent_encode(key, NON_ALPHANUMERIC)
                .to_string()
                .replace("%2D", "%2d"),
        ),
        (
            "escaped in JSON",
            key.replace('-', "\\u002d").replace('_', "\\u005f"),
        ),
        (
            "escaped in JSON in upper case",
            key.replace('-', "\\u002D").replace('_', "\\u005F"),
        ),
        ("all but its first character", key[1..].to_owned()),
        ("its second half", key[key.len() / 2..].to_owned()),
        ("its first half", key[..key.len() / 2].to_owned()),
    ]
}

/// Any sixteen characters of the key in a row, or its base64 at any alignment.
fn shows(text: &str, key: &str) -> bool {
    let windows = key
        .as_bytes()
        .windows(16)
        .map(|window| std::str::from_utf8(window).unwrap());
    let mut sought: Vec<String> = windows.map(str::to_owned).collect();
    for before in ["", "b", "be"] {
        for encoded in [
            STANDARD_NO_PAD.encode(format!("{before}{key}")),
            URL_SAFE_NO_PAD.encode(format!("{before}{key}")),
        ] {
            sought.push(encoded[4..encoded.len() - 4].to_owned());
        }
    }
    sought.push(utf8_percent_encode(key, NON_ALPHANUMERIC).to_string());
    sought.iter().any(|form| text.contains(form.as_str()))
}

#[tokio::test]
async fn an_echoed_key_is_masked_in_every_form() {
    let scene = Scene::with("openai").await;
    scene.ks.expects_errors("echo");
    for (form, text) in forms(&scene.key.secret) {
        let sent = format!("before {text} after");
        scene
            .ks
            .provider
            .openai()
            .on(CHAT, Answer::bytes("text/plain", sent.clone()));

        let reply = scene.client().send(scene.chat()).await.expect(200);

        let text = reply.text();
        assert!(!shows(&text, &scene.key.secret), "{form}: {text}");
        assert_eq!(text.len(), sent.len(), "{form}: lengths stay");
        assert!(text.contains("****************"), "{form}: {text}");
        assert!(
            text.starts_with("before ") && text.ends_with(" after"),
            "{form}: {text}"
        );
    }
}

/// Each form, cut at every place that could matter.
#[tokio::test]
async fn an_echoed_key_is_masked_across_the_borders_of_pieces() {
    let ks = Keystead::prepare(Store::Sqlite)
        .set("limits.default.token", "\"5000/s burst 5000\"")
        .set("limits.default.subject", "\"5000/s burst 5000\"")
        .start()
        .await;
    let scene = Scene::within(ks, "anthropic").await;
    scene.ks.expects_errors("echo");
    let service = scene.ks.provider.service("anthropic");
    let mut connection = scene.client().connect().await;
    let body =
        json!({"model": "claude-haiku-5-5", "max_tokens": 1, "stream": true, "messages": []});
    for (form, text) in forms(&scene.key.secret) {
        let sent = format!("event: error\ndata: {text}\n\n");
        for size in [1, 2, 3, 7, 15, 16, 17, 40, 64] {
            let pieces = sent
                .as_bytes()
                .chunks(size)
                .map(|piece| std::str::from_utf8(piece).unwrap());
            let pause = Step::Wait(std::time::Duration::from_micros(10));
            service.on("POST /v1/messages", Answer::events(pieces).paced(&pause));

            let reply = connection
                .send(scene.ask("POST", "/v1/messages").json(&body))
                .await;

            let text = reply.expect(200).text();
            assert!(
                !shows(&text, &scene.key.secret),
                "{form} in pieces of {size}: {text}"
            );
            assert_eq!(text.len(), sent.len(), "{form} in pieces of {size}");
        }
    }
}

#[tokio::test]
async fn an_echoed_key_is_masked_in_headers_and_in_errors() {
    let scene = Scene::with("openai").await;
    scene.ks.expects_errors("echo");
    let key = &scene.key.secret;
    let says = format!("no such thing as {key}");
    for status in [200, 400, 404, 422, 500] {
        let answer = Answer::new(status)
            .header("x-request-id", format!("req-{key}"))
            .header("x-ratelimit-limit-requests", STANDARD.encode(key))
            .and_json(
                &json!({"error": {"message": says, "type": "x", "param": null, "code": key}}),
            );
        scene.ks.provider.openai().on(CHAT, answer);

        let reply = scene.client().send(scene.chat()).await.expect(status);

        let all = format!("{:?}{}", reply.headers, reply.text());
        assert!(!shows(&all, key), "{status}: {all}");
        assert!(
            reply.header("x-request-id").unwrap().starts_with("req-***"),
            "{all}"
        );
    }
}

/// What only looks like a beginning is passed on whole, at the latest when the next piece comes.
#[tokio::test]
async fn what_only_begins_like_the_key_is_not_touched() {
    let scene = Scene::with("openai").await;
    let key = &scene.key.secret;
    let sent = format!("{} and {}", &key[..15], &key[..8]);
    scene
        .ks
        .provider
        .openai()
        .on(CHAT, Answer::bytes("text/plain", sent.clone()));

    let reply = scene.client().send(scene.chat()).await.expect(200);

    assert_eq!(reply.text(), sent);
}

#[tokio::test]
async fn an_echo_raises_an_alert() {
    let scene = Scene::with("openai").await;
    scene.ks.expects_errors("echo");
    let says = format!("you sent {}", scene.key.secret);
    scene
        .ks
        .provider
        .openai()
        .on(CHAT, Answer::bytes("text/plain", says));

    scene.client().send(scene.chat()).await.expect(200);

    let mut database = crate::harness::database::connect(&scene.ks.store_url).await;
    let patience = std::time::Duration::from_secs(5);
    eventually("an alert row", patience, async || {
        let kinds: Vec<String> = sqlx::query_scalar("SELECT kind FROM alerts WHERE object = $1")
            .bind(scene.key.id.as_str())
            .fetch_all(&mut database)
            .await
            .unwrap();
        kinds.iter().any(|kind| kind.contains("echo"))
    })
    .await;
}

/// The provider's text about a refused key may name its owner or hold a part of it: ours goes out
/// in its place, with the status that SDKs know.
#[tokio::test]
async fn a_refused_key_is_told_in_our_words_and_marked() {
    for (provider, path, status) in [
        ("openai", "/v1/chat/completions", 401),
        ("azure-openai", "/openai/v1/chat/completions", 401),
        ("anthropic", "/v1/messages", 401),
        ("deepl", "/v2/translate", 403),
        ("stability", "/v2beta/stable-image/generate/core", 401),
        (
            "azure-vision",
            "/computervision/imageanalysis:analyze?features=tags",
            401,
        ),
    ] {
        let scene = Scene::with(provider).await;
        scene.ks.expects_errors("key_refused");
        scene
            .ks
            .provider
            .service(provider)
            .withdraw(&scene.key.secret);
        let ask = scene.ask("POST", path);
        let ask = match provider {
            "stability" => ask.kind("multipart/form-data; boundary=edge").body(
                "--edge\r\ncontent-disposition: form-data; name=\"prompt\"\r\n\r\nx\r\n--edge--\r\n",
            ),
            "deepl" => ask.json(&json!({"text": ["x"], "target_lang": "DE"})),
            "azure-vision" => ask.json(&json!({"url": "https://images.example/a.png"})),
            _ => ask.json(&json!({"model": "m", "max_tokens": 1, "messages": []})),
        };

        let reply = scene.client().send(ask).await.expect(status);

        assert_eq!(
            reply.header("x-keystead-source"),
            Some("upstream"),
            "{provider}"
        );
        assert_eq!(reply.code(), None, "{provider}");
        assert_eq!(reply.header("x-should-retry"), Some("false"), "{provider}");
        let text = reply.text();
        assert!(
            !text.contains("sk-pr***") && text.contains("key"),
            "{provider}: {text}"
        );
        let path = format!("/keys/{}", scene.key.id);
        let patience = std::time::Duration::from_secs(5);
        eventually("the key is marked", patience, async || {
            let shown = scene
                .ks
                .manage("GET", &path, &serde_json::Value::Null)
                .await;
            shown["status"] != "valid" && shown["disabled"] == false
        })
        .await;
        eventually("an alert", patience, async || {
            let query = "/alerts?state=open";
            let alerts = scene
                .ks
                .manage("GET", query, &serde_json::Value::Null)
                .await;
            let alert = &alerts["data"][0];
            alert["kind"] == "key_refused" && alert["object"] == scene.key.id.as_str()
        })
        .await;
    }
}
