//! Looking something up in the audit log: newest first, never through more than so many rows.

use sqlx::{AssertSqlSafe, Row as _};

use super::log::AuditEvent;
use crate::{
    clock::Timestamp,
    ids::{EventId, OrganizationId},
    store::{Columns, Store, StoreError},
};

/// Which rows are wanted; what is `None` is not asked about.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Whose action begins so: `key.` or `key.rotated`.
    pub action: Option<String>,
    /// That this one did: an id, `operator` or `keystead`.
    pub actor: Option<String>,
    /// That were done to this.
    pub object: Option<String>,
    /// That ended so: `done`, `denied`, `failed`.
    pub outcome: Option<String>,
    /// Written at this or later.
    pub since: Option<Timestamp>,
    /// Written before this.
    pub until: Option<Timestamp>,
}

/// The part of the log that was looked through.
#[derive(Clone, Debug)]
pub struct Found {
    /// What fits, newest first.
    pub events: Vec<AuditEvent>,
    /// Below which row to go on. There may be something, even if nothing was found here.
    pub next: Option<u64>,
    /// When the oldest row that was looked at was written.
    pub back_to: Option<Timestamp>,
}

impl Store {
    /// An organization's rows of the log that fit, newest first, below `before`, `limit` at most.
    /// After so many that don't fit it gives up for this time and says where it was.
    pub async fn find_audit_events(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: u16,
    ) -> Result<Found, StoreError> {
        let before = match (before, filter.until) {
            (Some(before), _) => before.cast_signed(),
            (None, Some(until)) => self.first_row_since(until).await?,
            (None, None) => i64::MAX,
        };
        let part = format!(
            "(SELECT {} FROM audit_events WHERE organization_id = $1 AND seq < $2
              ORDER BY seq DESC LIMIT {AT_ONCE}) part",
            AuditEvent::COLUMNS
        );
        let looked_at = sqlx::query(AssertSqlSafe(format!(
            "SELECT COUNT(*), MIN(seq), MIN(at) FROM {part}"
        )))
        .bind(organization.to_string())
        .bind(before)
        .fetch_one(self.reader())
        .await?;
        let text = |wanted: &Option<String>| wanted.clone().unwrap_or_default();
        let since = filter.since.map_or(i64::MIN, Timestamp::as_micros);
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {} FROM {part}
             WHERE substr(action, 1, length($3)) = $3 AND (actor = $4 OR $4 = '')
                 AND (object = $5 OR $5 = '') AND (outcome = $6 OR $6 = '')
                 AND at >= $7 AND at < $8
             ORDER BY seq DESC LIMIT $9",
            AuditEvent::COLUMNS
        )))
        .bind(organization.to_string())
        .bind(before)
        .bind(text(&filter.action))
        .bind(text(&filter.actor))
        .bind(text(&filter.object))
        .bind(text(&filter.outcome))
        .bind(since)
        .bind(filter.until.map_or(i64::MAX, Timestamp::as_micros))
        .bind(i64::from(limit) + 1)
        .fetch_all(self.reader())
        .await?;
        let events = rows.iter().map(|row| {
            AuditEvent::read(&mut Columns::of(row))
                .map_err(|_| self.tampered("audit_events", Columns::of(row).id()))
        });
        let mut events: Vec<_> = events.collect::<Result<_, _>>()?;

        let (count, lowest, back_to): (i64, Option<i64>, Option<i64>) = (
            looked_at.try_get(0)?,
            looked_at.try_get(1)?,
            looked_at.try_get(2)?,
        );
        let has_more = events.len() > usize::from(limit);
        events.truncate(usize::from(limit));
        let next = match (has_more, events.last()) {
            (true, Some(last)) => Some(last.seq),
            // Rows are written in order, give or take what clocks of several machines differ by.
            _ if back_to.is_some_and(|at| at < since.saturating_sub(HOUR_US)) => None,
            _ if count < AT_ONCE => None,
            _ => lowest.and_then(|seq| u64::try_from(seq).ok()),
        };
        Ok(Found {
            events,
            next,
            back_to: back_to.map(Timestamp::from_micros),
        })
    }

    /// The number of the first row that was certainly written later, by its id, which begins with
    /// the time.
    async fn first_row_since(&self, at: Timestamp) -> Result<i64, StoreError> {
        let later = EventId::first_since(Timestamp::from_micros(at.as_micros() + HOUR_US));
        let row: Option<i64> =
            sqlx::query_scalar("SELECT seq FROM audit_events WHERE id > $1 ORDER BY id LIMIT 1")
                .bind(later.to_string())
                .fetch_optional(self.reader())
                .await?;
        Ok(row.unwrap_or(i64::MAX))
    }
}

/// How many rows are looked through in one call.
const AT_ONCE: i64 = 5_000;
const HOUR_US: i64 = 3_600_000_000;
