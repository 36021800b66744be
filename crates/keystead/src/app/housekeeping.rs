//! What is over goes: expired tokens and bindings, changes that everybody has heard of, and the
//! secrets of retired key versions.

use std::time::Duration;

use super::process;
use crate::{clock::Clock, management::Metrics, store::Store};

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_secs(60);

/// So many attempts leave enough behind to be worth the some milliseconds that giving it back takes.
const BURST: u64 = 1_000;

/// How long an expired token's row stays, so that what it did can still be told.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// Raises an alarm for panics: a defect that ended a request must not stay a number.
pub(super) async fn report_panics(store: Store, metrics: Metrics) {
    let mut known = metrics.panics();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        if metrics.panics() > known {
            known = metrics.panics();
            store.raise_alarm("panic", "process", &"see the log for where");
        }
    }
}

/// Gives memory back in the first quiet quarter of a second after a burst.
pub(super) async fn give_back_memory(metrics: Metrics) {
    let mut ticks = tokio::time::interval(Duration::from_millis(250));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut last, mut given_back) = (0, 0);
    loop {
        ticks.tick().await;
        let now = metrics.attempts();
        if now == last && now - given_back >= BURST {
            process::give_back_memory();
            given_back = now;
        }
        last = now;
    }
}

/// Cleans up for ever. A store that is away is asked again the next time.
pub(super) async fn run(store: Store, clock: Clock) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let tokens = store.delete_expired_tokens(clock.now() - KEPT).await;
        let bindings = store.delete_expired_bindings().await;
        let changes = store.delete_old_changes().await;
        let versions = store.destroy_retired_versions().await;
        for outcome in [tokens, bindings, changes, versions] {
            if let Err(error) = outcome {
                tracing::warn!(%error, "What has expired could not be deleted");
            }
        }
    }
}
