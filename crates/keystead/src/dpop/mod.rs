//! Proof of possession (RFC 9449): a token that was bound to a key is of no use without that key.
//!
//! A proof is a small signed note that a client makes for one request. Its algorithms are fixed here;
//! its key stands in its own header, and counts for nothing but for being the one that the token was
//! bound to. No store, no HTTP, no clock of its own.
//!
//! | file | what it answers |
//! |---|---|
//! | `proof` | is this a proof for this request, and of which key |
//! | `replays` | was it here before |

mod proof;
mod replays;

use std::{fmt, str::FromStr};

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

pub use self::{
    proof::{ALGORITHMS, BadProof, Proven, Request, check},
    replays::Replays,
};

/// What a public key is called: its RFC 7638 thumbprint, by SHA-256.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// The thumbprint that a store kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// For a store to keep.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Of a key's required members, as RFC 7638 writes them.
    fn of(canonical: &str) -> Self {
        let hash = digest::digest(&digest::SHA256, canonical.as_bytes());
        Self(hash.as_ref().try_into().expect("SHA-256 gives 32 bytes"))
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// A thumbprint in a log would let its reader follow one browser.
impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Thumbprint(..)")
    }
}

impl FromStr for Thumbprint {
    type Err = BadProof;

    fn from_str(text: &str) -> Result<Self, BadProof> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(Self)
            .ok_or(BadProof("a thumbprint is 43 characters of base64url"))
    }
}
