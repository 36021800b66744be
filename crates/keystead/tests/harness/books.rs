//! The books of a test: what the ledger says was used, held against what the stand-in said was.
//!
//! Every test that makes calls is held to this at its end, for each provider and each unit:
//!
//! 1. The ledger says no more than what the stand-in's answers report, as far as they were sent.
//! 2. It says no less than what the answers report that were sent whole, but for as many answers
//!    as there are attempts of another end: the client left, the connection broke, the call was
//!    revoked. The stand-in has sent such an answer, and nobody may have read its end.
//!
//! Where every attempt ended with a whole answer the two are one: the ledger equals the count.
//!
//! Rows whose units are estimated hold what was reserved. They are not compared; the answer of such
//! a row is one of those that may be missing. An object whose usage can be fetched again is counted
//! once, as it is used once. And a process that was killed had rows that were not written yet, so
//! there only the first of the two is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use keystead::clock::Clock;
use keystead::store::{Access, Store, UsageRow};
use sqlx::Connection as _;

use super::Provider;
use super::database::connect;
use super::provider::{Reported, UNITS};

/// What the processes on one store have in common.
#[derive(Debug)]
pub(super) struct Books {
    store_url: String,
    provider: Provider,
    /// Whether a process was ended before it could write.
    was_killed: AtomicBool,
}

impl Books {
    pub(super) fn new(store_url: &str, provider: &Provider) -> Self {
        Self {
            store_url: store_url.to_owned(),
            provider: provider.clone(),
            was_killed: AtomicBool::new(false),
        }
    }

    pub(super) fn process_was_killed(&self) {
        self.was_killed.store(true, SeqCst);
    }

    /// Holds the ledger against the stand-in's count, once no process writes any more.
    pub(super) fn check(&self) {
        // The test's own runtime is busy ending the test.
        let rows = std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime")
                    .block_on(ledger(&self.store_url))
            });
            reading.join().expect("the ledger can be read")
        });
        let answers = self.provider.reported();
        for provider in super::provider::NAMES {
            let own = rows.iter().filter(|row| row.provider == provider);
            let own: Vec<_> = own.collect();
            let answers = answers.iter().filter(|answer| answer.service == provider);
            let answers: Vec<_> = answers.collect();
            for (place, unit) in UNITS.iter().enumerate() {
                self.compare(provider, unit, &own, place, &answers);
            }
        }
    }

    fn compare(
        &self,
        provider: &str,
        unit: &str,
        rows: &[&UsageRow<String>],
        place: usize,
        answers: &[&Reported],
    ) {
        let is_sure = |row: &&UsageRow<String>| row.outcome == "answered" && !row.is_estimated;
        let reported = rows.iter().filter(|row| !row.is_estimated);
        let booked: u64 = reported.map(|row| units(row)[place]).sum();
        let sent: u64 = once(answers.iter().copied(), place).into_iter().sum();
        let mut whole = once(answers.iter().copied().filter(|one| one.is_whole), place);
        let may_be_missing = rows.iter().filter(|row| !is_sure(row)).count();
        whole.sort_unstable();
        let least: u64 = whole.iter().rev().skip(may_be_missing).sum();
        let least = if self.was_killed.load(SeqCst) {
            0
        } else {
            least
        };
        assert!(
            (least..=sent).contains(&booked),
            "the ledger says {booked} {unit} of {provider}, and its answers {least} to {sent}; \
             of these attempts {may_be_missing} have no answer that was read to its end:\n{}\n{}",
            lines(rows.iter().map(|row| (
                &row.operation,
                &row.outcome,
                row.is_estimated,
                units(row)
            ))),
            lines(
                answers
                    .iter()
                    .map(|answer| (answer.is_whole, &answer.object, answer.units))
            ),
        );
    }
}

/// What each answer reports, those of one object once.
fn once<'a>(answers: impl Iterator<Item = &'a Reported>, place: usize) -> Vec<u64> {
    let mut objects: BTreeMap<&str, u64> = BTreeMap::new();
    let mut counts = Vec::new();
    for answer in answers {
        match &answer.object {
            Some(object) => {
                let count = objects.entry(object).or_default();
                *count = answer.units[place].max(*count);
            }
            None => counts.push(answer.units[place]),
        }
    }
    counts.extend(objects.into_values());
    counts
}

fn lines<T: Debug>(of: impl Iterator<Item = T>) -> String {
    of.map(|one| format!("{one:?}\n")).collect()
}

/// Of a row, in the order of [`UNITS`].
fn units(row: &UsageRow<String>) -> [u64; 7] {
    let units = &row.units;
    [
        units.input_tokens,
        units.cached_tokens,
        units.cache_write_tokens,
        units.output_tokens,
        units.reasoning_tokens,
        units.characters,
        units.seconds,
    ]
    .map(Option::unwrap_or_default)
}

async fn ledger(store_url: &str) -> Vec<UsageRow<String>> {
    let mut database = connect(store_url).await;
    let places = "SELECT organization_id, from_at / 86400000000 FROM usage_pages";
    let places: Vec<(String, i64)> = sqlx::query_as(places)
        .fetch_all(&mut database)
        .await
        .expect("there is a ledger");
    database.close().await.expect("it was open");
    if places.is_empty() {
        return Vec::new();
    }
    let url = store_url.parse().expect("the server took it");
    let store = Store::open(&url, Access::Read, Clock::system()).await;
    let store = store.expect("the store can be read");
    let mut rows = Vec::new();
    for (organization, day) in places.into_iter().collect::<BTreeSet<_>>() {
        let organization = organization.parse().expect("an id");
        let attempts = store.attempts(organization, day).await;
        rows.extend(attempts.expect("every page can be read"));
    }
    store.close().await;
    rows
}
