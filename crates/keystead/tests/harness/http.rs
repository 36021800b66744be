//! The client of the tests: HTTP/1.1 from an address of the test's own.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use super::ask::{Ask, Body};
use super::place::Place;
use super::within;

/// Longer than anything here takes, so that a hang fails and says where.
const PATIENCE: Duration = Duration::from_secs(40);

/// How long what was revoked may go on.
const SOON: Duration = Duration::from_secs(1);

/// Opens a connection for each request.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) to: SocketAddr,
    pub(crate) from: IpAddr,
    place: Place,
}

impl Client {
    pub(crate) fn new(to: SocketAddr, from: IpAddr, place: &Place) -> Self {
        Self {
            to,
            from,
            place: place.clone(),
        }
    }

    /// Asks, and reads the whole answer.
    pub(crate) async fn send(&self, ask: Ask) -> Reply {
        let what = format!("{} {}", ask.method, ask.path);
        self.try_send(ask)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// As [`send`](Self::send), where the connection may well break.
    pub(crate) async fn try_send(&self, ask: Ask) -> Result<Reply, Broken> {
        let is_secret = ask.answer_is_secret;
        let what = format!("{} {}", ask.method, ask.path);
        let work = async {
            let mut live = self.try_open(ask).await?;
            live.is_secret = is_secret;
            live.try_rest().await
        };
        within(PATIENCE, &what, work).await
    }

    /// Asks, and gives back the answer as soon as its head has come.
    pub(crate) async fn open(&self, ask: Ask) -> Live {
        let what = format!("{} {}", ask.method, ask.path);
        let opened = within(PATIENCE, &what, self.try_open(ask)).await;
        opened.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// As [`open`](Self::open), where the connection may well break.
    pub(crate) async fn try_open(&self, ask: Ask) -> Result<Live, Broken> {
        let (mut sender, driver) = self.handshake().await?;
        let response = sender.send_request(self.request(ask)).await?;
        Ok(Live::new(response, self.place.clone(), driver))
    }

    /// A connection for several requests, one after the other.
    pub(crate) async fn connect(&self) -> Connection {
        let (sender, driver) = self.handshake().await.unwrap();
        Connection {
            client: self.clone(),
            sender,
            driver,
        }
    }

    /// Only the TCP connection.
    pub(crate) async fn dial(&self) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        // Thousands of short connections: their ports may be taken again at once.
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::new(self.from, 0))?;
        let stream = socket.connect(self.to).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn handshake(&self) -> Result<(SendRequest<Body>, JoinHandle<()>), Broken> {
        let stream = self.dial().await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(async move {
            // How it ended shows in the answer, or in there being none.
            drop(connection.await);
        });
        Ok((sender, driver))
    }

    fn request(&self, ask: Ask) -> Request<Body> {
        let mut request = Request::builder()
            .method(ask.method)
            .uri(ask.path)
            .body(ask.body)
            .unwrap();
        *request.headers_mut() = ask.headers;
        let headers = request.headers_mut();
        if !headers.contains_key("host") {
            headers.insert("host", self.to.to_string().parse().unwrap());
        }
        request
    }
}

/// A connection that stays open between requests.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Client,
    sender: SendRequest<Body>,
    driver: JoinHandle<()>,
}

impl Connection {
    pub(crate) async fn send(&mut self, ask: Ask) -> Reply {
        let what = format!("{} {}", ask.method, ask.path);
        let work = async {
            self.sender.ready().await?;
            let response = self.sender.send_request(self.client.request(ask)).await?;
            Live::new(response, self.client.place.clone(), tokio::spawn(async {}))
                .try_rest()
                .await
        };
        within(PATIENCE, &what, work)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The connection broke before the answer was whole.
pub(crate) type Broken = Box<dyn std::error::Error + Send + Sync>;

/// An answer that is still coming. Dropping it closes the connection, as a client that leaves.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    heard: Vec<u8>,
    is_secret: bool,
    place: Place,
    driver: JoinHandle<()>,
}

impl Live {
    fn new(response: Response<Incoming>, place: Place, driver: JoinHandle<()>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
            heard: Vec::new(),
            is_secret: false,
            place,
            driver,
        }
    }

    /// The next piece as it comes; `None` at a proper end.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        self.try_next()
            .await
            .unwrap_or_else(|error| panic!("the stream broke: {error}"))
    }

    /// As [`next`](Self::next), where the stream may well break.
    pub(crate) async fn try_next(&mut self) -> Result<Option<Bytes>, Broken> {
        loop {
            let frame = within(PATIENCE, "the next piece of a stream", self.body.frame()).await;
            let Some(frame) = frame.transpose()? else {
                return Ok(None);
            };
            if let Ok(bytes) = frame.into_data() {
                self.heard.extend_from_slice(&bytes);
                return Ok(Some(bytes));
            }
        }
    }

    /// Reads until `text` has come.
    pub(crate) async fn until(&mut self, text: &str) {
        while !self.has_heard(text) {
            assert!(
                self.next().await.is_some(),
                "the stream ended without {text:?}"
            );
        }
    }

    pub(crate) fn has_heard(&self, text: &str) -> bool {
        memchr::memmem::find(&self.heard, text.as_bytes()).is_some()
    }

    /// Everything that came so far, as text.
    pub(crate) fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard).into_owned()
    }

    /// The whole answer.
    pub(crate) async fn rest(self) -> Reply {
        self.try_rest()
            .await
            .unwrap_or_else(|error| panic!("the answer broke off: {error}"))
    }

    /// As [`rest`](Self::rest), where the connection may well break.
    pub(crate) async fn try_rest(mut self) -> Result<Reply, Broken> {
        while self.try_next().await?.is_some() {}
        let (status, headers) = (self.status, self.headers.clone());
        Ok(Reply {
            status,
            headers,
            body: self.heard.clone().into(),
        })
    }

    /// Reads until the stream is cut, which comes within a second, with an event that says why.
    pub(crate) async fn is_cut(&mut self) {
        let ended = within(SOON, "the stream is cut", self.ends_properly()).await;
        assert!(ended && self.has_heard("revoked"), "{}", self.heard());
    }

    /// Reads until the stream ends, properly or not.
    pub(crate) async fn ends_properly(&mut self) -> bool {
        loop {
            match self.try_next().await {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.driver.abort();
        if !self.is_secret {
            let head = format!("\n{} {:?}\n", self.status, self.headers);
            self.place
                .keep("answers", &[head.as_bytes(), &self.heard].concat());
        }
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// This answer, which must have this status.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.headers, self.text());
        self
    }

    /// Must be a refusal of Keystead's own, with this status and code.
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status, self.code()),
            (status, Some(code)),
            "{}",
            self.text()
        );
        assert_eq!(self.header("x-keystead-source"), Some("gateway"));
        self
    }

    /// The stable word of a refusal.
    pub(crate) fn code(&self) -> Option<&str> {
        self.header("x-keystead-error")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("(not text)"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }
}
