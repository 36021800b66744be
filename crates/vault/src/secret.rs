//! A provider's key in plaintext, and the wiped bytes that every key of this crate is made of.
//!
//! Both live on the heap from the first byte: moving them copies a pointer and leaves nothing on
//! the stack. What drops is wiped.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::{OpenError, random};

/// A provider's API key in plaintext.
///
/// It cannot be printed, cloned, compared, serialised or turned into a `String`; the memory is
/// wiped on drop. [`expose`](Self::expose) is the one way out, so `rg 'expose\('` lists every
/// place in Keystead that can see a key.
pub struct ProviderKey(Zeroizing<String>);

impl ProviderKey {
    /// Takes over the plaintext; the caller keeps no copy.
    #[must_use]
    pub fn new(plaintext: Zeroizing<String>) -> Self {
        Self(plaintext)
    }

    /// The key itself: for sealing it, for checking its shape, and for the one header that
    /// carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderKey(..)")
    }
}

/// 256 secret bytes' worth of key: the inside of [`SealingKey`](crate::SealingKey),
/// [`MacKey`](crate::MacKey) and [`Pepper`](crate::Pepper).
pub(crate) struct KeyBytes(Box<Zeroizing<[u8; KEY_LENGTH]>>);

impl KeyBytes {
    pub(crate) fn generate() -> Self {
        let mut key = Self::zero();
        random::fill(&mut key.0[..]);
        key
    }

    /// Moves the bytes to the heap and wipes where they were; a plain move would leave them there.
    pub(crate) fn take(bytes: &mut [u8; KEY_LENGTH]) -> Self {
        let mut key = Self::zero();
        key.0.copy_from_slice(bytes);
        bytes.zeroize();
        key
    }

    /// A key that lay in a record.
    pub(crate) fn opened(plaintext: &[u8]) -> Result<Self, OpenError> {
        if plaintext.len() != KEY_LENGTH {
            return Err(OpenError::Malformed {
                reason: "a wrapped key has 32 bytes",
            });
        }
        let mut key = Self::zero();
        key.0.copy_from_slice(plaintext);
        Ok(key)
    }

    pub(crate) fn expose(&self) -> &[u8; KEY_LENGTH] {
        &self.0
    }

    fn zero() -> Self {
        Self(Box::new(Zeroizing::new([0; KEY_LENGTH])))
    }
}

pub(crate) const KEY_LENGTH: usize = 32;
