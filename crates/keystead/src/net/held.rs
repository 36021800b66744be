//! Sockets that send at the end of a round.
//!
//! A core takes what has happened on many connections at a time, and then runs a task for each. To send what
//! each has to say at once wakes whoever waits for it, where that is on this machine: its processor is called
//! out of its sleep, and sleeps again before the next comes. So what is little is held until all tasks that
//! could run have run. Then it is sent, and the first wakes them for the others.
//!
//! A thread has one [`Outbox`], which a task of it [carries](Outbox::carry) out. While no task does, nothing is
//! held; nor is the handshake of TLS, which waits for nobody else.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker, ready},
};

use smallvec::SmallVec;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::wiped::Wiped;

/// How much is held of one connection at most, in bytes.
const MOST_HELD: usize = 4 * 1024;

/// How many connections wait for the end of a round at most. Of a longer one, what was said first is not to wait
/// for the last; and a wake for so many costs each of them next to nothing.
const MOST_WAITING: usize = 64;

/// The sockets of a thread that hold something.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: RefCell<Vec<Weak<Inner>>>,
    courier: RefCell<Option<Waker>>,
    /// Room for what is held; a connection that has nothing to say has none.
    room: RefCell<Vec<Wiped>>,
}

impl Outbox {
    /// Sends what is held, each time when all tasks that could run have run, until the task is ended.
    pub async fn carry(&self) {
        let carrying = Carrying(self);
        poll_fn(|cx| {
            carrying.is_called_by(cx.waker());
            self.send();
            Poll::<()>::Pending
        })
        .await;
    }

    /// Sends what is held.
    pub fn send(&self) {
        let mut waiting = self.waiting.take();
        for socket in waiting.drain(..).filter_map(|socket| socket.upgrade()) {
            socket.send();
        }
        // To send holds nothing back, so the list is empty yet.
        self.waiting.replace(waiting);
    }

    fn is_carried(&self) -> bool {
        self.courier.borrow().is_some()
    }

    /// Notes a socket that holds something; the first of a round calls the courier, whose turn comes behind
    /// all tasks that can run now.
    fn note(&self, socket: Weak<Inner>) {
        if self.waiting.borrow().len() == MOST_WAITING {
            self.send();
        }
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty()
            && let Some(courier) = &*self.courier.borrow()
        {
            courier.wake_by_ref();
        }
        waiting.push(socket);
    }

    fn take_room(&self) -> Wiped {
        let room = self.room.borrow_mut().pop();
        room.unwrap_or_else(|| Wiped::with_capacity(1_024))
    }

    fn give_room(&self, mut room: Wiped) {
        let mut kept = self.room.borrow_mut();
        if kept.len() < MOST_WAITING {
            room.clear();
            kept.push(room);
        }
    }
}

/// The task that carries.
struct Carrying<'a>(&'a Outbox);

impl Carrying<'_> {
    fn is_called_by(&self, waker: &Waker) {
        let mut courier = self.0.courier.borrow_mut();
        if !courier.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *courier = Some(waker.clone());
        }
    }
}

impl Drop for Carrying<'_> {
    fn drop(&mut self) {
        self.0.courier.take();
        self.0.send();
    }
}

/// A socket that sends at the end of a round, once it was told to [hold](Self::hold). Dropped before, it sends no
/// more.
#[derive(Debug)]
pub struct HeldSocket(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    stream: RefCell<TcpStream>,
    outbox: Rc<Outbox>,
    /// Whether it was told to hold.
    holds: Cell<bool>,
    stage: Cell<Stage>,
    held: RefCell<Wiped>,
    /// How much of what is held is gone.
    gone: Cell<usize>,
    /// How many bytes were ever sent.
    sent: Cell<u64>,
    /// What is woken if not all can be sent at the end of the round.
    task: RefCell<Option<Waker>>,
}

/// What becomes of what is held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Nothing is.
    Empty,
    /// It is sent at the end of the round.
    Soon,
    /// The other side takes no more now; whoever writes waits for it.
    Later,
    /// The other side takes no more.
    Failed,
}

impl HeldSocket {
    /// The socket of a connection, sent by this outbox.
    #[must_use]
    pub fn new(stream: TcpStream, outbox: Rc<Outbox>) -> Self {
        Self(Rc::new(Inner {
            stream: RefCell::new(stream),
            outbox,
            holds: Cell::new(false),
            stage: Cell::new(Stage::Empty),
            held: RefCell::default(),
            gone: Cell::new(0),
            sent: Cell::new(0),
            task: RefCell::default(),
        }))
    }

    /// From now on what is little waits for the end of the round.
    pub fn hold(&self) {
        self.0.holds.set(true);
    }

    /// How many bytes were sent so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.0.sent.get()
    }

    /// Waits until what could not be sent at the end of a round is; what will be sent then is not waited for.
    ///
    /// # Errors
    ///
    /// The other side takes no more.
    pub fn poll_held(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0.stage.get() {
            Stage::Empty | Stage::Soon => Poll::Ready(Ok(())),
            Stage::Later | Stage::Failed => self.0.poll_sent(cx),
        }
    }

    /// Looks at what has come without taking it.
    ///
    /// # Errors
    ///
    /// Of the socket.
    pub fn poll_peek(
        &self,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        self.0.stream.borrow().poll_peek(cx, into)
    }

    /// Sends what is held now, as far as the other side takes it.
    pub fn send(&self) {
        self.0.send();
    }

    /// Whether all that was written was sent.
    #[must_use]
    pub fn is_all_sent(&self) -> bool {
        self.0.stage.get() == Stage::Empty
    }

    /// Lets go of the task that wrote last.
    pub fn let_go(&self) {
        self.0.task.take();
    }
}

impl Inner {
    /// Sends what is held, at the end of a round.
    fn send(&self) {
        if self.stage.get() != Stage::Soon {
            return;
        }
        let sent = self
            .stream
            .borrow()
            .try_write(&self.held.borrow().as_slice()[self.gone.get()..]);
        match sent {
            Ok(sent) if self.took(sent) => return,
            Ok(_) => self.stage.set(Stage::Later),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.stage.set(Stage::Later),
            Err(_) => self.fail(),
        }
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    /// Waits until all that is held was sent.
    fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.stage.get() {
                Stage::Empty => return Poll::Ready(Ok(())),
                Stage::Failed => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                Stage::Soon | Stage::Later => {}
            }
            self.stage.set(Stage::Later);
            let sent = {
                let held = self.held.borrow();
                let rest = &held.as_slice()[self.gone.get()..];
                self.with(|stream| stream.poll_write(cx, rest))
            };
            match ready!(sent) {
                Ok(sent @ 1..) => {
                    self.took(sent);
                }
                Ok(0) | Err(_) => self.fail(),
            }
        }
    }

    /// So much of what is held was sent; whether that is all.
    fn took(&self, sent: usize) -> bool {
        self.count(sent);
        let gone = self.gone.get() + sent;
        self.gone.set(gone);
        let is_all = gone == self.held.borrow().as_slice().len();
        if is_all {
            self.empty(Stage::Empty);
        }
        is_all
    }

    fn fail(&self) {
        self.empty(Stage::Failed);
    }

    fn empty(&self, stage: Stage) {
        self.stage.set(stage);
        self.gone.set(0);
        self.outbox.give_room(self.held.take());
    }

    fn count(&self, sent: usize) {
        self.sent.set(self.sent.get() + sent as u64);
    }

    /// Holds some bytes, if that is little and somebody will send it.
    fn take(self: &Rc<Self>, cx: &Context<'_>, pieces: &[&[u8]]) -> Option<usize> {
        let more: usize = pieces.iter().map(|piece| piece.len()).sum();
        match self.stage.get() {
            Stage::Failed => return None,
            Stage::Empty if more > MOST_HELD || !self.may_hold() => return None,
            Stage::Empty => {
                // Noted first: others may be sent for that, and this one may be in their list from before.
                self.outbox.note(Rc::downgrade(self));
                self.held.replace(self.outbox.take_room());
                self.stage.set(Stage::Soon);
            }
            Stage::Soon | Stage::Later => {
                if self.held.borrow().as_slice().len() + more > MOST_HELD {
                    return None;
                }
            }
        }
        let mut held = self.held.borrow_mut();
        pieces.iter().for_each(|piece| held.push(piece));
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
        Some(more)
    }

    fn may_hold(&self) -> bool {
        self.holds.get() && self.outbox.is_carried()
    }

    fn with<T>(&self, act: impl FnOnce(Pin<&mut TcpStream>) -> T) -> T {
        act(Pin::new(&mut self.stream.borrow_mut()))
    }
}

impl AsyncRead for HeldSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.with(|stream| stream.poll_read(cx, into))
    }
}

impl AsyncWrite for HeldSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_pieces(cx, &[bytes], |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes: SmallVec<[&[u8]; 4]> = pieces.iter().map(|piece| &**piece).collect();
        self.poll_pieces(cx, &bytes, |stream, cx| {
            stream.poll_write_vectored(cx, pieces)
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_held(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.poll_sent(cx))?;
        self.0.with(|stream| stream.poll_shutdown(cx))
    }
}

impl HeldSocket {
    /// Holds the pieces, or sends them now, behind what was held.
    fn poll_pieces(
        &self,
        cx: &mut Context<'_>,
        pieces: &[&[u8]],
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Some(taken) = self.0.take(cx, pieces) {
            return Poll::Ready(Ok(taken));
        }
        ready!(self.0.poll_sent(cx))?;
        let sent = ready!(self.0.with(|stream| write(stream, cx)))?;
        self.0.count(sent);
        Poll::Ready(Ok(sent))
    }
}

#[cfg(test)]
mod tests;
