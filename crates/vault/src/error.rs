//! Why a record does not open. One enum, because a caller acts on the difference: a wrong opener
//! is a mistake of the program, an altered record is an alert.

/// Why a sealed record was not opened.
///
/// SPEC.md, part 5, has the checks in their order and what each is for. The plaintext exists only
/// after the last. No variant carries anything secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// The bytes are no record: too short, a length that doesn't fit, or a key record whose
    /// content is no key. Typically a truncated column.
    #[error("record is malformed: {reason}")]
    Malformed {
        /// What does not fit.
        reason: &'static str,
    },

    /// Made by a newer Keystead, or not a record at all.
    #[error("record has an unknown format version")]
    UnsupportedVersion,

    /// Sealed by a cipher suite that this build does not have.
    #[error("record has an unknown cipher suite")]
    UnsupportedSuite,

    /// The record holds another kind of thing than was asked for: a row in another's place.
    #[error("record holds another kind of content")]
    WrongKind,

    /// The record names another opener: a row in another's place, or the wrong key was fetched.
    #[error("record is sealed for another opener")]
    WrongOpener,

    /// The key at hand is not the one the record was sealed with, or salt or commitment were
    /// edited. Checked before anything is decrypted.
    #[error("record was sealed with another key")]
    WrongKey,

    /// The right key, but the record or what it is bound to (tenant, destination, version, …)
    /// is not as it was sealed. The cipher gives no reason, by design, so neither do we.
    #[error("record failed its integrity check")]
    Altered,
}
