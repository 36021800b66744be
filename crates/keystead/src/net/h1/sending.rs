//! Head and body of a request on their way out.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use http_body::Body;
use tokio::io::AsyncWrite;

use super::request::RequestHead;
use crate::net::wiped::Wiped;

/// The longest first piece of a body that goes out together with the head, in bytes.
const TOGETHER: usize = 16 * 1024;

/// A request on its way out.
pub(super) struct Sending<B> {
    /// The head, until the last byte of it is gone.
    head: Option<Wiped>,
    /// How much of the head is gone.
    gone: usize,
    /// The piece of the body that goes next.
    piece: Bytes,
    /// What is to come of the body.
    rest: Option<Rest<B>>,
    stage: Stage,
    has_begun: bool,
}

struct Rest<B> {
    body: B,
    /// How much of the announced length is to come; `None` in chunks.
    left: Option<u64>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    New,
    Running,
    /// The connection took everything.
    Over,
    /// The connection takes no more. What it has to say about that can still be read.
    Stopped,
    /// The body broke off: the provider must not take it for whole.
    Aborted,
}

impl<B> Sending<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    pub(super) fn new(head: RequestHead, body: B) -> Self {
        let RequestHead {
            bytes: mut head,
            announces_no_body,
        } = head;
        let length = body.size_hint().exact();
        match length {
            Some(0) if !announces_no_body => head.push(b"\r\n"),
            Some(length) => {
                head.push(b"content-length: ");
                head.push(length.to_string().as_bytes());
                head.push(b"\r\n\r\n");
            }
            None => head.push(b"transfer-encoding: chunked\r\n\r\n"),
        }
        Self {
            head: Some(head),
            gone: 0,
            piece: Bytes::new(),
            rest: Some(Rest { body, left: length }),
            stage: Stage::New,
            has_begun: false,
        }
    }

    /// Sends as much as the connection takes and the body has.
    pub(super) fn poll<W: AsyncWrite + Unpin>(&mut self, io: &mut W, cx: &mut Context<'_>) {
        if !matches!(self.stage, Stage::New | Stage::Running) {
            return;
        }
        if let Poll::Ready(end) = self.advance(io, cx) {
            *self = Self {
                stage: end,
                has_begun: self.has_begun,
                head: None,
                gone: 0,
                piece: Bytes::new(),
                rest: None,
            };
        }
    }

    fn advance<W: AsyncWrite + Unpin>(&mut self, io: &mut W, cx: &mut Context<'_>) -> Poll<Stage> {
        if self.stage == Stage::New {
            self.stage = Stage::Running;
            if self.poll_piece(cx) == Poll::Ready(Err(BrokenOff)) {
                return Poll::Ready(Stage::Aborted);
            }
            if let Some(head) = self.head.as_mut().filter(|_| self.piece.len() <= TOGETHER) {
                head.push(&std::mem::take(&mut self.piece));
            }
        }
        loop {
            while !self.is_gone() {
                match ready!(self.poll_write(io, cx)) {
                    Ok(0) | Err(_) => return Poll::Ready(Stage::Stopped),
                    Ok(taken) => self.took(taken),
                }
            }
            match self.poll_piece(cx) {
                Poll::Ready(Ok(())) if self.piece.is_empty() => break,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(BrokenOff)) => return Poll::Ready(Stage::Aborted),
                Poll::Pending => {
                    // What was sent so far is not to wait for what is not there yet; should it
                    // fail, the next write will too.
                    let _flushed = Pin::new(io).poll_flush(cx);
                    return Poll::Pending;
                }
            }
        }
        let flushed = ready!(Pin::new(io).poll_flush(cx));
        Poll::Ready(flushed.map_or(Stage::Stopped, |()| Stage::Over))
    }

    /// Whether all that was there to be written is.
    fn is_gone(&self) -> bool {
        self.head.is_none() && self.piece.is_empty()
    }

    /// Head and body together where both are there: a head alone would wake the other side for nothing.
    fn poll_write<W: AsyncWrite + Unpin>(
        &self,
        io: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let io = Pin::new(io);
        let head = self.head.as_ref().map(|head| &head.as_slice()[self.gone..]);
        match head {
            None => io.poll_write(cx, &self.piece),
            Some(head) if self.piece.is_empty() => io.poll_write(cx, head),
            Some(head) => {
                let both = [IoSlice::new(head), IoSlice::new(&self.piece)];
                io.poll_write_vectored(cx, &both)
            }
        }
    }

    /// So much was written.
    fn took(&mut self, mut taken: usize) {
        self.has_begun = true;
        if let Some(head) = &self.head {
            let of_head = taken.min(head.as_slice().len() - self.gone);
            self.gone += of_head;
            taken -= of_head;
            if self.gone == head.as_slice().len() {
                self.head = None;
            }
        }
        self.piece.advance(taken);
    }

    /// Puts the next piece of the body into its place, as it goes out; none at the end.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BrokenOff>> {
        while let Some(rest) = &mut self.rest {
            let data = match ready!(Pin::new(&mut rest.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(_)) => return Poll::Ready(Err(BrokenOff)),
                None => {
                    match rest.left {
                        Some(0) => {}
                        Some(_) => return Poll::Ready(Err(BrokenOff)),
                        None => self.piece = Bytes::from_static(b"0\r\n\r\n"),
                    }
                    self.rest = None;
                    break;
                }
            };
            // An empty chunk would be the last one.
            if data.is_empty() {
                continue;
            }
            self.piece = match &mut rest.left {
                Some(left) => {
                    *left = left.checked_sub(data.len() as u64).ok_or(BrokenOff)?;
                    data
                }
                None => {
                    let size = format!("{:x}\r\n", data.len());
                    [size.as_bytes(), &data, b"\r\n"].concat().into()
                }
            };
            break;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether the connection took everything.
    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// Whether it took a single byte.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether the body broke off.
    pub(super) fn is_aborted(&self) -> bool {
        self.stage == Stage::Aborted
    }
}

/// The body ended before, or went on behind, what was announced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct BrokenOff;

impl<B> std::fmt::Debug for Sending<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sending")
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}
