//! Stage 7: send. The request goes to the pinned destination; an answer comes back, or the reason
//! why there is none.
//!
//! At most two retries, and only where nothing can have been done twice: connection errors before
//! any byte was sent, and the answers by which a provider says that it did no work. A streamed
//! body is never sent again. Every attempt is a ledger row.

use std::{future::poll_fn, pin::pin, rc::Rc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use keystead_providers::Meaning;

use super::{
    admit::Admission,
    attempt::{Attempt, Outcome},
    body::{Outgoing, too_slow},
    call::Call,
    decide::Permit,
    live::LiveCall,
    open::OpenedKey,
    plane::Thread,
    prepare::prepare,
    recheck::Basis,
    refusal::Refusal,
    retry::{RETRIES, asked_wait, backoff, spread},
};
use crate::{
    clock::{Moment, Timestamp},
    net::{
        ConnectError,
        h1::{Exchange, ExchangeError, ResponseHead},
    },
};

/// How much of an error's body is read to see what it means.
const ERROR_BODY: usize = 64 * 1024;

/// The largest answer that is held to rewrite the addresses in it.
const HELD_ANSWER: usize = 4 * 1024 * 1024;

/// A provider's answer, its body still to come.
#[derive(Debug)]
pub(super) struct Answer {
    /// Status and headers as the provider sent them.
    pub head: ResponseHead,
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
    /// The rest, as long as there is one. Boxed: it goes from stage to stage.
    pub rest: Option<Box<Exchange<Outgoing>>>,
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
        let Some(mut rest) = self.rest else {
            return Ok(whole.freeze());
        };
        while let Some(bytes) = live.guard(poll_fn(|cx| rest.poll_data(cx))).await? {
            whole.extend_from_slice(&bytes.map_err(|_| Refusal::UpstreamBroken)?);
            if whole.len() > HELD_ANSWER {
                return Err(Refusal::UpstreamUnusable {
                    reason: "it is too large to be rewritten",
                });
            }
        }
        Ok(whole.freeze())
    }
}

/// Sends the call until there is an answer to pass on.
///
/// # Errors
///
/// A refusal when there is none.
pub(super) fn send<'a>(
    thread: &'a Rc<Thread>,
    admission: &'a Rc<Admission>,
    basis: Basis<'a>,
    key: &'a OpenedKey,
    body: Outgoing,
    live: &'a Rc<LiveCall>,
    ready: Moment,
) -> impl Future<Output = Result<Answer, Refusal>> + 'a {
    let sender = Sender {
        thread,
        permit: &admission.permit,
        call: basis.call,
        key,
        live,
    };
    let (mut body, mut ready) = (Some(body), ready);
    // An `async fn` would have room for what it is given twice.
    async move {
        for number in 0.. {
            let begun = sender.pass_gate(ready).await?;
            if basis.may_have_changed(&thread.plane) {
                let again = basis.still_permits(&thread.plane, sender.permit);
                live.guard(Box::pin(again)).await??;
            }
            let this = body.take().ok_or(Refusal::Internal)?;
            body = this.again();
            let may_retry = number < RETRIES && body.is_some();
            let attempt = Attempt::begin(thread, admission, key.version, number + 1, begun);
            let wait = match sender.attempt(this, attempt).await {
                Sent::Answer(answer) => {
                    let Some(wait) = sender.wait_after(&answer, number + 1, may_retry) else {
                        return Ok(answer);
                    };
                    let status = answer.head.status;
                    answer.attempt.close(Outcome::Refused, Some(status), None);
                    wait
                }
                Sent::Nothing(_) if may_retry => backoff(number + 1, thread.chance()) / 4,
                Sent::Nothing(refusal) | Sent::Failed(refusal) => return Err(refusal),
            };
            live.guard(Box::pin(tokio::time::sleep(wait))).await?;
            ready = thread.plane.clock.moment();
        }
        Err(Refusal::Internal)
    }
}

/// What came of one attempt.
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
    fn attempt(&self, body: Outgoing, mut attempt: Attempt) -> impl Future<Output = Sent> + '_ {
        let stored = self.permit.key();
        async move {
            let leased = {
                let pool = &self.thread.pool;
                let leased = pin!(pool.lease(stored.upstream, &stored.destination));
                self.live.guard(leased).await
            };
            let lease = match leased {
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
                Err(signal) => {
                    attempt.close(Outcome::from(signal), None, None);
                    return Sent::Failed(signal.into());
                }
            };
            let failure = body.failure();
            let head = match prepare(self.permit, self.call, self.key) {
                Ok(head) => head,
                Err(refusal) => {
                    attempt.close(Outcome::Unreachable, None, None);
                    return Sent::Failed(refusal);
                }
            };
            // A body that still comes from the client sets the time for the answer when it is over.
            if failure.is_none() {
                self.live
                    .expect(self.thread.plane.settings.first_byte_timeout_s, 0);
            }
            attempt.sent();
            let known = &self.permit.provider().about().response_headers;
            let mut exchange = Box::new(Exchange::new(lease, head, body).with_names(known));
            let answered = self.live.guard(poll_fn(|cx| exchange.poll_head(cx)));
            match answered.await {
                Ok(Ok(head)) => {
                    attempt.answered();
                    if let Some(failure) = failure {
                        failure.is_answered();
                    }
                    let body = AnswerBody {
                        head: Bytes::new(),
                        rest: Some(exchange),
                    };
                    let (status, meaning) = (head.status, Meaning::Pass);
                    let answer = Answer {
                        head,
                        body,
                        meaning,
                        attempt,
                    };
                    if status.is_success() || status.is_redirection() {
                        Sent::Answer(answer)
                    } else {
                        Box::pin(self.judge(answer)).await
                    }
                }
                Ok(Err(error)) => {
                    let reason = failure.and_then(|failure| failure.take());
                    let is_nothing = matches!(error, ExchangeError::NothingSent);
                    let outcome = match is_nothing {
                        true => Outcome::Unreachable,
                        false => Outcome::BrokenOff,
                    };
                    attempt.close(outcome, None, None);
                    match (reason, error) {
                        // What was sent broke off, and so it is not the provider that failed.
                        (Some(reason), _) => Sent::Failed(reason),
                        (None, ExchangeError::NothingSent) => {
                            Sent::Nothing(Refusal::UpstreamBroken)
                        }
                        (None, ExchangeError::Malformed(reason)) => {
                            Sent::Failed(Refusal::UpstreamUnusable { reason })
                        }
                        (None, _) => Sent::Failed(Refusal::UpstreamBroken),
                    }
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
    }

    /// Of an error enough is read to see what it means; a success goes on as it comes.
    async fn judge(&self, mut answer: Answer) -> Sent {
        let status = answer.head.status;
        if status.is_informational() {
            answer.attempt.close(Outcome::BrokenOff, Some(status), None);
            let reason = "it switches protocols";
            return Sent::Failed(Refusal::UpstreamUnusable { reason });
        }
        match self.error_body(answer.body).await {
            Ok(body) => {
                let about = self.permit.provider().about();
                answer.meaning = about.judge(status, &body.head, &answer.head.headers);
                Sent::Answer(Answer { body, ..answer })
            }
            Err(refusal) => {
                answer.attempt.close(Outcome::BrokenOff, Some(status), None);
                Sent::Failed(refusal)
            }
        }
    }

    /// An error's body, as far as it is read here.
    async fn error_body(&self, body: AnswerBody) -> Result<AnswerBody, Refusal> {
        let mut head = BytesMut::from(body.head);
        let mut rest = body.rest;
        while let Some(more) = rest.as_mut().filter(|_| head.len() < ERROR_BODY) {
            match self.live.guard(poll_fn(|cx| more.poll_data(cx))).await? {
                Some(Ok(bytes)) => head.extend_from_slice(&bytes),
                Some(Err(_)) => return Err(Refusal::UpstreamBroken),
                None => rest = None,
            }
        }
        Ok(AnswerBody {
            head: head.freeze(),
            rest,
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
            plane.metrics.gate_closed();
        }
        (may_retry && wait <= plane.settings.retry_cap).then_some(wait)
    }

    /// Waits until the key may be used again, or says how long that is too long: the others may have closed
    /// the gate again. Gives the moment when it may, for a call that is ready now.
    async fn pass_gate(&self, ready: Moment) -> Result<Moment, Refusal> {
        let plane = &self.thread.plane;
        let key = self.permit.key().row.id;
        let (came, mut ready) = (ready, ready);
        loop {
            let reset = plane.gates.closed_for(key, self.permit.model());
            if reset.is_zero() {
                return Ok(ready);
            }
            let waited = ready.instant - came.instant;
            if waited + reset > plane.settings.retry_cap {
                return Err(Refusal::ProviderPause { reset });
            }
            self.live.guard(Box::pin(tokio::time::sleep(reset))).await?;
            ready = plane.clock.moment();
        }
    }
}

/// The Retry-After that a finally failing answer should carry where the provider gave none: what it said
/// otherwise, or else our own estimate.
#[must_use]
pub(super) fn final_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let is_there = headers.contains_key(http::header::RETRY_AFTER);
    let wait = || asked_wait(headers, now).unwrap_or_else(|| backoff(RETRIES + 1, 0));
    (!is_there).then(wait)
}
