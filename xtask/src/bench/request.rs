//! The requests of the load, made beforehand as bytes.

use super::stand_in::LARGE;

/// The provider's own path; a proxy puts its own before it.
pub(super) const PATH: &str = "/v1/chat/completions";

/// A small call, answered at once.
pub(super) const JSON: &str = r#"{"model":"bench-json","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Say in one sentence why speed is worth measuring."}]}"#;

/// A small call, answered with a mebibyte.
pub(super) const LARGE_ANSWER: &str =
    r#"{"model":"bench-large","messages":[{"role":"user","content":"Say it at length."}]}"#;

/// A call of a mebibyte, answered shortly.
pub(super) fn large_call() -> String {
    let head = r#"{"model":"bench-json","messages":[{"role":"user","content":""#;
    let tail = r#""}]}"#;
    let words = "What was asked before, and answered, comes along with every call. "
        .chars()
        .cycle();
    let text: String = words.take(LARGE - head.len() - tail.len()).collect();
    [head, &text, tail].concat()
}

/// A call answered with so many events, so many milliseconds apart.
pub(super) fn stream(events: u32, pace: u32) -> String {
    format!(
        r#"{{"model":"bench-stream-{events}-{pace}","stream":true,"messages":[{{"role":"user","content":"Count."}}]}}"#
    )
}

/// A whole request.
pub(super) fn post(path: &str, token: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         accept: application/json\r\ncontent-type: application/json\r\nuser-agent: bench\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
