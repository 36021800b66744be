//! Another root key: the handful of records that the root key wraps is wrapped by the next one, in one
//! transaction. Nothing below them changes, so no key and no address is opened for it.
//!
//! A process that is killed on the way has either changed nothing or changed everything; which, the
//! key-check tells, and doing it again finishes it.

use keystead_vault::Context;
use zeroize::Zeroizing;

use super::{Custody, CustodyError, KEY_CHECK, context};
use crate::{
    audit::{Action, Actor, Event, Field},
    root::{OpenedRoot, RootKey, RootKeySource, WrapError},
    store::{Changing, Store},
};

/// What a change of the root key did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rekeyed {
    /// Organizations whose keys were wrapped anew.
    pub organizations: usize,
    /// Accounts whose keys were.
    pub accounts: usize,
    /// Vaults whose keys were.
    pub vaults: usize,
}

impl Custody {
    /// Whether the root key from `source` opens the store.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Store`] when the store does not answer.
    pub async fn fits(store: &Store, source: &RootKeySource) -> Result<bool, CustodyError> {
        let Some(installation) = store.installation().await? else {
            return Ok(false);
        };
        let Ok(OpenedRoot { key: root, .. }) = source.open(Some(&installation)).await else {
            return Ok(false);
        };
        let context = context::key_check();
        let check = root.unwrap(&context, &installation.key_check).await;
        Ok(check.is_ok_and(|plaintext| plaintext.as_slice() == KEY_CHECK))
    }

    /// Wraps with the root key from `next`, made first where there is none, what this one wraps. From
    /// then on the store opens under `next` alone, and this custody opens nothing any more.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`](crate::store::StoreError::InUse) when another process has the store open:
    /// it would go on with the key that it has. Nothing has changed then.
    pub async fn rekey(self, next: &RootKeySource) -> Result<Rekeyed, CustodyError> {
        // From here on the next key is on the disk, whatever happens.
        let OpenedRoot {
            key: root,
            passphrase,
        } = next.open(None).await?;
        let store = self.store();
        let mut changing = store.change().await?;
        store.require_alone(&mut changing).await?;

        let key_check = root.wrap(&context::key_check(), KEY_CHECK).await?;
        store
            .write_key_check(&mut changing, &key_check, passphrase.as_ref())
            .await?;
        for (name, record) in store.system_keys_now(&mut changing).await? {
            let context = context::system_key(&name);
            let key = self.opened(&context, &record, "system_keys", &name).await?;
            let record = root.wrap(&context, &key).await?;
            store
                .write_system_key(&mut changing, &name, &record)
                .await?;
        }
        let rekeyed = self.rewrap_owners(&mut changing, &*root).await?;
        store.require_nothing_left(&mut changing).await?;
        let event = Event::new(Actor::Operator, Action::RootKeyChanged, &"root")
            .with(Field::Organizations, &rekeyed.organizations)
            .with(Field::Accounts, &rekeyed.accounts)
            .with(Field::Vaults, &rekeyed.vaults);
        changing.commit(event).await?;
        Ok(rekeyed)
    }

    /// The keys of owners: whoever adds an owner of another sort wraps its key here, and names its column
    /// in the store's list; until then a change is refused where there is one.
    async fn rewrap_owners(
        &self,
        changing: &mut Changing,
        root: &dyn RootKey,
    ) -> Result<Rekeyed, CustodyError> {
        let store = self.store();
        let mut rekeyed = Rekeyed::default();
        for organization in store.organizations_now(changing).await? {
            let id = organization.id.to_string();
            let context = context::organization_key(&id);
            let key = self
                .opened(&context, &organization.key_record, "organizations", &id)
                .await?;
            let mut organization = organization;
            organization.key_record = root.wrap(&context, &key).await?;
            if let Some(record) = &organization.next_key_record {
                let key = self.opened(&context, record, "organizations", &id).await?;
                organization.next_key_record = Some(root.wrap(&context, &key).await?);
            }
            store
                .write_organization_keys(changing, Actor::Operator, &mut organization)
                .await?;
            rekeyed.organizations += 1;
        }
        for account in store.accounts_now(changing).await? {
            let id = account.id.to_string();
            let context = context::account_key(&id);
            let key = self
                .opened(&context, &account.key_record, "accounts", &id)
                .await?;
            let record = root.wrap(&context, &key).await?;
            store
                .rewrap(changing, Actor::Operator, account, record)
                .await?;
            rekeyed.accounts += 1;
        }
        for vault in store.vaults_now(changing).await? {
            let id = vault.id.to_string();
            let context = context::vault_key(&id);
            let key = self
                .opened(&context, &vault.key_record, "vaults", &id)
                .await?;
            let record = root.wrap(&context, &key).await?;
            store
                .rewrap(changing, Actor::Operator, vault, record)
                .await?;
            rekeyed.vaults += 1;
        }
        Ok(rekeyed)
    }

    async fn opened(
        &self,
        context: &Context<'_>,
        record: &[u8],
        table: &'static str,
        id: &str,
    ) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        match self.0.root.unwrap(context, record).await {
            Ok(key) => Ok(key),
            Err(WrapError::Refused(_)) => Err(self.altered(table, &id).into()),
        }
    }
}
