//! Checkpoints: what the audit log was at a moment, signed, to be kept where whoever runs the store
//! can't reach it. Such a note is the only thing that shows a store that was put back whole.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use keystead_vault::OpenError;

use super::{Custody, CustodyError};
use crate::{
    audit::{Proof, TreeHead, Verifier, merkle::Hash},
    ids::EventId,
};

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

    pub(super) fn verifier(&self) -> Verifier {
        let key = self.0.public_key().as_ref().try_into();
        Verifier::new(key.expect("an Ed25519 key has 32 bytes"))
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
    /// What it speaks of.
    pub head: TreeHead,
    /// The signed note.
    pub note: String,
}

impl Custody {
    /// Signs the audit log's size and root.
    ///
    /// # Errors
    ///
    /// As for a row that was tampered with, when the head is not as Keystead wrote it.
    pub async fn checkpoint(&self) -> Result<Checkpoint, CustodyError> {
        let (size, root) = self.store().audit_size_and_root().await?;
        Ok(self.sign_checkpoint(size, root))
    }

    /// What the checkpoints of this installation are verified by.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        self.0.signing.verifier()
    }

    /// That a row is in the log, for someone who has nothing but a checkpoint.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`](crate::store::StoreError::NotFound) when the log has no such row.
    pub async fn prove(&self, id: EventId) -> Result<Proof, CustodyError> {
        let found = self.store().audit_path(id).await?;
        Ok(Proof {
            row: found.row,
            index: found.index,
            path: found.path,
            checkpoint: self.sign_checkpoint(found.size, found.root).note,
        })
    }

    /// A note that this installation signed. What the text begins with says what kind of note it is; it
    /// ends with an end of line and has no empty line in it.
    pub(crate) fn sign_note(&self, text: &str) -> String {
        let signature = self.0.signing.0.sign(text.as_bytes());
        self.verifier().note_of(text, signature.as_ref())
    }

    fn sign_checkpoint(&self, size: u64, root: Hash) -> Checkpoint {
        let verifier = self.verifier();
        let head = TreeHead {
            origin: verifier.origin().to_owned(),
            size,
            root,
        };
        let signature = self.0.signing.0.sign(head.text().as_bytes());
        Checkpoint {
            note: verifier.note(&head, signature.as_ref()),
            head,
        }
    }
}
