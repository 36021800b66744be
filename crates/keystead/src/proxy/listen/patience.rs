//! How long a client may take to send the head of a request, without a timer for each request.
//!
//! hyper asks for a timer before every request and drops it when the head has come. One of the runtime's
//! is entered in a wheel and taken out again, under a lock, between those of other connections. So the
//! time is only written down here, and the core's tick looks at all connections once a second.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};

/// The timer of one connection: hyper has one running at most.
#[derive(Clone, Debug)]
pub(super) struct Patience(Arc<State>);

#[derive(Debug)]
struct State {
    born: Instant,
    /// When it ends, in nanoseconds from `born`.
    until_ns: AtomicU64,
    is_over: AtomicBool,
}

/// Where nobody waits.
const NEVER: u64 = u64::MAX;

impl Patience {
    /// One that nobody tries.
    pub(super) fn new() -> Self {
        Self(Arc::new(State {
            born: Instant::now(),
            until_ns: AtomicU64::new(NEVER),
            is_over: AtomicBool::new(false),
        }))
    }

    /// Whether it has come to its end by now, and whoever waits is to be woken.
    pub(super) fn ends(&self, now: Instant) -> bool {
        let State {
            until_ns, is_over, ..
        } = &*self.0;
        let has_ended = until_ns.load(Relaxed) <= self.ns(now);
        is_over.store(has_ended, Relaxed);
        has_ended
    }

    fn ns(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.0.born).as_nanos();
        u64::try_from(since).unwrap_or(NEVER)
    }

    fn begin(&self, until: Instant) {
        self.0.is_over.store(false, Relaxed);
        self.0.until_ns.store(self.ns(until), Relaxed);
    }
}

impl Timer for Patience {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.begin(deadline);
        Box::pin(Wait(self.clone()))
    }

    /// In its place: another one, dropped, would end the wait of this one.
    fn reset(&self, _same: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        self.begin(deadline);
    }
}

/// Waits for the end. It keeps no waker: the tick wakes the whole connection.
struct Wait(Patience);

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        match self.0.0.is_over.load(Relaxed) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Sleep for Wait {}

impl Drop for Wait {
    fn drop(&mut self) {
        self.0.0.until_ns.store(NEVER, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn is_over(wait: &mut Pin<Box<dyn Sleep>>) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        wait.as_mut().poll(&mut cx).is_ready()
    }

    #[test]
    fn it_ends_when_it_was_to_end_and_only_while_somebody_waits() {
        let (patience, now) = (Patience::new(), Instant::now());
        let after = |seconds| now + Duration::from_secs(seconds);
        assert!(!patience.ends(after(1_000)));

        let mut wait = patience.sleep_until(after(10));
        assert!(!patience.ends(after(9)) && !is_over(&mut wait));
        assert!(patience.ends(after(10)) && is_over(&mut wait));

        patience.reset(&mut wait, after(20));
        assert!(!is_over(&mut wait) && !patience.ends(after(19)));
        assert!(patience.ends(after(20)) && is_over(&mut wait));

        drop(wait);
        assert!(!patience.ends(after(1_000)));
        let mut wait = patience.sleep(Duration::from_secs(30));
        assert!(!patience.ends(after(29)) && !is_over(&mut wait));
    }
}
