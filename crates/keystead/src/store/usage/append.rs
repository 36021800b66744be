//! Appending: a batch becomes pages, and is added to the sums, at once.

use std::{borrow::Cow, collections::BTreeMap};

use sqlx::AnyConnection;

use super::{
    Units, UsageRow, codec,
    pages::{Draft, MOST_IN_A_PAGE, Page},
    sums::{Rollup, day_of},
    upsert,
};
use crate::{
    ids::OrganizationId,
    limits::LeaseUse,
    store::{ProcessId, Store, StoreError, bindings::Settlement, leases},
};

/// Attempts of any organization that wait for the store: written into pages and added up as they came, so
/// that little of each has to be kept and nothing looked at again.
#[derive(Debug, Default)]
pub struct Booked {
    drafts: BTreeMap<OrganizationId, Vec<Draft>>,
    /// Of what may be told again the store finds out first whether it was.
    settling: Vec<UsageRow>,
    count: usize,
}

/// What is written at once, or sent again exactly as it was when no answer came: a batch that the
/// store has already changes nothing. So an attempt goes into one batch only.
#[derive(Debug, Default)]
pub struct Batch {
    /// Attempts.
    pub parts: Vec<Booked>,
    /// Whose leases of budgets the attempts used.
    pub process: ProcessId,
    /// What they used of them: the leases become so much smaller.
    pub leases: Vec<LeaseUse>,
}

impl Booked {
    /// Books an attempt.
    pub fn add(&mut self, row: UsageRow) {
        self.count += 1;
        if row.settles.is_some() {
            self.settling.push(row);
            return;
        }
        let drafts = self.drafts.entry(row.organization).or_default();
        let day = day_of(&row);
        let has_room = |draft: &&mut Draft| draft.day == day && !draft.is_full();
        match drafts.iter_mut().rev().find(has_room) {
            Some(draft) => draft.add(&row),
            None => {
                let mut draft = Draft::new(day);
                draft.add(&row);
                drafts.push(draft);
            }
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}

impl FromIterator<UsageRow> for Booked {
    fn from_iter<T: IntoIterator<Item = UsageRow>>(rows: T) -> Self {
        let mut booked = Self::default();
        rows.into_iter().for_each(|row| booked.add(row));
        booked
    }
}

impl From<Vec<UsageRow>> for Batch {
    /// A batch that used no leases.
    fn from(rows: Vec<UsageRow>) -> Self {
        Self {
            parts: vec![rows.into_iter().collect()],
            ..Self::default()
        }
    }
}

impl Store {
    /// Appends attempts to the ledger and adds them to its sums, all or nothing, once.
    pub async fn append_usage(&self, batch: &Batch) -> Result<(), StoreError> {
        let drafts = batch.parts.iter().flat_map(|part| &part.drafts);
        let drafts = drafts.flat_map(|(id, drafts)| drafts.iter().map(|draft| (*id, draft)));
        let mut drafts: Vec<_> = drafts.collect();
        drafts.sort_by_key(|(organization, draft)| (*organization, draft.day));
        let settling = batch.parts.iter().flat_map(|part| &part.settling);
        let mut settling: Vec<_> = settling.map(Cow::Borrowed).collect();
        settling.sort_by_key(|row| (row.organization, day_of(row)));
        let days = drafts.chunk_by(|one, next| (one.0, one.1.day) == (next.0, next.1.day));
        let mut pages: Vec<_> = days.flat_map(Page::of_drafts).collect();
        let ready = pages.len();
        pages.extend(by_page(&settling).map(|rows| {
            let page = Page::of(rows.iter().map(Cow::as_ref));
            (rows[0].organization, page)
        }));
        if pages.is_empty() {
            return Ok(());
        }

        // Processes that write at once take their locks in one order, so that they may wait for
        // each other but never in a circle: all pages, all that is settled, all sums, each sorted.
        let mut transaction = self.begin().await?;
        for (organization, page) in &pages {
            if !page.insert(*organization, &mut transaction).await? {
                return Ok(());
            }
        }
        let taken_back = self.settle_all(&mut settling, &mut transaction).await?;
        for (rows, (_, page)) in by_page(&settling).zip(&pages[ready..]) {
            if rows.iter().any(|row| matches!(row, Cow::Owned(_))) {
                let settled = Page::of(rows.iter().map(Cow::as_ref));
                settled.replace(page.id.clone(), &mut transaction).await?;
            }
        }
        let mut sums: BTreeMap<_, Cow<'_, Rollup>> = BTreeMap::new();
        for (organization, draft) in drafts {
            sums.entry(organization)
                .and_modify(|sums| sums.to_mut().merge(&draft.sums))
                .or_insert(Cow::Borrowed(&draft.sums));
        }
        for row in &settling {
            sums.entry(row.organization)
                .or_default()
                .to_mut()
                .add(row.as_ref());
        }
        for row in &taken_back {
            let page = Page::of([row]);
            page.insert(row.organization, &mut transaction).await?;
            sums.entry(row.organization).or_default().to_mut().add(row);
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

    /// Settles what may be told at several calls. Those that are to be booked otherwise are changed; gives
    /// rows that take back what was estimated before.
    async fn settle_all(
        &self,
        rows: &mut [Cow<'_, UsageRow>],
        connection: &mut AnyConnection,
    ) -> Result<Vec<UsageRow<String>>, StoreError> {
        let mut order: Vec<_> = (0..rows.len()).collect();
        order.sort_by_key(|place| {
            let row = &rows[*place];
            let object = row
                .settles
                .as_deref()
                .map(|object| (object.kind, &object.id));
            (row.organization, row.addon, row.key, object)
        });
        let mut taken_back = Vec::new();
        for place in order {
            let row = &mut rows[place];
            match self.settle(row, connection).await? {
                Settlement::Book => {}
                Settlement::Free => {
                    *row = Cow::Owned(UsageRow {
                        units: Units::default(),
                        is_estimated: false,
                        cost_micro_usd: Some(0),
                        is_priced: true,
                        ..row.as_ref().clone()
                    });
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
        Ok(taken_back)
    }
}

/// Rows in the pages that they lie in, sorted as they are.
fn by_page<'a>(rows: &'a [Cow<'_, UsageRow>]) -> impl Iterator<Item = &'a [Cow<'a, UsageRow>]> {
    let day = |row: &UsageRow| (row.organization, day_of(row));
    let days = rows.chunk_by(move |one, next| day(one) == day(next));
    days.flat_map(|rows| rows.chunks(MOST_IN_A_PAGE))
}

impl UsageRow {
    /// The page that holds this attempt alone.
    pub(in crate::store) fn page(&self) -> Vec<u8> {
        Page::of([self]).into_bytes()
    }
}
