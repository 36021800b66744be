//! The body of an answer on its way to the client: counted, searched for the key, kept alive and
//! cut, without a byte being held that need not be.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame};
use keystead_providers::{BoundId, GatewayError, IdReader, UsageChunkFilter, UsageReader};

use super::events::{Events, KEEP_ALIVE, KEEP_ALIVE_S};
use crate::{
    net::h1::{Exchange, ExchangeError},
    proxy::{
        attempt::{Attempt, Outcome},
        body::Outgoing,
        decide::Permit,
        live::LiveCall,
        mask::Held,
        open::OpenedKey,
        plane::Plane,
        refusal::Refusal,
        send::AnswerBody,
    },
};

/// The body of an answer on its way to the client.
pub(crate) struct Metered {
    plane: Arc<Plane>,
    permit: Rc<Permit>,
    key: Arc<OpenedKey>,
    live: Rc<LiveCall>,
    source: Source,
    attempt: Option<Attempt>,
    status: StatusCode,
    reader: Option<Box<dyn UsageReader>>,
    held: Held,
    /// Boxed, as the next: few answers have one, and both are large.
    filter: Option<Box<UsageChunkFilter>>,
    ids: Option<Box<IdReader>>,
    binding: Option<Binding>,
    events: Option<Events>,
}

/// Where the bytes come from.
enum Source {
    /// What was read already, then the rest.
    Open {
        head: Bytes,
        rest: Option<Box<Exchange<Outgoing>>>,
    },
    /// The last bytes of ours, and then the end.
    Last(Bytes),
    /// To be broken off.
    Cut,
    Ended,
}

/// Ids on their way into the store, and the bytes that wait for it.
struct Binding {
    stored: Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>,
    bytes: Bytes,
}

/// Why an answer can't go on. Boxed: there is one at most, and every piece would have its size.
type Ending = Box<Refusal>;

/// What a [`Metered`] body is made of.
pub(crate) struct Parts {
    /// The whole data plane.
    pub plane: Arc<Plane>,
    /// What the call may do.
    pub permit: Rc<Permit>,
    /// The key that an echo would show.
    pub key: Arc<OpenedKey>,
    /// How the call is told to end.
    pub live: Rc<LiveCall>,
    /// The answer's bytes.
    pub body: AnswerBody,
    /// Its status.
    pub status: StatusCode,
    /// Its ledger row.
    pub attempt: Attempt,
    /// Whether it is an event stream.
    pub is_events: bool,
    /// Counts what it cost.
    pub reader: Option<Box<dyn UsageReader>>,
    /// Finds the ids that are to be bound.
    pub ids: Option<Box<IdReader>>,
    /// Whether the extra usage chunk is ours.
    pub drop_usage_chunk: bool,
}

/// The client's stream can't go on, and its form has no way to say why.
#[derive(Debug, thiserror::Error)]
#[error("the answer ended early")]
pub(crate) struct Cut;

impl Metered {
    /// Watches over an answer.
    #[must_use]
    pub(crate) fn new(parts: Parts) -> Self {
        let settings = &parts.plane.settings;
        let keep_alive = if parts.is_events { KEEP_ALIVE_S } else { 0 };
        parts.live.expect(settings.idle_timeout_s, keep_alive);
        let rest = parts.body.rest.filter(|rest| !rest.is_over());
        let mut metered = Self {
            plane: parts.plane,
            permit: parts.permit,
            key: parts.key,
            live: parts.live,
            source: Source::Open {
                head: parts.body.head,
                rest,
            },
            attempt: Some(parts.attempt),
            status: parts.status,
            reader: parts.reader,
            held: Held::default(),
            filter: (parts.drop_usage_chunk && parts.is_events)
                .then(|| Box::new(UsageChunkFilter::new())),
            ids: parts.ids,
            binding: None,
            events: parts.is_events.then(Events::default),
        };
        if metered.is_exhausted() {
            metered.close(Outcome::Answered);
            metered.source = Source::Ended;
        }
        metered
    }

    /// The next bytes from the provider; `None` at the end.
    fn poll_upstream(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ()>>> {
        let Source::Open { head, rest } = &mut self.source else {
            return Poll::Ready(None);
        };
        if !head.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(head))));
        }
        let Some(exchange) = rest else {
            return Poll::Ready(None);
        };
        let polled = ready!(exchange.poll_data(cx));
        if exchange.is_over() {
            *rest = None;
        }
        let polled = polled.map(|bytes| {
            bytes.map_err(|error| {
                if let ExchangeError::Malformed(_) = error {
                    tracing::warn!(%error, "A provider's answer can't be used");
                }
            })
        });
        if let Some(Ok(_)) = polled {
            self.live.heard();
        }
        Poll::Ready(polled)
    }

    /// Whether the provider's last byte was taken.
    fn is_exhausted(&self) -> bool {
        matches!(&self.source, Source::Open { head, rest: None } if head.is_empty())
    }

    /// Counts, masks and filters; what comes back may go out.
    fn pass(&mut self, bytes: Bytes) -> Bytes {
        if let Some(reader) = &mut self.reader {
            reader.chunk(&bytes);
        }
        let (bytes, masked) = self.key.masker.push(&mut self.held, bytes);
        if masked {
            self.plane.key_was_echoed(&self.permit);
        }
        match &mut self.filter {
            Some(filter) => filter.push(bytes),
            None => bytes,
        }
    }

    /// The bytes that were held back, once nothing more can come.
    fn rest(&mut self) -> Bytes {
        let tail = self.key.masker.finish(&mut self.held);
        match self.filter.take() {
            Some(mut filter) => {
                let first = filter.push(tail);
                joined(first, filter.finish())
            }
            None => tail,
        }
    }

    /// Keeps `bytes` until the ids in them belong to the subject that caused them.
    fn bind(&mut self, ids: Vec<BoundId>, bytes: Bytes) -> Binding {
        let settles = self.permit.operation().settles;
        let made = ids.iter().find(|id| settles == Some(id.object.kind));
        if let (Some(attempt), Some(made)) = (&mut self.attempt, made) {
            attempt.settles(&made.object);
        }
        let stored = self
            .plane
            .control
            .bind(&self.permit, ids, self.plane.clock.now());
        Binding {
            stored: Box::pin(stored),
            bytes,
        }
    }

    fn close(&mut self, outcome: Outcome) {
        if let Some(attempt) = self.attempt.take() {
            let usage = self.reader.take().and_then(UsageReader::finish);
            attempt.close(outcome, Some(self.status), usage);
        }
    }

    /// Ends the stream for a reason of ours: said in an event where there are events
    /// ([`last_words`](Self::last_words)), otherwise by breaking off, because a body that merely ends
    /// would look whole.
    fn end_with(&mut self, refusal: Refusal, outcome: Outcome) -> Option<Result<Bytes, Ending>> {
        self.close(outcome);
        self.source = Source::Ended;
        self.binding = None;
        Some(Err(Box::new(refusal)))
    }

    /// The last words to the client: an event where there are events.
    fn last_words(&self, refusal: &Refusal) -> Result<Bytes, Cut> {
        if self.events.is_none() {
            return Err(Cut);
        }
        let envelope = self.permit.envelope();
        let message = refusal.to_string();
        let id = self.permit.request_id().to_string();
        let (status, code) = (refusal.status(envelope), refusal.code());
        let error = GatewayError {
            status,
            code,
            message: &message,
            request_id: &id,
        };
        Ok(envelope.sse_error(&error))
    }

    /// The next bytes for the client, or why there are no more.
    pub(in crate::proxy) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Ending>>> {
        let polled = ready!(self.poll_bytes(cx));
        if let (Some(Ok(bytes)), Some(events)) = (&polled, &mut self.events) {
            events.went_out(bytes);
        }
        Poll::Ready(polled)
    }

    /// Nothing more of the answer is wanted: what came can't be used.
    pub(in crate::proxy) fn give_up(&mut self) {
        self.end_with(Refusal::UpstreamBroken, Outcome::BrokenOff);
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Ending>>> {
        loop {
            if let Source::Last(bytes) = &mut self.source {
                let bytes = std::mem::take(bytes);
                self.close(Outcome::Answered);
                self.source = Source::Ended;
                return Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)));
            }
            if let Source::Ended = self.source {
                return Poll::Ready(None);
            }
            if let Poll::Ready(signal) = self.live.poll_signal(cx) {
                return Poll::Ready(self.end_with(signal.into(), signal.into()));
            }
            if let Some(binding) = &mut self.binding {
                let stored = ready!(binding.stored.as_mut().poll(cx));
                let bytes = std::mem::take(&mut binding.bytes);
                self.binding = None;
                match stored {
                    Ok(()) if self.is_exhausted() => {
                        self.source = Source::Last(bytes);
                        continue;
                    }
                    Ok(()) if bytes.is_empty() => continue,
                    Ok(()) => return Poll::Ready(Some(Ok(bytes))),
                    Err(refusal) => {
                        return Poll::Ready(self.end_with(refusal, Outcome::BrokenOff));
                    }
                }
            }
            match self.poll_upstream(cx) {
                Poll::Ready(Some(Ok(bytes))) => {
                    let ids = self
                        .ids
                        .as_mut()
                        .map(|ids| ids.chunk(&bytes))
                        .unwrap_or_default();
                    let mut out = self.pass(bytes);
                    let is_last = self.is_exhausted();
                    if is_last {
                        out = joined(out, self.rest());
                    }
                    if !ids.is_empty() {
                        self.binding = Some(self.bind(ids, out));
                    } else if is_last {
                        self.source = Source::Last(out);
                    } else if !out.is_empty() {
                        return Poll::Ready(Some(Ok(out)));
                    }
                }
                Poll::Ready(Some(Err(()))) => {
                    return Poll::Ready(self.end_with(Refusal::UpstreamBroken, Outcome::BrokenOff));
                }
                Poll::Ready(None) => {
                    self.source = Source::Last(self.rest());
                }
                Poll::Pending => return self.keep_alive(),
            }
        }
    }

    fn keep_alive(&mut self) -> Poll<Option<Result<Bytes, Ending>>> {
        let silence = self.live.silence();
        let Some(events) = self.events.as_mut().filter(|_| self.held.is_empty()) else {
            return Poll::Pending;
        };
        if events.is_comment_due(silence) {
            return Poll::Ready(Some(Ok(KEEP_ALIVE)));
        }
        Poll::Pending
    }
}

fn joined(first: Bytes, last: Bytes) -> Bytes {
    match (first.is_empty(), last.is_empty()) {
        (true, _) => last,
        (_, true) => first,
        _ => Bytes::from([first, last].concat()),
    }
}

impl Body for Metered {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        if let Source::Cut = this.source {
            this.source = Source::Ended;
            return Poll::Ready(Some(Err(Cut)));
        }
        let bytes = match ready!(this.poll_piece(cx)) {
            None => return Poll::Ready(None),
            Some(Ok(bytes)) => bytes,
            Some(Err(refusal)) => match this.last_words(&refusal) {
                Ok(bytes) => bytes,
                Err(Cut) => {
                    // A body that fails takes with it what was not sent yet, the head included: that goes
                    // out while this one waits a turn.
                    this.source = Source::Cut;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            },
        };
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.source, Source::Ended)
    }
}

impl Drop for Metered {
    /// Dropped before its end: the client has left. The connection closes with the lease, which
    /// is what cancels the provider's work.
    fn drop(&mut self) {
        self.close(Outcome::ClientLeft);
    }
}

impl std::fmt::Debug for Metered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metered")
            .field("permit", &self.permit)
            .finish_non_exhaustive()
    }
}
