//! Frames of bodies, without a wake for nothing.
//!
//! Whoever takes a frame of a body wakes the connection that it came on, so that hyper reads the
//! next one; hyper does so after the last frame too. That is a whole round of a connection for
//! nothing, twice a call. So a connection is polled with a [`Doorbell`] in its task's place, and
//! while [`poll_frame`] takes a frame, what rings on this thread waits; after the last frame it is
//! not passed on.

use std::{
    cell::Cell,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use http_body::{Body as _, Frame};
use hyper::body::Incoming;

thread_local! {
    static HELD: Cell<Held> = const { Cell::new(Held::Not) };
}

/// Whether this thread holds bells back.
#[derive(Default)]
enum Held {
    #[default]
    Not,
    /// It does, and none has rung.
    Quiet,
    /// It does, and this one has.
    Rung(Arc<Bell>),
}

/// What wakes a connection's task.
struct Bell(Waker);

/// Stands between a connection and its task.
#[derive(Debug, Default)]
pub struct Doorbell(Option<Wired>);

#[derive(Debug)]
struct Wired {
    task: Waker,
    bell: Waker,
}

impl Doorbell {
    /// In which to poll the connection, to be woken by the bell.
    pub fn context(&mut self, cx: &Context<'_>) -> Context<'_> {
        let task = cx.waker();
        // A spawned task keeps its waker, so this is done once.
        let wired = match self.0.take().filter(|wired| wired.task.will_wake(task)) {
            Some(wired) => wired,
            None => Wired {
                task: task.clone(),
                bell: Arc::new(Bell(task.clone())).into(),
            },
        };
        let wired = self.0.insert(wired);
        Context::from_waker(&wired.bell)
    }
}

impl Wake for Bell {
    fn wake_by_ref(self: &Arc<Self>) {
        self.clone().wake();
    }

    fn wake(self: Arc<Self>) {
        HELD.with(|held| match held.take() {
            Held::Not => self.0.wake_by_ref(),
            Held::Quiet => held.set(Held::Rung(self)),
            // Only the connection of the frame can ring; should another, neither is kept waiting.
            Held::Rung(other) => {
                other.0.wake_by_ref();
                held.set(Held::Rung(self));
            }
        });
    }
}

/// The next frame of `body`.
pub fn poll_frame(
    body: &mut Incoming,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
    HELD.set(Held::Quiet);
    let frame = pin!(&mut *body).poll_frame(cx);
    let held = HELD.take();
    if let Held::Rung(bell) = held
        && !body.is_end_stream()
    {
        bell.0.wake_by_ref();
    }
    frame
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::poll_fn};

    use hyper::{Request, Response, server::conn::http1, service::service_fn};
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Takes the whole body, then answers with its length.
    async fn length(mut request: Request<Incoming>) -> Result<Response<String>, Infallible> {
        let mut length = 0;
        while let Some(frame) = poll_fn(|cx| poll_frame(request.body_mut(), cx)).await {
            length += frame.unwrap().into_data().unwrap().len();
            if request.body().is_end_stream() {
                break;
            }
        }
        Ok(Response::new(length.to_string()))
    }

    /// How often a connection is polled for one request of so many bytes, and how its answer ends.
    async fn exchange(bytes: usize) -> (usize, String) {
        let (mut client, server) = tokio::io::duplex(16 * 1024);
        let connection =
            http1::Builder::new().serve_connection(TokioIo::new(server), service_fn(length));
        let (mut connection, mut bell) = (pin!(connection), Doorbell::default());
        let mut polls = 0;
        let served = poll_fn(|cx| {
            polls += 1;
            connection.as_mut().poll(&mut bell.context(cx))
        });
        let asked = async move {
            let head = format!(
                "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {bytes}\r\n\r\n"
            );
            let request = [head.into_bytes(), vec![b'x'; bytes]].concat();
            client.write_all(&request).await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let (served, answer) = tokio::join!(served, asked);
        served.unwrap();
        (polls, answer)
    }

    #[tokio::test]
    async fn the_last_frame_of_a_body_wakes_nobody() {
        let (polls, answer) = exchange(4).await;
        assert!(answer.ends_with("\r\n\r\n4"), "{answer}");
        // Before the request has come, and when it has.
        assert_eq!(polls, 2);
    }

    #[tokio::test]
    async fn a_body_in_many_frames_comes_through() {
        let (_, answer) = exchange(1 << 20).await;
        assert!(answer.ends_with("\r\n\r\n1048576"), "{answer}");
    }
}
