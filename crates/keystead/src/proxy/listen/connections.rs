//! The open connections: of one core, to tell them to end and to end those that keep it waiting; and of
//! all together, to count them.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Waker},
    time::Instant,
};

use super::patience::Patience;

/// How many connections all cores together may have, each from its first byte on.
#[derive(Debug)]
pub struct Seats {
    most: usize,
    taken: AtomicUsize,
}

/// One of them, given back when dropped.
#[derive(Debug)]
pub(in crate::proxy) struct Seat(Arc<Seats>);

impl Seats {
    /// So many.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        let taken = AtomicUsize::new(0);
        Arc::new(Self { most, taken })
    }

    /// A seat, unless all are taken.
    pub(in crate::proxy) fn take(self: &Arc<Self>) -> Option<Seat> {
        let one_more = |taken| (taken < self.most).then_some(taken + 1);
        let taken = self.taken.fetch_update(Relaxed, Relaxed, one_more);
        taken.is_ok().then(|| Seat(self.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Relaxed);
    }
}

/// The connections of one core, so that idle ones can be told to close.
#[derive(Default)]
pub(in crate::proxy) struct Connections {
    draining: Cell<bool>,
    next: Cell<u64>,
    open: RefCell<HashMap<u64, Open>>,
}

struct Open {
    waker: Option<Waker>,
    patience: Option<Patience>,
}

impl Connections {
    /// Enters a connection, and how much patience there is with its client if the tick is to end it.
    pub(in crate::proxy) fn enter(&self, patience: Option<Patience>) -> Entry<'_> {
        let id = self.next.get();
        self.next.set(id + 1);
        let waker = None;
        self.open.borrow_mut().insert(id, Open { waker, patience });
        Entry {
            connections: self,
            id,
            told: Cell::new(false),
            known: Cell::new(false),
        }
    }

    pub(in crate::proxy) fn count(&self) -> usize {
        self.open.borrow().len()
    }

    pub(in crate::proxy) fn drain(&self) {
        self.draining.set(true);
        self.wake(|_| true);
    }

    /// Wakes those with whom the patience has ended.
    pub(in crate::proxy) fn tick(&self, now: Instant) {
        self.wake(|patience| patience.is_some_and(|patience| patience.ends(now)));
    }

    fn wake(&self, is_to_wake: impl Fn(Option<&Patience>) -> bool) {
        let open = self.open.borrow();
        let woken = open
            .values()
            .filter(|one| is_to_wake(one.patience.as_ref()));
        woken
            .filter_map(|one| one.waker.as_ref())
            .for_each(Waker::wake_by_ref);
    }
}

/// One connection in that list, for as long as it is open.
pub(in crate::proxy) struct Entry<'a> {
    connections: &'a Connections,
    id: u64,
    told: Cell<bool>,
    known: Cell<bool>,
}

impl Entry<'_> {
    /// Whether the connection is to be told now that it must come to an end. The first time, its
    /// waker is noted: a spawned task keeps the same one.
    pub(in crate::proxy) fn must_drain(&self, cx: &Context<'_>) -> bool {
        if !self.known.replace(true) {
            let mut open = self.connections.open.borrow_mut();
            if let Some(open) = open.get_mut(&self.id) {
                open.waker = Some(cx.waker().clone());
            }
        }
        self.connections.draining.get() && !self.told.replace(true)
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.connections.open.borrow_mut().remove(&self.id);
    }
}
