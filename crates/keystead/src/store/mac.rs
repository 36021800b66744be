//! The MAC on rows that carry authority.

use keystead_vault::{Canonical, MacKey};

use super::{AuthorityRow, Store, StoreError};

/// The key of all row MACs, once the root key has opened it.
#[derive(Debug)]
pub(super) struct RowMac(MacKey);

impl RowMac {
    pub(super) fn verify(&self, row: &Canonical, tag: &[u8]) -> bool {
        self.0.verify(row, tag)
    }

    pub(super) fn tag(&self, row: &Canonical) -> Vec<u8> {
        self.0.tag(row).to_vec()
    }
}

impl Store {
    /// Hands the store the key that rows are checked with; from here on it answers.
    pub(crate) fn unseal(&self, key: MacKey) {
        // A second opening of the same store brings the same key.
        let _ = self.0.mac.set(RowMac(key));
    }

    pub(super) fn row_mac(&self) -> Result<&RowMac, StoreError> {
        self.0.mac.get().ok_or(StoreError::Sealed)
    }

    /// Whether `tag` is the MAC of what `row` says.
    pub(crate) fn row_fits(&self, row: &Canonical, tag: &[u8]) -> Result<bool, StoreError> {
        Ok(self.row_mac()?.verify(row, tag))
    }

    /// The MAC of what `row` says.
    pub(crate) fn row_tag(&self, row: &Canonical) -> Result<Vec<u8>, StoreError> {
        Ok(self.row_mac()?.tag(row))
    }

    /// The MAC that belongs beside `row` in its table.
    pub(crate) fn tag<T: AuthorityRow>(&self, row: &T) -> Result<Vec<u8>, StoreError> {
        Ok(self.row_mac()?.tag(&row.covered()))
    }
}
