//! Custody: where vault, store and root key meet. What is sealed is sealed here, what is opened
//! is opened here.
//!
//! ```text
//! root key ── organization key ── group key ── data key ── the provider's key
//!     │              └── pepper   one per key  one per version
//!     ├── vault key ── group key ── as above, of a person's own
//!     ├── account key ── e-mail address, secret of one-time codes, passkeys
//!     └── system keys: row MAC, e-mail hash, audit signing
//! ```
//!
//! Nothing is kept open: a key is unwrapped for one use and wiped. What stays in memory is the
//! root key, the system keys, and the peppers of applications that mint.

mod checkpoint;
mod context;
mod credentials;
mod error;
mod foreign;
mod invitations;
mod keys;
mod owner_keys;
mod people;
mod rekey;
mod subjects;
mod system_keys;
mod vaults;
mod webhooks;

use std::{collections::HashMap, fmt, sync::Arc};

use keystead_vault::{Canonical, Context, MacKey, Pepper, SealingKey};
use parking_lot::RwLock;
use zeroize::Zeroizing;

use crate::{
    ids::ApplicationId,
    root::{OpenedRoot, RootKey, RootKeyError, RootKeySource, WrapError},
    store::{Installation, Organization, Store, StoreError},
};

use self::{checkpoint::SigningKey, system_keys::SystemKeys};

pub(crate) use self::foreign::ForeignRecords;
pub use self::{
    checkpoint::Checkpoint,
    error::CustodyError,
    invitations::OpenInvitation,
    keys::{NewKey, OpenedKey},
    owner_keys::Rewrapped,
    people::{Founded, NewAccount},
    rekey::Rekeyed,
    vaults::NewOwnKey,
};

/// Seals and opens. Clones share it.
#[derive(Clone)]
pub struct Custody(Arc<Inner>);

struct Inner {
    store: Store,
    root: Box<dyn RootKey>,
    email: MacKey,
    signing: SigningKey,
    peppers: RwLock<HashMap<ApplicationId, Arc<Pepper>>>,
}

impl Custody {
    /// Finds the store's root key and opens the system keys, after which the store answers. On a
    /// fresh store both are made; then never again.
    ///
    /// # Errors
    ///
    /// [`CustodyError::RootKey`] when the root key is missing, wrong or open to others.
    pub async fn open(store: Store, source: &RootKeySource) -> Result<Self, CustodyError> {
        let opened = match store.installation().await? {
            Some(installation) => Self::open_installed(&store, source, &installation).await?,
            // Before a root key is made that nothing will be sealed with.
            None if !store.writes() => return Err(StoreError::ReadOnly.into()),
            None => Self::install(&store, source).await?,
        };
        let (
            root,
            SystemKeys {
                row_mac,
                email,
                signing,
            },
        ) = opened;
        store.unseal(row_mac);
        let peppers = RwLock::default();
        Ok(Self(Arc::new(Inner {
            store,
            root,
            email,
            signing,
            peppers,
        })))
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The key of the names that things have among processes that share limits: the same for all
    /// who have this store and its root key.
    pub fn names_of_limits(&self) -> MacKey {
        let label = Canonical::new("keystead/shared-limits/names/v1");
        MacKey::from_bytes(Zeroizing::new(self.0.email.tag(&label)))
    }

    /// Forgets the peppers that it remembers: their applications may be gone.
    pub(crate) fn forget_peppers(&self) {
        self.0.peppers.write().clear();
    }

    async fn open_installed(
        store: &Store,
        source: &RootKeySource,
        installation: &Installation,
    ) -> Result<(Box<dyn RootKey>, SystemKeys), CustodyError> {
        let OpenedRoot { key: root, .. } = source.open(Some(installation)).await?;
        let check = root
            .unwrap(&context::key_check(), &installation.key_check)
            .await;
        match check {
            Ok(plaintext) if plaintext.as_slice() == KEY_CHECK => {}
            Ok(_) | Err(WrapError::Refused(_)) => return Err(RootKeyError::Mismatch.into()),
        }
        let system = SystemKeys::open(store, &*root).await?;
        Ok((root, system))
    }

    async fn install(
        store: &Store,
        source: &RootKeySource,
    ) -> Result<(Box<dyn RootKey>, SystemKeys), CustodyError> {
        // From here on the root key's file is on disk, whatever happens.
        let OpenedRoot {
            key: root,
            passphrase,
        } = source.open(None).await?;
        let key_check = root.wrap(&context::key_check(), KEY_CHECK).await?;
        let (system, records) = SystemKeys::generate(&*root).await?;
        let installation = Installation {
            key_check,
            passphrase,
        };
        match store
            .install(&installation, &records, &system.row_mac)
            .await
        {
            Ok(()) => Ok((root, system)),
            // On PostgreSQL another process may have been first: its keys are the ones then.
            Err(error) if error.is_duplicate() => {
                let installation = store
                    .installation()
                    .await?
                    .expect("nothing deletes the row that ours collided with");
                Self::open_installed(store, source, &installation).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// An organization's key, for one use.
    async fn organization_key(
        &self,
        organization: &Organization,
    ) -> Result<SealingKey, CustodyError> {
        let id = organization.id.to_string();
        let context = context::organization_key(&id);
        self.unwrap(&context, &organization.key_record, "organizations", &id)
            .await
    }

    /// Unwraps a key that the root key wraps. A record that does not open lies in `table` under
    /// `id`, and somebody put it there.
    async fn unwrap(
        &self,
        context: &Context<'_>,
        record: &[u8],
        table: &'static str,
        id: &str,
    ) -> Result<SealingKey, CustodyError> {
        let key = match self.0.root.unwrap(context, record).await {
            Ok(plaintext) => SealingKey::from_opened(&plaintext),
            Err(WrapError::Refused(refused)) => Err(refused),
        };
        key.map_err(|_| self.altered(table, &id).into())
    }

    /// The error for a record that did not open, with its alert raised.
    fn altered(&self, table: &'static str, id: &impl ToString) -> StoreError {
        self.0.store.tampered(table, id.to_string())
    }
}

impl fmt::Debug for Custody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Custody(..)")
    }
}

/// What opens under the right root key alone.
const KEY_CHECK: &[u8] = b"keystead/key-check/v1";
