//! Tickets that were used. A ticket itself is kept nowhere: it comes back with the form it stands in.

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
        let inserted = sqlx::query(
            "INSERT INTO used_tickets (hash, expires_at) VALUES ($1, $2)
             ON CONFLICT (hash) DO NOTHING",
        )
        .bind(hash.to_vec())
        .bind(expires_at.as_micros())
        .execute(changing.connection())
        .await?;
        Ok(inserted.rows_affected() == 1)
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
