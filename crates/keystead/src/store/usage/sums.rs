//! The ledger added up: by the hour, by the day, by the day and one thing alone, and by the end user's
//! day.
//!
//! A batch is added up in memory before the store is touched, so that thousands of attempts are a
//! handful of rows to add to. Sums stop at the largest number that the store holds and never wrap.

use std::{
    borrow::Cow,
    cmp::Ordering,
    collections::BTreeMap,
    hash::{BuildHasher as _, Hash},
    sync::Arc,
};

use foldhash::fast::RandomState;
use hashbrown::{HashTable, hash_table::Entry};
use keystead_vault::SubjectHash;

use super::{UsageGroup, UsageRow};
use crate::ids::{AddOnId, ApplicationId, KeyId, TokenId};

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
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Group {
    pub(super) at: i64,
    pub(super) application: ApplicationId,
    pub(super) addon: AddOnId,
    pub(super) key: Option<KeyId>,
    pub(super) provider: Cow<'static, str>,
    pub(super) operation: Cow<'static, str>,
    pub(super) model: Option<Arc<str>>,
}

impl Group {
    fn of<Word>(row: &UsageRow<Word>) -> Self
    where
        Word: AsRef<str> + Clone + Into<Cow<'static, str>>,
    {
        Self {
            at: hour_of(row),
            application: row.application,
            addon: row.addon,
            key: row.key,
            provider: row.provider.clone().into(),
            operation: row.operation.clone().into(),
            model: row.summed_model().cloned(),
        }
    }

    /// Whether an attempt is one of it.
    fn has<Word: AsRef<str>>(&self, row: &UsageRow<Word>) -> bool {
        self.at == hour_of(row)
            && self.application == row.application
            && self.addon == row.addon
            && self.key == row.key
            && self.provider == row.provider.as_ref()
            && self.operation == row.operation.as_ref()
            && self.model.as_ref() == row.summed_model()
    }

    /// What it is called among others of its kind; empty where there is no key or model.
    fn name(&self, kind: UsageGroup) -> String {
        match kind {
            UsageGroup::Provider => self.provider.to_string(),
            UsageGroup::Application => self.application.to_string(),
            UsageGroup::AddOn => self.addon.to_string(),
            UsageGroup::Key => text_of(self.key),
            UsageGroup::Model => self.model().to_owned(),
        }
    }

    /// The model as its column has it.
    pub(super) fn model(&self) -> &str {
        self.model.as_deref().unwrap_or_default()
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

/// Who calls with one token on one day.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Caller {
    day: i64,
    application: ApplicationId,
    addon: AddOnId,
    token: Option<TokenId>,
    subject: Option<SubjectHash>,
}

impl Caller {
    fn of<Word>(row: &UsageRow<Word>) -> Self {
        Self {
            day: day_of(row),
            application: row.application,
            addon: row.addon,
            token: row.token,
            subject: row.subject,
        }
    }

    /// The end user, if it is one's token.
    fn person(&self) -> Option<Person> {
        Some(Person {
            day: self.day,
            application: self.application,
            addon: self.addon,
            subject: self.subject?,
        })
    }
}

/// What one provider, application, AddOn, key or model has of one day.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Share {
    pub(super) kind: UsageGroup,
    pub(super) day: i64,
    pub(super) name: String,
}

/// Attempts of one organization, added up.
#[derive(Clone, Debug, Default)]
pub(super) struct Rollup {
    hours: Tally<Group>,
    callers: Tally<Caller>,
    /// The place of the group that was added to last; mostly it is the next one's too.
    last: usize,
}

impl Rollup {
    /// Adds one attempt. Gives the place of who made it, counted from 0 as they came.
    pub(super) fn add<Word>(&mut self, row: &UsageRow<Word>) -> usize
    where
        Word: AsRef<str> + Clone + Into<Cow<'static, str>>,
    {
        let is_it = |place: &usize| {
            self.hours
                .list
                .get(*place)
                .is_some_and(|(group, _)| group.has(row))
        };
        self.last = match Some(self.last).filter(is_it) {
            Some(place) => place,
            None => self.hours.place(Group::of(row)),
        };
        let caller = self.callers.place(Caller::of(row));
        let sums = Sums::of(row);
        self.hours.list[self.last].1.merge(&sums);
        self.callers.list[caller].1.merge(&sums);
        caller
    }

    /// Adds what others add up to.
    pub(super) fn merge(&mut self, other: &Self) {
        self.hours.merge(&other.hours);
        self.callers.merge(&other.callers);
    }

    /// By the hour, in order.
    pub(super) fn hours(&self) -> Vec<(Group, Sums)> {
        self.hours.sorted(Group::cmp)
    }

    /// By the day, in order.
    pub(super) fn days(&self) -> Vec<(Group, Sums)> {
        let mut days = Tally::default();
        for (group, sums) in &self.hours.list {
            let at = group.at.div_euclid(HOURS_A_DAY);
            let day = Group {
                at,
                ..group.clone()
            };
            days.add(day, sums);
        }
        days.sorted(Group::cmp)
    }

    /// By the end user and the day, in order.
    pub(super) fn people(&self) -> Vec<(Person, Sums)> {
        let mut people = Tally::default();
        for (caller, sums) in &self.callers.list {
            if let Some(person) = caller.person() {
                people.add(person, sums);
            }
        }
        people.sorted(|one, other| {
            let rest = |person: &Person| (person.day, person.application, person.addon);
            let subject = || one.subject.as_bytes().cmp(other.subject.as_bytes());
            rest(one).cmp(&rest(other)).then_with(subject)
        })
    }
}

/// Sums, each of what its attempts have in common.
#[derive(Clone, Debug)]
struct Tally<K> {
    /// As they came.
    list: Vec<(K, Sums)>,
    /// Where in the list they are. A batch is small, so a quick hash will do even for names that clients
    /// choose.
    places: HashTable<usize>,
    hasher: RandomState,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            places: HashTable::new(),
            hasher: RandomState::default(),
        }
    }
}

impl<K: Clone + Eq + Hash> Tally<K> {
    /// The place of a sum, which is empty where there was none.
    fn place(&mut self, key: K) -> usize {
        let Self {
            list,
            places,
            hasher,
        } = self;
        let found = places.entry(
            hasher.hash_one(&key),
            |place| list[*place].0 == key,
            |place| hasher.hash_one(&list[*place].0),
        );
        match found {
            Entry::Occupied(found) => *found.get(),
            Entry::Vacant(free) => {
                let place = list.len();
                free.insert(place);
                list.push((key, Sums::default()));
                place
            }
        }
    }

    fn add(&mut self, key: K, sums: &Sums) {
        let place = self.place(key);
        self.list[place].1.merge(sums);
    }

    fn merge(&mut self, other: &Self) {
        for (key, sums) in &other.list {
            self.add(key.clone(), sums);
        }
    }

    fn sorted(&self, order: impl Fn(&K, &K) -> Ordering) -> Vec<(K, Sums)> {
        // They are large, so each is moved once.
        let mut rows: Vec<_> = self.list.iter().collect();
        rows.sort_unstable_by(|(one, _), (other, _)| order(one, other));
        rows.into_iter().cloned().collect()
    }
}

/// Sums by the day, added up by each thing that attempts are told apart by, in order.
pub(super) fn shares(days: &[(Group, Sums)]) -> Vec<(Share, Sums)> {
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

/// The hour an attempt began in, counted from 1970-01-01.
fn hour_of<Word>(row: &UsageRow<Word>) -> i64 {
    row.at.as_secs().div_euclid(HOUR_S)
}

/// The day an attempt began on (UTC), counted from 1970-01-01.
pub(super) fn day_of<Word>(row: &UsageRow<Word>) -> i64 {
    row.at.as_secs().div_euclid(DAY_S)
}

pub(super) const DAY_S: i64 = 86_400;
pub(super) const HOUR_S: i64 = 3_600;
pub(super) const HOURS_A_DAY: i64 = 24;
