//! Wrong credentials, held against the decoys that were planted.
//!
//! Every credential that the proxy refused goes the same way, so a decoy is answered as any other: its
//! hash goes into a queue that nobody waits for, and a task looks it up among those in memory.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::{
    alerts::{AlertKind, Finding},
    store::{Decoy, DecoyHash, Store, StoreError},
};

/// Wrong credentials on their way to be looked at.
#[derive(Debug)]
pub struct WrongCredentials {
    sender: mpsc::Sender<DecoyHash>,
    receiver: Mutex<Option<mpsc::Receiver<DecoyHash>>>,
}

impl WrongCredentials {
    /// Notes what somebody presented. It waits for nobody; in a flood some are not looked at.
    pub fn note(&self, presented: &str) {
        let _ = self.sender.try_send(DecoyHash::of(presented));
    }

    /// Looks at them, for ever. The first task that calls it does; others find nothing to do.
    pub async fn run(&self, store: Store) {
        let receiver = self.receiver.lock().take();
        let Some(mut receiver) = receiver else { return };
        let mut planted = Planted::default();
        while let Some(hash) = receiver.recv().await {
            if let Err(error) = planted.catch_up(&store).await {
                tracing::warn!(%error, "Decoys could not be read");
            }
            if let Some(decoy) = planted.all.get(&hash) {
                store.raise(
                    Finding::new(AlertKind::HoneytokenUsed, "proxy", &decoy.id)
                        .within(decoy.organization)
                        .about(decoy.application),
                );
            }
        }
    }
}

impl Default for WrongCredentials {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self {
            sender,
            receiver: Mutex::new(Some(receiver)),
        }
    }
}

/// The decoys, as of a count of changes.
#[derive(Default)]
struct Planted {
    generation: Option<u64>,
    all: HashMap<DecoyHash, Decoy>,
}

impl Planted {
    async fn catch_up(&mut self, store: &Store) -> Result<(), StoreError> {
        let generation = store.generation();
        if self.generation != Some(generation) {
            self.all = store.all_decoys().await?.into_iter().collect();
            self.generation = Some(generation);
        }
        Ok(())
    }
}

const QUEUE: usize = 4_096;
