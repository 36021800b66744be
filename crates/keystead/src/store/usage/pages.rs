//! Pages of the ledger: how they lie in the store, and how they are read back.

use aws_lc_rs::digest::{SHA256, digest};
use sqlx::{AnyConnection, Row as _};

use super::{UsageRow, codec, sums::DAY_S};
use crate::{
    ids::OrganizationId,
    store::{Store, StoreError},
};

/// Attempts of one organization and one day (UTC) as they lie in the store.
///
/// A page is known by the hash of the rows that were handed over. What of them was settled before
/// is found out later, for the answer may be another when they are sent again.
pub(super) struct Page {
    pub(super) id: Vec<u8>,
    from_at: i64,
    until_at: i64,
    attempts: i64,
    bytes: Vec<u8>,
}

impl Page {
    pub(super) fn of<Word: AsRef<str>>(rows: &[&UsageRow<Word>]) -> Self {
        let bytes = codec::encode(rows);
        let begins = rows.iter().map(|row| row.at.as_micros());
        let ends = rows.iter().map(|row| row.ended_at().as_micros());
        Self {
            id: digest(&SHA256, &bytes).as_ref().to_vec(),
            from_at: begins.min().unwrap_or_default(),
            until_at: ends.max().unwrap_or_default(),
            attempts: i64::try_from(rows.len()).unwrap_or(i64::MAX),
            bytes,
        }
    }

    /// Stores it; false if it is there already.
    pub(super) async fn insert(
        &self,
        organization: OrganizationId,
        connection: &mut AnyConnection,
    ) -> Result<bool, StoreError> {
        let inserted = sqlx::query(
            "INSERT INTO usage_pages (id, organization_id, from_at, until_at, attempts, page)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
        )
        .bind(self.id.clone())
        .bind(organization.to_string())
        .bind(self.from_at)
        .bind(self.until_at)
        .bind(self.attempts)
        .bind(self.bytes.clone())
        .execute(connection)
        .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Puts it in the place of one that is there.
    pub(super) async fn replace(
        self,
        id: Vec<u8>,
        connection: &mut AnyConnection,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE usage_pages SET page = $1 WHERE id = $2")
            .bind(self.bytes)
            .bind(id)
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// The pages of one organization's day, some at a time, by their first attempt.
pub(super) struct DayOfPages {
    organization: OrganizationId,
    until: i64,
    from_at: i64,
    after: Vec<u8>,
}

impl DayOfPages {
    pub(super) fn new(organization: OrganizationId, day: i64) -> Self {
        Self {
            organization,
            until: (day + 1) * DAY_US,
            from_at: day * DAY_US,
            after: Vec::new(),
        }
    }

    /// The next ones; none at the end.
    pub(super) async fn next(
        &mut self,
        connection: &mut AnyConnection,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = sqlx::query(
            "SELECT from_at, id, page FROM usage_pages
             WHERE organization_id = $1 AND from_at < $2 AND (from_at, id) > ($3, $4)
             ORDER BY from_at, id LIMIT $5",
        )
        .bind(self.organization.to_string())
        .bind(self.until)
        .bind(self.from_at)
        .bind(self.after.clone())
        .bind(AT_ONCE)
        .fetch_all(connection)
        .await?;
        if let Some(last) = rows.last() {
            (self.from_at, self.after) = (last.try_get(0)?, last.try_get(1)?);
        }
        let pages = rows.iter().map(|row| row.try_get(2));
        Ok(pages.collect::<Result<_, _>>()?)
    }
}

impl Store {
    /// The attempts of an organization on one day (UTC, counted from 1970-01-01), as they were
    /// written: to look into, not to add up.
    pub async fn attempts(
        &self,
        organization: OrganizationId,
        day: i64,
    ) -> Result<Vec<UsageRow<String>>, StoreError> {
        let mut connection = self.0.read.acquire().await?;
        let (mut pages, mut attempts) = (DayOfPages::new(organization, day), Vec::new());
        loop {
            let some = pages.next(&mut connection).await?;
            if some.is_empty() {
                return Ok(attempts);
            }
            for page in some {
                attempts.extend(self.read_page(organization, &page)?);
            }
        }
    }

    /// What a page holds.
    ///
    /// # Errors
    ///
    /// [`StoreError::Tampered`] when it can't be read; an alert is raised.
    pub(super) fn read_page(
        &self,
        organization: OrganizationId,
        page: &[u8],
    ) -> Result<Vec<UsageRow<String>>, StoreError> {
        codec::decode(organization, page)
            .map_err(|_| self.tampered("usage_pages", organization.to_string()))
    }
}

/// How many pages are read at once.
const AT_ONCE: i64 = 100;
pub(super) const DAY_US: i64 = DAY_S * 1_000_000;
