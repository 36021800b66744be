//! A store that is not yet one: what a backup says of its root key, before its rows are anywhere.

use keystead_vault::MacKey;

use super::{Custody, CustodyError, KEY_CHECK, context, system_keys};
use crate::{
    root::{OpenedRoot, RootKeyError, RootKeySource, WrapError},
    store::Installation,
};

impl Custody {
    /// The key of row MACs of an installation that lies in a backup, if this is its root key.
    /// `record` is that key's, as the backup has it.
    ///
    /// # Errors
    ///
    /// [`CustodyError::RootKey`] when the root key is missing or another one.
    pub(crate) async fn row_mac_of(
        source: &RootKeySource,
        installation: &Installation,
        record: &[u8],
    ) -> Result<MacKey, CustodyError> {
        let OpenedRoot { key: root, .. } = source.open(Some(installation)).await?;
        let check = root
            .unwrap(&context::key_check(), &installation.key_check)
            .await;
        match check {
            Ok(plaintext) if plaintext.as_slice() == KEY_CHECK => {}
            Ok(_) | Err(WrapError::Refused(_)) => return Err(RootKeyError::Mismatch.into()),
        }
        let context = context::system_key(system_keys::ROW_MAC);
        let opened = match root.unwrap(&context, record).await {
            Ok(plaintext) => MacKey::from_opened(&plaintext),
            Err(WrapError::Refused(refused)) => Err(refused),
        };
        opened.map_err(|_| RootKeyError::Mismatch.into())
    }

    /// What the record of that key is called among the system keys.
    pub(crate) const ROW_MAC: &str = system_keys::ROW_MAC;
}
