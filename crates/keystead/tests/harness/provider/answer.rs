//! What the stand-in answers: a head, and then step by step.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::sync::Semaphore;

/// A scripted answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// What happens before the head is sent.
    pub(crate) before: Vec<Step>,
    pub(crate) steps: Vec<Step>,
}

/// One thing after the other.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send(Bytes),
    Wait(Duration),
    /// Goes on when the test says so.
    Hold(Hold),
    /// Says nothing more, and stays.
    Silence,
    /// Closes the connection by a reset.
    Reset,
}

/// Something the test lets go of, one step at a time.
#[derive(Clone, Debug)]
pub(crate) struct Hold(Arc<Semaphore>);

impl Hold {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets one held step go on.
    pub(crate) fn release(&self) {
        self.0.add_permits(1);
    }

    /// Lets every step go on, now and later.
    pub(crate) fn release_all(&self) {
        self.0.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    pub(super) async fn wait(&self) {
        self.0.acquire().await.expect("never closed").forget();
    }
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            before: Vec::new(),
            steps: Vec::new(),
        }
    }

    pub(crate) fn json(body: &Value) -> Self {
        Self::new(200).and_json(body)
    }

    /// Server-sent events, each a step.
    pub(crate) fn events<T: AsRef<str>>(events: impl IntoIterator<Item = T>) -> Self {
        let steps = events.into_iter().map(|event| Step::send(event.as_ref()));
        let answer = Self::new(200).header("content-type", "text/event-stream; charset=utf-8");
        Self {
            steps: steps.collect(),
            ..answer
        }
    }

    pub(crate) fn bytes(kind: &str, body: impl Into<Bytes>) -> Self {
        Self::new(200)
            .header("content-type", kind)
            .then(Step::Send(body.into()))
    }

    pub(crate) fn and_json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .then(Step::send(&body.to_string()))
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers
            .append(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    pub(crate) fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Happens before the head is sent.
    pub(crate) fn first(mut self, step: Step) -> Self {
        self.before.push(step);
        self
    }

    /// `step` between every two of the steps there are.
    pub(crate) fn paced(mut self, step: &Step) -> Self {
        let steps = std::mem::take(&mut self.steps);
        for (n, own) in steps.into_iter().enumerate() {
            if n > 0 {
                self.steps.push(step.clone());
            }
            self.steps.push(own);
        }
        self
    }
}

impl Step {
    pub(crate) fn send(text: &str) -> Self {
        Self::Send(Bytes::copy_from_slice(text.as_bytes()))
    }
}
