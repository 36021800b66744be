//! The installation's own keys: random, each wrapped by the root key, none derived from it, so that
//! a new root key re-wraps them and changes nothing else.

use keystead_vault::{MacKey, OpenError, random};
use zeroize::Zeroizing;

use super::{CustodyError, checkpoint::SigningKey, context};
use crate::{
    root::{RootKey, WrapError},
    store::{Store, SystemKeyRecord},
};

/// The system keys, opened.
pub(super) struct SystemKeys {
    /// Tags rows of authority.
    pub(super) row_mac: MacKey,
    /// What accounts are found by their e-mail address with; and the key of other keyed hashes that
    /// people are known by, each under a label of its own.
    pub(super) email: MacKey,
    /// Signs what the audit log is at a moment.
    pub(super) signing: SigningKey,
}

impl SystemKeys {
    /// Makes them, with their records.
    pub(super) async fn generate(
        root: &dyn RootKey,
    ) -> Result<(Self, Vec<SystemKeyRecord>), CustodyError> {
        let seed = Zeroizing::new(random::<32>());
        let keys = Self {
            row_mac: MacKey::generate(),
            email: MacKey::generate(),
            signing: SigningKey::from_seed(&seed[..]).expect("a seed is any 32 bytes"),
        };
        let mut records = Vec::new();
        for (name, key) in [
            (ROW_MAC, keys.row_mac.expose()),
            (EMAIL, keys.email.expose()),
            (SIGNING, &*seed),
        ] {
            let record = root.wrap(&context::system_key(name), key).await?;
            records.push(SystemKeyRecord { name, record });
        }
        Ok((keys, records))
    }

    /// Opens them. One that is missing or does not open under the right root key was tampered
    /// with.
    pub(super) async fn open(store: &Store, root: &dyn RootKey) -> Result<Self, CustodyError> {
        Ok(Self {
            row_mac: open(store, root, ROW_MAC, MacKey::from_opened).await?,
            email: open(store, root, EMAIL, MacKey::from_opened).await?,
            signing: open(store, root, SIGNING, SigningKey::from_seed).await?,
        })
    }
}

async fn open<T>(
    store: &Store,
    root: &dyn RootKey,
    name: &'static str,
    read: impl Fn(&[u8]) -> Result<T, OpenError>,
) -> Result<T, CustodyError> {
    let record = store.system_key(name).await?;
    let record = record.ok_or_else(|| store.tampered("system_keys", name.to_owned()))?;
    let key = match root.unwrap(&context::system_key(name), &record).await {
        Ok(plaintext) => read(&plaintext),
        Err(WrapError::Refused(refused)) => Err(refused),
    };
    key.map_err(|_| store.tampered("system_keys", name.to_owned()).into())
}

pub(super) const ROW_MAC: &str = "row-mac";
const EMAIL: &str = "email";
pub(super) const SIGNING: &str = "audit-signing";
