//! The MAC on rows that carry authority.
//!
//! Whoever can write to the database but does not hold this key can mint nothing and edit
//! nothing: a row without a fitting tag is refused when it is read.

use std::fmt;

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::{Canonical, OpenError, secret::KeyBytes};

/// A 256-bit HMAC-SHA256 key. Unprintable, uncloneable, wiped on drop.
pub struct MacKey(KeyBytes);

impl MacKey {
    /// A fresh random key.
    #[must_use]
    pub fn generate() -> Self {
        Self(KeyBytes::generate())
    }

    /// The key of these bytes, which are wiped.
    #[must_use]
    pub fn from_bytes(mut bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(KeyBytes::take(&mut bytes))
    }

    /// The key that lay in a record.
    ///
    /// # Errors
    ///
    /// [`OpenError::Malformed`] unless there are 32 bytes.
    pub fn from_opened(plaintext: &[u8]) -> Result<Self, OpenError> {
        KeyBytes::opened(plaintext).map(Self)
    }

    /// The key itself, to be sealed.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// The tag of `row`.
    #[must_use]
    pub fn tag(&self, row: &Canonical) -> [u8; 32] {
        tag(&self.0, row)
    }

    /// Whether `tag` is `row`'s, in constant time.
    #[must_use]
    pub fn verify(&self, row: &Canonical, tag: &[u8]) -> bool {
        hmac::verify(&hmac_key(&self.0), row.as_bytes(), tag).is_ok()
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(..)")
    }
}

/// HMAC-SHA256 of a canonical encoding.
pub(crate) fn tag(key: &KeyBytes, message: &Canonical) -> [u8; 32] {
    hmac::sign(&hmac_key(key), message.as_bytes())
        .as_ref()
        .try_into()
        .expect("HMAC-SHA256 gives 32 bytes")
}

/// Made anew for each use: AWS-LC wipes it when it drops, and nothing else has to hold it.
fn hmac_key(key: &KeyBytes) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.expose())
}
