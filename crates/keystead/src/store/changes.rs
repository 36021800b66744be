//! How every process hears of a change of authority.
//!
//! A change is a row in `changes` under the next number of `change_seq`, written in the
//! transaction that changes. This process hears of its own changes before the call that made them
//! returns; those of other processes, on PostgreSQL, by [`Store::watch`].

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use keystead_vault::SubjectHash;
use parking_lot::Mutex;
use sqlx::{AnyPool, Row as _};
use tokio::sync::broadcast;

use super::{Backend, Store, StoreError};
use crate::clock::Timestamp;

/// How many changes stay: more than a process misses between two polls.
const KEPT: i64 = 10_000;

/// One object that is not what a cache may still think it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// The object's id as text; [`Change::EVERYTHING`] when it isn't known which changed.
    pub object: String,
    /// Whether streams that run on it end now, not only new calls.
    pub cut: bool,
}

impl Change {
    /// In an id's place: forget all there is. Said when changes were missed.
    pub const EVERYTHING: &str = "*";

    /// In an id's place: what is known of one subject of one application.
    pub(crate) fn of_subject(subject: &SubjectHash) -> String {
        let mut text = String::from(SUBJECT);
        for byte in half(subject) {
            text.push_str(&format!("{byte:02x}"));
        }
        text
    }

    /// The subject that a name of [`of_subject`](Self::of_subject) stands for, as [`is_of`] knows it.
    ///
    /// [`is_of`]: SubjectName::is_of
    pub(crate) fn subject(&self) -> Option<SubjectName> {
        let hex = self.object.strip_prefix(SUBJECT)?;
        u128::from_str_radix(hex, 16).ok().map(SubjectName)
    }

    fn everything() -> Self {
        Self {
            object: Self::EVERYTHING.to_owned(),
            cut: false,
        }
    }
}

/// A subject, by half of its hash: still more than enough to keep them apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SubjectName(u128);

impl SubjectName {
    /// Whether it stands for this one.
    pub fn is_of(self, subject: &SubjectHash) -> bool {
        u128::from_be_bytes(half(subject)) == self.0
    }
}

fn half(subject: &SubjectHash) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&subject.as_bytes()[..16]);
    half
}

/// What the names of subjects begin with; no id does.
const SUBJECT: &str = "subject:";

/// What this process knows of changes.
pub(super) struct ChangeFeed {
    sender: broadcast::Sender<Change>,
    generation: AtomicU64,
    /// Held while changes are told.
    telling: Mutex<()>,
    /// When the sequence was last read from the database, for a process that isn't alone.
    confirmed: AtomicI64,
    /// What was told already.
    told: Mutex<Told>,
}

/// Which changes this process's subscribers were told, on a store that others change too. Nobody is to
/// hear of one a second time: what began after it would be cut by it.
#[derive(Default)]
struct Told {
    /// All changes to this number were, by the [`Watch`], or before the store was opened.
    until: i64,
    /// Later ones that were: this process's own.
    own: BTreeSet<i64>,
}

impl ChangeFeed {
    pub(super) fn new(opened_at: i64, asked_at: Timestamp) -> Self {
        Self {
            sender: broadcast::channel(1024).0,
            generation: AtomicU64::new(0),
            telling: Mutex::default(),
            confirmed: AtomicI64::new(asked_at.as_micros()),
            told: Mutex::new(Told {
                until: opened_at,
                own: BTreeSet::new(),
            }),
        }
    }

    /// Tells all subscribers. The generation comes last: who sees it sees the changes too.
    pub(super) fn announce(&self, changes: impl IntoIterator<Item = Change>) {
        let _telling = self.telling.lock();
        for change in changes {
            // No subscriber is no error: a command line has no cache.
            let _ = self.sender.send(change);
        }
        self.generation.fetch_add(1, Ordering::Release);
    }
}

impl Store {
    /// Tells this process what it changed itself, once: by now its [`Watch`] may have told it, and will
    /// leave it out if not.
    pub(super) fn announce_own(&self, seq: i64, changes: Vec<Change>) {
        let feed = &self.0.feed;
        // Nobody else changes a SQLite store, so there is no watch.
        if self.0.backend == Backend::Sqlite {
            return feed.announce(changes);
        }
        let mut told = feed.told.lock();
        if seq > told.until {
            told.own.insert(seq);
            feed.announce(changes);
        }
    }

    /// Every change from now on. Someone who lags behind 1,024 changes must forget everything.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.0.feed.sender.subscribe()
    }

    /// Grows with every change, before the call that made the change returns. So a cache that
    /// compares it at each use, and reads its subscription when it has grown, is never late; and
    /// an entry whose look-up began under another generation must not be kept.
    pub fn generation(&self) -> u64 {
        self.0.feed.generation.load(Ordering::Acquire)
    }

    /// Waits until what a subscriber just heard is in the generation as well: who acts on it may let others
    /// know before, and they are not to meet a cache of before.
    pub(crate) fn hear_out(&self) {
        drop(self.0.feed.telling.lock());
    }

    /// Until when it is certain that no other process changed anything unheard. On SQLite there
    /// is no other process, so for ever.
    pub fn confirmed_at(&self) -> Timestamp {
        match self.0.backend {
            Backend::Sqlite => Timestamp::from_micros(i64::MAX),
            Backend::Postgres => {
                Timestamp::from_micros(self.0.feed.confirmed.load(Ordering::Acquire))
            }
        }
    }

    /// The number of the last change.
    pub async fn current_seq(&self) -> Result<i64, StoreError> {
        seq(&self.0.read).await
    }

    /// What changed after `seq`, and the number of the last change.
    ///
    /// A number whose changes are missing, or a sequence that ran backwards, gives
    /// [`Change::EVERYTHING`]: someone deleted rows to keep a revocation from being heard, or an
    /// older store was put in place.
    pub async fn changes_since(&self, seq: i64) -> Result<(i64, Vec<Change>), StoreError> {
        let (current, changes) = self.numbered_changes_since(seq).await?;
        let changes = changes.into_iter().map(|(_, change)| change);
        Ok((current, changes.collect()))
    }

    async fn numbered_changes_since(
        &self,
        seq: i64,
    ) -> Result<(i64, Vec<(i64, Change)>), StoreError> {
        let current = self.current_seq().await?;
        if current == seq {
            return Ok((current, Vec::new()));
        }
        let rows = sqlx::query(
            "SELECT seq, object, cut FROM changes WHERE seq > $1 AND seq <= $2 ORDER BY seq",
        )
        .bind(seq)
        .bind(current)
        .fetch_all(&self.0.read)
        .await?;

        let mut changes = Vec::with_capacity(rows.len());
        let mut last = seq;
        for row in &rows {
            let number: i64 = row.try_get(0)?;
            if number > last + 1 {
                break;
            }
            last = number;
            let cut: i64 = row.try_get(2)?;
            let change = Change {
                object: row.try_get(1)?,
                cut: cut != 0,
            };
            changes.push((number, change));
        }
        if last != current {
            // Of no number, so it is nobody's own.
            changes.push((0, Change::everything()));
        }
        Ok((current, changes))
    }

    /// Deletes changes that every process that still takes calls has heard of. One that missed
    /// them forgets everything, as after any gap. Returns how many.
    pub async fn delete_old_changes(&self) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let gone = sqlx::query(
            "DELETE FROM changes WHERE seq <= (SELECT seq FROM change_seq WHERE id = 1) - $1",
        )
        .bind(KEPT)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(gone.rows_affected())
    }

    /// Follows the changes of other processes from the moment the store was opened: await
    /// [`Watch::run`] beside the server. On SQLite it has nothing to do.
    ///
    /// # Errors
    ///
    /// The database must answer once.
    pub async fn watch(&self) -> Result<Watch, StoreError> {
        let watch = Watch {
            store: self.clone(),
        };
        if self.0.backend == Backend::Postgres {
            watch.poll().await?;
        }
        Ok(watch)
    }

    fn confirm(&self, at: Timestamp) {
        self.0
            .feed
            .confirmed
            .fetch_max(at.as_micros(), Ordering::AcqRel);
    }
}

pub(super) async fn seq(pool: &AnyPool) -> Result<i64, StoreError> {
    let seq = sqlx::query_scalar("SELECT seq FROM change_seq WHERE id = 1");
    Ok(seq.fetch_one(pool).await?)
}

/// The follower of other processes' changes.
#[derive(Debug)]
pub struct Watch {
    store: Store,
}

impl Watch {
    /// Half of the second within which a revocation reaches every process.
    const INTERVAL: Duration = Duration::from_millis(500);

    /// Polls for ever. A database that is away leaves [`Store::confirmed_at`] where it is.
    pub async fn run(self) {
        if self.store.0.backend == Backend::Sqlite {
            return std::future::pending().await;
        }
        let mut ticks = tokio::time::interval(Self::INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // An answer that takes longer than a poll is as good as none, and the next one asks
            // on another connection.
            match tokio::time::timeout(Self::INTERVAL, self.poll()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "changes could not be read"),
                Err(_) => tracing::warn!("changes could not be read in time"),
            }
        }
    }

    /// Announces what is new, and confirms the moment at which it began to ask.
    async fn poll(&self) -> Result<(), StoreError> {
        let began = self.store.0.clock.now();
        let since = self.store.0.feed.told.lock().until;
        let (seq, mut changes) = self.store.numbered_changes_since(since).await?;
        let mut told = self.store.0.feed.told.lock();
        changes.retain(|(number, _)| !told.own.contains(number));
        if seq < since {
            // An older store is in its place, and will use these numbers again.
            told.own.clear();
        }
        told.own = told.own.split_off(&(seq + 1));
        told.until = seq;
        let changes: Vec<_> = changes.into_iter().map(|(_, change)| change).collect();
        if !changes.is_empty() {
            // Under the lock: whoever made one of them finds it told when it was.
            self.store.0.feed.announce(changes);
        }
        drop(told);
        self.store.confirm(began);
        Ok(())
    }
}
