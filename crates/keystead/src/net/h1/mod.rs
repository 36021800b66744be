//! HTTP/1.1 as a client, for the one exchange that is worth a client of our own: the call that is
//! carried to a provider.
//!
//! | file | what it holds |
//! |---|---|
//! | [`request`] | the head of a request, written once into the bytes that go out, and wiped |
//! | [`sending`] | head and body on their way out |
//! | [`response`] | the head of an answer, and where the answer ends |
//! | [`chunked`] | bodies in chunks (RFC 9112, section 7.1) |
//!
//! An [`Exchange`] runs within the task of the call that it serves: no task of its own, no channel
//! between the two, and no buffer that waits with an idle connection. What arrives is read into a
//! buffer of the thread and copied out as long as it is. The parser is `httparse`, with its
//! strict settings.
//!
//! Of an answer that could be read in two ways, nothing is passed on: two lengths, a length beside
//! chunks, a coding other than `chunked`. A connection is used again only when the request was sent
//! whole and the answer ended exactly where it said.

mod chunked;
mod request;
mod response;
mod sending;

use std::{
    io,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::Body;
use keystead_providers::HeaderList;

pub use self::{
    request::{MalformedTarget, RequestHead},
    response::ResponseHead,
};

use self::{
    response::{Parsed, Remaining},
    sending::Sending,
};
use super::pool::Lease;

/// The most reads that a head may take: each copies what was read before.
const MOST_READS: u32 = 1_000;

/// The longest head of an answer, with the interim ones (1xx) before it, in bytes.
const LONGEST_HEAD: usize = 64 * 1024;

/// Why there is no answer, or no more of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// No byte of the request was sent, so nobody can have acted on it.
    #[error("the connection was closed before anything was sent")]
    NothingSent,
    /// The connection ended before the answer did.
    #[error("the connection ended early")]
    Broken,
    /// The answer is none that HTTP/1.1 knows, or could be read in two ways.
    #[error("the answer is malformed: {0}")]
    Malformed(&'static str),
}

/// One request and its answer.
///
/// Dropped before the end, it closes the connection at once, which is how a provider learns that a
/// client has left. At the end of the answer the connection goes back to its pool by itself.
#[derive(Debug)]
pub struct Exchange<B> {
    /// Gone once the answer has ended.
    lease: Option<Lease>,
    sending: Sending<B>,
    known: Option<&'static HeaderList>,
    /// What was read and is yet to be taken.
    unread: Bytes,
    /// How much was read before the head had come, and how often.
    before: usize,
    reads: u32,
    remaining: Remaining,
    /// Whether both sides mean to use the connection again.
    persists: bool,
}

impl<B> Exchange<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    /// A request that is to go out on this connection.
    #[must_use]
    pub fn new(lease: Lease, head: RequestHead, body: B) -> Self {
        Self {
            lease: Some(lease),
            sending: Sending::new(head, body),
            known: None,
            unread: Bytes::new(),
            before: 0,
            reads: 0,
            remaining: Remaining::UntilClose,
            persists: true,
        }
    }

    /// The same, where the answer has headers of these names more often than not.
    #[must_use]
    pub fn with_names(mut self, known: &'static HeaderList) -> Self {
        self.known = Some(known);
        self
    }

    /// Sends, and gives the head of the final answer; that may come while the body is still sent.
    /// Ask once.
    ///
    /// # Errors
    ///
    /// [`ExchangeError`], of whatever kind.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseHead, ExchangeError>> {
        loop {
            self.poll_send(cx);
            let begun = self.unread.len();
            let has_more = ready!(self.poll_read(cx)).is_ok_and(|more| more);
            if self.leaves_unsent() {
                return Poll::Ready(Err(ExchangeError::NothingSent));
            }
            if !has_more {
                return Poll::Ready(Err(ExchangeError::Broken));
            }
            let more = &self.unread[begun..];
            self.before += more.len();
            self.reads += 1;
            // Without a new line a head can't have come to its end.
            if memchr::memchr(b'\n', more).is_some() {
                while let Parsed::Head(head) = response::parse(&mut self.unread, self.known)? {
                    if head.is_interim() {
                        continue;
                    }
                    self.persists &= head.persists();
                    self.remaining = head.remaining()?;
                    self.settle();
                    return Poll::Ready(Ok(head));
                }
            }
            if self.reads > MOST_READS {
                return Poll::Ready(Err(ExchangeError::Malformed(
                    "its head comes in too many pieces",
                )));
            }
            if self.before > LONGEST_HEAD {
                return Poll::Ready(Err(ExchangeError::Malformed("its head is too long")));
            }
        }
    }

    /// The next bytes of the answer; `None` at its end.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Broken`] and [`ExchangeError::Malformed`].
    pub fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, ExchangeError>>> {
        loop {
            let taken = self
                .remaining
                .take(&mut self.unread)
                .map_err(ExchangeError::Malformed);
            self.settle();
            match taken {
                Err(error) => return Poll::Ready(Some(Err(error))),
                Ok(bytes) if !bytes.is_empty() => return Poll::Ready(Some(Ok(bytes))),
                Ok(_) if self.is_over() => return Poll::Ready(None),
                Ok(_) => {}
            }
            self.poll_send(cx);
            match ready!(self.poll_read(cx)) {
                Ok(true) => {}
                Ok(false) if self.may_end_here() => {
                    self.lease = None;
                }
                Ok(false) | Err(_) => return Poll::Ready(Some(Err(ExchangeError::Broken))),
            }
        }
    }

    /// Whether the last byte of the answer was taken.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.lease.is_none()
    }

    /// Goes on sending. That a provider takes no more is no reason not to hear what it has said
    /// about it, so a failure shows in what can be read.
    fn poll_send(&mut self, cx: &mut Context<'_>) {
        if let Some(lease) = &mut self.lease {
            self.sending.poll(lease.io(), cx);
            // What it took may be on its way yet.
            let _held = lease.io().socket().poll_held(cx);
        }
    }

    /// Reads what has come; `false` at the end of the connection.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match &mut self.lease {
            Some(lease) if !self.sending.is_aborted() => lease.poll_read(cx, &mut self.unread),
            _ => Poll::Ready(Ok(false)),
        }
    }

    /// Whether the end of the connection is that of the answer. Where we ended it, because the body that
    /// was sent broke off, it is not.
    fn may_end_here(&self) -> bool {
        self.remaining.ends_with_the_connection() && !self.sending.is_aborted()
    }

    /// Closes the connection if no byte of the request was sent on it: what was to be sent goes with it, and
    /// what it said was said to nobody.
    fn leaves_unsent(&mut self) -> bool {
        let is_unsent = |lease: &Lease| !self.sending.has_begun() || !lease.has_sent();
        let leaves = self.lease.as_ref().is_some_and(is_unsent);
        if leaves {
            self.lease = None;
        }
        leaves
    }

    /// Lets go of the connection when the answer is over: into the pool, or closed if anything is
    /// left of what was sent or came.
    fn settle(&mut self) {
        if !self.remaining.is_over() {
            return;
        }
        if let Some(lease) = self.lease.take()
            && self.persists
            && self.unread.is_empty()
            && self.sending.is_over()
        {
            lease.back();
        }
    }
}

#[cfg(test)]
mod tests;
