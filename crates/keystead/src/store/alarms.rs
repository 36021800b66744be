//! Findings that someone must look at: a row that was tampered with, a key that a provider echoed.

use std::{fmt, sync::OnceLock};

use tokio::sync::{mpsc, oneshot};

use super::{Columns, Store, StoreError};
use crate::{
    audit::{Actor, Event, Outcome},
    clock::Timestamp,
};

/// A finding, however often it was made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alarm {
    /// What was found: a stable word, such as `tampered`.
    pub kind: String,
    /// Where: a table, or a part of Keystead.
    pub place: String,
    /// On which object: an id.
    pub object: String,
    /// When it was first found.
    pub first_at: Timestamp,
    /// When it was last found.
    pub last_at: Timestamp,
    /// How often.
    pub count: u64,
}

/// Findings on their way into the table. They are found in the midst of transactions, on any
/// thread, so a task of its own writes them down.
pub(super) struct AlarmQueue {
    sender: mpsc::Sender<Raised>,
    counter: OnceLock<Box<dyn Fn(&'static str) + Send + Sync>>,
}

pub(super) enum Raised {
    Finding {
        kind: &'static str,
        place: &'static str,
        object: String,
    },
    /// Answered when all before it are written.
    Flush(oneshot::Sender<()>),
}

impl AlarmQueue {
    /// How many may wait; what is found beyond that will be found again.
    const LENGTH: usize = 256;

    pub(super) fn new() -> (Self, mpsc::Receiver<Raised>) {
        let (sender, receiver) = mpsc::channel(Self::LENGTH);
        let counter = OnceLock::new();
        (Self { sender, counter }, receiver)
    }
}

impl fmt::Debug for AlarmQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AlarmQueue(..)")
    }
}

impl Store {
    /// Raises an alarm: `kind` and `place` are stable words, `object` an id. It is in the log at
    /// once and in the table very soon. Callable on any thread.
    pub fn raise_alarm(&self, kind: &'static str, place: &'static str, object: &impl ToString) {
        let object = object.to_string();
        tracing::error!(kind, place, object, "alarm: {kind} in {place}");
        if let Some(count) = self.0.alarms.counter.get() {
            count(kind);
        }
        let _ = self.0.alarms.sender.try_send(Raised::Finding {
            kind,
            place,
            object,
        });
    }

    /// Has every alarm from now on counted by its kind. The first counter stays.
    pub fn count_alarms(&self, count: impl Fn(&'static str) + Send + Sync + 'static) {
        let _ = self.0.alarms.counter.set(Box::new(count));
    }

    /// The error for a row that failed its check, with its alarm raised.
    pub(crate) fn tampered(&self, table: &'static str, id: String) -> StoreError {
        self.raise_alarm("tampered", table, &id);
        StoreError::Tampered { table, id }
    }

    /// Every alarm there is, those just raised included, the latest first.
    pub async fn alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        let (sender, written) = oneshot::channel();
        let flush = Raised::Flush(sender);
        if self.0.alarms.sender.send(flush).await.is_ok() {
            let _ = written.await;
        }
        let rows = sqlx::query(
            "SELECT kind, place, object, first_at, last_at, count FROM alarms
             ORDER BY last_at DESC, kind, place, object",
        )
        .fetch_all(&self.0.read)
        .await?;
        rows.iter()
            .map(|row| {
                let columns = &mut Columns::of(row);
                let mut read = || {
                    Ok(Alarm {
                        kind: columns.text()?,
                        place: columns.text()?,
                        object: columns.text()?,
                        first_at: columns.time()?,
                        last_at: columns.time()?,
                        count: columns.count()?,
                    })
                };
                read().map_err(|_: super::Unfit| self.tampered("alarms", "?".to_owned()))
            })
            .collect()
    }

    /// Writes a finding down, and into the audit log the first time.
    async fn record_alarm(
        &self,
        kind: &'static str,
        place: &'static str,
        object: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let count: i64 = sqlx::query_scalar(
            "INSERT INTO alarms (kind, place, object, first_at, last_at, count)
             VALUES ($1, $2, $3, $4, $4, 1)
             ON CONFLICT (kind, place, object)
             DO UPDATE SET count = alarms.count + 1, last_at = excluded.last_at
             RETURNING count",
        )
        .bind(kind)
        .bind(place)
        .bind(object)
        .bind(self.0.clock.now().as_micros())
        .fetch_one(&mut *transaction)
        .await?;
        // Apart from the audit row: the audit log may be the very thing that was tampered with.
        transaction.commit().await?;
        if count == 1 {
            let event = Event::new(Actor::Keystead, "alarm.raised", &object);
            let event = event
                .outcome(Outcome::Failed)
                .with("kind", &kind)
                .with("place", &place);
            self.audit(event).await?;
        }
        Ok(())
    }
}

/// Writes down what is raised, for as long as the store lives.
pub(super) fn spawn_writer(store: &Store, mut raised: mpsc::Receiver<Raised>) {
    let store = store.weak();
    tokio::spawn(async move {
        while let Some(raised) = raised.recv().await {
            match raised {
                Raised::Flush(written) => {
                    let _ = written.send(());
                }
                Raised::Finding {
                    kind,
                    place,
                    object,
                } => {
                    let Some(store) = store.upgrade() else { return };
                    // One that only reads has said so in the log.
                    if store.0.write.is_some()
                        && let Err(error) = store.record_alarm(kind, place, &object).await
                    {
                        tracing::error!(%error, kind, place, "alarm could not be written down");
                    }
                }
            }
        }
    });
}
