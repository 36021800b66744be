//! Appending: a batch becomes pages, and is added to the sums, at once.

use std::collections::BTreeMap;

use sqlx::AnyConnection;

use super::{
    Units, UsageRow, codec,
    pages::Page,
    sums::{Rollup, day_of},
    upsert,
};
use crate::{
    limits::LeaseUse,
    store::{ProcessId, Store, StoreError, bindings::Settlement, leases},
};

/// How many attempts lie in a page at most: whoever looks for one reads all of them.
const MOST_IN_A_PAGE: usize = 5_000;

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
        let mut days: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (place, row) in rows.iter().enumerate() {
            let day = days.entry((row.organization, day_of(row))).or_default();
            day.push(place);
        }
        let days = days.iter();
        let pages = days.flat_map(|((organization, _), places)| {
            let pages = places.chunks(MOST_IN_A_PAGE);
            pages.map(|places| (*organization, places))
        });
        let pages: Vec<_> = pages.collect();
        if pages.is_empty() {
            return Ok(());
        }

        // Processes that write at once take their locks in one order, so that they may wait for
        // each other but never in a circle: all pages, all that is settled, all sums, each sorted.
        let mut transaction = self.begin().await?;
        let mut ids = Vec::new();
        for &(organization, places) in &pages {
            let page = Page::of(&pick(&rows, places));
            if !page.insert(organization, &mut transaction).await? {
                return Ok(());
            }
            ids.push(page.id);
        }
        let (settled, taken_back) = self.settle_all(&rows, &mut transaction).await?;
        for (place, row) in &settled {
            rows[*place] = row;
        }
        for (&(_, places), id) in pages.iter().zip(ids) {
            if places.iter().any(|place| settled.contains_key(place)) {
                let page = Page::of(&pick(&rows, places));
                page.replace(id, &mut transaction).await?;
            }
        }
        let mut sums: BTreeMap<_, Rollup<'_>> = BTreeMap::new();
        for row in rows {
            sums.entry(row.organization).or_default().add(row);
        }
        for row in &taken_back {
            let page = Page::of(&[row]);
            page.insert(row.organization, &mut transaction).await?;
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

    /// Settles what may be told at several calls. Gives those of the rows that are to be booked
    /// otherwise, by their place, and rows that take back what was estimated before.
    async fn settle_all(
        &self,
        rows: &[&UsageRow],
        connection: &mut AnyConnection,
    ) -> Result<(BTreeMap<usize, UsageRow>, Vec<UsageRow<String>>), StoreError> {
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
        let (mut before, mut taken_back) = (BTreeMap::new(), Vec::new());
        for (_, place) in settling {
            let row = rows[place];
            match self.settle(row, connection).await? {
                Settlement::Book => {}
                Settlement::Free => {
                    let free = UsageRow {
                        units: Units::default(),
                        is_estimated: false,
                        cost_micro_usd: Some(0),
                        is_priced: true,
                        ..row.clone()
                    };
                    before.insert(place, free);
                }
                Settlement::InPlaceOf(page) => {
                    let page = codec::decode(row.organization, &page);
                    let estimated = page.map_err(|_| self.tampered("bindings", String::new()))?;
                    taken_back.extend(estimated.into_iter().map(|estimated| UsageRow {
                        takes_back: true,
                        ..estimated
                    }));
                }
            }
        }
        Ok((before, taken_back))
    }
}

impl UsageRow {
    /// The page that holds this attempt alone.
    pub(in crate::store) fn page(&self) -> Vec<u8> {
        codec::encode(&[self])
    }
}

fn pick<'a>(rows: &[&'a UsageRow], places: &[usize]) -> Vec<&'a UsageRow> {
    places.iter().map(|&place| rows[place]).collect()
}
