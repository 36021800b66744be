//! Bytes that may hold a key on its way out.

/// Bytes that are overwritten when they are dropped.
#[derive(Default)]
pub(super) struct Wiped(Vec<u8>);

impl Wiped {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Adds some bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.with_room_for(bytes.len()).extend_from_slice(bytes);
    }

    /// The bytes, with room for so many more. A vector that grows by itself leaves what it held to the
    /// allocator.
    pub(super) fn with_room_for(&mut self, more: usize) -> &mut Vec<u8> {
        if self.0.capacity() - self.0.len() < more {
            let mut larger = Self::with_capacity((self.0.len() + more) * 2);
            larger.0.extend_from_slice(&self.0);
            *self = larger;
        }
        &mut self.0
    }

    /// Forgets the bytes and keeps the room.
    pub(super) fn clear(&mut self) {
        self.wipe();
        self.0.clear();
    }

    fn wipe(&mut self) {
        // By the word, where `Zeroize` goes by the byte: every call pays this.
        self.0.fill(0);
        zeroize::optimization_barrier(self.0.as_slice());
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl std::fmt::Debug for Wiped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wiped(..)")
    }
}
