//! Appending: a batch becomes a page for each organization, and is added to the sums, at once.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use sqlx::{Any, Transaction};

use super::{Units, UsageRow, codec, sums::Rollup, upsert};
use crate::{
    ids::OrganizationId,
    store::{Store, StoreError},
};

/// What is written at once, or sent again exactly as it was when no answer came: a batch that the
/// store has already changes nothing. So an attempt goes into one batch only.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Attempts, of any organization.
    pub rows: Vec<UsageRow>,
}

impl Store {
    /// Appends attempts to the ledger and adds them to its sums, all or nothing, once.
    pub async fn append_usage(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut by_organization: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in &batch.rows {
            let own = by_organization.entry(row.organization).or_default();
            own.push(row);
        }
        if by_organization.is_empty() {
            return Ok(());
        }
        // Two processes that write take their locks in one order, so that neither waits for the
        // other in a circle: by organization, then the page, what it settles, the sums in order.
        let mut transaction = self.begin().await?;
        for (organization, rows) in by_organization {
            self.append_page(&mut transaction, organization, rows)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Appends attempts of one organization; false if they are there already.
    ///
    /// The page is known by the hash of what was handed over. What of it was settled before is
    /// found out afterwards, for the answer to that may change from one time to the next.
    async fn append_page(
        &self,
        transaction: &mut Transaction<'static, Any>,
        organization: OrganizationId,
        mut rows: Vec<&UsageRow>,
    ) -> Result<bool, StoreError> {
        let page = codec::encode(&rows);
        let id = digest(&SHA256, &page).as_ref().to_vec();
        let times = || rows.iter().map(|row| row.at.as_micros());
        let inserted = sqlx::query(
            "INSERT INTO usage_pages (id, organization_id, from_at, until_at, attempts, page)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
        )
        .bind(id.clone())
        .bind(organization.to_string())
        .bind(times().min())
        .bind(times().max())
        .bind(i64::try_from(rows.len()).unwrap_or(i64::MAX))
        .bind(page)
        .execute(&mut **transaction)
        .await?;
        if inserted.rows_affected() == 0 {
            return Ok(false);
        }

        let settled = self.settled_before(transaction, &rows).await?;
        for (place, row) in &settled {
            rows[*place] = row;
        }
        if !settled.is_empty() {
            sqlx::query("UPDATE usage_pages SET page = $1 WHERE id = $2")
                .bind(codec::encode(&rows))
                .bind(id)
                .execute(&mut **transaction)
                .await?;
        }

        let mut rollup = Rollup::default();
        rows.into_iter().for_each(|row| rollup.add(row));
        upsert::add(&rollup, organization, transaction).await?;
        Ok(true)
    }

    /// Those of the rows whose usage stands on another call already, by their place, as they are to
    /// be booked: they cost nothing.
    async fn settled_before(
        &self,
        transaction: &mut Transaction<'static, Any>,
        rows: &[&UsageRow],
    ) -> Result<Vec<(usize, UsageRow)>, StoreError> {
        let mut settling: Vec<_> = rows
            .iter()
            .enumerate()
            .filter_map(|(place, row)| row.settles.as_deref().map(|object| (object, place)))
            .collect();
        settling.sort_by_key(|&(object, place)| {
            let row = rows[place];
            (row.addon, row.key, object.kind, &object.id)
        });
        let mut before = Vec::new();
        for (_, place) in settling {
            let row = rows[place];
            if !self.settles(transaction, row).await? {
                let free = UsageRow {
                    units: Units::default(),
                    is_estimated: false,
                    cost_micro_usd: Some(0),
                    is_priced: true,
                    ..row.clone()
                };
                before.push((place, free));
            }
        }
        Ok(before)
    }
}
