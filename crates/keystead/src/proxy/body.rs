//! Bodies on their way in: held where what decides lies in them, streamed where it does not.
//!
//! JSON and form bodies decide cost and reach stored objects, so they are held, each within its
//! operation's bound and all together within `limits.held_bytes`. Everything else streams; a
//! multipart body streams from the moment its deciding parts have come.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use keystead_providers::{BodyFormat, Facts, MultipartInspector, Progress};

use super::{
    call::Call,
    decide::Route,
    live::{LiveCall, Signal},
    plane::Plane,
    refusal::Refusal,
};

/// The memory that held bodies may take together.
#[derive(Debug)]
pub(super) struct HeldBytes {
    used: AtomicU64,
    most: u64,
}

/// A share of it, given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    held: Arc<HeldBytes>,
    bytes: u64,
}

impl HeldBytes {
    /// At most `most` bytes together.
    #[must_use]
    pub(super) fn new(most: u64) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicU64::new(0),
            most,
        })
    }

    fn share(self: &Arc<Self>) -> Share {
        Share {
            held: self.clone(),
            bytes: 0,
        }
    }
}

impl Share {
    fn grow(&mut self, bytes: u64) -> Result<(), Refusal> {
        let most = self.held.most;
        let take = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= most);
        self.held
            .used
            .fetch_update(Relaxed, Relaxed, take)
            .map_err(|_| Refusal::HeldBytesFull)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.held.used.fetch_sub(self.bytes, Relaxed);
    }
}

/// A body that was received as far as it had to be, and what the request says.
#[derive(Debug)]
pub(super) struct Received {
    /// What decides.
    pub facts: Facts,
    /// The body as it goes on.
    pub body: Outgoing,
}

/// Receives the body of one call, and reads what decides from it, the query and the headers.
///
/// # Errors
///
/// A refusal for a body that is too large, of another type than the operation takes, unreadable,
/// or too slow.
pub(super) async fn receive(
    plane: &Plane,
    incoming: Incoming,
    call: &Call,
    route: &Route,
    live: &Rc<LiveCall>,
) -> Result<Received, Refusal> {
    let (operation, policy) = (route.operation(), route.body_policy());
    let headers = &call.parts.headers;
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .map(HeaderValue::to_str)
        .transpose();
    let content_type = content_type.map_err(|_| Refusal::malformed("content-type is not text"))?;
    let format = operation
        .body
        .format(content_type, incoming.size_hint().exact())
        .map_err(|_| Refusal::UnsupportedMediaType)?;
    let intake = Intake {
        limit: operation.max_body,
        patience_after: plane.settings.first_byte_timeout_s,
        share: plane.held.share(),
        live,
        incoming,
    };
    let mut received = match format {
        BodyFormat::None => Received {
            facts: Facts::default(),
            body: Outgoing::Empty,
        },
        BodyFormat::Json => {
            let (bytes, share) = intake.all().await?;
            let facts = operation.inspect_json(&bytes, &policy)?;
            Received {
                body: Outgoing::held(facts.edits.apply(bytes), share),
                facts,
            }
        }
        BodyFormat::Form => {
            let (bytes, share) = intake.all().await?;
            let facts = operation.inspect_form(&bytes, &policy)?;
            Received {
                body: Outgoing::held(facts.edits.apply(bytes), share),
                facts,
            }
        }
        BodyFormat::Multipart { boundary } => {
            intake.multipart(operation.multipart(boundary)).await?
        }
        BodyFormat::Binary => intake.streamed(Facts::default(), None, Vec::new()),
    };
    operation.inspect_query(call.query(), &mut received.facts)?;
    operation.inspect_headers(headers, &mut received.facts);
    Ok(received)
}

struct Intake<'a> {
    incoming: Incoming,
    limit: u64,
    share: Share,
    live: &'a Rc<LiveCall>,
    patience_after: u32,
}

impl Intake<'_> {
    /// The next bytes; `None` at the end. Trailers are dropped: nothing here takes any.
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let frame = self
                .live
                .guard(self.incoming.frame())
                .await
                .map_err(too_slow)?;
            self.live.heard();
            match frame {
                None => return Ok(None),
                Some(Err(_)) => return Err(Refusal::malformed("the body broke off")),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// The whole body. One that came in a single piece is not copied.
    async fn all(mut self) -> Result<(Bytes, Share), Refusal> {
        if self.incoming.size_hint().lower() > self.limit {
            return Err(Refusal::BodyTooLarge { limit: self.limit });
        }
        let Some(first) = self.next().await? else {
            return Ok((Bytes::new(), self.share));
        };
        self.share.grow(first.len() as u64)?;
        if first.len() as u64 > self.limit {
            return Err(Refusal::BodyTooLarge { limit: self.limit });
        }
        if self.incoming.is_end_stream() {
            return Ok((first, self.share));
        }
        let mut whole = BytesMut::from(first);
        while let Some(bytes) = self.next().await? {
            if (whole.len() + bytes.len()) as u64 > self.limit {
                return Err(Refusal::BodyTooLarge { limit: self.limit });
            }
            self.share.grow(bytes.len() as u64)?;
            whole.extend_from_slice(&bytes);
        }
        Ok((whole.freeze(), self.share))
    }

    /// Holds a multipart body until its deciding parts have come, and streams the rest.
    async fn multipart(mut self, mut inspector: MultipartInspector) -> Result<Received, Refusal> {
        let mut head = Vec::new();
        let mut length = 0;
        while let Some(bytes) = self.next().await? {
            length += bytes.len() as u64;
            if length > self.limit {
                return Err(Refusal::BodyTooLarge { limit: self.limit });
            }
            self.share.grow(bytes.len() as u64)?;
            let progress = inspector.push(&bytes)?;
            head.push(bytes);
            if let Progress::Decided(facts) = progress {
                return Ok(self.streamed(facts, Some(inspector), head));
            }
        }
        let facts = inspector.finish()?;
        let whole = if head.len() == 1 {
            head.remove(0)
        } else {
            Bytes::from(head.concat())
        };
        Ok(Received {
            facts,
            body: Outgoing::held(whole, self.share),
        })
    }

    fn streamed(
        self,
        facts: Facts,
        inspector: Option<MultipartInspector>,
        head: Vec<Bytes>,
    ) -> Received {
        let sent = head.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
        let body = Outgoing::Streamed(Box::new(Streamed {
            head: head.into_iter(),
            incoming: self.incoming,
            inspector,
            left: self.limit - sent,
            limit: self.limit,
            failure: Failure::default(),
            live: self.live.clone(),
            patience_after: self.patience_after,
            _share: self.share,
        }));
        Received { facts, body }
    }
}

/// Silence while a body is read is the client's.
pub(super) fn too_slow(signal: Signal) -> Refusal {
    match signal {
        Signal::Silent => Refusal::BodyTimeout,
        other => other.into(),
    }
}

/// A body on its way to the provider.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// None.
    Empty,
    /// Held whole, so it can be sent again.
    Held {
        /// What is left to send.
        bytes: Bytes,
        /// Its share of the held bytes, kept until the answer has ended.
        share: Rc<Share>,
    },
    /// Streaming from the client; sent once or not at all.
    Streamed(Box<Streamed>),
}

impl Outgoing {
    fn held(bytes: Bytes, share: Share) -> Self {
        Self::Held {
            bytes,
            share: Rc::new(share),
        }
    }

    /// The same body for another attempt; `None` for one that streams.
    #[must_use]
    pub(super) fn again(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Held { bytes, share } => Some(Self::Held {
                bytes: bytes.clone(),
                share: share.clone(),
            }),
            Self::Streamed(_) => None,
        }
    }

    /// Where a streamed body says why it stopped, should it.
    #[must_use]
    pub(super) fn failure(&self) -> Option<Failure> {
        match self {
            Self::Streamed(streamed) => Some(streamed.failure.clone()),
            Self::Empty | Self::Held { .. } => None,
        }
    }
}

/// Why a streamed body stopped, for the answer to the client: what is sent to the provider is
/// broken off, so that it never sees a whole request.
#[derive(Clone, Debug, Default)]
pub(super) struct Failure(Rc<Sending>);

#[derive(Debug, Default)]
struct Sending {
    refusal: RefCell<Option<Refusal>>,
    is_over: Cell<bool>,
}

impl Failure {
    /// The reason, once.
    #[must_use]
    pub(super) fn take(&self) -> Option<Refusal> {
        self.0.refusal.borrow_mut().take()
    }

    /// Whether the whole body has come.
    #[must_use]
    pub(super) fn is_over(&self) -> bool {
        self.0.is_over.get()
    }
}

/// The streaming part of a body: counted, and watched for deciding parts that come twice.
#[derive(Debug)]
pub(super) struct Streamed {
    head: std::vec::IntoIter<Bytes>,
    incoming: Incoming,
    inspector: Option<MultipartInspector>,
    left: u64,
    limit: u64,
    failure: Failure,
    live: Rc<LiveCall>,
    /// Seconds that the provider has to begin its answer once the body is over.
    patience_after: u32,
    _share: Share,
}

/// The client's body broke off or may not go on; the reason is in [`Failure`].
#[derive(Debug, thiserror::Error)]
#[error("the client's body ended early")]
pub(super) struct BrokenOff;

impl Streamed {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        if let Some(bytes) = self.head.next() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        let bytes = match ready!(Pin::new(&mut self.incoming).poll_frame(cx)) {
            None => {
                self.failure.0.is_over.set(true);
                self.live.expect(self.patience_after, 0);
                return Poll::Ready(None);
            }
            Some(Err(_)) => {
                return Poll::Ready(Some(Err(Refusal::malformed("the body broke off"))));
            }
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        self.live.heard();
        let length = bytes.len() as u64;
        if length > self.left {
            return Poll::Ready(Some(Err(Refusal::BodyTooLarge { limit: self.limit })));
        }
        self.left -= length;
        if let Some(inspector) = &mut self.inspector
            && let Err(error) = inspector.push(&bytes)
        {
            return Poll::Ready(Some(Err(error.into())));
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Held { bytes, .. } if bytes.is_empty() => Poll::Ready(None),
            Self::Held { bytes, .. } => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Streamed(streamed) => {
                let polled = ready!(streamed.poll_next(cx));
                Poll::Ready(polled.map(|frame| {
                    frame.map_err(|refusal| {
                        *streamed.failure.0.refusal.borrow_mut() = Some(refusal);
                        BrokenOff
                    })
                }))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Held { bytes, .. } => bytes.is_empty(),
            Self::Streamed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Held { bytes, .. } => SizeHint::with_exact(bytes.len() as u64),
            Self::Streamed(streamed) => {
                let head: u64 = streamed
                    .head
                    .as_slice()
                    .iter()
                    .map(|b| b.len() as u64)
                    .sum();
                let rest = streamed.incoming.size_hint();
                let mut hint = SizeHint::new();
                hint.set_lower(head + rest.lower());
                if let Some(upper) = rest.upper() {
                    hint.set_upper(head + upper);
                }
                hint
            }
        }
    }
}
