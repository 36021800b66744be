//! Tickets that were used. A ticket itself is kept nowhere: it comes back with the form it stands in.

use sqlx::AnyConnection;

use crate::{
    clock::Timestamp,
    store::{Changing, Store, StoreError},
};

impl Store {
    /// Uses a ticket up; false when it was used before.
    pub(crate) async fn use_ticket(
        &self,
        changing: &mut Changing,
        hash: &[u8; 32],
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        insert(changing.connection(), hash, expires_at).await
    }

    /// As [`use_ticket`](Self::use_ticket), for what changes nothing else: a proof of possession.
    pub(crate) async fn use_once(
        &self,
        name: &[u8; 32],
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let is_first = insert(&mut transaction, name, expires_at).await?;
        transaction.commit().await?;
        Ok(is_first)
    }

    /// Forgets used tickets that have expired, for they are refused for that.
    pub async fn delete_expired_tickets(&self) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let deleted = sqlx::query("DELETE FROM used_tickets WHERE expires_at < $1")
            .bind(self.0.clock.now().as_micros())
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        transaction.commit().await?;
        Ok(deleted)
    }
}

/// Whether it was not there.
async fn insert(
    connection: &mut AnyConnection,
    name: &[u8; 32],
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO used_tickets (hash, expires_at) VALUES ($1, $2)
         ON CONFLICT (hash) DO NOTHING",
    )
    .bind(name.to_vec())
    .bind(expires_at.as_micros())
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}
