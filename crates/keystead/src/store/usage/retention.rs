//! Old attempts go; what they add up to stays.

use std::num::NonZeroU16;

use sqlx::AssertSqlSafe;

use super::{pages::DAY_US, sums::DAY_S};
use crate::store::{Store, StoreError};

/// How many pages go in one transaction, so that whoever appends meanwhile hardly waits.
const AT_ONCE: u8 = 100;

impl Store {
    /// Deletes the attempts of all days (UTC) but today and the `kept` before it. Returns how many
    /// pages there were.
    pub async fn thin_ledger(&self, kept: NonZeroU16) -> Result<u64, StoreError> {
        let today = self.0.clock.now().as_secs().div_euclid(DAY_S);
        let whole_from = (today - i64::from(kept.get())) * DAY_US;
        let organizations: Vec<String> =
            sqlx::query_scalar("SELECT id FROM organizations ORDER BY id")
                .fetch_all(&self.0.read)
                .await?;
        let mut gone = 0;
        for organization in organizations {
            loop {
                let some = self.delete_pages(&organization, whole_from).await?;
                if some == 0 {
                    break;
                }
                gone += some;
            }
        }
        Ok(gone)
    }

    /// Deletes the sums by end user of all days (UTC) but today and the `kept` before it. Returns how
    /// many there were.
    pub async fn delete_old_subjects(&self, kept: NonZeroU16) -> Result<u64, StoreError> {
        let today = self.0.clock.now().as_secs().div_euclid(DAY_S);
        let mut transaction = self.begin().await?;
        let gone = sqlx::query("DELETE FROM usage_subjects WHERE day < $1")
            .bind(today - i64::from(kept.get()))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(gone.rows_affected())
    }

    /// Deletes some pages that begin before `whole_from`. A page holds attempts of one day, so all
    /// of them are older.
    async fn delete_pages(&self, organization: &str, whole_from: i64) -> Result<u64, StoreError> {
        let old = AssertSqlSafe(format!(
            "SELECT id FROM usage_pages WHERE organization_id = $1 AND from_at < $2
             ORDER BY from_at LIMIT {AT_ONCE}"
        ));
        let ids: Vec<Vec<u8>> = sqlx::query_scalar(old)
            .bind(organization.to_owned())
            .bind(whole_from)
            .fetch_all(&self.0.read)
            .await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.begin().await?;
        // First: it holds back other processes that do the same, and tells those that make sums
        // anew what they can't make any more.
        sqlx::query("UPDATE usage_ledger SET whole_from = $1 WHERE whole_from < $1")
            .bind(whole_from)
            .execute(&mut *transaction)
            .await?;
        let places: Vec<_> = (1..=ids.len()).map(|place| format!("${place}")).collect();
        let mut delete = sqlx::query(AssertSqlSafe(format!(
            "DELETE FROM usage_pages WHERE id IN ({})",
            places.join(", ")
        )));
        for id in &ids {
            delete = delete.bind(id.clone());
        }
        delete.execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(ids.len() as u64)
    }
}
