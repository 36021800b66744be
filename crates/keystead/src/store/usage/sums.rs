//! The ledger added up: by the hour, by the day, by the day and one thing alone, and by the end user's
//! day.
//!
//! A batch is added up in memory before the store is touched, so that thousands of attempts are a
//! handful of rows to add to. Sums stop at the largest number that the store holds and never wrap.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
};

use foldhash::fast::RandomState;
use keystead_vault::SubjectHash;

use super::{UsageGroup, UsageRow};
use crate::ids::{AddOnId, ApplicationId, KeyId};

/// The sums of attempts, each in the place of its name in [`Sums::NAMES`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sums(pub(super) [i64; 17]);

impl Sums {
    /// What is added up, by the names that the store's columns have.
    pub const NAMES: [&str; 17] = [
        "attempts",
        "requests",
        "failed",
        "estimated",
        "unpriced",
        "input_tokens",
        "cached_tokens",
        "cache_write_tokens",
        "output_tokens",
        "reasoning_tokens",
        "characters",
        "images",
        "seconds",
        "transactions",
        "credits_milli",
        "cost_micro_usd",
        "unpriced_micro_usd",
    ];
    const FIRST_UNIT: usize = 5;

    /// Each sum, in the order of [`NAMES`](Self::NAMES).
    pub fn values(&self) -> [u64; 17] {
        self.0.map(|sum| u64::try_from(sum).unwrap_or(0))
    }

    /// Each sum with its name.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Self::NAMES.into_iter().zip(self.values())
    }

    /// What one attempt adds; of one that takes an estimate back, what was estimated is taken off.
    fn of<Word: AsRef<str>>(row: &UsageRow<Word>) -> Self {
        let has_worked = row.may_have_worked();
        let is_unpriced = has_worked && !row.is_priced;
        let mut of_row = Self::default();
        of_row.0[..Self::FIRST_UNIT].copy_from_slice(&match row.takes_back {
            true => [0, 0, 0, 1, is_unpriced.into()],
            false => [
                1,
                has_worked.into(),
                row.has_failed().into(),
                row.is_estimated.into(),
                is_unpriced.into(),
            ],
        });
        let units = of_row.0[Self::FIRST_UNIT..].iter_mut();
        for (sum, count) in units.zip(row.units.counts()) {
            *sum = whole(count.unwrap_or(0));
        }
        let [.., priced, unpriced] = &mut of_row.0;
        let cost = whole(row.cost_micro_usd.unwrap_or(0));
        *(if row.is_priced { priced } else { unpriced }) = cost;
        if row.takes_back {
            of_row.0.iter_mut().for_each(|sum| *sum = -*sum);
        }
        of_row
    }

    /// Adds what others add up to.
    fn merge(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(more);
        }
    }
}

/// A count as the stores' whole numbers hold it.
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// By what attempts are told apart, in the order of the tables' primary keys. `at` is an hour or a
/// day, counted from 1970.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Group<'a> {
    pub(super) at: i64,
    pub(super) application: ApplicationId,
    pub(super) addon: AddOnId,
    pub(super) key: Option<KeyId>,
    pub(super) provider: &'a str,
    pub(super) operation: &'a str,
    pub(super) model: &'a str,
}

impl Group<'_> {
    /// What it is called among others of its kind; empty where there is no key or model.
    fn name(&self, kind: UsageGroup) -> String {
        match kind {
            UsageGroup::Provider => self.provider.to_owned(),
            UsageGroup::Application => self.application.to_string(),
            UsageGroup::AddOn => self.addon.to_string(),
            UsageGroup::Key => text_of(self.key),
            UsageGroup::Model => self.model.to_owned(),
        }
    }
}

/// A key as its column has it.
pub(super) fn text_of(key: Option<KeyId>) -> String {
    key.map_or_else(String::new, |key| key.to_string())
}

/// One end user at one AddOn on one day.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Person {
    pub(super) day: i64,
    pub(super) application: ApplicationId,
    pub(super) addon: AddOnId,
    pub(super) subject: SubjectHash,
}

/// What one provider, application, AddOn, key or model has of one day.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Share {
    pub(super) kind: UsageGroup,
    pub(super) day: i64,
    pub(super) name: String,
}

/// Attempts of one organization, added up.
#[derive(Debug, Default)]
pub(super) struct Rollup<'a> {
    /// A batch is small, so a quick hash will do even for names that clients choose.
    hours: HashMap<Group<'a>, Sums, RandomState>,
    people: HashMap<Person, Sums, RandomState>,
}

impl<'a> Rollup<'a> {
    /// Adds one attempt.
    pub(super) fn add<Word: AsRef<str>>(&mut self, row: &'a UsageRow<Word>) {
        let group = Group {
            at: row.at.as_secs().div_euclid(HOUR_S),
            application: row.application,
            addon: row.addon,
            key: row.key,
            provider: row.provider.as_ref(),
            operation: row.operation.as_ref(),
            model: row.summed_model(),
        };
        let sums = Sums::of(row);
        self.hours.entry(group).or_default().merge(&sums);
        if let Some(subject) = row.subject {
            let person = Person {
                day: day_of(row),
                application: row.application,
                addon: row.addon,
                subject,
            };
            self.people.entry(person).or_default().merge(&sums);
        }
    }

    /// By the hour, in order.
    pub(super) fn hours(&self) -> Vec<(Group<'a>, Sums)> {
        sorted(&self.hours, Group::cmp)
    }

    /// By the day, in order.
    pub(super) fn days(&self) -> Vec<(Group<'a>, Sums)> {
        let mut days: HashMap<_, Sums, RandomState> = HashMap::default();
        for (group, sums) in &self.hours {
            let at = group.at.div_euclid(HOURS_A_DAY);
            days.entry(Group { at, ..*group }).or_default().merge(sums);
        }
        sorted(&days, Group::cmp)
    }

    /// By the end user and the day, in order.
    pub(super) fn people(&self) -> Vec<(Person, Sums)> {
        sorted(&self.people, |one, other| {
            let rest = |person: &Person| (person.day, person.application, person.addon);
            let subject = || one.subject.as_bytes().cmp(other.subject.as_bytes());
            rest(one).cmp(&rest(other)).then_with(subject)
        })
    }
}

/// Sums by the day, added up by each thing that attempts are told apart by, in order.
pub(super) fn shares(days: &[(Group<'_>, Sums)]) -> Vec<(Share, Sums)> {
    let mut shares: BTreeMap<_, Sums> = BTreeMap::new();
    for (group, sums) in days {
        for kind in UsageGroup::ALL {
            let share = Share {
                kind,
                day: group.at,
                name: group.name(kind),
            };
            shares.entry(share).or_default().merge(sums);
        }
    }
    shares.into_iter().collect()
}

fn sorted<K: Copy>(
    sums: &HashMap<K, Sums, RandomState>,
    order: impl Fn(&K, &K) -> Ordering,
) -> Vec<(K, Sums)> {
    // They are large, so each is moved once.
    let mut rows: Vec<_> = sums.iter().collect();
    rows.sort_unstable_by(|(one, _), (other, _)| order(one, other));
    rows.into_iter().map(|(&key, &sums)| (key, sums)).collect()
}

/// The day an attempt began on (UTC), counted from 1970-01-01.
pub(super) fn day_of<Word>(row: &UsageRow<Word>) -> i64 {
    row.at.as_secs().div_euclid(DAY_S)
}

pub(super) const DAY_S: i64 = 86_400;
pub(super) const HOUR_S: i64 = 3_600;
pub(super) const HOURS_A_DAY: i64 = 24;
