//! The memory that held bodies take together.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use crate::proxy::refusal::Refusal;

/// The memory that held bodies may take together.
#[derive(Debug)]
pub(in crate::proxy) struct HeldBytes {
    /// A gauge of the metrics as well.
    used: Arc<AtomicI64>,
    most: i64,
}

/// A share of it, given back when dropped.
#[derive(Debug)]
pub(in crate::proxy) struct Share {
    held: Arc<HeldBytes>,
    bytes: i64,
}

impl HeldBytes {
    /// At most `most` bytes together, counted in `used`.
    #[must_use]
    pub(in crate::proxy) fn new(most: u64, used: Arc<AtomicI64>) -> Arc<Self> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        Arc::new(Self { used, most })
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
        let bytes = i64::try_from(bytes).map_err(|_| Refusal::HeldBytesFull)?;
        let take = |used: i64| used.checked_add(bytes).filter(|sum| *sum <= most);
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
