//! Was a proof here before.
//!
//! What is remembered is in this process alone: with several, a proof that was overheard within its
//! minute, with its token, could be used once more at each of the others.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use crate::clock::Timestamp;

/// The most proofs that are remembered at once.
const MOST: usize = 1_000_000;
const SHARDS: usize = 16;

/// The proofs of the last two minutes, by name.
#[derive(Debug, Default)]
pub struct Replays([Mutex<Shard>; SHARDS]);

#[derive(Debug, Default)]
struct Shard {
    /// Names are hashes of ours, so a quick hash of them will do.
    known: HashMap<[u8; 32], Timestamp, RandomState>,
    swept_at: Timestamp,
}

impl Replays {
    /// Whether a proof is here for the first time. When too many are remembered none is: to forget one
    /// would let it be used again.
    pub fn is_first(&self, name: &[u8; 32], ends_at: Timestamp, now: Timestamp) -> bool {
        let mut shard = self.0[usize::from(name[0]) % SHARDS].lock();
        let is_full = shard.known.len() >= MOST / SHARDS;
        let is_time = now.since(shard.swept_at).as_secs() >= 10;
        if is_time {
            shard.known.retain(|_, ends_at| *ends_at > now);
            shard.swept_at = now;
        }
        if is_full && shard.known.len() >= MOST / SHARDS {
            return false;
        }
        shard.known.insert(*name, ends_at).is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_proof_is_taken_once_and_forgotten_when_it_is_too_old_to_be_taken() {
        let replays = Replays::default();
        let now = Timestamp::from_micros(1_790_000_000_000_000);
        let ends_at = now + Duration::from_secs(61);
        assert!(replays.is_first(&[1; 32], ends_at, now));
        assert!(!replays.is_first(&[1; 32], ends_at, now));
        assert!(!replays.is_first(&[1; 32], ends_at, now + Duration::from_secs(60)));
        assert!(replays.is_first(&[2; 32], ends_at, now));
        let later = now + Duration::from_secs(100);
        // In the same part of the memory, so that it is what sweeps.
        let same = [1 + 16; 32];
        assert!(replays.is_first(&same, later + Duration::from_secs(61), later));
        assert_eq!(replays.0[1].lock().known.len(), 1);
    }
}
