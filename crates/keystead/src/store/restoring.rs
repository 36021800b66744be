//! A store that a backup is being read into: one transaction from the first row to the last, so that
//! a restore that was killed has not happened.

use sqlx::{Any, AnyConnection, AssertSqlSafe, Executor as _, Transaction};

use super::{
    Access, Backend, Changing, Store, StoreError, StoreUrl, catalogue::Table, copying::Cell,
    migrate,
};
use crate::clock::Clock;

/// A restore under way. Dropped, it has not happened.
pub(crate) struct Restoring {
    store: Store,
    transaction: Transaction<'static, Any>,
}

impl Store {
    /// Opens a store to be restored into, with the schema that the backup was made of, or with the
    /// one that it has if that is newer.
    pub(crate) async fn open_for_restore(
        url: &StoreUrl,
        schema: i64,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        Self::open_at(url, Access::Write, clock, Some(schema)).await
    }

    /// Begins a restore; whatever a fresh store has of its own is gone within it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotEmpty`] when something was installed there.
    pub(crate) async fn begin_restoring(&self) -> Result<Restoring, StoreError> {
        let mut transaction = self.begin().await?;
        if self.0.backend == Backend::Postgres {
            // Another restore, or a server that starts, waits until it is known how this one ends.
            for setting in [
                // A backup is read between.
                "SET LOCAL idle_in_transaction_session_timeout = '60s'",
                "LOCK TABLE installation IN ACCESS EXCLUSIVE MODE",
            ] {
                transaction.execute(setting).await?;
            }
        }
        if self.row_count(&mut transaction, "installation").await? > 0 {
            return Err(StoreError::NotEmpty);
        }
        let mut tables = self.tables(&mut transaction).await?;
        tables.reverse();
        for table in tables {
            delete_all(&mut transaction, &table.name).await?;
        }
        Ok(Restoring {
            store: self.clone(),
            transaction,
        })
    }
}

impl Restoring {
    /// The tables of the store as it is now.
    pub(crate) async fn tables(&mut self) -> Result<Vec<Table>, StoreError> {
        self.store.tables(&mut self.transaction).await
    }

    /// Writes rows of a backup.
    pub(crate) async fn insert(
        &mut self,
        table: &Table,
        rows: Vec<Vec<Cell>>,
    ) -> Result<(), StoreError> {
        self.store
            .insert_rows(&mut self.transaction, &table.name, &table.columns, rows)
            .await
    }

    /// Brings what was restored to the schema of this program.
    pub(crate) async fn migrate(&mut self) -> Result<(), StoreError> {
        migrate::up(self.store.0.backend, &mut self.transaction, None).await
    }

    /// Forgets all rows of a table; says how many there were.
    pub(crate) async fn empty(&mut self, table: &str) -> Result<u64, StoreError> {
        delete_all(&mut self.transaction, table).await
    }

    /// Goes on as a change of authority: with a number of its own, which everybody hears.
    pub(crate) async fn into_change(self) -> Result<Changing, StoreError> {
        Changing::within(self.store, self.transaction).await
    }
}

async fn delete_all(connection: &mut AnyConnection, table: &str) -> Result<u64, StoreError> {
    let text = AssertSqlSafe(format!("DELETE FROM \"{table}\""));
    Ok(sqlx::query(text).execute(connection).await?.rows_affected())
}
