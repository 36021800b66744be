//! Stage 7: send. The request goes to the pinned destination; an answer comes back, or the reason
//! why there is none.
//!
//! At most two retries, and only where nothing can have been done twice: connection errors before
//! any byte was sent, and the answers by which a provider says that it did no work. A streamed
//! body is never sent again. Every attempt is a ledger row.

use std::{rc::Rc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, response::Parts};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use keystead_providers::Meaning;

use super::{
    body::{Outgoing, too_slow},
    call::Call,
    decide::Permit,
    ledger::{Attempt, Outcome},
    live::LiveCall,
    open::OpenedKey,
    plane::Thread,
    prepare::prepare,
    refusal::Refusal,
    retry::{RETRIES, asked_wait, backoff, spread},
};
use crate::net::{ConnectError, pool::Lease};

/// How much of an error's body is read to see what it means.
const ERROR_BODY: usize = 64 * 1024;

/// The largest answer that is held to rewrite the addresses in it.
const HELD_ANSWER: usize = 4 * 1024 * 1024;

/// A provider's answer, its body still to come.
#[derive(Debug)]
pub(super) struct Answer {
    /// Status and headers as the provider sent them.
    pub head: Parts,
    /// The body.
    pub body: AnswerBody,
    /// What the adapter reads from status and body of an error; `Pass` for a success.
    pub meaning: Meaning,
    /// The ledger row of this attempt, to be closed when the body has ended.
    pub attempt: Attempt,
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct AnswerBody {
    /// What was read already to see what an error means.
    pub head: Bytes,
    /// The rest, with the connection that it comes on.
    pub rest: Option<(Incoming, Lease<Outgoing>)>,
}

impl AnswerBody {
    /// All of it, if it is no larger than such answers are.
    ///
    /// # Errors
    ///
    /// [`Refusal::UpstreamUnusable`] when it is larger, [`Refusal::UpstreamBroken`] when it ends
    /// early.
    pub(super) async fn collect(self, live: &LiveCall) -> Result<Bytes, Refusal> {
        let mut whole = BytesMut::from(self.head);
        let Some((mut incoming, lease)) = self.rest else {
            return Ok(whole.freeze());
        };
        while let Some(frame) = live.guard(incoming.frame()).await? {
            let frame = frame.map_err(|_| Refusal::UpstreamBroken)?;
            whole.extend_from_slice(&frame.into_data().unwrap_or_default());
            if whole.len() > HELD_ANSWER {
                return Err(Refusal::UpstreamUnusable {
                    reason: "it is too large to be rewritten",
                });
            }
        }
        lease.back();
        Ok(whole.freeze())
    }
}

/// Sends the call until there is an answer to pass on.
///
/// # Errors
///
/// A refusal when there is none.
pub(super) async fn send(
    thread: &Thread,
    permit: &Permit,
    call: &Call,
    key: &OpenedKey,
    body: Outgoing,
    live: &Rc<LiveCall>,
) -> Result<Answer, Refusal> {
    let sender = Sender {
        thread,
        permit,
        call,
        key,
        live,
    };
    let mut body = Some(body);
    for number in 0.. {
        sender.pass_gate().await?;
        let this = body.take().ok_or(Refusal::Internal)?;
        body = this.again();
        let may_retry = number < RETRIES && body.is_some();
        let attempt = Attempt::begin(&thread.plane, permit, key.version, number + 1);
        match sender.attempt(this, attempt).await {
            Sent::Answer(answer) => {
                let Some(wait) = sender.wait_after(&answer, number + 1, may_retry) else {
                    return Ok(answer);
                };
                answer
                    .attempt
                    .close(Outcome::Refused, Some(answer.head.status), None);
                drop(answer.body);
                live.guard(tokio::time::sleep(wait)).await?;
            }
            Sent::Nothing(_) if may_retry => {
                let wait = backoff(number + 1, thread.chance());
                live.guard(tokio::time::sleep(wait / 4)).await?;
            }
            Sent::Nothing(refusal) | Sent::Failed(refusal) => return Err(refusal),
        }
    }
    Err(Refusal::Internal)
}

/// What came of one attempt.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and nearly always this one"
)]
enum Sent {
    Answer(Answer),
    /// Not one byte went out.
    Nothing(Refusal),
    /// Something went out, so it may have been done.
    Failed(Refusal),
}

struct Sender<'a> {
    thread: &'a Thread,
    permit: &'a Permit,
    call: &'a Call,
    key: &'a OpenedKey,
    live: &'a Rc<LiveCall>,
}

impl Sender<'_> {
    async fn attempt(&self, body: Outgoing, mut attempt: Attempt) -> Sent {
        let failure = body.failure();
        let request = match prepare(self.permit, self.call, self.key, body) {
            Ok(request) => request,
            Err(refusal) => return Sent::Failed(refusal),
        };
        let stored = self.permit.key();
        let leased = self.thread.pool.lease(stored.upstream, &stored.destination);
        let mut lease = match self.live.guard(leased).await {
            Ok(Ok(lease)) => lease,
            Ok(Err(error)) => {
                attempt.close(Outcome::Unreachable, None, None);
                let is_final = matches!(error, ConnectError::Refused(_) | ConnectError::Tls(_));
                let refusal = Refusal::Unreachable(error);
                return if is_final {
                    Sent::Failed(refusal)
                } else {
                    Sent::Nothing(refusal)
                };
            }
            Err(signal) => return Sent::Failed(signal.into()),
        };
        // A body that still comes from the client sets the time for the answer when it is over.
        if failure.is_none() {
            self.live
                .expect(self.thread.plane.settings.first_byte_timeout_s, 0);
        }
        match self.live.guard(lease.send(request)).await {
            Ok(Ok(response)) => {
                attempt.answered();
                let (head, incoming) = response.into_parts();
                self.read(head, incoming, lease, attempt).await
            }
            Ok(Err(error)) if error.message().is_some() => {
                attempt.close(Outcome::Unreachable, None, None);
                Sent::Nothing(Refusal::UpstreamBroken)
            }
            Ok(Err(_)) => {
                attempt.close(Outcome::BrokenOff, None, None);
                let reason = failure.and_then(|failure| failure.take());
                Sent::Failed(reason.unwrap_or(Refusal::UpstreamBroken))
            }
            Err(signal) => {
                attempt.close(Outcome::from(signal), None, None);
                let is_sending = failure.is_some_and(|failure| !failure.is_over());
                Sent::Failed(if is_sending {
                    too_slow(signal)
                } else {
                    signal.into()
                })
            }
        }
    }

    /// A success goes on as it comes; of an error enough is read to see what it means.
    async fn read(
        &self,
        head: Parts,
        incoming: Incoming,
        lease: Lease<Outgoing>,
        attempt: Attempt,
    ) -> Sent {
        if head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
            attempt.close(Outcome::BrokenOff, Some(head.status), None);
            let reason = "it switches protocols";
            return Sent::Failed(Refusal::UpstreamUnusable { reason });
        }
        if !head.status.is_client_error() && !head.status.is_server_error() {
            let body = AnswerBody {
                head: Bytes::new(),
                rest: Some((incoming, lease)),
            };
            return Sent::Answer(Answer {
                head,
                body,
                meaning: Meaning::Pass,
                attempt,
            });
        }
        match self.error_body(incoming, lease).await {
            Ok(body) => {
                let about = self.permit.provider().about();
                let meaning = about.judge(head.status, &body.head, &head.headers);
                Sent::Answer(Answer {
                    head,
                    body,
                    meaning,
                    attempt,
                })
            }
            Err(refusal) => {
                attempt.close(Outcome::BrokenOff, Some(head.status), None);
                Sent::Failed(refusal)
            }
        }
    }

    async fn error_body(
        &self,
        mut incoming: Incoming,
        lease: Lease<Outgoing>,
    ) -> Result<AnswerBody, Refusal> {
        let mut head = BytesMut::new();
        while head.len() < ERROR_BODY {
            match self.live.guard(incoming.frame()).await? {
                Some(Ok(frame)) => head.extend_from_slice(&frame.into_data().unwrap_or_default()),
                Some(Err(_)) => return Err(Refusal::UpstreamBroken),
                None => {
                    lease.back();
                    return Ok(AnswerBody {
                        head: head.freeze(),
                        rest: None,
                    });
                }
            }
        }
        Ok(AnswerBody {
            head: head.freeze(),
            rest: Some((incoming, lease)),
        })
    }

    /// Whether to try again after this answer, and when. Closes the gate after a 429.
    fn wait_after(&self, answer: &Answer, attempt: u32, may_retry: bool) -> Option<Duration> {
        if answer.meaning != Meaning::Retry {
            return None;
        }
        let plane = &self.thread.plane;
        let asked = asked_wait(&answer.head.headers, plane.clock.now());
        let wait = match asked {
            Some(asked) => spread(asked, self.thread.chance()),
            None => backoff(attempt, self.thread.chance()),
        };
        if answer.head.status == StatusCode::TOO_MANY_REQUESTS {
            plane
                .gates
                .close(self.permit.key().row.id, self.permit.model(), wait);
        }
        (may_retry && wait <= plane.settings.retry_cap).then_some(wait)
    }

    /// Waits until the key may be used again, or says how long that is too long.
    async fn pass_gate(&self) -> Result<(), Refusal> {
        let plane = &self.thread.plane;
        let key = self.permit.key().row.id;
        loop {
            let reset = plane.gates.closed_for(key, self.permit.model());
            if reset.is_zero() {
                return Ok(());
            }
            if reset > plane.settings.retry_cap {
                return Err(Refusal::ProviderPause { reset });
            }
            self.live.guard(tokio::time::sleep(reset)).await?;
        }
    }
}

/// The Retry-After that a finally failing answer should carry: what the provider said, or else
/// our own estimate.
#[must_use]
pub(super) fn final_wait(headers: &HeaderMap) -> Option<Duration> {
    (!headers.contains_key(http::header::RETRY_AFTER)).then(|| backoff(RETRIES + 1, 0))
}
