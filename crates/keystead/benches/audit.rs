//! What a row of the audit log costs, alone and together with others that come at the same time.
//!
//! `cargo bench --bench audit` opens a fresh SQLite store in a temporary folder;
//! `cargo bench --bench audit -- STORE_URL` takes an empty one of yours. It prints one JSON object: the
//! time until a row is durable, in microseconds, with so many who write at once, and rows a second.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that fails ends, and what it prints is its result"
)]

use std::time::{Duration, Instant};

use keystead::{
    audit::{Action, Actor, Event, Field},
    clock::Clock,
    custody::Custody,
    ids::KeyId,
    root::RootKeySource,
    store::{Access, Store},
};
use serde_json::{Value, json};

/// How long each measurement lasts.
const LASTS: Duration = Duration::from_secs(3);

fn main() {
    // `cargo bench` adds a word of its own.
    let given: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let folder = std::env::temp_dir().join(format!("keystead-bench-audit-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let own = format!("sqlite:{}", folder.join("keystead.db").display());
    let url = given.first().unwrap_or(&own);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let root = RootKeySource::File(folder.join("root.key"));
    println!("{}", runtime.block_on(run(url, &root)));
    _ = std::fs::remove_dir_all(&folder);
}

async fn run(url: &str, root: &RootKeySource) -> Value {
    let url = url.parse().expect("a store's address");
    let store = Store::open(&url, Access::Write, Clock::system()).await;
    let store = store.expect("the store opens");
    let custody = Custody::open(store, root).await.expect("it is a fresh one");
    let mut told = Vec::new();
    for writers in [1, 8, 64, 256] {
        told.push(measure(&custody, writers).await);
    }
    json!({ "store": url.to_string(), "rows": told })
}

/// So many write one row after the other, each as soon as its last one is durable.
async fn measure(custody: &Custody, writers: usize) -> Value {
    let began = Instant::now();
    let work = (0..writers).map(|_| {
        let store = custody.store().clone();
        tokio::spawn(async move {
            let mut took = Vec::new();
            while began.elapsed() < LASTS {
                let key = KeyId::new(store.clock());
                let event = Event::new(Actor::Keystead, Action::KeyOpened, &key);
                let event = event.with(Field::Version, &1_u64);
                let event = event.with(Field::Reason, &"bench");
                let started = Instant::now();
                store.audit(event).await.expect("it is written");
                took.push(started.elapsed());
            }
            took
        })
    });
    let mut took = Vec::new();
    for writer in work.collect::<Vec<_>>() {
        took.extend(writer.await.expect("it ends"));
    }
    let lasted = began.elapsed();
    took.sort_unstable();
    let micros = |share: usize| took[(took.len() - 1) * share / 100].as_micros();
    json!({
        "writers": writers,
        "rows_a_second": took.len() as u128 * 1_000_000 / lasted.as_micros(),
        "median_us": micros(50),
        "p99_us": micros(99),
    })
}
