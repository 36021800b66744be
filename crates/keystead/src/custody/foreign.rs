//! A store that is not yet one: what a backup says of its root key, before its rows are anywhere.

use keystead_vault::{MacKey, OpenError};

use super::{Custody, CustodyError, KEY_CHECK, checkpoint::SigningKey, context, system_keys};
use crate::{
    audit::Verifier,
    root::{OpenedRoot, RootKey, RootKeyError, RootKeySource, WrapError},
    store::Installation,
};

/// The keys of an installation that lies in a backup.
#[derive(Debug)]
pub(crate) struct ForeignKeys {
    /// Tags rows of authority.
    pub(crate) row_mac: MacKey,
    /// What its notes are verified by.
    pub(crate) verifier: Verifier,
}

/// The sealed system keys that are needed for them.
#[derive(Debug)]
pub(crate) struct ForeignRecords {
    pub(crate) row_mac: Vec<u8>,
    pub(crate) signing: Vec<u8>,
}

impl Custody {
    /// The keys of an installation that lies in a backup, if this is its root key.
    ///
    /// # Errors
    ///
    /// [`CustodyError::RootKey`] when the root key is missing or another one.
    pub(crate) async fn foreign(
        source: &RootKeySource,
        installation: &Installation,
        records: &ForeignRecords,
    ) -> Result<ForeignKeys, CustodyError> {
        let OpenedRoot { key: root, .. } = source.open(Some(installation)).await?;
        let check = root
            .unwrap(&context::key_check(), &installation.key_check)
            .await;
        match check {
            Ok(plaintext) if plaintext.as_slice() == KEY_CHECK => {}
            Ok(_) | Err(WrapError::Refused(_)) => return Err(RootKeyError::Mismatch.into()),
        }
        let signing = open(
            &*root,
            system_keys::SIGNING,
            &records.signing,
            SigningKey::from_seed,
        );
        Ok(ForeignKeys {
            verifier: signing.await?.verifier(),
            row_mac: open(
                &*root,
                system_keys::ROW_MAC,
                &records.row_mac,
                MacKey::from_opened,
            )
            .await?,
        })
    }

    /// What the records of those keys are called among the system keys.
    pub(crate) const FOREIGN: [&str; 2] = [system_keys::ROW_MAC, system_keys::SIGNING];
}

async fn open<T>(
    root: &dyn RootKey,
    name: &'static str,
    record: &[u8],
    read: impl Fn(&[u8]) -> Result<T, OpenError>,
) -> Result<T, CustodyError> {
    let opened = match root.unwrap(&context::system_key(name), record).await {
        Ok(plaintext) => read(&plaintext),
        Err(WrapError::Refused(refused)) => Err(refused),
    };
    opened.map_err(|_| RootKeyError::Mismatch.into())
}
