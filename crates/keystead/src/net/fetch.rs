//! One request and its whole answer: for key checks, where no stream is needed.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use keystead_providers::Destination;

use super::{ConnectError, Connector};

/// The largest answer that is read.
const MOST: usize = 256 * 1024;

/// A whole answer.
#[derive(Debug)]
pub struct Fetched {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, cut at 256 KiB where nothing else was asked for.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No connection came about.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection broke.
    #[error("the provider closed the connection before it answered")]
    Broken(#[source] hyper::Error),
    /// It took too long.
    #[error("the provider did not answer in time")]
    Timeout,
}

/// Sends one request on a connection of its own. Redirects are answers like any other.
///
/// # Errors
///
/// [`FetchError`] when no answer came within `patience`.
pub async fn fetch(
    connector: &Connector,
    destination: &Destination,
    request: Request<Full<Bytes>>,
    patience: Duration,
) -> Result<Fetched, FetchError> {
    fetch_whole(connector, destination, request, patience, MOST).await
}

/// As [`fetch`], for an answer that is cut at `most` bytes.
///
/// # Errors
///
/// [`FetchError`] when no answer came within `patience`.
pub async fn fetch_whole(
    connector: &Connector,
    destination: &Destination,
    request: Request<Full<Bytes>>,
    patience: Duration,
    most: usize,
) -> Result<Fetched, FetchError> {
    let fetched = exchange(connector, destination, request, most);
    let fetched = tokio::time::timeout(patience, fetched);
    fetched.await.unwrap_or(Err(FetchError::Timeout))
}

async fn exchange(
    connector: &Connector,
    destination: &Destination,
    request: Request<Full<Bytes>>,
    most: usize,
) -> Result<Fetched, FetchError> {
    let io = TokioIo::new(connector.connect(destination).await?);
    let (mut sender, driver) = http1::handshake(io).await.map_err(FetchError::Broken)?;
    let driver = AbortOnDrop(tokio::spawn(async move {
        // What it ended with shows in the answer, or in there being none.
        let _ended = driver.await;
    }));
    let (head, mut incoming) = sender
        .send_request(request)
        .await
        .map_err(FetchError::Broken)?
        .into_parts();
    let mut body = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        let bytes = frame
            .map_err(FetchError::Broken)?
            .into_data()
            .unwrap_or_default();
        body.extend_from_slice(&bytes[..bytes.len().min(most - body.len())]);
        if body.len() == most {
            break;
        }
    }
    drop(driver);
    Ok(Fetched {
        status: head.status,
        headers: head.headers,
        body: body.freeze(),
    })
}

/// Closes the connection when the exchange is over or given up.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
