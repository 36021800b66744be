//! Keys that someone should look at.

use sqlx::AssertSqlSafe;

use super::{AuthorityRow as _, Columns, Key, Store, StoreError, Unfit};
use crate::{clock::Timestamp, ids::OrganizationId};

/// A key that someone should look at.
#[derive(Clone, Debug)]
pub struct KeyInNeed {
    /// The key.
    pub key: Key,
    /// When the version in use was entered.
    pub entered_at: Timestamp,
    /// On which day it was last used (UTC, counted from 1970-01-01), if it ever was.
    pub last_used: Option<i64>,
    /// What is to be seen to first.
    pub why: Care,
}

/// Why someone should look at a key, the worst first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Care {
    /// The provider does not take it.
    Refused,
    /// Nobody knows whether it works.
    Unchecked,
    /// It was entered long ago.
    Old,
    /// It was not used for long.
    Unused,
}

/// After how many days a key is called old, or unused.
pub const CARE_DAYS: i64 = 90;

impl Store {
    /// An organization's keys that need care, the worst first, `limit` at most, and how many there
    /// are. Disabled ones do nobody any harm and are left out.
    pub async fn keys_in_need(
        &self,
        organization: OrganizationId,
        limit: u16,
    ) -> Result<(Vec<KeyInNeed>, u64), StoreError> {
        let long_ago = self.0.clock.now().as_micros() - CARE_DAYS * DAY_US;
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT rated.*, COUNT(*) OVER () FROM (
                 SELECT own.*, CASE
                     WHEN status NOT IN ('valid', 'unchecked') THEN 0
                     WHEN status = 'unchecked' THEN 1
                     WHEN entered_at < $2 THEN 2
                     WHEN created_at < $2 AND (last_used IS NULL OR last_used < $3) THEN 3
                     ELSE 4 END AS care
                 FROM (
                     SELECT {}, mac,
                         COALESCE((SELECT v.created_at FROM key_versions v
                             WHERE v.key_id = keys.id AND v.n = keys.version), created_at)
                             AS entered_at,
                         (SELECT MAX(day) FROM usage_days u
                             WHERE u.organization_id = $1 AND u.key_id = keys.id) AS last_used
                     FROM keys WHERE organization_id = $1 AND disabled = 0
                 ) own
             ) rated WHERE care < 4 ORDER BY care, id LIMIT $4",
            Key::COLUMNS
        )))
        .bind(organization.to_string())
        .bind(long_ago)
        .bind(long_ago.div_euclid(DAY_US))
        .bind(i64::from(limit))
        .fetch_all(&self.0.read)
        .await?;
        let mut count = 0;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let columns = &mut Columns::of(row);
            let key: Key = self.checked_next(columns)?;
            let id = key.id;
            let rest = || {
                let in_need = KeyInNeed {
                    entered_at: columns.time()?,
                    last_used: columns.optional_number()?,
                    why: Care::of(columns.number()?)?,
                    key,
                };
                count = columns.count()?;
                Ok::<_, Unfit>(in_need)
            };
            found.push(rest().map_err(|_| self.tampered("key_versions", id.to_string()))?);
        }
        Ok((found, count))
    }
}

impl Care {
    fn of(number: i64) -> Result<Self, Unfit> {
        match number {
            0 => Ok(Self::Refused),
            1 => Ok(Self::Unchecked),
            2 => Ok(Self::Old),
            3 => Ok(Self::Unused),
            _ => Err(Unfit),
        }
    }
}

const DAY_US: i64 = 86_400_000_000;
