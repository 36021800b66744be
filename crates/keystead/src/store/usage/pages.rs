//! Pages of the ledger: how they lie in the store, and how they are read back.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use sqlx::{AnyConnection, Row as _};

use super::{
    UsageRow, codec,
    sums::{DAY_S, Rollup, day_of},
};
use crate::{
    clock::Timestamp,
    ids::OrganizationId,
    store::{Store, StoreError},
};

/// A page that is still being written: attempts of one organization and one day (UTC), added up as they
/// come.
#[derive(Debug)]
pub(super) struct Draft {
    /// The day, counted from 1970-01-01.
    pub(super) day: i64,
    /// What the attempts add up to.
    pub(super) sums: Rollup,
    from_at: i64,
    until_at: i64,
    writer: codec::Writer,
    /// In the order of the sums.
    callers: Vec<codec::Caller>,
}

impl Draft {
    /// One with nothing in it.
    pub(super) fn new(day: i64) -> Self {
        Self {
            day,
            sums: Rollup::default(),
            from_at: i64::MAX,
            until_at: i64::MIN,
            writer: codec::Writer::new(Timestamp::from_micros(day * DAY_US)),
            callers: Vec::new(),
        }
    }

    /// Writes one more attempt of its day.
    pub(super) fn add<Word>(&mut self, row: &UsageRow<Word>)
    where
        Word: AsRef<str> + Clone + Into<Cow<'static, str>>,
    {
        self.from_at = self.from_at.min(row.at.as_micros());
        self.until_at = self.until_at.max(row.ended_at().as_micros());
        let caller = self.sums.add(row);
        if caller == self.callers.len() {
            self.callers.push(self.writer.note(row));
        }
        self.writer.add(row, &self.callers[caller]);
    }

    /// Whether it has as many as a page may.
    pub(super) fn is_full(&self) -> bool {
        self.writer.rows() >= MOST_IN_A_PAGE
    }
}

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

impl From<&Draft> for Page {
    fn from(draft: &Draft) -> Self {
        let bytes = draft.writer.page();
        Self {
            id: digest(&SHA256, &bytes).as_ref().to_vec(),
            from_at: draft.from_at,
            until_at: draft.until_at,
            attempts: i64::try_from(draft.writer.rows()).unwrap_or(i64::MAX),
            bytes,
        }
    }
}

impl Page {
    /// The page of some attempts of one day, one at least.
    pub(super) fn of<'a, Word>(rows: impl IntoIterator<Item = &'a UsageRow<Word>>) -> Self
    where
        Word: AsRef<str> + Clone + Into<Cow<'static, str>> + 'a,
    {
        let mut rows = rows.into_iter().peekable();
        let day = rows.peek().map_or(0, |row| day_of(row));
        let mut draft = Draft::new(day);
        rows.for_each(|row| draft.add(row));
        Self::from(&draft)
    }

    /// The pages of what all cores wrote of one organization's day. What is little lies in one, where it is
    /// found in the order in which it ended.
    pub(super) fn of_drafts(drafts: &[(OrganizationId, &Draft)]) -> Vec<(OrganizationId, Self)> {
        let count = drafts.iter().map(|(_, draft)| draft.writer.rows()).sum();
        if let (2.., ..=LITTLE) = (drafts.len(), count) {
            let rows = drafts
                .iter()
                .map(|(id, draft)| codec::decode(*id, &draft.writer.page()));
            if let Ok(rows) = rows.collect::<Result<Vec<_>, _>>() {
                return vec![(drafts[0].0, Self::of(rows.iter().flatten()))];
            }
        }
        let apart = drafts.iter().map(|(id, draft)| (*id, Self::from(*draft)));
        apart.collect()
    }

    /// As it lies in the store.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
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

/// How many attempts lie in a page at most: whoever looks for one reads all of them.
pub(super) const MOST_IN_A_PAGE: usize = 5_000;
/// How many are so few that somebody may look at one after the other.
const LITTLE: usize = 1_000;
/// How many pages are read at once.
const AT_ONCE: i64 = 100;
pub(super) const DAY_US: i64 = DAY_S * 1_000_000;
