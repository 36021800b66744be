//! What has ended is deleted, a little at a time, beside the server.

use std::time::Duration;

use super::{Store, StoreError};

impl Store {
    /// Tidies once a minute, for ever. One process does as well as several.
    pub async fn run_upkeep(self) {
        let mut ticks = tokio::time::interval(Duration::from_secs(60));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.tidy().await {
                tracing::warn!(%error, "what has ended could not be deleted; trying again");
            }
        }
    }

    /// Destroys key versions whose overlap is over, and deletes tokens and bindings that ended.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        self.destroy_retired_versions().await?;
        self.delete_expired_bindings().await?;
        let before = self.0.clock.now() - AFTER_END;
        while self.delete_expired_tokens(before).await? > 0 {}
        Ok(())
    }
}

/// How long a token's row outlives it, for whoever looks into what it did.
const AFTER_END: Duration = Duration::from_secs(3600);
