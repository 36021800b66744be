//! How long a store takes to say what was used, when it holds millions of attempts.
//!
//! `cargo bench --bench usage -- STORE_URL ATTEMPTS` fills an empty store with a month of attempts,
//! as the proxy does, in batches, and asks. It prints one JSON object. `cargo xtask bench --usage`
//! runs it on both stores.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that fails ends, and what it prints is its result"
)]

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use keystead::{
    clock::{Clock, Timestamp},
    ids::{AddOnId, KeyId, OrganizationId, RequestId},
    store::{Access, Batch, Store, Units, UsageBy, UsageDays, UsageFilter, UsageRow},
};
use keystead_vault::SubjectHash;
use serde_json::json;

/// The first day of the month: 2026-10-01.
const FIRST_DAY: i64 = 20_727;
const DAYS: i64 = 30;
const DAY_US: i64 = 86_400_000_000;
/// As many as the proxy writes at once.
const BATCH: u64 = 5_000;
const APPLICATIONS: u64 = 5;
const ADDONS: u64 = 4;
const END_USERS: u64 = 5_000;
const OPERATIONS: [&str; 2] = ["chat.completions", "embeddings"];
const MODELS: [&str; 3] = ["gpt-6-luna", "gpt-6-moon", "text-embedding-4"];
/// How often each question is asked; the middle counts.
const TIMES: usize = 21;

fn main() {
    // `cargo bench` adds a word of its own.
    let given: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let [url, attempts] = &given[..] else {
        println!("usage: usage STORE_URL ATTEMPTS");
        return;
    };
    let attempts: u64 = attempts.parse().expect("a number of attempts");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let told = runtime.block_on(run(url, attempts));
    println!("{told}");
}

async fn run(url: &str, attempts: u64) -> serde_json::Value {
    let until = Timestamp::from_micros((FIRST_DAY + DAYS) * DAY_US - 1);
    let url = url.parse().expect("a store's address");
    let store = Store::open(&url, Access::Write, Clock::standing_at(until)).await;
    let store = store.expect("the store opens");

    let (began, cpu) = (Instant::now(), cpu_time());
    for first in (0..attempts).step_by(usize::try_from(BATCH).expect("a small number")) {
        let rows = (first..attempts.min(first + BATCH)).map(|number| attempt(number, attempts));
        append(&store, rows.collect()).await;
    }
    let filled = began.elapsed();
    let cpu_of_many = cpu_time() - cpu;

    // What the same costs where one end user makes one kind of call.
    let few = (attempts / 10).max(BATCH);
    let cpu = cpu_time();
    for first in (0..few).step_by(usize::try_from(BATCH).expect("a small number")) {
        let rows = (first..first + BATCH).map(|number| UsageRow {
            organization: organization(9),
            ..same(number)
        });
        append(&store, rows.collect()).await;
    }
    let cpu_of_one = cpu_time() - cpu;

    let mut questions = BTreeMap::new();
    for (name, filter, by, days) in questions_asked() {
        questions.insert(name, timed(&store, &filter, by, days).await);
    }
    questions.insert("end user, a month by day", timed_end_user(&store).await);
    let answer = json!({
        "attempts": attempts,
        "filled_s": rounded(filled.as_secs_f64()),
        "cpu_us_of_row": rounded(per_row(cpu_of_many, attempts)),
        "cpu_us_of_row_one_user": rounded(per_row(cpu_of_one, few)),
        "questions": questions,
    });
    store.close().await;
    answer
}

fn questions_asked() -> [(&'static str, UsageFilter, UsageBy, UsageDays); 5] {
    let month = UsageDays {
        first: FIRST_DAY,
        last: FIRST_DAY + DAYS - 1,
    };
    let week = UsageDays {
        first: month.last - 6,
        ..month
    };
    let all = UsageFilter::default;
    let of_key = UsageFilter {
        key: Some(key(0, 0)),
        ..all()
    };
    let of_addon = UsageFilter {
        addon: Some(addon(0, 0)),
        ..all()
    };
    let of_model = UsageFilter {
        model: Some(MODELS[0].to_owned()),
        ..all()
    };
    [
        ("all, a month by day", all(), UsageBy::Day, month),
        ("key, a month by day", of_key, UsageBy::Day, month),
        (
            "AddOn, a month by day",
            of_addon.clone(),
            UsageBy::Day,
            month,
        ),
        ("model, a month by day", of_model, UsageBy::Day, month),
        ("AddOn, a week by hour", of_addon, UsageBy::Hour, week),
    ]
}

async fn append(store: &Store, rows: Vec<UsageRow>) {
    let written = store.append_usage(&Batch::from(rows)).await;
    written.expect("the store takes them");
}

/// Attempt `number` of so many: any of the applications, AddOns, models and end users, nine in ten
/// of one organization.
fn attempt(number: u64, of: u64) -> UsageRow {
    let luck = mixed(number);
    let user = luck % END_USERS;
    let application = user % APPLICATIONS;
    let addon_of = luck >> 20 & 3;
    let kind = luck >> 24 & 3;
    let tenant = if luck >> 32 & 15 == 0 {
        1 + (luck >> 40 & 7)
    } else {
        0
    };
    let (operation, model) = match kind {
        0 => (OPERATIONS[1], MODELS[2]),
        1 => (OPERATIONS[0], MODELS[1]),
        _ => (OPERATIONS[0], MODELS[0]),
    };
    let month = u128::from(DAYS.unsigned_abs()) * u128::from(DAY_US.unsigned_abs());
    let into = u128::from(number) * month / u128::from(of);
    let at = FIRST_DAY * DAY_US + i64::try_from(into).expect("within a month");
    UsageRow {
        organization: organization(tenant),
        application: id(2, application).into(),
        addon: addon(application, addon_of),
        key: Some(key(application, addon_of & 1)),
        subject: Some(subject(user)),
        operation,
        model: Some(model.into()),
        at: Timestamp::from_micros(at),
        ..same(number)
    }
}

/// A call that says what chat completions say.
fn same(number: u64) -> UsageRow {
    let at = Timestamp::from_micros((FIRST_DAY + DAYS) * DAY_US - 1);
    UsageRow {
        request: RequestId::of(at, number, mixed(number)),
        attempt: 1,
        at,
        application: id(2, 0).into(),
        addon: addon(0, 0),
        key: Some(key(0, 0)),
        key_version: Some(1),
        token: Some(id(5, number % END_USERS).into()),
        subject: Some(subject(0)),
        provider: "openai",
        operation: OPERATIONS[0],
        model: Some(MODELS[0].into()),
        status: Some(200),
        outcome: "answered",
        duration_us: 900_000 + number % 100_000,
        first_byte_us: Some(200_000),
        units: Units {
            input_tokens: Some(500 + number % 1_000),
            cached_tokens: Some(0),
            output_tokens: Some(200 + number % 300),
            reasoning_tokens: Some(0),
            ..Units::default()
        },
        cost_micro_usd: Some(1_000 + number % 2_000),
        is_priced: true,
        ..UsageRow::blank(organization(0))
    }
}

/// The middle of how long a question takes, page after page, in milliseconds, and its rows.
async fn timed(
    store: &Store,
    filter: &UsageFilter,
    by: UsageBy,
    days: UsageDays,
) -> serde_json::Value {
    let mut took = Vec::new();
    let mut rows = 0;
    for _ in 0..TIMES {
        let began = Instant::now();
        let mut after = None;
        rows = 0;
        loop {
            let page = store.usage(organization(0), by, days, filter, after.as_ref(), 200);
            let page = page.await.expect("the store answers");
            rows += page.rows.len();
            if !page.has_more {
                break;
            }
            after = page.rows.last().map(|total| total.place.clone());
        }
        took.push(began.elapsed());
    }
    told(took, rows)
}

async fn timed_end_user(store: &Store) -> serde_json::Value {
    let days = UsageDays {
        first: FIRST_DAY,
        last: FIRST_DAY + DAYS - 1,
    };
    let mut took = Vec::new();
    let mut rows = 0;
    for user in 0..TIMES as u64 {
        let began = Instant::now();
        let application = id(2, user % APPLICATIONS).into();
        let page =
            store.usage_of_subject(organization(0), application, subject(user), days, None, 200);
        rows = page.await.expect("the store answers").rows.len();
        took.push(began.elapsed());
    }
    told(took, rows)
}

fn told(mut took: Vec<Duration>, rows: usize) -> serde_json::Value {
    took.sort_unstable();
    let milliseconds = took[took.len() / 2].as_secs_f64() * 1e3;
    json!({ "rows": rows, "ms": rounded(milliseconds) })
}

fn organization(number: u64) -> OrganizationId {
    id(1, number).into()
}

fn addon(application: u64, number: u64) -> AddOnId {
    id(3, application * ADDONS + number).into()
}

fn key(application: u64, number: u64) -> KeyId {
    id(4, application * 2 + number).into()
}

fn subject(user: u64) -> SubjectHash {
    let mut bytes = [0; 32];
    for (place, part) in bytes.chunks_exact_mut(8).enumerate() {
        part.copy_from_slice(&mixed(user * 4 + place as u64).to_be_bytes());
    }
    SubjectHash::from_bytes(bytes)
}

/// An id as ids are: the time in front, the rest random.
fn id(kind: u64, number: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(0x01a0_0000_0000_7000 + number).to_be_bytes());
    bytes[8..].copy_from_slice(&(mixed(kind * 1_000_003 + number) | 1 << 63).to_be_bytes());
    bytes
}

fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number ^ (number >> 27)
}

/// Of this process, as the kernel counts it, in hundredths of a second.
fn cpu_time() -> Duration {
    let text = fs::read_to_string("/proc/self/stat").expect("Linux tells");
    let (_, fields) = text
        .rsplit_once(')')
        .expect("the program's name is in brackets");
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(ticks * 10)
}

#[expect(clippy::cast_precision_loss, reason = "millions")]
fn per_row(cpu: Duration, rows: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / rows as f64
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
