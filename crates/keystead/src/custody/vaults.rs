//! People's own vaults: made when somebody brings their first key, opened for one use.

use keystead_providers::Destination;
use keystead_vault::{ProviderKey, SealingKey};

use super::{Custody, CustodyError, context, keys::Secret};
use crate::{
    audit::{Action, Actor, Event},
    ids::VaultId,
    store::{Changing, Key, KeyOwner, KeyStatus, StoreError, Vault, VaultHolder},
};

/// A person's own provider key, to be kept.
#[derive(Debug)]
pub struct NewOwnKey {
    /// The provider's name.
    pub provider: String,
    /// What its owner will call it.
    pub name: String,
    /// The one place it may be sent to.
    pub destination: Destination,
    /// Whether that place was given with the key.
    pub explicit_endpoint: bool,
    /// The secret.
    pub key: ProviderKey,
    /// What the provider said of it.
    pub status: KeyStatus,
}

impl From<NewOwnKey> for Secret {
    fn from(new: NewOwnKey) -> Self {
        Self {
            provider: new.provider,
            name: new.name,
            destination: new.destination,
            explicit_endpoint: new.explicit_endpoint,
            key: new.key,
            status: new.status,
        }
    }
}

impl Custody {
    /// Somebody's vault, made now if they have none.
    pub async fn vault_for(
        &self,
        actor: Actor,
        holder: VaultHolder,
    ) -> Result<Vault, CustodyError> {
        let store = self.store();
        if let Some(vault) = store.vault_of(&holder).await? {
            return Ok(vault);
        }
        let id = VaultId::new(store.clock());
        let text = id.to_string();
        let key = SealingKey::generate();
        let context = context::vault_key(&text);
        let key_record = self.0.root.wrap(&context, key.expose()).await?;
        let vault = Vault {
            id,
            holder,
            key_record,
            created_at: store.clock().now(),
            row_version: 1,
        };
        match self.keep_vault(actor, &vault).await {
            Ok(()) => Ok(vault),
            // Two came at once: the other one's is the vault.
            Err(error) if error.is_duplicate() => {
                let found = store.vault_of(&holder).await?;
                Ok(found.ok_or_else(|| StoreError::not_found("vault", &id))?)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn keep_vault(&self, actor: Actor, vault: &Vault) -> Result<(), StoreError> {
        let store = self.store();
        let mut changing = store.change().await?;
        store.insert_vault(&mut changing, vault).await?;
        let event = Event::new(actor, Action::VaultCreated, &vault.id);
        changing.commit(event.version(vault.row_version)).await
    }

    /// Seals a person's own key and keeps it in their vault.
    pub async fn add_own_key(
        &self,
        actor: Actor,
        vault: &Vault,
        new: NewOwnKey,
    ) -> Result<Key, CustodyError> {
        let mut changing = self.store().change().await?;
        let (key, event) = self
            .add_own_key_within(&mut changing, actor, vault, new)
            .await?;
        changing.commit(event).await?;
        Ok(key)
    }

    /// As [`add_own_key`](Self::add_own_key), within a change that does more.
    pub(crate) async fn add_own_key_within(
        &self,
        changing: &mut Changing,
        actor: Actor,
        vault: &Vault,
        new: NewOwnKey,
    ) -> Result<(Key, Event), CustodyError> {
        // As it is now: it may have got another key since it was read.
        let vault = self.store().vault_now(changing, vault.id).await?;
        let vault_key = self.vault_key(&vault).await?;
        let owner = KeyOwner::Vault(vault.id);
        self.seal_key(changing, actor, owner, &vault_key, new).await
    }

    /// A vault's key, for one use.
    pub(super) async fn vault_key(&self, vault: &Vault) -> Result<SealingKey, CustodyError> {
        let id = vault.id.to_string();
        let context = context::vault_key(&id);
        self.unwrap(&context, &vault.key_record, "vaults", &id)
            .await
    }
}
