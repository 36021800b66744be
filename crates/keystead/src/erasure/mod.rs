//! Erasure: of an end user, an account, an application, an organization.
//!
//! ```text
//! asked for ──> tombstone, signed, to a place outside the store and its backups
//!           ──> keys, tokens, sessions, grants go in one transaction
//!           ──> what must stay (the ledger) forgets whose it was
//!           ──> receipt, signed
//! ```
//!
//! The tombstone comes first: a store that is restored from an older backup erases anew what the
//! tombstones name. Whoever got no receipt asks again; nothing is erased twice.
//!
//! | file | what |
//! |---|---|
//! | `tombstone` | what is to be erased, as a signed line |
//! | `place` | where tombstones are kept |
//! | `receipt` | what was erased, and what a backup still holds |

mod place;
mod receipt;
mod tombstone;

use std::{fmt, sync::Arc, time::Duration};

pub(crate) use self::receipt::NOT_ERASED;
pub use self::{
    place::{Place, PlaceError},
    receipt::{Receipt, read_receipt},
    tombstone::{BadTombstone, Tombstone, read_tombstones},
};
use crate::{
    audit::Actor,
    custody::{Custody, CustodyError},
    ids::{ErasureId, OrganizationId},
    store::{Erased, Erasing, StoreError},
};

/// Erases. Clones share it.
#[derive(Clone)]
pub struct Erasure(Arc<Inner>);

struct Inner {
    custody: Custody,
    place: Place,
}

/// Why nothing was erased, or not all of it: ask again.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// The tombstone could not be kept, so nothing was erased: a restore would undo it unseen.
    #[error("the tombstone could not be kept, so nothing was erased")]
    Place(#[from] PlaceError),
    /// The store or the root key.
    #[error(transparent)]
    Custody(#[from] CustodyError),
}

impl From<StoreError> for ErasureError {
    fn from(error: StoreError) -> Self {
        Self::Custody(error.into())
    }
}

/// How long calls that were cut may take until their last attempt is in the ledger.
const LATE: Duration = Duration::from_millis(1_500);

impl Erasure {
    /// Erasure that keeps its tombstones at `place`.
    pub fn new(custody: Custody, place: Place) -> Self {
        Self(Arc::new(Inner { custody, place }))
    }

    /// Erases, and says what.
    ///
    /// # Errors
    ///
    /// [`ErasureError`]; what was to be erased may be gone in part. Asking again finishes it.
    pub async fn erase(
        &self,
        actor: Actor,
        asked_in: Option<OrganizationId>,
        erasing: Erasing,
    ) -> Result<Receipt, ErasureError> {
        let custody = &self.0.custody;
        let store = custody.store();
        // Refused here, it leaves no tombstone.
        store.may_be_erased(&erasing).await?;
        let id = ErasureId::new(store.clock());
        let tombstone = Tombstone {
            id,
            at: store.clock().now(),
            erasing: erasing.clone(),
        };
        self.0.place.keep(&tombstone.signed(custody)).await?;

        let mut erased = store.end_for_erasure(actor, id, asked_in, &erasing).await?;
        if erased.access_tokens > 0 {
            tokio::time::sleep(LATE).await;
        }
        for subject in erased.subjects.clone() {
            erased.attempts += store.forget_subject(&subject).await?;
        }
        store.note_erasure(actor, id, asked_in, &erasing).await?;
        custody.forget_peppers();
        Ok(Receipt::new(custody, &tombstone, erased))
    }

    /// Where tombstones are kept.
    pub fn place(&self) -> &Place {
        &self.0.place
    }
}

impl fmt::Debug for Erasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Erasure(..)")
    }
}

/// What was erased, as part of a receipt.
pub(crate) fn counts(erased: &Erased) -> serde_json::Value {
    serde_json::json!({
        "applications": erased.applications,
        "keys": erased.keys,
        "memberships": erased.memberships,
        "api_tokens": erased.api_tokens,
        "sessions": erased.sessions,
        "credentials": erased.credentials,
        "grants": erased.grants,
        "consents": erased.consents,
        "access_tokens": erased.access_tokens,
        "bindings": erased.bindings,
        "attempts": erased.attempts,
    })
}
