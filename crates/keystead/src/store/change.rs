//! One change of authority: one transaction, with its number, its audit rows and its news.

use sqlx::{Any, AnyConnection, Transaction};

use super::{Change, Store, StoreError};
use crate::audit::Event;

/// A change of authority in the making. It ends in [`commit`](Self::commit), which wants the
/// audit row; dropped, it has not happened.
pub(crate) struct Changing {
    store: Store,
    transaction: Transaction<'static, Any>,
    seq: i64,
    changes: Vec<Change>,
}

impl Store {
    /// Begins a change. Its first statement locks `change_seq`, so changes happen one after the
    /// other, numbers commit in order, and no two changes lock rows crosswise.
    pub(crate) async fn change(&self) -> Result<Changing, StoreError> {
        Changing::within(self.clone(), self.begin().await?).await
    }
}

impl Changing {
    /// A change that is part of a transaction under way.
    pub(super) async fn within(
        store: Store,
        mut transaction: Transaction<'static, Any>,
    ) -> Result<Self, StoreError> {
        let seq: i64 =
            sqlx::query_scalar("UPDATE change_seq SET seq = seq + 1 WHERE id = 1 RETURNING seq")
                .fetch_one(&mut *transaction)
                .await?;
        Ok(Self {
            store,
            transaction,
            seq,
            changes: Vec::new(),
        })
    }

    /// The transaction, for queries.
    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    /// Every process is to forget what it knows of `object`.
    pub(crate) fn forget(&mut self, object: &impl ToString) {
        self.changes.push(Change {
            object: object.to_string(),
            cut: false,
        });
    }

    /// As [`forget`](Self::forget); streams that run on it end as well.
    pub(crate) fn cut(&mut self, object: &impl ToString) {
        self.changes.push(Change {
            object: object.to_string(),
            cut: true,
        });
    }

    /// Writes an audit row beside the one that ends the change.
    pub(crate) async fn audit(&mut self, event: Event) -> Result<(), StoreError> {
        self.store.append_audit(&mut self.transaction, event).await
    }

    /// Writes the audit row and the changes, makes all of it durable, and tells this process.
    pub(crate) async fn commit(mut self, event: Event) -> Result<(), StoreError> {
        for change in &self.changes {
            // A change may name an object twice, as a restore does that suspends and then erases it.
            sqlx::query(
                "INSERT INTO changes (seq, object, cut) VALUES ($1, $2, $3)
                 ON CONFLICT (seq, object) DO UPDATE SET cut =
                     CASE WHEN excluded.cut > changes.cut THEN excluded.cut ELSE changes.cut END",
            )
            .bind(self.seq)
            .bind(&change.object)
            .bind(i64::from(change.cut))
            .execute(&mut *self.transaction)
            .await?;
        }
        self.store
            .append_audit(&mut self.transaction, event)
            .await?;

        // A task of its own: were the caller's future dropped here (its client hung up), the
        // change would be in the store and not in this process's caches.
        let committing = tokio::spawn(async move {
            let committed = self.transaction.commit().await;
            match &committed {
                Ok(()) => self.store.announce_own(self.seq, self.changes),
                // A commit whose answer was lost may have happened.
                Err(_) => self.store.0.feed.announce(self.changes),
            }
            Ok(committed?)
        });
        committing.await.unwrap_or(Err(StoreError::Stopping))
    }
}
