//! Rows that stand for themselves, such as openings of keys, wait for each other: those that come while
//! one commit is under way share the next. Each is durable before its own waiter goes on.

use std::{fmt, sync::Arc};

use tokio::sync::{mpsc, oneshot};

use super::Event;
use crate::store::{Store, StoreError};

/// Rows on their way into the log.
pub(crate) struct AuditQueue(mpsc::Sender<Waiting>);

/// A row, and who waits for it.
pub(crate) struct Waiting {
    event: Event,
    written: oneshot::Sender<Result<(), StoreError>>,
}

impl AuditQueue {
    /// How many may wait; whoever comes then waits to wait.
    const LENGTH: usize = 1_024;

    pub(crate) fn new() -> (Self, mpsc::Receiver<Waiting>) {
        let (sender, receiver) = mpsc::channel(Self::LENGTH);
        (Self(sender), receiver)
    }

    /// Writes a row. It is durable when this returns, and is written even if nobody waits any more.
    pub(crate) async fn write(&self, event: Event) -> Result<(), StoreError> {
        let (written, outcome) = oneshot::channel();
        let waiting = Waiting { event, written };
        self.0
            .send(waiting)
            .await
            .map_err(|_| StoreError::Stopping)?;
        outcome.await.unwrap_or(Err(StoreError::Stopping))
    }
}

impl fmt::Debug for AuditQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditQueue(..)")
    }
}

/// Writes what waits, for as long as the store lives.
pub(crate) fn spawn_writer(store: &Store, mut waiting: mpsc::Receiver<Waiting>) {
    let store = store.weak();
    tokio::spawn(async move {
        let mut together = Vec::new();
        while waiting.recv_many(&mut together, MOST).await > 0 {
            let Some(store) = store.upgrade() else { return };
            write_all(&store, &mut together).await;
        }
    });
}

async fn write_all(store: &Store, together: &mut Vec<Waiting>) {
    let events = together.iter().map(|one| one.event.clone());
    match store.append_together(events.collect()).await {
        Ok(()) => {
            for one in together.drain(..) {
                _ = one.written.send(Ok(()));
            }
        }
        // Each has a reason of its own, and none is refused for another's.
        Err(error) if error.is_about_a_row() => {
            for one in together.drain(..) {
                let outcome = store.append_together(vec![one.event]).await;
                _ = one.written.send(outcome);
            }
        }
        // A store that is away is so for all of them: each would wait as long again to learn it.
        Err(error) => {
            let error = Arc::new(error);
            for one in together.drain(..) {
                _ = one.written.send(Err(StoreError::Together(error.clone())));
            }
        }
    }
}

/// How many share a commit at most: it holds the log's lock for some milliseconds.
const MOST: usize = 64;
