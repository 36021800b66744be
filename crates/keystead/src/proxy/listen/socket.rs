//! A client's socket, of which can be asked whether the client has left.
//!
//! hyper finds that out by reading, and first makes room for what it might read. While a call runs its
//! head still lies in the room there was, so that each call would take 8 KiB more and give them back.
//! Told that clients may close their half ([`half_close`]), hyper does not look, and this does instead.
//!
//! [`half_close`]: hyper::server::conn::http1::Builder::half_close

use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::net::held::{HeldSocket, Outbox};

/// The socket; clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct ClientSocket(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    socket: RefCell<HeldSocket>,
    /// Whether hyper has asked for more since [`poll_left`](ClientSocket::poll_left) did, and waits for it.
    is_awaited: Cell<bool>,
}

impl Drop for Inner {
    /// The last words of a connection that ends before the round does.
    fn drop(&mut self) {
        self.socket.get_mut().send();
    }
}

impl ClientSocket {
    pub(super) fn new(stream: TcpStream, outbox: Rc<Outbox>) -> Self {
        Self(Rc::new(Inner {
            socket: RefCell::new(HeldSocket::new(stream, outbox)),
            is_awaited: Cell::new(false),
        }))
    }

    /// From now on what is little waits for the end of the round.
    pub(super) fn hold(&self) {
        self.0.socket.borrow().hold();
    }

    /// Goes on sending what the client did not take at once; comes to an end when it takes no more.
    pub(super) fn poll_unsent(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self.0.socket.borrow().poll_held(cx) {
            Poll::Ready(Err(_)) => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }

    /// Comes to an end when the client has closed its side and everything it sent was read. Where hyper
    /// waits to read it finds that out itself, woken as this would be.
    pub(super) fn poll_left(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.is_awaited.take() {
            return Poll::Pending;
        }
        let mut byte = [0];
        let socket = self.0.socket.borrow();
        let peeked = socket.poll_peek(cx, &mut ReadBuf::new(&mut byte));
        match ready!(peeked) {
            // It sends on; whoever reads that will wait for more.
            Ok(1..) => Poll::Pending,
            Ok(0) | Err(_) => Poll::Ready(()),
        }
    }

    fn with<T>(&self, act: impl FnOnce(Pin<&mut HeldSocket>) -> T) -> T {
        act(Pin::new(&mut self.0.socket.borrow_mut()))
    }
}

impl AsyncRead for ClientSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.with(|socket| socket.poll_read(cx, into));
        self.0.is_awaited.set(read.is_pending());
        read
    }
}

impl AsyncWrite for ClientSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|socket| socket.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|socket| socket.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|socket| socket.poll_shutdown(cx))
    }
}
