//! Exchanges with a server that says what it is told to, over real sockets.

use std::{future::poll_fn, rc::Rc, sync::Arc, time::Duration};

use http::{HeaderValue, Method, header};
use http_body::{Frame, SizeHint};
use keystead_providers::Destination;
use rcgen::generate_simple_self_signed;
use rustls::{RootCertStore, ServerConfig, pki_types::PrivatePkcs8KeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{
    clock::Clock,
    ids::OrganizationId,
    net::{
        Connector,
        address::AddressRules,
        pool::{Pool, PoolLimits, UpstreamId, Upstreams},
    },
};

/// A body that somebody else feeds; `None` breaks it off.
struct Fed {
    pieces: mpsc::UnboundedReceiver<Option<&'static str>>,
    announced: Option<u64>,
}

type Feed = mpsc::UnboundedSender<Option<&'static str>>;

impl Fed {
    fn new(announced: Option<u64>) -> (Feed, Self) {
        let (feed, pieces) = mpsc::unbounded_channel();
        (feed, Self { pieces, announced })
    }

    /// All of it at once.
    fn whole(announced: Option<u64>, pieces: &[Option<&'static str>]) -> Self {
        let (feed, fed) = Self::new(announced);
        for piece in pieces {
            feed.send(*piece).unwrap();
        }
        fed
    }

    fn none() -> Self {
        Self::whole(Some(0), &[])
    }
}

impl Body for Fed {
    type Data = Bytes;
    type Error = ();

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ()>>> {
        let piece = ready!(self.pieces.poll_recv(cx));
        Poll::Ready(piece.map(|piece| match piece {
            Some(text) => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
            None => Err(()),
        }))
    }

    fn size_hint(&self) -> SizeHint {
        self.announced
            .map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

/// A server, and a pool that leads to it.
struct Place {
    listener: TcpListener,
    destination: Arc<Destination>,
    upstream: UpstreamId,
    pool: Rc<Pool>,
}

impl Place {
    async fn new() -> Self {
        Self::at("http://127.0.0.1", RootCertStore::empty()).await
    }

    /// A place that shows a certificate of these roots, if it shows one.
    async fn at(host: &str, roots: RootCertStore) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let destination = Arc::new(format!("{host}:{port}").parse().unwrap());
        let rules = AddressRules {
            allow_private: true,
            ..AddressRules::default()
        };
        let organization = OrganizationId::new(&Clock::system());
        let connector = Connector::with_roots(roots, rules, Duration::from_secs(5));
        Self {
            listener,
            upstream: Upstreams::default().id(organization, &destination),
            destination,
            pool: Pool::new(connector, PoolLimits::default()),
        }
    }

    async fn send(&self, method: Method, body: Fed) -> Exchange<Fed> {
        let lease = self.pool.lease(self.upstream, &self.destination).await;
        let mut head = RequestHead::new(&method, &["/v1", "/x"]).unwrap();
        head.add(&header::HOST, &HeaderValue::from_static("a.example"));
        Exchange::new(lease.unwrap(), head, body)
    }

    async fn accept(&self) -> Server {
        Server(self.listener.accept().await.unwrap().0)
    }

    /// What comes of an answer to a plain request: its status and body, or the error; and whether
    /// the connection is used again. The server sends it in one piece, or byte by byte, and then
    /// waits, or closes.
    async fn answered(answer: &str, in_bytes: bool, closes: bool) -> (String, bool) {
        let place = Self::new().await;
        let mut exchange = place.send(Method::GET, Fed::none()).await;
        let client = async { read(&mut exchange).await };
        let server = async {
            let mut server = place.accept().await;
            server
                .hears("GET /v1/x HTTP/1.1\r\nhost: a.example\r\n\r\n")
                .await;
            let size = if in_bytes { 1 } else { answer.len().max(1) };
            for piece in answer.as_bytes().chunks(size) {
                // A refused answer is closed under the one who gives it.
                let _taken = server.0.write_all(piece).await;
                tokio::task::yield_now().await;
            }
            if closes {
                server.0.shutdown().await.unwrap();
            }
            server
        };
        let (read, mut server) = tokio::join!(client, server);
        drop(exchange);
        let next = place.send(Method::GET, Fed::none()).await;
        // A new connection is there before anything is sent.
        let is_kept = timeout(Duration::from_millis(50), place.listener.accept())
            .await
            .is_err();
        drop(next);
        if !is_kept {
            assert!(server.is_left().await, "the connection is left open");
        }
        (read, is_kept)
    }
}

/// Status and body, or the error.
async fn read(exchange: &mut Exchange<Fed>) -> String {
    let head = match poll_fn(|cx| exchange.poll_head(cx)).await {
        Ok(head) => head,
        Err(error) => return format!("{error:?}"),
    };
    let mut text = format!("{} ", head.status.as_u16());
    while let Some(bytes) = poll_fn(|cx| exchange.poll_data(cx)).await {
        match bytes {
            Ok(bytes) => text += std::str::from_utf8(&bytes).unwrap(),
            Err(error) => return format!("{text}{error:?}"),
        }
    }
    text
}

/// The server's side of a connection.
struct Server<S = TcpStream>(S);

impl<S: AsyncRead + AsyncWrite + Unpin> Server<S> {
    async fn hears(&mut self, text: &str) {
        let mut heard = vec![0; text.len()];
        self.0.read_exact(&mut heard).await.unwrap();
        assert_eq!(std::str::from_utf8(&heard), Ok(text));
    }

    async fn says(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Whether the other side closed the connection.
    async fn is_left(&mut self) -> bool {
        let mut rest = Vec::new();
        let ended = timeout(Duration::from_secs(2), self.0.read_to_end(&mut rest));
        ended.await.is_ok()
    }
}

#[tokio::test]
async fn an_answer_is_read_to_its_end_and_the_connection_used_again_if_it_may_be() {
    for (answer, read, is_kept) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            "200 hello",
            true,
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "200 ", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", "204 ", true),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nlink: y\r\n\r\nHTTP/1.1 404 No\r\ncontent-length: 1\r\n\r\n!",
            "404 !",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            "200 hello",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
            "200 hello",
            false,
        ),
        (
            "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            "200 hello",
            false,
        ),
        ("HTTP/1.1 101 x\r\nupgrade: x\r\n\r\n", "101 ", false),
        // More than was asked for: an answer to nobody, which the next call must not take for its own.
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK",
            "200 hello",
            false,
        ),
        ("HTTP/1.1 204 No Content\r\n\r\nx", "204 ", false),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nx",
            "200 ",
            false,
        ),
        // Nonsense.
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "Malformed(\"it has a length and a transfer coding\")",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nz",
            "200 Malformed(\"a chunk has no size\")",
            false,
        ),
        ("SSH-2.0-x\r\n", "Malformed(\"its head is none\")", false),
    ] {
        assert_eq!(
            Place::answered(answer, false, false).await,
            (read.to_owned(), is_kept),
            "{answer:?}"
        );
        let (read_in_bytes, _) = Place::answered(answer, true, false).await;
        assert_eq!(read_in_bytes, read, "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_that_ends_early_is_not_taken_for_whole() {
    for (answer, read) in [
        ("", "Broken"),
        ("HTTP/1.1 200", "Broken"),
        ("HTTP/1.1 100 Continue\r\n\r\n", "Broken"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
            "200 hellBroken",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\n",
            "200 heBroken",
        ),
        // Where nothing else says where it ends, the end of the connection does.
        ("HTTP/1.1 200 OK\r\n\r\nhello", "200 hello"),
        ("HTTP/1.1 200 OK\r\n\r\n", "200 "),
    ] {
        for in_bytes in [false, true] {
            let answered = Place::answered(answer, in_bytes, true).await;
            assert_eq!(answered, (read.to_owned(), false), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_head_without_end_is_given_up() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(LONGEST_HEAD));
    let interim = "HTTP/1.1 103 x\r\n\r\n".repeat(LONGEST_HEAD / 16);
    for answer in [long, interim] {
        let (read, is_kept) = Place::answered(&answer, false, false).await;
        assert_eq!(
            (read.as_str(), is_kept),
            ("Malformed(\"its head is too long\")", false)
        );
    }
}

#[tokio::test]
async fn a_body_goes_out_as_it_is_announced() {
    const LONG: &str = match str::from_utf8(&[b'x'; 40_000]) {
        Ok(long) => long,
        Err(_) => panic!("x is text"),
    };
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let begin = "POST /v1/x HTTP/1.1\r\nhost: a.example\r\n";
    for (body, heard) in [
        (Fed::none(), "content-length: 0\r\n\r\n".to_owned()),
        (
            Fed::whole(Some(3), &[Some("abc")]),
            "content-length: 3\r\n\r\nabc".to_owned(),
        ),
        (
            Fed::whole(Some(40_000), &[Some(LONG)]),
            format!("content-length: 40000\r\n\r\n{LONG}"),
        ),
        (
            Fed::whole(None, &[Some("abc"), Some(""), Some("0123456789abcdef")]),
            "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"
                .to_owned(),
        ),
        (
            Fed::whole(None, &[]),
            "transfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        ),
    ] {
        let place = Place::new().await;
        let mut exchange = place.send(Method::POST, body).await;
        let server = async {
            let mut server = place.accept().await;
            server.hears(begin).await;
            server.hears(&heard).await;
            server.says(answer).await;
            server
        };
        let (read, mut server) = tokio::join!(read(&mut exchange), server);
        assert_eq!(read, "200 ok", "{heard}");
        // The next request comes on the same connection.
        let mut next = place.send(Method::GET, Fed::none()).await;
        let server = async {
            server.hears("GET /v1/x HTTP/1.1\r\n").await;
            server.says(answer).await;
        };
        assert_eq!(tokio::join!(self::read(&mut next), server).0, "200 ok");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_never_whole_to_the_provider() {
    for (announced, pieces) in [
        (None, &[Some("abc"), None][..]),
        (None, &[None]),
        (Some(6), &[Some("abc"), None]),
        (Some(6), &[Some("abc")]),
        (Some(6), &[Some("abc"), Some("defg")]),
        (Some(0), &[Some("a")]),
    ] {
        let place = Place::new().await;
        let mut exchange = place
            .send(Method::POST, Fed::whole(announced, pieces))
            .await;
        let server = async {
            let mut server = place.accept().await;
            let mut heard = String::new();
            // Closed with something unsent it may end in a reset.
            let _ended = server.0.read_to_string(&mut heard).await;
            heard
        };
        let client = async {
            let read = read(&mut exchange).await;
            drop(exchange);
            read
        };
        let (read, heard) = tokio::join!(client, server);
        assert!(read == "Broken" || read == "NothingSent", "{read}");
        assert!(!heard.ends_with("0\r\n\r\n") || heard.is_empty(), "{heard}");
        assert!(
            !heard.contains("defg") && !heard.ends_with("\r\n\r\na"),
            "{heard}"
        );
    }
}

#[tokio::test]
async fn a_body_goes_on_while_it_comes_and_while_the_answer_does() {
    let place = Place::new().await;
    let (feed, body) = Fed::new(None);
    let mut exchange = place.send(Method::POST, body).await;
    let server = async {
        let mut server = place.accept().await;
        server
            .hears("POST /v1/x HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        feed.send(Some("a")).unwrap();
        server.hears("1\r\na\r\n").await;
        server
            .says("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no")
            .await;
        feed.send(Some("b")).unwrap();
        server.hears("1\r\nb\r\n").await;
        drop(feed);
        server.hears("0\r\n\r\n").await;
        server.says("k").await;
        server
    };
    let (read, _server) = tokio::join!(read(&mut exchange), server);
    assert_eq!(read, "200 ok");
    drop(place.send(Method::GET, Fed::none()).await);
    let accepted = timeout(Duration::from_millis(50), place.listener.accept());
    assert!(
        accepted.await.is_err(),
        "sent and answered whole, the connection is kept"
    );
}

#[tokio::test]
async fn an_answer_before_the_body_is_over_is_heard_and_the_connection_left() {
    let place = Place::new().await;
    let (feed, body) = Fed::new(Some(6));
    feed.send(Some("abc")).unwrap();
    let mut exchange = place.send(Method::POST, body).await;
    let server = async {
        let mut server = place.accept().await;
        server
            .says("HTTP/1.1 413 Large\r\ncontent-length: 2\r\n\r\nno")
            .await;
        server
    };
    let (read, mut server) = tokio::join!(read(&mut exchange), server);
    assert_eq!(read, "413 no");
    assert!(server.is_left().await);
    drop(feed);
}

#[tokio::test]
async fn a_connection_that_takes_nothing_is_told_from_one_that_breaks() {
    let place = Place::new().await;
    let mut exchange = place.send(Method::POST, Fed::none()).await;
    let server = place.accept().await;
    socket2::SockRef::from(&server.0)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(server);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(read(&mut exchange).await, "NothingSent");
}

#[tokio::test]
async fn who_leaves_an_exchange_closes_the_connection() {
    let place = Place::new().await;
    let mut exchange = place.send(Method::GET, Fed::none()).await;
    let server = async {
        let mut server = place.accept().await;
        server
            .says("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel")
            .await;
        server
    };
    let (head, mut server) = tokio::join!(poll_fn(|cx| exchange.poll_head(cx)), server);
    assert!(head.is_ok());
    drop(exchange);
    assert!(server.is_left().await);
}

#[tokio::test]
async fn an_idle_connection_that_says_anything_is_not_used_again() {
    for last_words in ["", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"] {
        let place = Place::new().await;
        let mut exchange = place.send(Method::GET, Fed::none()).await;
        let server = async {
            let mut server = place.accept().await;
            server
                .says("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                .await;
            server
        };
        let (read, mut server) = tokio::join!(read(&mut exchange), server);
        assert_eq!(read, "200 ok");
        match last_words {
            "" => server.0.shutdown().await.unwrap(),
            words => server.says(words).await,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut next = place.send(Method::GET, Fed::none()).await;
        let other = async {
            let mut other = place.accept().await;
            other
                .says("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother")
                .await;
            other
        };
        let (read, _other) = tokio::join!(self::read(&mut next), other);
        assert_eq!(read, "200 other");
        assert!(server.is_left().await);
    }
}

#[tokio::test]
async fn an_answer_is_not_whole_because_the_request_was_not() {
    let place = Place::new().await;
    let (feed, body) = Fed::new(None);
    feed.send(Some("a")).unwrap();
    let mut exchange = place.send(Method::POST, body).await;
    let server = async {
        let mut server = place.accept().await;
        // Without a length, so that the end of the connection is that of the answer.
        server.says("HTTP/1.1 200 OK\r\n\r\nhalf").await;
        server
    };
    let client = async {
        let head = poll_fn(|cx| exchange.poll_head(cx)).await;
        assert!(head.is_ok());
        feed.send(None).unwrap();
        let mut read = Vec::new();
        loop {
            match poll_fn(|cx| exchange.poll_data(cx)).await {
                Some(Ok(bytes)) => read.extend_from_slice(&bytes),
                end => return (read, end),
            }
        }
    };
    let ((read, end), _server) = tokio::join!(client, server);
    assert_eq!(read, b"half");
    assert!(matches!(end, Some(Err(ExchangeError::Broken))), "{end:?}");
}

/// A server with a certificate, and the place that it is at.
async fn over_tls() -> (Place, TlsAcceptor) {
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let place = Place::at("https://localhost", roots).await;
    (place, TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn over_tls_it_is_the_same() {
    const LONG: &str = match str::from_utf8(&[b'x'; 300_000]) {
        Ok(long) => long,
        Err(_) => panic!("x is text"),
    };
    let (place, acceptor) = over_tls().await;
    let server = async {
        let tcp = place.accept().await.0;
        let mut server = Server(acceptor.accept(tcp).await.unwrap());
        server
            .hears("POST /v1/x HTTP/1.1\r\nhost: a.example\r\n")
            .await;
        server
            .hears(&format!("content-length: 300000\r\n\r\n{LONG}"))
            .await;
        server
            .says(&format!(
                "HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n{LONG}"
            ))
            .await;
        // Tickets of the session came on the way; the connection is quiet all the same.
        server
            .hears("GET /v1/x HTTP/1.1\r\nhost: a.example\r\n\r\n")
            .await;
        server.says("HTTP/1.1 200 OK\r\n\r\nhalf").await;
        // Closed below TLS: nobody said that this was all.
        server.0.into_inner().0.shutdown().await.unwrap();
    };
    let client = async {
        let body = Fed::whole(Some(300_000), &[Some(LONG)]);
        let mut exchange = place.send(Method::POST, body).await;
        let first = read(&mut exchange).await;
        let mut exchange = place.send(Method::GET, Fed::none()).await;
        (first, read(&mut exchange).await)
    };
    let ((first, second), ()) = tokio::join!(client, server);
    assert_eq!(first, format!("200 {LONG}"));
    assert_eq!(second, "200 halfBroken");
}

#[tokio::test]
async fn an_idle_connection_is_looked_at_whatever_else_the_task_has_done() {
    let place = Place::new().await;
    let mut exchange = place.send(Method::GET, Fed::none()).await;
    let server = async {
        let mut server = place.accept().await;
        server
            .says("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .await;
        server
    };
    let (read, server) = tokio::join!(read(&mut exchange), server);
    assert_eq!(read, "200 ok");
    drop(server);
    tokio::time::sleep(Duration::from_millis(20)).await;
    // The runtime lets a task do so much at a time, and then says that nothing has come.
    let mut next = Box::pin(place.send(Method::GET, Fed::none()));
    let polled = poll_fn(|cx| {
        while tokio::task::coop::has_budget_remaining() {
            let _spent = std::pin::pin!(tokio::task::coop::consume_budget()).poll(cx);
        }
        Poll::Ready(next.as_mut().poll(cx))
    });
    assert!(polled.await.is_pending(), "a new connection is being made");
}
