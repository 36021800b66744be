//! What the tests share: a server to start, a provider to stand in, a client to ask with.
//!
//! | file | what |
//! |---|---|
//! | `place` | the folder of one test, and the canaries planted in it |
//! | `database` | the store a server works on, and [`on_each_store`] |
//! | `ports` | ports that no other test has |
//! | `relay` | a line to the store that can be cut |
//! | `redis` | a Redis that can be frozen and killed |
//! | `server` | the server process: started, killed, looked after |
//! | `memory` | the memory of a server, to be searched |
//! | `books` | the ledger, held against what the providers counted |
//! | `setup` | applications, keys, AddOns, tokens |
//! | `cli` | the command line |
//! | `http`, `ask`, `raw` | the client, its requests, and requests no client would send |
//! | `tab` | a browser's tab, as far as a server sees one |
//! | `issuer` | an OpenID provider |
//! | `provider` | the stand-in for all six providers |
//! | `page`, `people` | a browser without scripts, and the people who are signed in with one |
//! | `planted` | random keys and names that are searched for afterwards |

pub(crate) mod ask;
mod books;
pub(crate) mod cli;
pub(crate) mod database;
pub(crate) mod http;
pub(crate) mod issuer;
pub(crate) mod memory;
pub(crate) mod page;
mod people;
pub(crate) mod place;
pub(crate) mod planted;
pub(crate) mod ports;
pub(crate) mod provider;
pub(crate) mod raw;
pub(crate) mod redis;
pub(crate) mod relay;
pub(crate) mod server;
pub(crate) mod setup;
pub(crate) mod tab;

use std::future::Future;
use std::time::{Duration, Instant};

pub(crate) use ask::Ask;
pub(crate) use database::{Store, on_each_store};
pub(crate) use http::{Client, Live, Reply};
pub(crate) use provider::{Answer, Hold, Provider, Step};
pub(crate) use redis::Redis;
pub(crate) use relay::{Line, Relay};
pub(crate) use server::Keystead;
pub(crate) use setup::{AddOn, App, Key, Scene};

/// Whether the long versions of tests are asked for.
pub(crate) fn is_long() -> bool {
    std::env::var_os("KEYSTEAD_TEST_LONG").is_some()
}

/// Waits until `holds` says so, and fails when it never does.
pub(crate) async fn eventually(
    what: &str,
    patience: Duration,
    mut holds: impl AsyncFnMut() -> bool,
) {
    let began = Instant::now();
    while !holds().await {
        assert!(
            began.elapsed() < patience,
            "not within {patience:?}: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The outcome of `work`, which must come in time.
pub(crate) async fn within<T>(patience: Duration, what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(patience, work).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("not within {patience:?}: {what}"),
    }
}
