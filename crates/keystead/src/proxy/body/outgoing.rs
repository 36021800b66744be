//! Bodies on their way to the provider.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use keystead_providers::MultipartInspector;

use super::held::Share;
use crate::{
    net::doorbell::poll_frame,
    proxy::{live::LiveCall, refusal::Refusal},
};

/// A body on its way to the provider.
#[derive(Debug)]
pub(in crate::proxy) enum Outgoing {
    /// None.
    Empty,
    /// Held whole, so it can be sent again.
    Held {
        /// What is left to send.
        bytes: Bytes,
        /// Its share of the held bytes, given back with the last copy of them.
        share: Rc<Share>,
    },
    /// Streaming from the client; sent once or not at all.
    Streamed(Box<Streamed>),
}

impl Outgoing {
    pub(super) fn held(bytes: Bytes, share: Share) -> Self {
        Self::Held {
            bytes,
            share: Rc::new(share),
        }
    }

    /// The same body for another attempt; `None` for one that streams.
    #[must_use]
    pub(in crate::proxy) fn again(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Held { bytes, share } => Some(Self::Held {
                bytes: bytes.clone(),
                share: share.clone(),
            }),
            Self::Streamed(_) => None,
        }
    }

    /// How long it is; of one that streams without saying so, how long it may become.
    #[must_use]
    pub(in crate::proxy) fn most_bytes(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Held { bytes, .. } => bytes.len() as u64,
            Self::Streamed(streamed) => {
                let rest = streamed.incoming.size_hint().exact();
                streamed.head.len() as u64 + rest.unwrap_or(streamed.left)
            }
        }
    }

    /// Where a streamed body says why it stopped, should it.
    #[must_use]
    pub(in crate::proxy) fn failure(&self) -> Option<Failure> {
        match self {
            Self::Streamed(streamed) => Some(streamed.failure.clone()),
            Self::Empty | Self::Held { .. } => None,
        }
    }
}

/// How far a streamed body is, and why it stopped, for the answer to the client: what is sent to the provider is
/// broken off, so that it never sees a whole request.
#[derive(Clone, Debug, Default)]
pub(in crate::proxy) struct Failure(Rc<Sending>);

#[derive(Debug, Default)]
struct Sending {
    refusal: RefCell<Option<Refusal>>,
    is_over: Cell<bool>,
    is_answered: Cell<bool>,
}

impl Failure {
    /// The reason, once.
    #[must_use]
    pub(in crate::proxy) fn take(&self) -> Option<Refusal> {
        self.0.refusal.borrow_mut().take()
    }

    /// The provider's answer has begun, and sets the times from here on.
    pub(in crate::proxy) fn is_answered(&self) {
        self.0.is_answered.set(true);
    }

    /// Whether the whole body has come.
    #[must_use]
    pub(in crate::proxy) fn is_over(&self) -> bool {
        self.0.is_over.get()
    }
}

/// The streaming part of a body: counted, and watched for deciding parts that come twice.
#[derive(Debug)]
pub(in crate::proxy) struct Streamed {
    /// What was held until the deciding parts had come, and is yet to go out.
    pub(super) head: Bytes,
    pub(super) incoming: Incoming,
    pub(super) inspector: Option<MultipartInspector>,
    pub(super) left: u64,
    pub(super) limit: u64,
    pub(super) failure: Failure,
    pub(super) live: Rc<LiveCall>,
    /// Seconds that the provider has to begin its answer once the body is over.
    pub(super) patience_after: u32,
    pub(super) _share: Share,
}

/// The client's body broke off or may not go on; the reason is in [`Failure`].
#[derive(Debug, thiserror::Error)]
#[error("the client's body ended early")]
pub(in crate::proxy) struct BrokenOff;

impl Streamed {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        if !self.head.is_empty() {
            let head = std::mem::take(&mut self.head);
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        let bytes = match ready!(poll_frame(&mut self.incoming, cx)) {
            None => {
                self.failure.0.is_over.set(true);
                if !self.failure.0.is_answered.get() {
                    self.live.expect(self.patience_after, 0);
                }
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
                let head = streamed.head.len() as u64;
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
