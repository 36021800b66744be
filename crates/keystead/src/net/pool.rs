//! Idle connections to providers, one pool per data-plane thread.
//!
//! Last in, first out: the connection used a moment ago is the one least likely to have gone
//! stale, and the rest age out. A pool belongs to one thread, so taking and giving back cost no
//! lock. Organizations never share a connection: [`UpstreamId`] stands for a destination *of one
//! organization*.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use foldhash::fast::RandomState;
use keystead_providers::Destination;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead as _, ReadBuf},
    task::unconstrained,
};

use super::{
    ConnectError, Connector, UpstreamIo,
    held::{HeldSocket, Outbox},
};
use crate::ids::OrganizationId;

/// How much is read at once, in bytes.
const READ: usize = 64 * 1024;

/// A destination of one organization, as a small number.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct UpstreamId(u32);

/// Hands out [`UpstreamId`]s; shared by all threads.
#[derive(Debug, Default)]
pub struct Upstreams(Mutex<HashMap<(OrganizationId, Arc<Destination>), UpstreamId>>);

impl Upstreams {
    /// The number of this destination for this organization; the same one every time.
    pub fn id(&self, organization: OrganizationId, destination: &Arc<Destination>) -> UpstreamId {
        let mut known = self.0.lock();
        let next = UpstreamId(u32::try_from(known.len()).unwrap_or(u32::MAX));
        *known
            .entry((organization, destination.clone()))
            .or_insert(next)
    }
}

/// How long and how many connections wait idle.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// An idle connection older than this is closed.
    pub idle: Duration,
    /// A connection that has lived this long is not taken again.
    pub age: Duration,
    /// At most this many wait idle for one destination on one thread.
    pub per_upstream: usize,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30),
            age: Duration::from_secs(600),
            per_upstream: 1_024,
        }
    }
}

/// The idle connections of one thread.
pub struct Pool {
    connector: Connector,
    /// By which its connections send.
    outbox: Rc<Outbox>,
    limits: PoolLimits,
    /// The time at the last sweep: a second's precision is enough for what is measured here.
    now: Cell<Instant>,
    /// By numbers of ours, so a quick hash will do.
    idle: RefCell<HashMap<UpstreamId, Vec<Idle>, RandomState>>,
    /// What every connection of the thread is read into, one after the other.
    space: RefCell<Box<[u8]>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

struct Connection {
    io: UpstreamIo<HeldSocket>,
    upstream: UpstreamId,
    born: Instant,
}

/// A connection in use. Give it [`back`](Lease::back) when the answer has ended; dropped
/// otherwise, it is closed.
pub struct Lease {
    pool: Rc<Pool>,
    connection: Connection,
    /// How much the connection had sent by then.
    sent_before: u64,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}

impl Pool {
    /// An empty pool that opens its connections with `connector`.
    #[must_use]
    pub fn new(connector: Connector, limits: PoolLimits, outbox: Rc<Outbox>) -> Rc<Self> {
        Rc::new(Self {
            connector,
            outbox,
            limits,
            now: Cell::new(Instant::now()),
            idle: RefCell::default(),
            space: RefCell::new(vec![0; READ].into()),
        })
    }

    /// An idle connection, or a new one.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], with nothing sent.
    pub async fn lease(
        self: &Rc<Self>,
        upstream: UpstreamId,
        destination: &Destination,
    ) -> Result<Lease, ConnectError> {
        let connection = match self.take_idle(upstream) {
            Some(connection) => connection,
            // Boxed, as whatever else is seldom waited for: in place it would make the future of
            // every call larger, and moving that is what a call costs most.
            None => Connection {
                io: Box::pin(self.connect(destination)).await?,
                upstream,
                born: self.now.get(),
            },
        };
        Ok(Lease {
            pool: self.clone(),
            sent_before: connection.io.socket().sent(),
            connection,
        })
    }

    async fn connect(
        &self,
        destination: &Destination,
    ) -> Result<UpstreamIo<HeldSocket>, ConnectError> {
        let held = |tcp| HeldSocket::new(tcp, self.outbox.clone());
        let io = self.connector.connect_as(destination, held).await?;
        io.socket().hold();
        Ok(io)
    }

    /// The youngest idle connection. One that was closed meanwhile, or is past its time, goes.
    fn take_idle(&self, upstream: UpstreamId) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        let waiting = idle.get_mut(&upstream)?;
        let now = self.now.get();
        while let Some(mut youngest) = waiting.pop() {
            if !self.is_spent(&mut youngest, now) {
                return Some(youngest.connection);
            }
        }
        None
    }

    fn is_spent(&self, idle: &mut Idle, now: Instant) -> bool {
        now - idle.since > self.limits.idle
            || now - idle.connection.born > self.limits.age
            || !idle.connection.is_quiet()
    }

    /// Closes what has waited too long, and what the other side has closed; called by the thread's
    /// ticker, once a second.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.now.set(now);
        self.idle.borrow_mut().retain(|_, waiting| {
            waiting.retain_mut(|idle| !self.is_spent(idle, now));
            !waiting.is_empty()
        });
    }
}

impl Connection {
    /// Whether nothing has come that nobody asked for, an end included. The runtime knows without
    /// asking the kernel, as far as it has looked; it looks whatever else the task has done.
    fn is_quiet(&mut self) -> bool {
        let looks = poll_fn(|cx| {
            let mut byte = [0];
            let read = Pin::new(&mut self.io).poll_read(cx, &mut ReadBuf::new(&mut byte));
            Poll::Ready(read.is_pending())
        });
        let looks = pin!(unconstrained(looks));
        let found = looks.poll(&mut Context::from_waker(Waker::noop()));
        found == Poll::Ready(true)
    }
}

impl Lease {
    /// The connection, to be written to.
    pub fn io(&mut self) -> &mut UpstreamIo<HeldSocket> {
        &mut self.connection.io
    }

    /// Whether anything was sent on it since it was leased.
    #[must_use]
    pub fn has_sent(&self) -> bool {
        self.connection.io.socket().sent() > self.sent_before
    }

    /// Reads what has come, and puts it behind what is `unread`; `false` at the end of the
    /// connection.
    ///
    /// # Errors
    ///
    /// Of the connection.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        unread: &mut Bytes,
    ) -> Poll<io::Result<bool>> {
        let mut space = self.pool.space.borrow_mut();
        let mut space = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.connection.io).poll_read(cx, &mut space))?;
        let read = space.filled();
        *unread = match unread.is_empty() {
            true => Bytes::copy_from_slice(read),
            false => [unread, read].concat().into(),
        };
        Poll::Ready(Ok(!read.is_empty()))
    }

    /// Gives the connection back for the next call. Only once the answer has ended.
    pub fn back(self) {
        let Self {
            pool,
            mut connection,
            ..
        } = self;
        // Asking lets go of the call's task, too, which would be woken by the end of the connection.
        connection.io.socket().let_go();
        if !connection.io.socket().is_all_sent() || !connection.is_quiet() {
            return;
        }
        let mut idle = pool.idle.borrow_mut();
        let waiting = idle.entry(connection.upstream).or_default();
        if waiting.len() < pool.limits.per_upstream {
            waiting.push(Idle {
                connection,
                since: pool.now.get(),
            });
        }
    }
}
