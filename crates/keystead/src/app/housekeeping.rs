//! What is over goes: expired tokens and bindings, and the secrets of retired key versions.

use std::time::Duration;

use crate::{clock::Clock, store::Store};

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_secs(60);

/// How long an expired token's row stays, so that what it did can still be told.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// Cleans up for ever. A store that is away is asked again the next time.
pub(super) async fn run(store: Store, clock: Clock) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let tokens = store.delete_expired_tokens(clock.now() - KEPT).await;
        let bindings = store.delete_expired_bindings().await;
        let versions = store.destroy_retired_versions().await;
        for outcome in [tokens, bindings, versions] {
            if let Err(error) = outcome {
                tracing::warn!(%error, "What has expired could not be deleted");
            }
        }
    }
}
