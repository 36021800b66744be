//! When the last backup was made, so that somebody is told once that is long ago. It is one row under no
//! MAC: nobody is let in by it, and whoever can write here can take a backup away as well.

use sqlx::{AnyConnection, Connection as _, Executor as _};

use super::{
    Schema, Store, StoreError, StoreUrl,
    connections::{SQLITE_WRITER, sqlite_address},
    migrate,
};
use crate::{
    clock::Timestamp,
    ids::BackupId,
    store::{Columns, Unfit},
};

/// The last backup that `keystead backup` made of a store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LastBackup {
    /// Which.
    pub id: BackupId,
    /// When it was begun.
    pub made_at: Timestamp,
}

impl Store {
    /// Notes that a backup was made of the store at `url`, beside a server that writes there: one row,
    /// which no process remembers.
    ///
    /// # Errors
    ///
    /// [`StoreError`], where whoever makes backups may only read.
    pub async fn note_backup(url: &StoreUrl, backup: LastBackup) -> Result<(), StoreError> {
        let mut connection = match url {
            StoreUrl::Sqlite(path) => {
                let mut connection = AnyConnection::connect(&sqlite_address(path)?).await?;
                connection.execute(SQLITE_WRITER).await?;
                connection
            }
            StoreUrl::Postgres(address) => AnyConnection::connect(address).await?,
        };
        let noted = sqlx::query(
            "INSERT INTO last_backup (id, backup_id, made_at) VALUES (1, $1, $2)
             ON CONFLICT (id) DO UPDATE SET backup_id = excluded.backup_id,
                 made_at = excluded.made_at",
        )
        .bind(backup.id.to_string())
        .bind(backup.made_at.as_micros())
        .execute(&mut connection)
        .await;
        connection.close().await?;
        noted?;
        Ok(())
    }

    /// The last backup that this store knows of.
    pub async fn last_backup(&self) -> Result<Option<LastBackup>, StoreError> {
        let row = sqlx::query("SELECT backup_id, made_at FROM last_backup WHERE id = 1")
            .fetch_optional(&self.0.read)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let columns = &mut Columns::of(&row);
        let mut read = || {
            Ok(LastBackup {
                id: columns.parsed()?,
                made_at: columns.time()?,
            })
        };
        let read = read().map_err(|_: Unfit| self.tampered("last_backup", "1".to_owned()));
        read.map(Some)
    }

    /// Which schema the store has now: another program may have migrated it since it was opened.
    pub async fn schema_now(&self) -> Result<Schema, StoreError> {
        let mut connection = self.0.read.acquire().await?;
        Ok(migrate::schema(self.0.backend, &mut connection).await)
    }
}
