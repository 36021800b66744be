//! The sums made anew from the pages.
//!
//! A day at a time, so that it needs no more memory for a year than for a day, and one transaction
//! each: whoever asks meanwhile sees a day as it was or as it is. Days that the ledger does not
//! hold whole any more stay as they are.

use std::{
    collections::BTreeSet,
    ops::{Range, RangeInclusive},
};

use sqlx::{Any, AnyConnection, AssertSqlSafe, Row as _, Transaction};

use super::{
    UsageRow, codec,
    pages::{DAY_US, DayOfPages, Page},
    sums::{DAY_S, HOURS_A_DAY, Rollup, day_of},
    upsert,
};
use crate::{
    clock::Timestamp,
    ids::{OrganizationId, RequestId},
    store::{Backend, Store, StoreError},
};

/// How many attempts are added up before the store is.
const ROWS: usize = 20_000;

/// What a rebuild found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rebuilt {
    /// Days of an organization that were made anew.
    pub days: u64,
    /// Attempts on these days.
    pub attempts: u64,
    /// Days that stay as they were, for a page of theirs can't be read.
    pub unreadable: Vec<(OrganizationId, i64)>,
}

impl Store {
    /// Makes the sums anew from the ledger, for every day that it still holds whole. On
    /// PostgreSQL attempts of running servers wait while a day is added up.
    pub async fn rebuild_usage(&self) -> Result<Rebuilt, StoreError> {
        let mut rebuilt = Rebuilt::default();
        let organizations: Vec<String> =
            sqlx::query_scalar("SELECT id FROM organizations ORDER BY id")
                .fetch_all(&self.0.read)
                .await?;
        for organization in organizations {
            let organization = self.organization_of(&organization)?;
            for day in self.forget_empty_days(organization).await? {
                match self.rebuild_day(organization, day).await {
                    Ok(None) => {}
                    Ok(Some(attempts)) => {
                        rebuilt.days += 1;
                        rebuilt.attempts += attempts;
                    }
                    Err(StoreError::Tampered { .. }) => {
                        rebuilt.unreadable.push((organization, day));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE usage_ledger SET summed = 1")
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(rebuilt)
    }

    /// Adds up a ledger that is older than the sums.
    pub(in crate::store) async fn sum_once(&self) -> Result<(), StoreError> {
        let summed: i64 = sqlx::query_scalar("SELECT summed FROM usage_ledger")
            .fetch_one(&self.0.read)
            .await?;
        if summed == 0 {
            self.split_pages().await?;
            let Rebuilt { days, attempts, .. } = self.rebuild_usage().await?;
            // A fresh store has nothing to tell.
            if attempts > 0 {
                tracing::info!(days, attempts, "The ledger has been added up");
            }
        }
        Ok(())
    }

    /// Pages that were written when a page could hold attempts of several days become pages of one.
    async fn split_pages(&self) -> Result<(), StoreError> {
        let mut transaction = self.begin_alone().await?;
        let pages = sqlx::query(
            "SELECT id, organization_id, page FROM usage_pages
             WHERE from_at / 86400000000 <> until_at / 86400000000",
        )
        .fetch_all(&mut *transaction)
        .await?;
        for page in pages {
            let (id, organization): (Vec<u8>, String) = (page.try_get(0)?, page.try_get(1)?);
            let organization = self.organization_of(&organization)?;
            let Ok(rows) = codec::decode(organization, page.try_get(2)?) else {
                continue;
            };
            let mut rows: Vec<_> = rows.iter().collect();
            rows.sort_by_key(|row| day_of(row));
            for rows in rows.chunk_by(|one, next| day_of(one) == day_of(next)) {
                Page::of(rows.iter().copied())
                    .insert(organization, &mut transaction)
                    .await?;
            }
            sqlx::query("DELETE FROM usage_pages WHERE id = $1")
                .bind(id)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Deletes sums of days of which the ledger holds nothing though it is whole; gives back the
    /// other days.
    async fn forget_empty_days(
        &self,
        organization: OrganizationId,
    ) -> Result<RangeInclusive<i64>, StoreError> {
        let mut transaction = self.begin_alone().await?;
        let whole_from = first_whole_day(&mut transaction).await?;
        let span = sqlx::query(
            "SELECT (SELECT MIN(from_at) FROM usage_pages WHERE organization_id = $1),
                 (SELECT MAX(from_at) FROM usage_pages WHERE organization_id = $1)",
        )
        .bind(organization.to_string())
        .fetch_one(&mut *transaction)
        .await?;
        let day = |column: usize| -> Result<_, StoreError> {
            let at: Option<i64> = span.try_get(column)?;
            Ok(at.map(|at| Timestamp::from_micros(at).as_secs().div_euclid(DAY_S)))
        };
        let first = day(0)?.unwrap_or(whole_from).max(whole_from);
        let last = day(1)?.unwrap_or(whole_from - 1);
        forget(organization, whole_from..first, &mut transaction).await?;
        let after = first.max(last + 1);
        forget(
            organization,
            after..i64::MAX / HOURS_A_DAY,
            &mut transaction,
        )
        .await?;
        transaction.commit().await?;
        Ok(first..=last)
    }

    /// How many attempts there were; none if the ledger does not hold the day whole any more.
    async fn rebuild_day(
        &self,
        organization: OrganizationId,
        day: i64,
    ) -> Result<Option<u64>, StoreError> {
        let mut transaction = self.begin_alone().await?;
        if day < first_whole_day(&mut transaction).await? {
            return Ok(None);
        }
        forget(organization, day..day + 1, &mut transaction).await?;
        let mut adding = Adding::new(organization);
        let mut pages = DayOfPages::new(organization, day);
        loop {
            let some = pages.next(&mut transaction).await?;
            if some.is_empty() {
                break;
            }
            for page in some {
                let rows = self.read_page(organization, &page)?;
                adding.add(rows, &mut transaction).await?;
            }
        }
        adding.write(&mut transaction).await?;
        transaction.commit().await?;
        Ok(Some(adding.attempts))
    }

    /// Begins a transaction beside which nobody appends or deletes, and that may take its time.
    async fn begin_alone(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let mut transaction = self.begin().await?;
        if self.0.backend == Backend::Postgres {
            for setting in [
                "SET LOCAL statement_timeout = 0",
                "SET LOCAL idle_in_transaction_session_timeout = '60s'",
                "LOCK TABLE usage_pages IN SHARE ROW EXCLUSIVE MODE",
            ] {
                sqlx::query(setting).execute(&mut *transaction).await?;
            }
        }
        Ok(transaction)
    }

    fn organization_of(&self, text: &str) -> Result<OrganizationId, StoreError> {
        text.parse()
            .map_err(|_| self.tampered("organizations", text.to_owned()))
    }
}

/// Attempts of a day on their way into the sums, page after page by their first attempt.
struct Adding {
    organization: OrganizationId,
    rows: Vec<UsageRow<String>>,
    /// Attempts that can still come a second time. Pages of version 1 could overlap: a batch whose
    /// answer was lost was sent again in other company.
    seen: BTreeSet<(Timestamp, RequestId, u32, bool)>,
    attempts: u64,
}

impl Adding {
    fn new(organization: OrganizationId) -> Self {
        Self {
            organization,
            rows: Vec::new(),
            seen: BTreeSet::new(),
            attempts: 0,
        }
    }

    async fn add(
        &mut self,
        page: Vec<UsageRow<String>>,
        connection: &mut AnyConnection,
    ) -> Result<(), StoreError> {
        let from = page.iter().map(|row| row.at).min().unwrap_or_default();
        let none = RequestId::from_bytes([0; 16]);
        self.seen = self.seen.split_off(&(from, none, 0, false));
        for row in page {
            let name = (row.at, row.request, row.attempt, row.takes_back);
            if self.seen.insert(name) {
                self.rows.push(row);
            }
        }
        if self.rows.len() >= ROWS {
            self.write(connection).await?;
        }
        Ok(())
    }

    async fn write(&mut self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        let mut rollup = Rollup::default();
        for row in &self.rows {
            rollup.add(row);
        }
        upsert::add(&rollup, self.organization, connection).await?;
        self.attempts += self.rows.len() as u64;
        self.rows.clear();
        Ok(())
    }
}

/// Deletes the sums of some days.
async fn forget(
    organization: OrganizationId,
    days: Range<i64>,
    connection: &mut AnyConnection,
) -> Result<(), StoreError> {
    for (table, unit, units) in [
        ("usage_hours", "hour", HOURS_A_DAY),
        ("usage_days", "day", 1),
        ("usage_shares", "day", 1),
        ("usage_subjects", "day", 1),
    ] {
        sqlx::query(AssertSqlSafe(format!(
            "DELETE FROM {table} WHERE organization_id = $1 AND {unit} >= $2 AND {unit} < $3"
        )))
        .bind(organization.to_string())
        .bind(days.start * units)
        .bind(days.end * units)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn first_whole_day(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let from: i64 = sqlx::query_scalar("SELECT whole_from FROM usage_ledger")
        .fetch_one(connection)
        .await?;
    Ok(from.div_euclid(DAY_US) + i64::from(from.rem_euclid(DAY_US) > 0))
}
