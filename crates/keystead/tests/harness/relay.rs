//! A line to PostgreSQL that a test can cut, freeze, or make lose answers: what networks do to databases.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

use super::database;
use super::ports::Port;

/// How the line is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Line {
    Open,
    /// Every connection ends, and new ones are refused.
    Cut,
    /// Connections stay, and nothing passes.
    Frozen,
    /// Connections that there are stay and pass nothing; new ones are as good as ever. So it is
    /// when a database moves to another machine.
    Moved,
    /// A commit arrives and is done, and the answer to it never comes; all else passes.
    LosesCommits,
    /// A commit never arrives, and what was to be committed stays begun; all else passes.
    DiesAtCommits,
}

/// The line. A test that has one runs on several threads, since it waits for servers that need it.
#[derive(Clone, Debug)]
pub(crate) struct Relay {
    port: Arc<Port>,
    line: Arc<watch::Sender<Line>>,
}

impl Relay {
    /// A line from a port of its own to the run's PostgreSQL.
    pub(crate) fn to_postgres() -> Self {
        let to = host(&database::server())
            .parse()
            .expect("the run's server is at an address");
        let relay = Self {
            port: Arc::new(Port::take()),
            line: Arc::new(watch::Sender::new(Line::Open)),
        };
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, relay.port.number()));
        tokio::spawn(serve(at, to, relay.line.subscribe()));
        relay
    }

    /// `url`, through this line.
    pub(super) fn instead_of(&self, url: &str) -> String {
        url.replace(host(url), &format!("127.0.0.1:{}", self.port.number()))
    }

    pub(crate) fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

/// `postgres://role@HOST:PORT/database`.
fn host(url: &str) -> &str {
    let (_, rest) = url.split_once('@').expect("the run's address names a role");
    rest.split('/')
        .next()
        .expect("split gives one part at least")
}

async fn serve(at: SocketAddr, to: SocketAddr, mut line: watch::Receiver<Line>) {
    let of_connections = line.clone();
    while line.wait_for(|line| *line != Line::Cut).await.is_ok() {
        let listener = TcpListener::bind(at).await.expect("the port is ours");
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (near, _) = accepted.expect("a listener of ours");
                    tokio::spawn(carry(near, to, of_connections.clone()));
                }
                is_cut = line.wait_for(|line| *line == Line::Cut) => {
                    if is_cut.is_err() {
                        return;
                    }
                    break;
                }
            }
        }
    }
}

async fn carry(near: TcpStream, to: SocketAddr, line: watch::Receiver<Line>) {
    let socket = TcpSocket::new_v4().expect("there are descriptors left");
    let far = socket.connect(to).await.expect("the run's server listens");
    let mut until = line.clone();
    let born = *line.borrow();
    let passes = |line| line != Line::Frozen && (line != Line::Moved || born == Line::Moved);
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let (is_deaf, is_dumb) = (AtomicBool::new(false), AtomicBool::new(false));
    tokio::select! {
        () = copy(near_in, far_out, line.clone(), |line, bytes| {
            let loses = match line {
                Line::LosesCommits => Some(&is_deaf),
                Line::DiesAtCommits => Some(&is_dumb),
                _ => None,
            };
            if let Some(lost) = loses
                && memchr::memmem::find(bytes, b"COMMIT").is_some()
            {
                lost.store(true, Ordering::Release);
            }
            passes(line) && !is_dumb.load(Ordering::Acquire)
        }) => {}
        () = copy(far_in, near_out, line, |line, _| {
            passes(line) && !is_deaf.load(Ordering::Acquire)
        }) => {}
        // Both sides are dropped.
        _ = until.wait_for(|line| *line == Line::Cut) => {}
    }
}

/// Passes on what comes, as soon as the line `lets` it.
async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut line: watch::Receiver<Line>,
    lets: impl Fn(Line, &[u8]) -> bool,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let bytes = &buffer[..read];
        let is_over = line.wait_for(|line| lets(*line, bytes)).await.is_err();
        if is_over || to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
