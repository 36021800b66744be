//! Was a proof here before.
//!
//! What is remembered is in this process alone: with several, a proof that was overheard within its
//! minute, with its token, could be used once more at each of the others.

use std::{collections::HashMap, hash::BuildHasher as _, sync::Arc};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::Proven;
use crate::{
    clock::Timestamp,
    limits::{Stock, Taker},
};

/// The most proofs that are remembered at once.
const MOST: u64 = 1_000_000;
/// One key has this part of what is left at most; its application has half ([`Stock`]).
const OF_ONE_KEY: i64 = 16;
const SHARDS: usize = 16;

/// The proofs of the last two minutes, by key and name.
#[derive(Debug)]
pub struct Replays {
    stock: Stock,
    /// By key, so that nobody can choose names that fill the part which another key uses.
    shards: [Mutex<Shard>; SHARDS],
    hashing: RandomState,
}

#[derive(Debug, Default)]
struct Shard {
    /// Names are hashes of ours, so a quick hash of them will do.
    known: HashMap<[u8; 32], Known, RandomState>,
    keys: HashMap<u64, Own, RandomState>,
    swept_at: Timestamp,
}

#[derive(Debug)]
struct Known {
    ends_at: Timestamp,
    /// Which of the keys: a hash of it, of a kind that nobody outside can foretell.
    key: u64,
}

/// What is remembered of one key, and who took the room.
#[derive(Debug)]
struct Own {
    proofs: i64,
    taker: Arc<Taker>,
}

impl Default for Replays {
    fn default() -> Self {
        Self {
            stock: Stock::new(MOST, Arc::default()),
            shards: Default::default(),
            hashing: RandomState::default(),
        }
    }
}

impl Replays {
    /// The room that there is for all.
    #[must_use]
    pub fn stock(&self) -> &Stock {
        &self.stock
    }

    /// Whether a proof is here for the first time. When too many of its key or its application are
    /// remembered it is not: to forget one would let it be used again.
    pub fn is_first(&self, proven: &Proven, taker: &Arc<Taker>) -> bool {
        // A proof is for one token, and so never of use to another application.
        let of = (proven.key.as_bytes(), taker.application);
        let key = self.hashing.hash_one(of);
        let mut shard = self.shards[usize::from(key.to_le_bytes()[0]) % SHARDS].lock();
        let Shard { known, keys, .. } = &mut *shard;
        if known.contains_key(&proven.name) {
            return false;
        }
        let own = keys.entry(key).or_insert_with(|| Own {
            proofs: 0,
            taker: taker.clone(),
        });
        let has_room = own.proofs < self.stock.left() / OF_ONE_KEY;
        if !has_room || !self.stock.take(1, Some(&own.taker)) {
            return false;
        }
        own.proofs += 1;
        let ends_at = proven.ends_at;
        known.insert(proven.name, Known { ends_at, key });
        true
    }

    /// Forgets what would be refused for its age.
    pub fn sweep(&self, now: Timestamp) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            if now.since(shard.swept_at).as_secs() < 10 {
                continue;
            }
            shard.swept_at = now;
            let Shard { known, keys, .. } = &mut *shard;
            known.retain(|_, one| {
                let is_kept = one.ends_at > now;
                if !is_kept && let Some(own) = keys.get_mut(&one.key) {
                    own.proofs -= 1;
                    self.stock.give_back(1, Some(&own.taker));
                }
                is_kept
            });
            keys.retain(|_, own| own.proofs > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        dpop::Thumbprint,
        ids::{ApplicationId, OrganizationId},
    };

    const NOW: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

    fn proven(key: u8, name: u32) -> Proven {
        let mut bytes = [key; 32];
        bytes[1..5].copy_from_slice(&name.to_be_bytes());
        Proven {
            key: Thumbprint::from_bytes([key; 32]),
            name: bytes,
            ends_at: NOW + Duration::from_secs(61),
        }
    }

    fn taker(replays: &Replays, application: u8) -> Arc<Taker> {
        let application = ApplicationId::from_bytes([application; 16]);
        let organization = OrganizationId::from_bytes([99; 16]);
        replays.stock().taker(application, organization)
    }

    #[test]
    fn a_proof_is_taken_once_and_forgotten_when_it_is_too_old_to_be_taken() {
        let replays = Replays::default();
        let taker = taker(&replays, 1);
        replays.sweep(NOW);
        assert!(replays.is_first(&proven(1, 1), &taker));
        assert!(!replays.is_first(&proven(1, 1), &taker));
        replays.sweep(NOW + Duration::from_secs(60));
        assert!(!replays.is_first(&proven(1, 1), &taker));
        assert!(replays.is_first(&proven(1, 2), &taker));
        assert!(replays.is_first(&proven(2, 1), &taker));
        replays.sweep(NOW + Duration::from_secs(75));
        assert_eq!(replays.stock.left(), 1_000_000);
        let is_empty = |shard: &Mutex<Shard>| {
            let shard = shard.lock();
            shard.known.is_empty() && shard.keys.is_empty()
        };
        assert!(replays.shards.iter().all(is_empty));
    }

    /// As many calls as it likes: what is refused later costs an attacker nothing.
    #[test]
    fn no_key_and_no_application_denies_the_others() {
        let replays = Replays::default();
        let (theirs, other) = (taker(&replays, 1), taker(&replays, 2));
        let fill = |key| {
            let names = 0..60_000;
            let taken = names.filter(|name| replays.is_first(&proven(key, *name), &theirs));
            taken.count()
        };
        let first = fill(1);
        assert!((50_000..60_000).contains(&first), "{first}");
        assert!(replays.is_first(&proven(200, 0), &theirs), "another key");
        let all: usize = first + (2..20).map(fill).sum::<usize>();
        assert!(all <= 500_000, "{all} for one application");
        assert!(!replays.is_first(&proven(201, 0), &theirs));
        let served = (0..1_000).filter(|name| replays.is_first(&proven(202, *name), &other));
        assert_eq!(served.count(), 1_000, "another application goes on");
    }
}
