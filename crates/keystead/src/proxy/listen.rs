//! The public listener: one accept loop, one runtime and one set of connections a core.
//!
//! Every thread binds the same address (SO_REUSEPORT) and the kernel spreads connections over
//! them. What is not the proxy's is handed to the control plane's router on its own runtime.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::Waker,
    time::Duration,
};

use http::{Request, Response, header};
use hyper::{
    body::Incoming,
    rt::Executor,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use keystead_providers::Envelope;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use super::{
    authenticate::Lane,
    plane::{Client, Plane, Thread},
    refusal::Refusal,
    reply::ReplyBody,
    serve::serve,
};
use crate::api::ClientAddress;

/// How a listener is told to come to an end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Connections are taken.
    Open,
    /// No more are; calls that run may finish.
    Draining,
    /// What runs is ended.
    Stopped,
}

/// What the listeners of all cores share.
#[derive(Clone)]
pub struct Listening {
    /// Where to listen.
    pub address: SocketAddr,
    /// TLS, if it ends here.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Whose X-Forwarded headers are believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// How long a client may take to send a request head.
    pub header_timeout: Duration,
    /// How many connections one thread takes at once.
    pub most_connections: usize,
    /// Console, API, OAuth: everything but the proxy.
    pub router: axum::Router,
    /// Where the router runs.
    pub runtime: Handle,
    /// How it all comes to an end.
    pub phase: watch::Receiver<Phase>,
}

impl std::fmt::Debug for Listening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listening")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Binds one of the sockets that share the address.
///
/// # Errors
///
/// The address is taken, or not this machine's.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    // A burst of new connections waits here, not in the clients' retransmission timers.
    socket.listen(4_096)?;
    Ok(socket.into())
}

/// Serves connections on one core until the phase says otherwise. Runs on the core's own runtime.
///
/// # Errors
///
/// The socket can't be used.
pub async fn listen(
    plane: Arc<Plane>,
    listening: Listening,
    socket: std::net::TcpListener,
) -> io::Result<()> {
    let listener = TcpListener::from_std(socket)?;
    let core = Rc::new(Core {
        thread: Thread::new(plane),
        connections: Connections::default(),
        tls: listening.tls.clone().map(TlsAcceptor::from),
        listening,
    });
    let ticker = tokio::task::spawn_local(tick(core.clone()));
    let changes = tokio::task::spawn_local(follow(core.clone()));
    accept(&core, listener).await;
    core.connections.drain();
    core.finish().await;
    ticker.abort();
    changes.abort();
    Ok(())
}

/// One core's share of the work.
struct Core {
    thread: Rc<Thread>,
    connections: Connections,
    tls: Option<TlsAcceptor>,
    listening: Listening,
}

async fn accept(core: &Rc<Core>, listener: TcpListener) {
    let mut phase = core.listening.phase.clone();
    let mut draining =
        pin!(async move { phase.wait_for(|phase| *phase != Phase::Open).await.is_ok() });
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = listener.accept() => accepted,
            _ = &mut draining => return,
        };
        match accepted {
            Ok((stream, peer)) if core.connections.count() < core.listening.most_connections => {
                tokio::task::spawn_local(connection(core.clone(), stream, peer.ip()));
            }
            // Full: the connection is closed at once rather than left to wait for nothing.
            Ok(_) => {}
            // Out of descriptors, or the peer gave up: one pause, and on.
            Err(error) => {
                tracing::warn!(%error, "A connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn connection(core: Rc<Core>, stream: TcpStream, peer: IpAddr) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let _counted = core.thread.plane.metrics.open_connection();
    match &core.tls {
        None => {
            http1(
                &core,
                TokioIo::new(stream),
                Peer {
                    address: peer,
                    tls: false,
                },
            )
            .await
        }
        Some(acceptor) => {
            let accepted = acceptor.accept(stream);
            // A failed handshake is the client's affair; nothing of it is worth a log line each.
            if let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_secs(10), accepted).await {
                let peer = Peer {
                    address: peer,
                    tls: true,
                };
                let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let io = TokioIo::new(stream);
                if is_h2 {
                    http2(&core, io, peer).await
                } else {
                    http1(&core, io, peer).await
                }
            }
        }
    }
}

async fn http1<I>(core: &Rc<Core>, io: I, peer: Peer)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let (service_core, lane) = (core.clone(), Rc::new(Lane::default()));
    let service =
        service_fn(move |request| answer(service_core.clone(), lane.clone(), peer, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(core.listening.header_timeout)
        .max_buf_size(64 * 1024)
        .writev(false)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    let entry = core.connections.enter();
    poll_fn(|cx| {
        if entry.must_drain(cx) {
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx).map(drop)
    })
    .await;
}

async fn http2<I>(core: &Rc<Core>, io: I, peer: Peer)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let (service_core, lane) = (core.clone(), Rc::new(Lane::default()));
    let service =
        service_fn(move |request| answer(service_core.clone(), lane.clone(), peer, request));
    let connection = http2::Builder::new(OnThisCore)
        .timer(TokioTimer::new())
        .max_concurrent_streams(256)
        .max_header_list_size(32 * 1024)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20))
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    let entry = core.connections.enter();
    poll_fn(|cx| {
        if entry.must_drain(cx) {
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx).map(drop)
    })
    .await;
}

async fn answer(
    core: Rc<Core>,
    lane: Rc<Lane>,
    peer: Peer,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Infallible> {
    let client = peer.client(request.headers(), &core.listening.trusted_proxies);
    if request.uri().path().starts_with(super::call::PREFIX) {
        return Ok(serve(&core.thread, &lane, client, request).await);
    }
    Ok(core.hand_over(client, request).await)
}

impl Core {
    /// Gives a request to the control plane, which runs elsewhere.
    async fn hand_over(&self, client: Client, request: Request<Incoming>) -> Response<ReplyBody> {
        if let Some(refusal) = self.refuses(client, &request) {
            return refusal;
        }
        let mut router = self.listening.router.clone();
        let mut request = request.map(axum::body::Body::new);
        request
            .extensions_mut()
            .insert(ClientAddress(client.address));
        let answered = self
            .listening
            .runtime
            .spawn(async move { router.call(request).await });
        match answered.await {
            Ok(Ok(response)) => response.map(ReplyBody::Control),
            // A panic over there ends its own request; the hook has counted it.
            Ok(Err(never)) => match never {},
            Err(_) => {
                let mut response = Response::new(ReplyBody::default());
                *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        }
    }

    /// What holds for the control plane as for the proxy: a known host, and a way that is fit for
    /// secrets.
    fn refuses(&self, client: Client, request: &Request<Incoming>) -> Option<Response<ReplyBody>> {
        let host = match request.uri().authority() {
            Some(authority) => Some(authority.as_str()),
            None => request
                .headers()
                .get(header::HOST)
                .and_then(|host| host.to_str().ok()),
        };
        let is_known = host.is_some_and(|host| self.thread.plane.settings.hosts.knows(host));
        let refusal = match (is_known, client.is_private) {
            (true, true) => return None,
            (false, _) => Refusal::Misdirected,
            (true, false) => Refusal::TlsRequired,
        };
        let answer = refusal.answer(Envelope::OpenAi, self.thread.request_id());
        Some(answer.map(ReplyBody::Whole))
    }

    /// Waits for calls to finish, until the phase says that the time is over.
    async fn finish(&self) {
        let mut phase = self.listening.phase.clone();
        let mut stopped = pin!(async move {
            phase
                .wait_for(|phase| *phase == Phase::Stopped)
                .await
                .is_ok()
        });
        while self.connections.count() > 0 {
            let pause = tokio::time::sleep(Duration::from_millis(20));
            tokio::select! {
                () = pause => {}
                _ = &mut stopped => {
                    self.thread.live.stop();
                    // A moment for the last words of each stream to go out.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    return;
                }
            }
        }
    }
}

/// Once a second: silence is noticed, idle connections and expired keys go.
async fn tick(core: Rc<Core>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        core.thread.live.tick();
        core.thread.pool.sweep();
        core.thread.plane.sweep();
    }
}

/// Cuts the calls of this core that rest on what was revoked or disabled.
async fn follow(core: Rc<Core>) {
    use tokio::sync::broadcast::error::RecvError;

    use super::news::Changed;

    let mut feed = core.thread.plane.control.store().subscribe();
    loop {
        match feed.recv().await {
            Ok(change) if change.cut => {
                let changed = Changed::read(&change);
                core.thread.live.cut(|session| session.rests_on(changed));
            }
            Ok(_) => {}
            // Too many changes at once to know which calls they touch: all are ended, since one
            // that goes on may be one that was revoked.
            Err(RecvError::Lagged(_)) => core.thread.live.cut(|_| true),
            Err(RecvError::Closed) => return,
        }
    }
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
struct Peer {
    address: IpAddr,
    tls: bool,
}

impl Peer {
    /// Who the client is: the peer, or behind a trusted proxy the last hop that is not one.
    fn client(self, headers: &http::HeaderMap, trusted: &[IpNet]) -> Client {
        let is_trusted = |address: IpAddr| {
            trusted
                .iter()
                .any(|range| range.contains(&address.to_canonical()))
        };
        if !is_trusted(self.address) {
            let is_private = self.tls || self.address.to_canonical().is_loopback();
            return Client {
                address: self.address,
                is_private,
            };
        }
        let says_https = headers
            .get("x-forwarded-proto")
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.rsplit(',').next().unwrap_or_default().trim() == "https");
        let hops = headers.get_all("x-forwarded-for").iter().rev();
        let address = hops
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.rsplit(','))
            .map_while(|hop| hop.trim().parse::<IpAddr>().ok())
            .find(|hop| !is_trusted(*hop))
            .unwrap_or(self.address);
        Client {
            address,
            is_private: self.tls || says_https || address.is_loopback(),
        }
    }
}

/// The connections of one core, so that idle ones can be told to close.
#[derive(Default)]
struct Connections {
    draining: Cell<bool>,
    next: Cell<u64>,
    open: RefCell<HashMap<u64, Option<Waker>>>,
}

impl Connections {
    fn enter(&self) -> Entry<'_> {
        let id = self.next.get();
        self.next.set(id + 1);
        self.open.borrow_mut().insert(id, None);
        Entry {
            connections: self,
            id,
            told: Cell::new(false),
            known: Cell::new(false),
        }
    }

    fn count(&self) -> usize {
        self.open.borrow().len()
    }

    fn drain(&self) {
        self.draining.set(true);
        self.open
            .borrow()
            .values()
            .flatten()
            .for_each(Waker::wake_by_ref);
    }
}

/// One connection in that list, for as long as it is open.
struct Entry<'a> {
    connections: &'a Connections,
    id: u64,
    told: Cell<bool>,
    known: Cell<bool>,
}

impl Entry<'_> {
    /// Whether the connection is to be told now that it must come to an end. The first time, its
    /// waker is noted: a spawned task keeps the same one.
    fn must_drain(&self, cx: &std::task::Context<'_>) -> bool {
        if !self.known.replace(true) {
            self.connections
                .open
                .borrow_mut()
                .insert(self.id, Some(cx.waker().clone()));
        }
        self.connections.draining.get() && !self.told.replace(true)
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.connections.open.borrow_mut().remove(&self.id);
    }
}

/// Runs the streams of an HTTP/2 connection on the connection's own core.
#[derive(Clone, Copy)]
struct OnThisCore;

impl<F: Future<Output = ()> + 'static> Executor<F> for OnThisCore {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> (String, bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let client = Peer {
            address: peer.parse().unwrap(),
            tls: false,
        }
        .client(&map, &trusted);
        (client.address.to_string(), client.is_private)
    }

    #[test]
    fn forwarded_headers_are_believed_from_trusted_proxies_only() {
        let claims = [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
        ];
        for (peer, headers, expected) in [
            ("203.0.113.9", &claims[..], ("203.0.113.9", false)),
            ("127.0.0.1", &claims[..], ("127.0.0.1", true)),
            ("10.0.0.1", &claims[..], ("1.2.3.4", true)),
            ("10.0.0.1", &claims[..1], ("1.2.3.4", false)),
            (
                "10.0.0.1",
                &[("x-forwarded-for", "9.9.9.9, 1.2.3.4, 10.0.0.7")],
                ("1.2.3.4", false),
            ),
            (
                "10.0.0.1",
                &[("x-forwarded-for", "1.2.3.4, junk, 10.0.0.7")],
                ("10.0.0.1", false),
            ),
            ("10.0.0.1", &[], ("10.0.0.1", false)),
        ] {
            let (address, is_private) = expected;
            assert_eq!(
                client(peer, headers),
                (address.to_owned(), is_private),
                "{peer} {headers:?}"
            );
        }
    }
}
