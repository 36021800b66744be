//! The memory that held bodies take together.

use std::sync::Arc;

use crate::{
    limits::{Stock, Taker},
    proxy::refusal::Refusal,
};

/// What one body has of the memory for held bodies, given back when dropped.
#[derive(Debug)]
pub(in crate::proxy) struct Share {
    held: Arc<Stock>,
    taker: Option<Arc<Taker>>,
    bytes: i64,
}

impl Share {
    /// Nothing yet.
    pub(in crate::proxy) fn new(held: &Arc<Stock>, taker: &Arc<Taker>) -> Self {
        let mut share = Self::of_a_stranger(held);
        share.taker = Some(taker.clone());
        share
    }

    /// Nothing yet, for somebody who is not known.
    pub(in crate::proxy) fn of_a_stranger(held: &Arc<Stock>) -> Self {
        Self {
            held: held.clone(),
            taker: None,
            bytes: 0,
        }
    }

    pub(in crate::proxy) fn grow(&mut self, bytes: u64) -> Result<(), Refusal> {
        let bytes = i64::try_from(bytes).map_err(|_| Refusal::HeldBytesFull)?;
        if !self
            .held
            .take_more(self.bytes, bytes, self.taker.as_deref())
        {
            return Err(Refusal::HeldBytesFull);
        }
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.held.give_back(self.bytes, self.taker.as_deref());
    }
}
