//! What looks now and then whether something is as it should not be, and raises an alert.
//!
//! What shows at once is raised where it shows: in the store, in the data plane. Here are the rules
//! about what adds up: refused calls, usage, budgets, the ages of keys.

mod decoys;
mod ranges;
mod rules;
pub mod webhooks;

use std::time::Duration;

use tokio::time::MissedTickBehavior;

pub use self::{decoys::WrongCredentials, ranges::Ranges, rules::look};

use crate::store::Store;

/// Looks for ever. A store that is away is asked again the next time.
pub async fn run(store: Store, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = look(&store).await {
            tracing::warn!(%error, "The rules of alerts could not be asked");
        }
    }
}
