//! End users, known by a keyed hash alone.
//!
//! What a host application calls its user is never stored. The pepper is the application's own,
//! so that two applications' subjects can't be joined; it is re-wrapped when keys rotate and never
//! made anew, because a new one would make strangers of everyone.

use std::fmt;

use zeroize::Zeroizing;

use crate::{Canonical, OpenError, mac, secret::KeyBytes};

/// An application's secret for subject hashes. Unprintable, uncloneable, wiped on drop.
pub struct Pepper(KeyBytes);

impl Pepper {
    /// A fresh random pepper.
    #[must_use]
    pub fn generate() -> Self {
        Self(KeyBytes::generate())
    }

    /// The pepper of these bytes, which are wiped.
    #[must_use]
    pub fn from_bytes(mut bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(KeyBytes::take(&mut bytes))
    }

    /// The pepper that lay in a record.
    ///
    /// # Errors
    ///
    /// [`OpenError::Malformed`] unless there are 32 bytes.
    pub fn from_opened(plaintext: &[u8]) -> Result<Self, OpenError> {
        KeyBytes::opened(plaintext).map(Self)
    }

    /// The pepper itself, to be sealed.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// The subject of `id`, as said by `issuer` of the sort `source`: a host's `uid` and an
    /// OpenID provider's `sub` never meet, even when they read alike.
    #[must_use]
    pub fn subject(&self, source: &str, issuer: &str, id: &str) -> SubjectHash {
        let name = Canonical::new("keystead/subject/v1")
            .text(source)
            .text(issuer)
            .text(id);
        SubjectHash(mac::tag(&self.0, &name))
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(..)")
    }
}

/// One end user of one application. Not a secret, but it stands for a person, so it doesn't
/// print: logs and metrics hold no users.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct SubjectHash([u8; 32]);

impl SubjectHash {
    /// The hash that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// For a store to keep.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SubjectHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectHash(..)")
    }
}
