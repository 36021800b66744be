//! The public listener: one accept loop, one runtime and one set of connections a core.
//!
//! Every thread binds the same address (SO_REUSEPORT) and the kernel spreads connections over
//! them. What is not the proxy's is handed to the control plane's router on its own runtime.

mod arrival;
mod bind;
mod connections;
mod patience;
mod peer;
mod socket;

use std::{
    cell::Cell,
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use http::{Request, Response, header, request::Parts};
use hyper::{
    body::Incoming,
    rt::Executor,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use keystead_providers::Envelope;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::watch,
    time::{Instant, sleep},
};
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use self::{
    arrival::arrived,
    connections::{Connections, Seat},
    patience::Patience,
    peer::Peer,
    socket::ClientSocket,
};
pub use self::{bind::bind, connections::Seats};
use super::{
    authenticate::Lane,
    body::Share,
    call,
    plane::{Client, Plane, Thread},
    refusal::Refusal,
    reply::ReplyBody,
    serve::serve,
};
use crate::{api::ClientAddress, net::doorbell::Doorbell};

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long an HTTP/2 connection stays open after its last request began, but for what still runs.
const QUIET: Duration = Duration::from_secs(300);

/// How long a connection that has asked for nothing yet may take to end when the process does.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The most that the head of a request may take, in bytes.
const MOST_HEADERS: usize = 32 * 1024;

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
    /// How many connections there may be at once.
    pub seats: Arc<Seats>,
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
    let outbox = core.thread.outbox.clone();
    let courier = tokio::task::spawn_local(async move { outbox.carry().await });
    accept(&core, listener).await;
    core.connections.drain();
    core.finish().await;
    for task in [ticker, changes, courier] {
        task.abort();
    }
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
            Ok((stream, peer)) => {
                // Full: the connection is closed at once rather than left to wait for nothing.
                if let Some(seat) = core.listening.seats.take() {
                    tokio::task::spawn_local(connection(core.clone(), stream, peer.ip(), seat));
                }
            }
            // Out of descriptors, or the peer gave up: one pause, and on.
            Err(error) => {
                tracing::warn!(%error, "A connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn connection(core: Rc<Core>, stream: TcpStream, peer: IpAddr, seat: Seat) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let _counted = (seat, core.thread.plane.metrics.open_connection());
    let socket = ClientSocket::new(stream, core.thread.outbox.clone());
    match &core.tls {
        None => {
            let peer = Peer {
                address: peer,
                tls: false,
            };
            socket.hold();
            http1(&core, TokioIo::new(socket.clone()), peer, &socket).await;
        }
        // Boxed: what TLS and HTTP/2 need would otherwise weigh on every plain connection too.
        Some(acceptor) => Box::pin(tls(&core, acceptor, socket, peer)).await,
    }
}

async fn tls(core: &Rc<Core>, acceptor: &TlsAcceptor, socket: ClientSocket, peer: IpAddr) {
    let accepted = tokio::time::timeout(HANDSHAKE, acceptor.accept(socket.clone())).await;
    // A failed handshake is the client's affair; nothing of it is worth a log line each.
    let Ok(Ok(stream)) = accepted else { return };
    socket.hold();
    let peer = Peer {
        address: peer,
        tls: true,
    };
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let io = TokioIo::new(stream);
    if is_h2 {
        http2(core, io, peer, &socket).await;
    } else {
        http1(core, io, peer, &socket).await;
    }
}

/// `socket` is what `io` is made of. Its end is the end of what the client sends; but over TLS an alert goes
/// before it, and hyper reads on in order to find that.
async fn http1<I>(core: &Rc<Core>, io: I, peer: Peer, socket: &ClientSocket)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let (service_core, lane) = (core.clone(), Rc::new(Lane::default()));
    let service =
        service_fn(move |request| answer(service_core.clone(), lane.clone(), peer, request));
    let patience = Patience::new();
    let connection = http1::Builder::new()
        .timer(patience.clone())
        .header_read_timeout(core.listening.header_timeout)
        .max_buf_size(64 * 1024)
        .max_header_size(MOST_HEADERS)
        .writev(false)
        .half_close(!peer.tls)
        .serve_connection(io, service);
    let (mut connection, mut bell) = (pin!(connection), Doorbell::default());
    let entry = core.connections.enter(Some(patience));
    poll_fn(|cx| {
        if entry.must_drain(cx) {
            connection.as_mut().graceful_shutdown();
        }
        let mut cx = bell.context(cx);
        if connection.as_mut().poll(&mut cx).is_ready() {
            return Poll::Ready(());
        }
        if socket.poll_unsent(&mut cx).is_ready() {
            return Poll::Ready(());
        }
        match peer.tls {
            true => Poll::Pending,
            false => socket.poll_left(&mut cx),
        }
    })
    .await;
}

async fn http2<I>(core: &Rc<Core>, io: I, peer: Peer, socket: &ClientSocket)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let (service_core, lane) = (core.clone(), Rc::new(Lane::default()));
    let asked = Rc::new(Cell::new(None));
    let last = asked.clone();
    let service = service_fn(move |request| {
        asked.set(Some(Instant::now()));
        answer(service_core.clone(), lane.clone(), peer, request)
    });
    let connection = http2::Builder::new(OnThisCore)
        .timer(TokioTimer::new())
        .max_concurrent_streams(256)
        .max_header_list_size(u32::try_from(MOST_HEADERS).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20))
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    // hyper itself waits for the first word of a client without end.
    let mut patience = pin!(sleep(core.listening.header_timeout));
    let entry = core.connections.enter(None);
    poll_fn(|cx| {
        if entry.must_drain(cx) {
            connection.as_mut().graceful_shutdown();
            if last.get().is_none() {
                patience.as_mut().reset(Instant::now() + LAST_WORDS);
            }
        }
        while patience.as_mut().poll(cx).is_ready() {
            let Some(last) = last.get() else {
                return Poll::Ready(());
            };
            let (now, mut until) = (Instant::now(), last + QUIET);
            if until <= now {
                // What still runs on it may finish.
                connection.as_mut().graceful_shutdown();
                until = now + QUIET;
            }
            patience.as_mut().reset(until);
        }
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        socket.poll_unsent(cx)
    })
    .await;
}

/// Answers one request. What that takes is boxed, for as long as it is waited for: in place it would
/// weigh on every open connection.
fn answer(
    core: Rc<Core>,
    lane: Rc<Lane>,
    peer: Peer,
    request: Request<Incoming>,
) -> Pin<Box<impl Future<Output = Result<Response<ReplyBody>, Infallible>>>> {
    let client = peer.client(request.headers(), &core.listening.trusted_proxies);
    let (head, body) = request.into_parts();
    // Boxed as well: it goes from hand to hand.
    let head = Box::new(head);
    Box::pin(async move {
        let path = head.uri.path();
        let is_call = path.starts_with(call::PREFIX) || path.starts_with(call::TASK_PREFIX);
        Ok(match is_call {
            true => serve(&core.thread, &lane, client, head, body).await,
            false => Box::pin(core.hand_over(client, head, body)).await,
        })
    })
}

impl Core {
    /// Gives a request to the control plane, which runs elsewhere.
    async fn hand_over(
        &self,
        client: Client,
        mut head: Box<Parts>,
        body: Incoming,
    ) -> Response<ReplyBody> {
        if let Some(refusal) = self.refuses(client, &head) {
            return self.refused(&refusal);
        }
        let patience = self.thread.plane.settings.body_idle_timeout_s;
        let patience = Duration::from_secs(patience.into());
        as_http_1(&mut head);
        // Given back when the request is answered.
        let mut share = Share::of_a_stranger(&self.thread.plane.arriving);
        let body = match arrived(body, patience, &mut share).await {
            Ok(body) => axum::body::Body::from(body),
            Err(refusal) => return self.refused(&refusal),
        };
        let mut router = self.listening.router.clone();
        let mut request = Request::from_parts(*head, body);
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
    fn refuses(&self, client: Client, head: &Parts) -> Option<Refusal> {
        let host = match head.uri.authority() {
            Some(authority) => Some(authority.as_str()),
            None => head
                .headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok()),
        };
        let is_known = host.is_some_and(|host| self.thread.plane.settings.hosts.knows(host));
        match (is_known, client.is_private) {
            (true, true) => None,
            (false, _) => Some(Refusal::Misdirected),
            (true, false) => Some(Refusal::TlsRequired),
        }
    }

    fn refused(&self, refusal: &Refusal) -> Response<ReplyBody> {
        let answer = refusal.answer(
            Envelope::OpenAi,
            self.thread.request_id(self.thread.plane.clock.now()),
        );
        answer.map(ReplyBody::Whole)
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

/// Gives a request the form that it has over HTTP/1.1, whichever way it came: the host in its header and
/// the address without it (RFC 9113, 8.3.1). Handlers then read it in one way.
fn as_http_1(head: &mut Parts) {
    let Some(authority) = head.uri.authority() else {
        return;
    };
    if let Ok(host) = http::HeaderValue::from_str(authority.as_str()) {
        head.headers.insert(header::HOST, host);
    }
    let rest = head.uri.path_and_query().cloned();
    head.uri = rest.map_or_else(http::Uri::default, http::Uri::from);
}

/// Once a second: silence is noticed, slow clients, idle connections and expired keys go.
async fn tick(core: Rc<Core>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        core.thread.live.tick();
        core.connections.tick(std::time::Instant::now());
        core.thread.pool.sweep();
        core.thread.plane.sweep();
    }
}

/// Cuts the calls of this core that rest on what was revoked or disabled.
async fn follow(core: Rc<Core>) {
    use tokio::sync::broadcast::error::RecvError;

    use super::news::Changed;

    let store = core.thread.plane.control.store();
    let mut feed = store.subscribe();
    loop {
        match feed.recv().await {
            Ok(change) if change.cut => {
                let changed = Changed::read(&change);
                // Whoever was cut may call again at once, and is to be told why by name.
                store.hear_out();
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

/// Runs the streams of an HTTP/2 connection on the connection's own core.
#[derive(Clone, Copy)]
struct OnThisCore;

impl<F: Future<Output = ()> + 'static> Executor<F> for OnThisCore {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
