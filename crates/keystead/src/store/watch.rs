//! What the rules of alerts ask.

use std::net::IpAddr;

use keystead_vault::Canonical;
use sqlx::AssertSqlSafe;

use super::{Columns, Store, StoreError, Unfit};
use crate::{
    clock::Timestamp,
    ids::{AddOnId, ApplicationId, KeyId, OrganizationId},
    limits::{Budget, Holder, RowLimits},
};

/// A key by its age.
#[derive(Clone, Copy, Debug)]
pub struct KeyAge {
    /// The key.
    pub key: KeyId,
    /// The version in use.
    pub version: i64,
    /// When that was entered.
    pub entered_at: Timestamp,
    /// When the first one was.
    pub created_at: Timestamp,
    /// On which day it was last used (UTC, counted from 1970-01-01), if it ever was.
    pub last_used: Option<i64>,
}

/// What an application used today, and at most on one of the days before.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    /// The application.
    pub application: ApplicationId,
    /// Attempts that may have done work, and what they cost in millionths of a US dollar.
    pub today: (i64, i64),
    /// The most of each on one of the days before.
    pub most: (i64, i64),
    /// On how many of those days it was used.
    pub days: i64,
}

/// How an address range stands to an application.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Range {
    /// It was called from there before, or for the first time at all.
    Known,
    /// It was called from others before.
    New,
    /// It is called from so many that another one says nothing.
    OneOfMany,
}

impl Store {
    /// Applications of which at least `least` calls were refused since then; and how many of nobody's.
    pub async fn refused_since(
        &self,
        since: Timestamp,
        least: i64,
    ) -> Result<(Vec<(OrganizationId, ApplicationId)>, i64), StoreError> {
        let rows = sqlx::query(
            "SELECT organization_id, application_id, CAST(SUM(count) AS BIGINT) FROM refusals
             WHERE minute >= $1 GROUP BY organization_id, application_id
             HAVING SUM(count) >= $2 OR organization_id = ''",
        )
        .bind(since.as_secs().div_euclid(60))
        .bind(least)
        .fetch_all(&self.0.read)
        .await?;
        let (mut known, mut of_nobody) = (Vec::new(), 0);
        for row in &rows {
            let columns = &mut Columns::of(row);
            let mut read = || Ok((columns.text()?, columns.text()?, columns.number()?));
            let (organization, application, count) =
                read().map_err(|_: Unfit| self.tampered("refusals", "?".to_owned()))?;
            match (organization.parse(), application.parse()) {
                (Ok(organization), Ok(application)) => known.push((organization, application)),
                _ => of_nobody += count,
            }
        }
        Ok((known, of_nobody))
    }

    /// What each application of an organization used today and on the seven days before.
    pub async fn usage_patterns(
        &self,
        organization: OrganizationId,
        today: i64,
    ) -> Result<Vec<Pattern>, StoreError> {
        let rows = sqlx::query(
            "SELECT t.name, t.requests, t.cost_micro_usd + t.unpriced_micro_usd,
                 COALESCE(MAX(b.requests), 0),
                 COALESCE(MAX(b.cost_micro_usd + b.unpriced_micro_usd), 0), COUNT(b.day)
             FROM usage_shares t LEFT JOIN usage_shares b
                 ON b.organization_id = $1 AND b.kind = 'application' AND b.day >= $2
                     AND b.day < $3 AND b.name = t.name AND b.requests > 0
             WHERE t.organization_id = $1 AND t.kind = 'application' AND t.day = $3
             GROUP BY t.name, t.requests, t.cost_micro_usd, t.unpriced_micro_usd",
        )
        .bind(organization.to_string())
        .bind(today - 7)
        .bind(today)
        .fetch_all(&self.0.read)
        .await?;
        let read = |columns: &mut Columns<'_>| {
            Ok(Pattern {
                application: columns.parsed()?,
                today: (columns.number()?, columns.number()?),
                most: (columns.number()?, columns.number()?),
                days: columns.number()?,
            })
        };
        rows.iter()
            .map(|row| read(&mut Columns::of(row)))
            .collect::<Result<_, Unfit>>()
            .map_err(|_| self.tampered("usage_shares", organization.to_string()))
    }

    /// The keys of an organization that may be used, with their ages.
    pub async fn key_ages(&self, organization: OrganizationId) -> Result<Vec<KeyAge>, StoreError> {
        let rows = sqlx::query(
            "SELECT keys.id, keys.version,
                 COALESCE((SELECT v.created_at FROM key_versions v
                     WHERE v.key_id = keys.id AND v.n = keys.version), keys.created_at),
                 keys.created_at,
                 (SELECT MAX(day) FROM usage_days u
                     WHERE u.organization_id = $1 AND u.key_id = keys.id)
             FROM keys WHERE organization_id = $1 AND disabled = 0",
        )
        .bind(organization.to_string())
        .fetch_all(&self.0.read)
        .await?;
        let read = |columns: &mut Columns<'_>| {
            Ok(KeyAge {
                key: columns.parsed()?,
                version: columns.number()?,
                entered_at: columns.time()?,
                created_at: columns.time()?,
                last_used: columns.optional_number()?,
            })
        };
        rows.iter()
            .map(|row| read(&mut Columns::of(row)))
            .collect::<Result<_, Unfit>>()
            .map_err(|_| self.tampered("keys", organization.to_string()))
    }

    /// Every budget that an object carries for itself.
    pub async fn budgets(&self) -> Result<Vec<(OrganizationId, Holder, Budget)>, StoreError> {
        let mut budgets = Vec::new();
        for table in ["organizations", "applications", "addons", "keys"] {
            let owner = if table == "organizations" {
                "id"
            } else {
                "organization_id"
            };
            let rows = sqlx::query(AssertSqlSafe(format!(
                "SELECT id, {owner}, limits FROM {table} WHERE limits LIKE '%budgets%'"
            )))
            .fetch_all(&self.0.read)
            .await?;
            for row in &rows {
                let columns = &mut Columns::of(row);
                let id = columns.id();
                let mut read = || {
                    let holder = holder(table, &columns.text()?)?;
                    Ok((holder, columns.parsed()?, columns.limits()?))
                };
                let (holder, organization, limits): (_, _, RowLimits) =
                    read().map_err(|_: Unfit| self.tampered(table, id))?;
                let own = limits.own.budgets.into_iter();
                budgets.extend(own.map(|budget| (organization, holder, budget)));
            }
        }
        Ok(budgets)
    }

    /// Notes whence an application was called, as a keyed hash.
    pub async fn note_range(
        &self,
        organization: OrganizationId,
        application: ApplicationId,
        prefix: Prefix,
    ) -> Result<Range, StoreError> {
        let named = Canonical::new("keystead/address-range/v1")
            .text(&application.to_string())
            .bytes(&prefix.0);
        let hash = self.row_tag(&named)?;
        let mut transaction = self.begin().await?;
        let (known, is_known): (i64, i64) = sqlx::query_as(
            "SELECT COUNT(*), COALESCE(SUM(CASE WHEN hash = $1 THEN 1 ELSE 0 END), 0)
             FROM address_ranges WHERE application_id = $2",
        )
        .bind(hash.clone())
        .bind(application.to_string())
        .fetch_one(&mut *transaction)
        .await?;
        if is_known > 0 {
            return Ok(Range::Known);
        }
        if known >= MANY {
            return Ok(Range::OneOfMany);
        }
        // Two processes may come at once: one of them finds it new.
        let added = sqlx::query(
            "INSERT INTO address_ranges (organization_id, application_id, hash, first_at)
             VALUES ($1, $2, $3, $4) ON CONFLICT (application_id, hash) DO NOTHING",
        )
        .bind(organization.to_string())
        .bind(application.to_string())
        .bind(hash)
        .bind(self.0.clock.now().as_micros())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(match added.rows_affected() > 0 && known > 0 {
            true => Range::New,
            false => Range::Known,
        })
    }
}

/// The /24 or /48 that an address lies in. It is never stored or logged, and does not print.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Prefix([u8; 6]);

impl Prefix {
    /// Of this address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        let mut prefix = [0; 6];
        match address.to_canonical() {
            // No global unicast address begins so.
            IpAddr::V4(v4) => prefix[3..].copy_from_slice(&v4.octets()[..3]),
            IpAddr::V6(v6) => prefix.copy_from_slice(&v6.octets()[..6]),
        }
        Self(prefix)
    }
}

impl std::fmt::Debug for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prefix(..)")
    }
}

fn holder(table: &str, id: &str) -> Result<Holder, Unfit> {
    let unfit = |_| Unfit;
    Ok(match table {
        "applications" => Holder::Application(id.parse().map_err(unfit)?),
        "addons" => Holder::AddOn(id.parse::<AddOnId>().map_err(unfit)?),
        "keys" => Holder::Key(id.parse().map_err(unfit)?),
        _ => Holder::Organization,
    })
}

/// An application that is called from so many ranges is called from anywhere.
const MANY: i64 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_prefix_and_nobody_else_does() {
        let of = |text: &str| Prefix::of(text.parse().unwrap());
        assert_eq!(of("192.0.2.1"), of("192.0.2.254"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.9"));
        assert_ne!(of("192.0.2.1"), of("192.0.3.1"));
        assert_eq!(of("2001:db8:1:2::3"), of("2001:db8:1:ffff::9"));
        assert_ne!(of("2001:db8:1::"), of("2001:db8:2::"));
        assert_eq!(format!("{:?}", of("192.0.2.1")), "Prefix(..)");
    }
}
