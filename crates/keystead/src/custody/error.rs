//! Why something was not sealed or opened.

use crate::{
    root::{RootKeyError, WrapError},
    store::StoreError,
};

/// Why custody did not seal or open.
///
/// A record that does not open is [`StoreError::Tampered`] with the table and id it lies under: the
/// cipher gives no reason, so neither does this.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CustodyError {
    /// There is no root key to go on with: exit code 78.
    #[error(transparent)]
    RootKey(#[from] RootKeyError),

    /// The root key did not do what it was asked; with one that lies elsewhere, typically away.
    #[error("the root key did not answer")]
    Wrap(#[from] WrapError),

    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}
