//! Whence applications are called: the data plane says it, and a task asks whether that is new.
//!
//! An address never leaves the process and never lasts: what is remembered here is its /24 or /48, what
//! the store has is a keyed hash of that for each application.

use std::{collections::HashSet, net::IpAddr};

use foldhash::fast::RandomState;
use parking_lot::{Mutex, RwLock};
use tokio::sync::mpsc;

use crate::{
    alerts::{AlertKind, Finding},
    ids::{ApplicationId, OrganizationId},
    store::{Prefix, Range, Store},
};

/// The ranges that this process has seen.
#[derive(Debug)]
pub struct Ranges {
    seen: RwLock<HashSet<(ApplicationId, Option<Prefix>), RandomState>>,
    sender: mpsc::Sender<Seen>,
    receiver: Mutex<Option<mpsc::Receiver<Seen>>>,
}

#[derive(Debug)]
struct Seen {
    organization: OrganizationId,
    application: ApplicationId,
    prefix: Prefix,
}

impl Ranges {
    /// Notes that an application was called from an address. It waits for nobody; what finds the queue
    /// full is noted the next time.
    pub fn note(&self, organization: OrganizationId, application: ApplicationId, address: IpAddr) {
        let prefix = Prefix::of(address);
        let seen = self.seen.read();
        // `None` stands for all of them.
        if seen.contains(&(application, Some(prefix))) || seen.contains(&(application, None)) {
            return;
        }
        let is_full = seen.len() >= MOST;
        drop(seen);
        let one = Seen {
            organization,
            application,
            prefix,
        };
        if self.sender.try_send(one).is_ok() {
            let mut seen = self.seen.write();
            if is_full {
                seen.clear();
            }
            seen.insert((application, Some(prefix)));
        }
    }

    /// Asks the store about what was noted, for ever. The first task that calls it does; others find
    /// nothing to do.
    pub async fn run(&self, store: Store) {
        let receiver = self.receiver.lock().take();
        let Some(mut receiver) = receiver else { return };
        while let Some(seen) = receiver.recv().await {
            let noted = store.note_range(seen.organization, seen.application, seen.prefix);
            match noted.await {
                Ok(Range::Known) => {}
                Ok(Range::New) => store.raise(
                    Finding::new(AlertKind::NewAddressRange, "proxy", &seen.application)
                        .within(seen.organization),
                ),
                Ok(Range::OneOfMany) => {
                    self.seen.write().insert((seen.application, None));
                }
                Err(error) => {
                    tracing::warn!(%error, "An address range could not be looked up");
                    let name = (seen.application, Some(seen.prefix));
                    self.seen.write().remove(&name);
                }
            }
        }
    }
}

impl Default for Ranges {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self {
            seen: RwLock::default(),
            sender,
            receiver: Mutex::new(Some(receiver)),
        }
    }
}

/// How many ranges of all applications are remembered; then it begins anew.
const MOST: usize = 100_000;
const QUEUE: usize = 256;
