//! The calls that are running on one thread, so that a revocation can cut them.
//!
//! Each call holds a [`LiveCall`] from admission to its last byte. The thread's ticker and the
//! feed of changes set its [`Signal`] and wake the task, which looks at it wherever it waits. One
//! tick a second serves all calls of the thread in place of a timer for each.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::Pin,
    rc::{Rc, Weak},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::session::Session;

/// What a waiting call is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signal {
    /// What it stands on was revoked or disabled.
    Cut,
    /// The provider was silent for too long.
    Silent,
    /// The program stops and the time for streams to finish is over.
    Stop,
}

/// All calls of one thread.
#[derive(Debug, Default)]
pub(super) struct LiveCalls {
    /// A place for each running call; an ended one gives its place up at once, so a busy thread
    /// keeps nothing of the thousands of calls that ended since the last tick.
    places: RefCell<Vec<Option<Weak<LiveCall>>>>,
    free: RefCell<Vec<usize>>,
    tick: Cell<u32>,
}

/// One running call.
#[derive(Debug)]
pub(super) struct LiveCall {
    session: Arc<Session>,
    signal: Cell<Option<Signal>>,
    waker: RefCell<Option<Waker>>,
    /// The tick at which the provider was last heard.
    heard: Cell<u32>,
    /// Seconds of silence after which the call is told [`Signal::Silent`].
    patience: Cell<u32>,
    /// Seconds of silence after which the call is woken to keep its stream alive; 0 is never.
    keep_alive: Cell<u32>,
    thread: Rc<LiveCalls>,
    place: usize,
}

impl LiveCalls {
    /// Enters a call.
    pub(super) fn enter(self: &Rc<Self>, session: Arc<Session>, patience: u32) -> Rc<LiveCall> {
        let place = self.free.borrow_mut().pop().unwrap_or_else(|| {
            let mut places = self.places.borrow_mut();
            places.push(None);
            places.len() - 1
        });
        let call = Rc::new(LiveCall {
            session,
            signal: Cell::new(None),
            waker: RefCell::new(None),
            heard: Cell::new(self.tick.get()),
            patience: Cell::new(patience),
            keep_alive: Cell::new(0),
            thread: self.clone(),
            place,
        });
        self.places.borrow_mut()[place] = Some(Rc::downgrade(&call));
        call
    }

    /// One second has passed.
    pub(super) fn tick(&self) {
        self.tick.set(self.tick.get().wrapping_add(1));
        self.each(|call| {
            let silence = call.silence();
            if silence > call.patience.get() {
                call.tell(Signal::Silent);
            } else if call.keep_alive.get() > 0 && silence >= call.keep_alive.get() {
                call.wake();
            }
        });
    }

    /// Cuts the calls that stand on something that has changed.
    pub(super) fn cut(&self, stands_on: impl Fn(&Session) -> bool) {
        self.each(|call| {
            if stands_on(&call.session) {
                call.tell(Signal::Cut);
            }
        });
    }

    /// Ends every call.
    pub(super) fn stop(&self) {
        self.each(|call| call.tell(Signal::Stop));
    }

    fn each(&self, act: impl Fn(&LiveCall)) {
        let places = self.places.borrow();
        let running: Vec<_> = places.iter().flatten().filter_map(Weak::upgrade).collect();
        drop(places);
        running.iter().for_each(|call| act(call));
    }
}

impl Drop for LiveCall {
    fn drop(&mut self) {
        self.thread.places.borrow_mut()[self.place] = None;
        self.thread.free.borrow_mut().push(self.place);
    }
}

impl LiveCall {
    /// Waits for `future`, unless the call is told something first. The caller pins it, so that
    /// it has one place and not two.
    ///
    /// # Errors
    ///
    /// The signal.
    pub(super) fn guard<F: Future + Unpin>(
        &self,
        mut future: F,
    ) -> impl Future<Output = Result<F::Output, Signal>> {
        poll_fn(move |cx| {
            if let Poll::Ready(signal) = self.poll_signal(cx) {
                return Poll::Ready(Err(signal));
            }
            Pin::new(&mut future).poll(cx).map(Ok)
        })
    }

    /// What the call was told, if anything; otherwise its task is woken when it is.
    pub(super) fn poll_signal(&self, cx: &mut Context<'_>) -> Poll<Signal> {
        if let Some(signal) = self.signal.get() {
            return Poll::Ready(signal);
        }
        let mut waker = self.waker.borrow_mut();
        match waker.as_mut() {
            Some(known) => known.clone_from(cx.waker()),
            None => *waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// The provider was heard.
    pub(super) fn heard(&self) {
        self.heard.set(self.thread.tick.get());
    }

    /// So much was heard that it makes up for `seconds` of silence, and saves up none.
    pub(super) fn heard_for(&self, seconds: u64) {
        let made_up = u32::try_from(seconds).unwrap_or(u32::MAX);
        let made_up = made_up.min(self.silence());
        self.heard.set(self.heard.get().wrapping_add(made_up));
    }

    /// What the call rests on.
    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Whole seconds since the provider was last heard.
    #[must_use]
    pub(super) fn silence(&self) -> u32 {
        self.thread.tick.get().wrapping_sub(self.heard.get())
    }

    /// From here on, `patience` seconds of silence end the call, and every `keep_alive` seconds
    /// of it wake the call (0: never).
    pub(super) fn expect(&self, patience: u32, keep_alive: u32) {
        self.heard();
        self.patience.set(patience);
        self.keep_alive.set(keep_alive);
    }

    fn tell(&self, signal: Signal) {
        // The first word stands: a revocation is not overwritten by a later time-out.
        if self.signal.get().is_none() {
            self.signal.set(Some(signal));
        }
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}
