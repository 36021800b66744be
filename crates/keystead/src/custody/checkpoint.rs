//! Checkpoints: what the audit log was at a moment, signed, to be kept where whoever runs the store
//! can't reach it. Such a note is the only thing that shows a store that was put back whole.
//!
//! The form is C2SP's signed note over a tlog checkpoint (c2sp.org/tlog-checkpoint), so that
//! ordinary transparency-log tools read it.

use std::fmt;

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use keystead_vault::OpenError;

use super::{Custody, CustodyError};

/// The key that signs checkpoints. Unprintable; AWS-LC wipes it.
pub(super) struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    pub(super) fn from_seed(seed: &[u8]) -> Result<Self, OpenError> {
        let reason = "an Ed25519 seed has 32 bytes";
        match seed.len() {
            32 => Ed25519KeyPair::from_seed_unchecked(seed)
                .map(Self)
                .map_err(|_| OpenError::Malformed { reason }),
            _ => Err(OpenError::Malformed { reason }),
        }
    }

    fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// What the log is called: by its key, for nothing else of an installation is both public and
    /// its own.
    fn origin(&self) -> String {
        let name: String = self.public()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("keystead/audit/{name}")
    }

    /// The first bytes of a hash over name and key, by which a reader finds the key.
    fn id(&self) -> [u8; 4] {
        let mut named = self.origin().into_bytes();
        named.extend_from_slice(b"\n\x01");
        named.extend_from_slice(self.public());
        let hash = digest(&SHA256, &named);
        hash.as_ref()[..4]
            .try_into()
            .expect("SHA-256 gives 32 bytes")
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// The audit log as it is at a moment, signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// The signed note: name, size and root, an empty line, the signature.
    pub note: String,
    /// What verifies it: `NAME+ID+KEY`, as note tools take it.
    pub verifier: String,
}

impl Custody {
    /// Signs the audit log's size and root.
    ///
    /// # Errors
    ///
    /// As for a row that was tampered with, when the head is not as Keystead wrote it.
    pub async fn checkpoint(&self) -> Result<Checkpoint, CustodyError> {
        let (size, root) = self.store().audit_size_and_root().await?;
        let key = &self.0.signing;
        let origin = key.origin();
        let text = format!("{origin}\n{size}\n{}\n", BASE64_STANDARD.encode(root));

        let mut signature = key.id().to_vec();
        signature.extend_from_slice(key.0.sign(text.as_bytes()).as_ref());
        let note = format!(
            "{text}\n\u{2014} {origin} {}\n",
            BASE64_STANDARD.encode(signature)
        );

        let mut public = vec![1];
        public.extend_from_slice(key.public());
        let id: String = key.id().iter().map(|byte| format!("{byte:02x}")).collect();
        let verifier = format!("{origin}+{id}+{}", BASE64_STANDARD.encode(public));
        Ok(Checkpoint { note, verifier })
    }
}
