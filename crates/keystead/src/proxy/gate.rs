//! After a provider's 429, the key rests.
//!
//! One gate per key and model: while it is closed no call goes out through it, so that twenty
//! clients don't each learn the same thing from the provider. It opens by itself after the time
//! that the provider named, 30 s at most.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::ids::KeyId;

/// The longest time a gate stays closed, whatever a provider says.
const MOST: Duration = Duration::from_secs(30);

/// All gates of this process.
#[derive(Debug, Default)]
pub(super) struct Gates(Mutex<HashMap<(KeyId, Option<String>), Instant>>);

impl Gates {
    /// How long the gate stays closed yet; zero when it is open.
    #[must_use]
    pub(super) fn closed_for(&self, key: KeyId, model: Option<&str>) -> Duration {
        let gates = self.0.lock();
        // Nearly always there is no gate at all, and no name need be built to see that.
        if gates.is_empty() {
            return Duration::ZERO;
        }
        let opens = gates.get(&(key, model.map(str::to_owned)));
        opens.map_or(Duration::ZERO, |opens| {
            opens.saturating_duration_since(Instant::now())
        })
    }

    /// Closes the gate for `wait`.
    pub(super) fn close(&self, key: KeyId, model: Option<&str>, wait: Duration) {
        let opens = Instant::now() + wait.min(MOST);
        let mut gates = self.0.lock();
        let gate = gates
            .entry((key, model.map(str::to_owned)))
            .or_insert(opens);
        *gate = (*gate).max(opens);
    }

    /// Forgets the gates that have opened.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        self.0.lock().retain(|_, opens| *opens > now);
    }
}
