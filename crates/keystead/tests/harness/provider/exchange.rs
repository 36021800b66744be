//! One request as the stand-in received it, and what became of its answer.

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, Method};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

/// One request, and how far things have come.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Which of the six was asked.
    pub(crate) service: &'static str,
    pub(crate) method: Method,
    /// The provider's own path.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    body: Mutex<BytesMut>,
    sent: Mutex<Sent>,
    progress: watch::Sender<Progress>,
}

/// The answer, as far as it was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    pub(super) status: u16,
    pub(super) is_stream: bool,
    pub(super) is_whole: bool,
    /// Of answers that are text.
    pub(super) body: Vec<u8>,
    is_text: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    received: usize,
    body_is_whole: bool,
    was_answered: bool,
    was_cancelled: bool,
}

impl Exchange {
    pub(super) fn new(service: &'static str, path: String, parts: Parts) -> Self {
        Self {
            service,
            method: parts.method,
            path,
            query: parts.uri.query().map(str::to_owned),
            headers: parts.headers,
            body: Mutex::default(),
            sent: Mutex::default(),
            progress: watch::Sender::default(),
        }
    }

    /// `METHOD /path`.
    pub(crate) fn place(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("(not text)"))
    }

    /// The key it came with, from the one header that carries it.
    pub(crate) fn key(&self) -> Option<String> {
        let plain = ["x-api-key", "api-key", "ocp-apim-subscription-key"];
        let found = plain.iter().filter_map(|name| self.header(name));
        let bearer = self.header("authorization").and_then(|value| {
            value
                .strip_prefix("Bearer ")
                .or_else(|| value.strip_prefix("DeepL-Auth-Key "))
        });
        let keys: Vec<_> = found.chain(bearer).collect();
        assert!(
            keys.len() < 2,
            "{}: {} credentials",
            self.place(),
            keys.len()
        );
        keys.first().map(|key| (*key).to_owned())
    }

    /// The body as far as it has come.
    pub(crate) fn body(&self) -> Bytes {
        Bytes::copy_from_slice(&self.body.lock())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body()).unwrap_or_default()
    }

    pub(super) fn receive(&self, bytes: &[u8]) {
        self.body.lock().extend_from_slice(bytes);
        self.progress
            .send_modify(|progress| progress.received += bytes.len());
    }

    pub(super) fn body_ended(&self) {
        self.progress
            .send_modify(|progress| progress.body_is_whole = true);
    }

    /// Notes what kind of answer begins.
    pub(super) fn answers(&self, status: u16, headers: &HeaderMap) {
        let kind = headers.get("content-type");
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let mut sent = self.sent.lock();
        sent.status = status;
        sent.is_stream = kind.starts_with("text/event-stream");
        sent.is_text = sent.is_stream || kind.starts_with("application/json");
    }

    /// Notes bytes of the answer's body.
    pub(super) fn sends(&self, bytes: &[u8]) {
        let mut sent = self.sent.lock();
        if sent.is_text {
            sent.body.extend_from_slice(bytes);
        }
    }

    /// The answer as far as it was sent.
    pub(super) fn sent(&self) -> Sent {
        self.sent.lock().clone()
    }

    pub(super) fn ended(&self, was_answered: bool) {
        self.sent.lock().is_whole = was_answered;
        self.progress.send_modify(|progress| {
            progress.was_answered |= was_answered;
            progress.was_cancelled |= !was_answered;
        });
    }

    pub(crate) fn body_is_whole(&self) -> bool {
        self.progress.borrow().body_is_whole
    }

    pub(crate) fn was_cancelled(&self) -> bool {
        self.progress.borrow().was_cancelled
    }

    /// Waits until this many bytes of the body have come.
    pub(crate) async fn has_received(&self, bytes: usize) {
        let mut progress = self.progress.subscribe();
        progress
            .wait_for(|progress| progress.received >= bytes)
            .await
            .unwrap();
    }

    /// Waits until the other side has gone before the answer was whole.
    pub(crate) async fn is_cancelled(&self) {
        let mut progress = self.progress.subscribe();
        progress
            .wait_for(|progress| progress.was_cancelled)
            .await
            .unwrap();
    }
}
