//! The memory that held bodies take together.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::proxy::refusal::Refusal;

/// The memory that held bodies may take together.
#[derive(Debug)]
pub(in crate::proxy) struct HeldBytes {
    used: AtomicU64,
    most: u64,
}

/// A share of it, given back when dropped.
#[derive(Debug)]
pub(in crate::proxy) struct Share {
    held: Arc<HeldBytes>,
    bytes: u64,
}

impl HeldBytes {
    /// At most `most` bytes together.
    #[must_use]
    pub(in crate::proxy) fn new(most: u64) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicU64::new(0),
            most,
        })
    }

    pub(in crate::proxy) fn share(self: &Arc<Self>) -> Share {
        Share {
            held: self.clone(),
            bytes: 0,
        }
    }
}

impl Share {
    pub(in crate::proxy) fn grow(&mut self, bytes: u64) -> Result<(), Refusal> {
        let most = self.held.most;
        let take = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= most);
        self.held
            .used
            .fetch_update(Relaxed, Relaxed, take)
            .map_err(|_| Refusal::HeldBytesFull)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.held.used.fetch_sub(self.bytes, Relaxed);
    }
}
