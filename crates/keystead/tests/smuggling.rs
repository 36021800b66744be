//! Requests that two servers could read differently, over plain TCP: none of them reaches the
//! provider as anything but what was judged.

use serde_json::json;

use crate::harness::Scene;

/// The head of a chat completion, without what says how long the body is.
fn head(scene: &Scene, more: &str) -> String {
    format!(
        "POST {}/v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\n{more}\r\n",
        scene.addon.path, scene.token
    )
}

fn body() -> String {
    json!({"model": "gpt-6-luna", "messages": []}).to_string()
}

/// A second request, hidden where a careless reader would begin anew.
fn hidden(scene: &Scene) -> String {
    format!(
        "POST {}/v1/embeddings HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}",
        scene.addon.path, scene.token
    )
}

#[tokio::test]
async fn ambiguous_framing_is_refused() {
    let scene = Scene::with("openai").await;
    let length = body().len();
    for (what, framing, body) in [
        (
            "two lengths",
            format!("content-length: {length}\r\ncontent-length: 0\r\n"),
            body(),
        ),
        (
            "a list of lengths",
            format!("content-length: {length}, 0\r\n"),
            body(),
        ),
        (
            "a length with a sign",
            format!("content-length: +{length}\r\n"),
            body(),
        ),
        (
            "a hexadecimal length",
            format!("content-length: 0x{length:x}\r\n"),
            body(),
        ),
        (
            "a folded line",
            format!("x-a: b\r\n c\r\ncontent-length: {length}\r\n"),
            body(),
        ),
        (
            "a space before the colon",
            format!("content-length : {length}\r\n"),
            body(),
        ),
        (
            "a control character",
            format!("x-a: b\0c\r\ncontent-length: {length}\r\n"),
            body(),
        ),
        (
            "chunked that is not last",
            "transfer-encoding: chunked, identity\r\n".into(),
            "0\r\n\r\n".into(),
        ),
        (
            "chunked twice",
            "transfer-encoding: chunked, chunked\r\n".into(),
            "0\r\n\r\n".into(),
        ),
        (
            "chunked in disguise",
            "transfer-encoding: xchunked\r\n".into(),
            "0\r\n\r\n".into(),
        ),
        (
            "a chunk of no size",
            "transfer-encoding: chunked\r\n".into(),
            "zz\r\n{}\r\n0\r\n\r\n".into(),
        ),
        (
            "a chunk whose size overflows",
            "transfer-encoding: chunked\r\n".into(),
            "fffffffffffffffff\r\n{}\r\n0\r\n\r\n".into(),
        ),
    ] {
        let answer = scene
            .client()
            .exchange(head(&scene, &framing) + &body)
            .await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{what}: {answer}");
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{what}: {answer}"
        );
    }
    scene.assert_no_chat();
}

/// A body that is passed on as it comes, and is none from its first byte on: that is the client's doing, and
/// not the provider's.
#[tokio::test]
async fn a_streamed_body_that_is_none_is_the_clients_fault() {
    let scene = Scene::with("azure-vision").await;
    let vision = scene.ks.provider.service("azure-vision");
    let request = format!(
        "POST {}/vision/v3.2/analyze HTTP/1.1\r\nhost: localhost\r\n\
         ocp-apim-subscription-key: {}\r\ncontent-type: application/octet-stream\r\n\
         transfer-encoding: chunked\r\n\r\nno number\r\n",
        scene.addon.path, scene.token
    );
    let answer = scene.client().exchange(request).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("malformed_request"), "{answer}");
    assert!(vision.asked("POST /vision/v3.2/analyze").is_empty());
}

/// Content-Length with Transfer-Encoding is read as chunked, and nothing behind it is read
/// (RFC 9112, 6.1).
#[tokio::test]
async fn nothing_behind_a_request_with_both_lengths_is_read() {
    let scene = Scene::with("openai").await;
    let body = body();
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for framing in [
        format!(
            "content-length: {}\r\ntransfer-encoding: chunked\r\n",
            chunked.len()
        ),
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n".to_owned(),
    ] {
        let request = head(&scene, &framing) + &chunked + &hidden(&scene);
        let answer = scene.client().exchange(request).await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        assert!(
            scene
                .ks
                .provider
                .openai()
                .asked("POST /v1/embeddings")
                .is_empty()
        );
    }
}

#[tokio::test]
async fn the_path_is_read_in_one_way_or_not_at_all() {
    let scene = Scene::with("openai").await;
    let before = scene.ks.provider.exchanges().len();
    for rest in [
        "/v1/../v1/models",
        "/v1/%2e%2e/organization/users",
        "/v1/.%2e/models",
        "/v1/./models",
        "/v1//models",
        "//v1/models",
        "/v1%2fmodels",
        "/v1%2Fmodels",
        "/v1%5cmodels",
        "/v1\\models",
        "/v1/models%00",
        "/v1/models%0d%0ax: y",
        "/v1/%252e%252e/models",
        "/v1/models;/../x",
        "/v1/organization/users",
        "/v1/models/..",
        "/v1/models%",
        "/v1/models%ff",
    ] {
        let request = format!(
            "GET {}{rest} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\r\n",
            scene.addon.path, scene.token
        );
        let answer = scene.client().exchange(request).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(matches!(status, "400" | "403" | "404"), "{rest}: {answer}");
    }
    let exchanges = scene.ks.provider.exchanges();
    assert_eq!(
        exchanges.len(),
        before,
        "{:?}",
        exchanges.last().map(|last| last.place())
    );
}

/// A forward proxy's form, a foreign host, two hosts, none: the destination is the stored key's.
#[tokio::test]
async fn the_client_never_names_the_destination() {
    let scene = Scene::with("openai").await;
    let before = scene.ks.provider.exchanges().len();
    let target = format!("{}/v1/models", scene.addon.path);
    let token = &scene.token;
    for (what, line, hosts) in [
        (
            "absolute form",
            format!("GET http://localhost{target} HTTP/1.1"),
            "host: localhost\r\n",
        ),
        (
            "a foreign absolute form",
            format!("GET http://evil.example{target} HTTP/1.1"),
            "host: localhost\r\n",
        ),
        (
            "userinfo",
            format!("GET {target} HTTP/1.1"),
            "host: me@localhost\r\n",
        ),
        (
            "two hosts",
            format!("GET {target} HTTP/1.1"),
            "host: localhost\r\nhost: localhost\r\n",
        ),
        ("no host", format!("GET {target} HTTP/1.1"), ""),
        (
            "a foreign host",
            format!("GET {target} HTTP/1.1"),
            "host: evil.example\r\n",
        ),
        (
            "CONNECT",
            "CONNECT evil.example:443 HTTP/1.1".to_owned(),
            "host: evil.example:443\r\n",
        ),
        (
            "TRACE",
            format!("TRACE {target} HTTP/1.1"),
            "host: localhost\r\n",
        ),
        (
            "an unknown method",
            format!("PROPFIND {target} HTTP/1.1"),
            "host: localhost\r\n",
        ),
    ] {
        let request = format!("{line}\r\n{hosts}authorization: Bearer {token}\r\n\r\n");
        let answer = scene.client().exchange(request).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{what}: {answer}");
        assert!(!answer.contains(token.as_str()), "{what} is echoed");
    }
    assert_eq!(scene.ks.provider.exchanges().len(), before);
}

/// What comes after one good request on a connection is a request of its own.
#[tokio::test]
async fn pipelined_requests_are_answered_one_by_one() {
    let scene = Scene::with("openai").await;
    let body = body();
    let one = head(&scene, &format!("content-length: {}\r\n", body.len())) + &body;

    let answer = scene.client().exchange(one.clone() + &one).await;

    assert_eq!(answer.matches("HTTP/1.1 200").count(), 2, "{answer}");
    assert_eq!(
        scene
            .ks
            .provider
            .openai()
            .asked("POST /v1/chat/completions")
            .len(),
        2
    );
}

/// A head that trickles in is cut off, and so is one that never ends.
#[tokio::test]
async fn a_head_that_does_not_end_is_cut_off() {
    let ks = crate::harness::Keystead::prepare(crate::harness::Store::Sqlite)
        .set("server.header_timeout", "\"1s\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let began = std::time::Instant::now();

    let answer = scene
        .client()
        .exchange("GET /proxy/x HTTP/1.1\r\nhost: localhost\r\n")
        .await;

    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
        "{answer}"
    );
    assert!(began.elapsed() < std::time::Duration::from_secs(4));
    let endless = head(&scene, &format!("x-a: {}\r\n", "a".repeat(300_000)));
    let answer = scene.client().exchange(endless).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
}
