//! What was erased, signed: for the person who asked, and for whoever answers for it.

use serde_json::{Value, json};

use super::{Tombstone, counts};
use crate::{
    audit::{BadNote, Verifier},
    clock::Timestamp,
    custody::Custody,
    ids::ErasureId,
    manage::time::rfc3339,
    store::Erased,
};

/// A receipt.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// What the erasure is called.
    pub id: ErasureId,
    /// When it was done.
    pub at: Timestamp,
    /// What was erased.
    pub erased: Erased,
    /// The signed note.
    pub note: String,
    /// What it is verified by.
    pub verifier: String,
}

impl Receipt {
    pub(super) fn new(custody: &Custody, tombstone: &Tombstone, erased: Erased) -> Self {
        let at = custody.store().clock().now();
        let mut json = tombstone.json();
        json["asked_at"] = json!(rfc3339(tombstone.at));
        json["at"] = json!(rfc3339(at));
        json["erased"] = counts(&erased);
        json["not_erased"] = json!(NOT_ERASED);
        Self {
            id: tombstone.id,
            at,
            erased,
            note: custody.sign_note(&format!("{HEAD}\n{json}\n")),
            verifier: custody.verifier().to_string(),
        }
    }
}

/// What a receipt says, if the installation of `verifier` signed it.
///
/// # Errors
///
/// [`BadNote`].
pub fn read_receipt(note: &str, verifier: &Verifier) -> Result<Value, BadNote> {
    let text = verifier.open_text(note)?;
    let body = text
        .strip_prefix(HEAD)
        .and_then(|text| text.strip_prefix('\n'));
    serde_json::from_str(body.ok_or(BadNote::Malformed)?).map_err(|_| BadNote::Malformed)
}

const HEAD: &str = "keystead/receipt/v1";

/// What an honest receipt says as well.
pub(crate) const NOT_ERASED: &[&str] = &[
    "A backup that was made before still holds what was erased here, sealed; whoever has the root key \
     as well can read it until that backup is destroyed. Restored with its tombstones, it erases it \
     again.",
    "The audit log keeps that it happened, by ids that lead to nobody any more.",
    "What was sent to an AI provider, and the key there, is for the provider to delete.",
    "What the host application keeps of its own is for the host to delete.",
];
