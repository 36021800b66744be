//! Exchanges with a server that says what it is told to, over real sockets.

mod answers;
mod connections;
mod requests;

use std::{future::poll_fn, rc::Rc, sync::Arc, time::Duration};

use http::{HeaderValue, Method, header};
use http_body::{Frame, SizeHint};
use keystead_providers::Destination;
use rustls::RootCertStore;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

use super::*;
use crate::{
    clock::Clock,
    ids::OrganizationId,
    net::{
        Connector,
        address::AddressRules,
        held::Outbox,
        pool::{Pool, PoolLimits, UpstreamId, Upstreams},
    },
};

/// An answer with the body `ok`.
const SHORT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A text that goes out, or comes, in more than one piece.
const LONG: &str = match str::from_utf8(&[b'x'; 300_000]) {
    Ok(long) => long,
    Err(_) => panic!("x is text"),
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
    outbox: Rc<Outbox>,
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
        let outbox = Rc::<Outbox>::default();
        Self {
            listener,
            upstream: Upstreams::default().id(organization, &destination),
            destination,
            pool: Pool::new(connector, PoolLimits::default(), outbox.clone()),
            outbox,
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

    /// Accepts a connection and says this on it, whatever is asked.
    async fn answer(&self, text: &str) -> Server {
        let mut server = self.accept().await;
        server.says(text).await;
        server
    }

    /// Whether a new connection comes, which it does before anything is sent.
    async fn is_dialled(&self) -> bool {
        let accepted = timeout(Duration::from_millis(50), self.listener.accept());
        accepted.await.is_ok()
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
