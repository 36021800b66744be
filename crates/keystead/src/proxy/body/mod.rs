//! Bodies on their way in: held where what decides lies in them, streamed where it does not.
//!
//! JSON and form bodies decide cost and reach stored objects, so they are held, each within its
//! operation's bound and all together within `limits.held_bytes`, of which no application takes all.
//! Everything else streams; a multipart body streams from the moment its deciding parts have come.
//!
//! Nothing is asked of a rate before a body is read, so holding one must cost its sender something:
//! whoever sends slowly uses up the patience that there is with pauses ([`SLOWEST`]).

mod held;
mod outgoing;

use std::{future::poll_fn, rc::Rc};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, header};
use http_body::Body as _;
use hyper::body::Incoming;
use keystead_providers::{BodyFormat, Facts, MultipartInspector, Progress};

pub(super) use self::{held::Share, outgoing::Outgoing};

use self::outgoing::{Failure, Streamed};
use super::{
    call::Call,
    decide::Route,
    live::{LiveCall, Signal},
    plane::Plane,
    refusal::Refusal,
};
use crate::net::doorbell::poll_frame;

/// Bytes that give a sender one second more. At less than this a body that is held falls behind, and
/// `server.body_idle_timeout` is how far it may; bytes that come faster save up nothing.
const SLOWEST: u64 = 32 * 1024;

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
    let (operation, policy) = (route.operation(), route.body_policy(call.query()));
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
        share: Share::new(&plane.held, &live.session().held),
        come: 0,
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
            Box::pin(intake.multipart(operation.multipart(boundary))).await?
        }
        BodyFormat::Binary => intake.streamed(Facts::default(), None, Bytes::new()),
    };
    operation.inspect_query(call.query(), &mut received.facts)?;
    operation.inspect_headers(headers, &mut received.facts);
    Ok(received)
}

/// Receives a body that is no longer than `limit`, whatever stands in it.
///
/// # Errors
///
/// A refusal for one that is too large, or too slow.
pub(super) async fn receive_whole(
    plane: &Plane,
    incoming: Incoming,
    limit: u64,
    live: &Rc<LiveCall>,
) -> Result<(Bytes, Share), Refusal> {
    let intake = Intake {
        limit,
        patience_after: plane.settings.first_byte_timeout_s,
        share: Share::new(&plane.held, &live.session().held),
        come: 0,
        live,
        incoming,
    };
    intake.all().await
}

/// Reads what decides from a body that Keystead wrote itself, as if it had come with the call.
///
/// # Errors
///
/// As [`receive`].
pub(super) fn receive_written(
    plane: &Plane,
    bytes: Bytes,
    call: &Call,
    route: &Route,
) -> Result<Received, Refusal> {
    let (operation, policy) = (route.operation(), route.body_policy(call.query()));
    let headers = &call.parts.headers;
    let length = bytes.len() as u64;
    if length > operation.max_body {
        let limit = operation.max_body;
        return Err(Refusal::BodyTooLarge { limit });
    }
    let mut share = Share::new(&plane.held, &route.session().held);
    share.grow(length)?;
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let format = operation
        .body
        .format(content_type, Some(length))
        .map_err(|_| Refusal::UnsupportedMediaType)?;
    let mut facts = match format {
        BodyFormat::Json => operation.inspect_json(&bytes, &policy)?,
        BodyFormat::Form => operation.inspect_form(&bytes, &policy)?,
        BodyFormat::Multipart { boundary } => {
            let mut inspector = operation.multipart(boundary);
            match inspector.push(&bytes)? {
                Progress::Decided(facts) => *facts,
                _ => inspector.finish()?,
            }
        }
        BodyFormat::None | BodyFormat::Binary => Facts::default(),
    };
    operation.inspect_query(call.query(), &mut facts)?;
    operation.inspect_headers(headers, &mut facts);
    Ok(Received {
        body: Outgoing::held(facts.edits.apply(bytes), share),
        facts,
    })
}

struct Intake<'a> {
    incoming: Incoming,
    limit: u64,
    share: Share,
    /// Bytes that came and did not make up for a second yet.
    come: u64,
    live: &'a Rc<LiveCall>,
    patience_after: u32,
}

impl Intake<'_> {
    /// The next bytes; `None` at the end. Trailers are dropped: nothing here takes any.
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let frame = self
                .live
                .guard(poll_fn(|cx| poll_frame(&mut self.incoming, cx)))
                .await
                .map_err(too_slow)?;
            match frame {
                None => {
                    self.live.heard();
                    return Ok(None);
                }
                Some(Err(_)) => return Err(Refusal::malformed("the body broke off")),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.come += bytes.len() as u64;
                        self.live.heard_for(self.come / SLOWEST);
                        self.come %= SLOWEST;
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
            self.live.heard();
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
        // In one piece: kept apart, a chunk of one byte would take forty that nobody counts.
        let mut head = BytesMut::new();
        while let Some(bytes) = self.next().await? {
            if (head.len() + bytes.len()) as u64 > self.limit {
                return Err(Refusal::BodyTooLarge { limit: self.limit });
            }
            self.share.grow(bytes.len() as u64)?;
            let progress = inspector.push(&bytes)?;
            if head.is_empty() {
                head = BytesMut::from(bytes);
            } else {
                head.extend_from_slice(&bytes);
            }
            if let Progress::Decided(facts) = progress {
                return Ok(self.streamed(*facts, Some(inspector), head.freeze()));
            }
        }
        Ok(Received {
            facts: inspector.finish()?,
            body: Outgoing::held(head.freeze(), self.share),
        })
    }

    fn streamed(
        self,
        facts: Facts,
        inspector: Option<MultipartInspector>,
        head: Bytes,
    ) -> Received {
        self.live.heard();
        let body = Outgoing::Streamed(Box::new(Streamed {
            left: self.limit - head.len() as u64,
            head,
            incoming: self.incoming,
            inspector,
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
