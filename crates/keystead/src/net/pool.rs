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
    pin::pin,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    client::conn::{TrySendError, http1},
};
use keystead_providers::Destination;
use parking_lot::Mutex;
use tokio::task::AbortHandle;

use super::{ConnectError, Connector, doorbell::Doorbell};
use crate::ids::OrganizationId;

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

/// The idle connections of one thread; `B` is the request body that is sent.
pub struct Pool<B> {
    connector: Connector,
    limits: PoolLimits,
    /// The time at the last sweep: a second's precision is enough for what is measured here.
    now: Cell<Instant>,
    /// By numbers of ours, so a quick hash will do.
    idle: RefCell<HashMap<UpstreamId, Vec<Idle<B>>, RandomState>>,
}

struct Idle<B> {
    connection: Connection<B>,
    since: Instant,
}

/// One connection. Dropping it closes the socket at once, which is how a provider learns that a
/// client has left: hyper alone would first try to drain the answer.
struct Connection<B> {
    sender: http1::SendRequest<B>,
    driver: AbortHandle,
    upstream: UpstreamId,
    born: Instant,
}

impl<B> Drop for Connection<B> {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A connection in use. Give it [`back`](Lease::back) when the answer has ended; dropped
/// otherwise, it is closed.
pub struct Lease<B> {
    pool: Rc<Pool<B>>,
    connection: Connection<B>,
    /// Whether it waited in the pool, and so may have gone stale meanwhile.
    pub reused: bool,
}

impl<B> std::fmt::Debug for Pool<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl<B> std::fmt::Debug for Lease<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease")
            .field("reused", &self.reused)
            .finish_non_exhaustive()
    }
}

impl<B> Pool<B>
where
    B: Body + 'static,
    B::Data: Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// An empty pool that opens its connections with `connector`.
    #[must_use]
    pub fn new(connector: Connector, limits: PoolLimits) -> Rc<Self> {
        Rc::new(Self {
            connector,
            limits,
            now: Cell::new(Instant::now()),
            idle: RefCell::default(),
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
    ) -> Result<Lease<B>, ConnectError> {
        if let Some(connection) = self.take_idle(upstream) {
            return Ok(Lease {
                pool: self.clone(),
                connection,
                reused: true,
            });
        }
        // Boxed, as whatever else is seldom waited for: in place it would make the future of every
        // call larger, and moving that is what a call costs most.
        let connection = Box::pin(self.open(upstream, destination)).await?;
        Ok(Lease {
            pool: self.clone(),
            connection,
            reused: false,
        })
    }

    async fn open(
        &self,
        upstream: UpstreamId,
        destination: &Destination,
    ) -> Result<Connection<B>, ConnectError> {
        let io = self.connector.connect(destination).await?;
        let (sender, driver) = http1::Builder::new()
            .writev(false)
            .max_headers(100)
            .handshake(io)
            .await
            .map_err(|error| ConnectError::Unreachable(std::io::Error::other(error)))?;
        let driver = tokio::task::spawn_local(async move {
            let (mut driver, mut bell) = (pin!(driver), Doorbell::default());
            // The request that was on the connection learns of its failure by itself.
            let _ended = poll_fn(|cx| bell.poll(driver.as_mut(), cx)).await;
        });
        Ok(Connection {
            sender,
            driver: driver.abort_handle(),
            upstream,
            born: self.now.get(),
        })
    }

    /// The youngest idle connection that is ready. One that is still finishing its last answer
    /// stays; one that was closed, or is past its time, goes.
    fn take_idle(&self, upstream: UpstreamId) -> Option<Connection<B>> {
        let mut idle = self.idle.borrow_mut();
        let waiting = idle.get_mut(&upstream)?;
        let now = self.now.get();
        for at in (0..waiting.len()).rev() {
            if self.is_spent(&waiting[at], now) {
                waiting.remove(at);
            } else if waiting[at].connection.sender.is_ready() {
                return Some(waiting.remove(at).connection);
            }
        }
        None
    }

    fn is_spent(&self, idle: &Idle<B>, now: Instant) -> bool {
        idle.connection.sender.is_closed()
            || now - idle.since > self.limits.idle
            || now - idle.connection.born > self.limits.age
    }

    /// Closes what has waited too long; called by the thread's ticker, once a second.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.now.set(now);
        self.idle.borrow_mut().retain(|_, waiting| {
            waiting.retain(|idle| !self.is_spent(idle, now));
            !waiting.is_empty()
        });
    }
}

impl<B: Body + 'static> Lease<B> {
    /// Sends one request and waits for the head of its answer.
    ///
    /// # Errors
    ///
    /// The error, with the request given back if not one byte of it was written.
    pub fn send(
        &mut self,
        request: Request<B>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<B>>>> + use<B> {
        self.connection.sender.try_send_request(request)
    }

    /// Gives the connection back for the next call. Only once the answer has ended: hyper takes a
    /// moment to notice, so readiness is asked when it is taken again.
    pub fn back(self) {
        let Self {
            pool, connection, ..
        } = self;
        if connection.sender.is_closed() {
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
