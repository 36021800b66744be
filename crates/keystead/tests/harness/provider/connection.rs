//! The stand-in's side of a connection.

use std::convert::Infallible;
use std::os::fd::{AsFd as _, OwnedFd};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::answer::{Answer, Step};
use super::exchange::Exchange;
use super::{NAMES, Provider};

pub(super) async fn accept(provider: Provider, listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(provider.clone(), stream));
    }
}

async fn serve(provider: Provider, stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    // A second handle on the socket, through which a step can turn its closing into a reset.
    let socket = stream.as_fd().try_clone_to_owned().unwrap();
    let socket = Arc::new(Mutex::new(Some(socket)));
    let own = provider.clone();
    let service = service_fn(move |request| exchange(own.clone(), socket.clone(), request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    loop {
        tokio::select! {
            // How a connection ends is what the test looks at on its own side.
            _ = &mut connection => return,
            () = provider.0.closing.notified() => connection.as_mut().graceful_shutdown(),
        }
    }
}

type Socket = Arc<Mutex<Option<OwnedFd>>>;

/// The connection is closed without a word more.
#[derive(Debug, thiserror::Error)]
#[error("scripted")]
struct Closed;

type Body = UnsyncBoxBody<Bytes, Closed>;

async fn exchange(
    provider: Provider,
    socket: Socket,
    request: Request<Incoming>,
) -> Result<Response<Body>, Closed> {
    let (parts, body) = request.into_parts();
    let whole = parts.uri.path().to_owned();
    let found = NAMES.iter().find_map(|name| {
        let rest = whole.strip_prefix('/')?.strip_prefix(name)?;
        rest.starts_with('/').then(|| (*name, rest.to_owned()))
    });
    let (service, path) = found.unwrap_or(("openai", format!("(no prefix) {whole}")));
    let exchange = Arc::new(Exchange::new(service, path, parts));
    provider.0.exchanges.lock().push(exchange.clone());

    let receiving = tokio::spawn(receive(exchange.clone(), body));
    if !provider.is_hasty(&exchange) {
        receiving.await.unwrap();
    }
    let answer = provider.answer(&exchange);
    let Some(response) = begin(&exchange, &socket, answer).await else {
        return Err(Closed);
    };
    Ok(response)
}

async fn receive(exchange: Arc<Exchange>, mut body: Incoming) {
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(bytes) = frame.into_data() {
            exchange.receive(&bytes);
        }
    }
    exchange.body_ended();
}

/// The head once it is time for it; `None` when the script closes the connection before.
async fn begin(
    exchange: &Arc<Exchange>,
    socket: &Socket,
    answer: Answer,
) -> Option<Response<Body>> {
    let mut guard = Ended {
        exchange: exchange.clone(),
        answered: false,
    };
    for step in &answer.before {
        match step {
            Step::Reset => {
                reset(socket);
                return None;
            }
            step => wait(step).await,
        }
    }
    exchange.answers(answer.status, &answer.headers);
    let mut response = match <[Step; 1]>::try_from(answer.steps) {
        Ok([Step::Send(bytes)]) => {
            exchange.sends(&bytes);
            guard.is_answered();
            let never = |never: Infallible| match never {};
            Response::new(Full::new(bytes).map_err(never).boxed_unsync())
        }
        Ok(steps) => Response::new(stream(guard, socket.clone(), steps.into())),
        Err(steps) => Response::new(stream(guard, socket.clone(), steps)),
    };
    *response.status_mut() = answer.status.try_into().unwrap();
    *response.headers_mut() = answer.headers;
    Some(response)
}

fn stream(mut guard: Ended, socket: Socket, steps: Vec<Step>) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        for step in steps {
            let going_on = async {
                match &step {
                    Step::Send(bytes) => {
                        guard.exchange.sends(bytes);
                        sender.send(Ok(bytes.clone())).await.is_ok()
                    }
                    Step::Reset => {
                        reset(&socket);
                        drop(sender.send(Err(Closed)).await);
                        false
                    }
                    step => {
                        wait(step).await;
                        true
                    }
                }
            };
            let goes_on = tokio::select! {
                biased;
                () = sender.closed() => false,
                goes_on = going_on => goes_on,
            };
            if !goes_on {
                return;
            }
        }
        guard.is_answered();
    });
    Steps(receiver).boxed_unsync()
}

async fn wait(step: &Step) {
    match step {
        Step::Wait(pause) => tokio::time::sleep(*pause).await,
        Step::Hold(hold) => hold.wait().await,
        Step::Silence => std::future::pending().await,
        Step::Send(_) | Step::Reset => {}
    }
}

/// Makes the socket's closing a reset, as a crashed or cut-off machine's is.
fn reset(socket: &Socket) {
    if let Some(socket) = socket.lock().take() {
        socket2::SockRef::from(&socket)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
}

/// Notes how the exchange ended, in whatever way it does.
struct Ended {
    exchange: Arc<Exchange>,
    answered: bool,
}

impl Ended {
    fn is_answered(&mut self) {
        self.answered = true;
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.exchange.ended(self.answered);
    }
}

struct Steps(mpsc::Receiver<Result<Bytes, Closed>>);

impl http_body::Body for Steps {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        self.0
            .poll_recv(cx)
            .map(|step| step.map(|bytes| bytes.map(Frame::data)))
    }
}
