//! `[watch]`: what raises alerts.

use std::time::Duration;

use super::reader::Reader;

/// The `[watch]` table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchSettings {
    /// How often the rules of alerts are asked.
    pub interval: Duration,
}

impl WatchSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let interval = reader.read::<Duration>(
            "watch.interval",
            "1m",
            "How often the rules of alerts are asked that add something up: refused calls, usage, \
             budgets, the ages of keys. What shows at once is told at once.",
        );
        if interval < SHORTEST {
            reader.conflict("watch.interval", "must be at least 1s");
        }
        Self {
            interval: interval.max(SHORTEST),
        }
    }
}

/// Each round is a few questions to the store.
const SHORTEST: Duration = Duration::from_secs(1);
