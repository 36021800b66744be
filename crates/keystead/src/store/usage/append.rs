//! Appending: a batch becomes pages, and is added to the sums, at once.

use std::collections::BTreeMap;

use sqlx::AnyConnection;

use super::{
    Units, UsageRow,
    pages::Page,
    sums::{Rollup, day_of},
    upsert,
};
use crate::{
    limits::LeaseUse,
    store::{ProcessId, Store, StoreError, leases},
};

/// What is written at once, or sent again exactly as it was when no answer came: a batch that the
/// store has already changes nothing. So an attempt goes into one batch only.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Attempts, of any organization.
    pub rows: Vec<UsageRow>,
    /// Whose leases of budgets the attempts used.
    pub process: ProcessId,
    /// What they used of them: the leases become so much smaller.
    pub leases: Vec<LeaseUse>,
}

impl From<Vec<UsageRow>> for Batch {
    /// A batch that used no leases.
    fn from(rows: Vec<UsageRow>) -> Self {
        Self {
            rows,
            ..Self::default()
        }
    }
}

impl Store {
    /// Appends attempts to the ledger and adds them to its sums, all or nothing, once.
    pub async fn append_usage(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut rows: Vec<&UsageRow> = batch.rows.iter().collect();
        let mut pages: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (place, row) in rows.iter().enumerate() {
            let page = pages.entry((row.organization, day_of(row))).or_default();
            page.push(place);
        }
        if pages.is_empty() {
            return Ok(());
        }

        // Processes that write at once take their locks in one order, so that they may wait for
        // each other but never in a circle: all pages, all that is settled, all sums, each sorted.
        let mut transaction = self.begin().await?;
        let mut ids = Vec::new();
        for ((organization, _), places) in &pages {
            let page = Page::of(&pick(&rows, places));
            if !page.insert(*organization, &mut transaction).await? {
                return Ok(());
            }
            ids.push(page.id);
        }
        let settled = self.settled_before(&rows, &mut transaction).await?;
        for (place, row) in &settled {
            rows[*place] = row;
        }
        for (places, id) in pages.values().zip(ids) {
            if places.iter().any(|place| settled.contains_key(place)) {
                let page = Page::of(&pick(&rows, places));
                page.replace(id, &mut transaction).await?;
            }
        }
        let mut sums: BTreeMap<_, Rollup<'_>> = BTreeMap::new();
        for row in rows {
            sums.entry(row.organization).or_default().add(row);
        }
        for (organization, rollup) in &sums {
            upsert::add(rollup, *organization, &mut transaction).await?;
        }
        for used in &batch.leases {
            leases::shrink(&mut transaction, batch.process, used).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Those of the rows whose usage stands on another call already, by their place, as they are to
    /// be booked: they cost nothing.
    async fn settled_before(
        &self,
        rows: &[&UsageRow],
        connection: &mut AnyConnection,
    ) -> Result<BTreeMap<usize, UsageRow>, StoreError> {
        let mut settling: Vec<_> = rows
            .iter()
            .enumerate()
            .filter_map(|(place, row)| row.settles.as_deref().map(|object| (object, place)))
            .collect();
        settling.sort_by_key(|&(object, place)| {
            let row = rows[place];
            (
                row.organization,
                row.addon,
                row.key,
                object.kind,
                &object.id,
            )
        });
        let mut before = BTreeMap::new();
        for (_, place) in settling {
            let row = rows[place];
            if !self.settles(row, connection).await? {
                let free = UsageRow {
                    units: Units::default(),
                    is_estimated: false,
                    cost_micro_usd: Some(0),
                    is_priced: true,
                    ..row.clone()
                };
                before.insert(place, free);
            }
        }
        Ok(before)
    }
}

fn pick<'a>(rows: &[&'a UsageRow], places: &[usize]) -> Vec<&'a UsageRow> {
    places.iter().map(|&place| rows[place]).collect()
}
