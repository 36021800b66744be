//! Calls and requests that were refused, counted by minute: what strangers do must not fill the disk, so
//! it is a number and no row each.

mod waiting;

pub(super) use self::waiting::Waiting;
use super::{Columns, Store, StoreError};
use crate::{
    clock::Timestamp,
    ids::{ApplicationId, OrganizationId},
};

/// How often something was refused within a minute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// Whose application it was, if that was known.
    pub of: Option<(OrganizationId, ApplicationId)>,
    /// Why: a stable word.
    pub code: &'static str,
    /// How often.
    pub count: u64,
}

/// How often calls of an application were refused on a day.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefusedOnDay {
    /// The day, as days since 1970-01-01 (UTC).
    pub day: i64,
    /// The application.
    pub application: ApplicationId,
    /// Why: a stable word.
    pub code: String,
    /// How often.
    pub count: u64,
}

impl Store {
    /// Counts a refusal, of a call to an application if that is known; `code` is a stable word. It is
    /// in the table once [`write_refused`](Self::write_refused) was there. Callable on any thread.
    pub fn count_refused(&self, of: Option<(OrganizationId, ApplicationId)>, code: &'static str) {
        self.0.refused.add(of, code);
    }

    /// Writes down what was counted; what can't be written is counted still.
    pub async fn write_refused(&self) {
        let refused = self.0.refused.take();
        if refused.is_empty() {
            return;
        }
        if let Err(error) = self.add_refused(self.0.clock.now(), &refused).await {
            tracing::warn!(%error, "What was refused could not be counted in the store");
            self.0.refused.give_back(refused);
        }
    }

    /// Adds counts to those of the minute that `at` lies in: all, or none.
    pub async fn add_refused(&self, at: Timestamp, all: &[Refused]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for one in all {
            let (organization, application) = match one.of {
                Some((organization, application)) => {
                    (organization.to_string(), application.to_string())
                }
                None => (String::new(), String::new()),
            };
            sqlx::query(
                "INSERT INTO refusals (organization_id, minute, application_id, code, count)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (organization_id, minute, application_id, code)
                 DO UPDATE SET count = refusals.count + excluded.count",
            )
            .bind(organization)
            .bind(minute_of(at))
            .bind(application)
            .bind(one.code)
            .bind(i64::try_from(one.count).unwrap_or(i64::MAX))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// What was refused to an organization's applications since `since`, the last day first, the most
    /// frequent first within it.
    pub async fn refused_by_day(
        &self,
        organization: OrganizationId,
        since: Timestamp,
    ) -> Result<Vec<RefusedOnDay>, StoreError> {
        let rows = sqlx::query(
            "SELECT minute / 1440, application_id, code, CAST(SUM(count) AS BIGINT)
             FROM refusals WHERE organization_id = $1 AND minute >= $2
             GROUP BY 1, 2, 3 ORDER BY 1 DESC, 4 DESC, 2, 3 LIMIT 10000",
        )
        .bind(organization.to_string())
        .bind(minute_of(since))
        .fetch_all(&self.0.read)
        .await?;
        let mut days = Vec::with_capacity(rows.len());
        for row in &rows {
            let columns = &mut Columns::of(row);
            let mut read = || {
                Ok(RefusedOnDay {
                    day: columns.number()?,
                    application: columns.parsed()?,
                    code: columns.text()?,
                    count: columns.count()?,
                })
            };
            let day = read().map_err(|_: super::Unfit| self.tampered("refusals", "?".to_owned()));
            days.push(day?);
        }
        Ok(days)
    }

    /// Deletes the counts of the time before. Returns how many there were.
    pub async fn delete_old_refused(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let gone = sqlx::query("DELETE FROM refusals WHERE minute < $1")
            .bind(minute_of(before))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(gone.rows_affected())
    }
}

fn minute_of(at: Timestamp) -> i64 {
    at.as_secs().div_euclid(60)
}
