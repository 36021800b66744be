//! Provider keys: sealed when they are entered, opened for a permit.

use std::time::Duration;

use keystead_providers::Destination;
use keystead_vault::{ProviderKey, SealingKey};
use zeroize::Zeroizing;

use super::{Custody, CustodyError, context::KeyNames};
use crate::{
    audit::{Action, Actor, Event, Field, provider_word},
    ids::{ApplicationId, KeyId, OrganizationId},
    limits::RowLimits,
    store::{Changing, Key, KeyOwner, KeyStatus, KeyTenant, Opener},
};

/// A provider key of an application's, to be kept.
#[derive(Debug)]
pub struct NewKey {
    /// The tenant.
    pub organization: OrganizationId,
    /// The application it is for.
    pub application: ApplicationId,
    /// The provider's name.
    pub provider: String,
    /// What people will call it.
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

/// A provider key in plaintext, and which version of it that is.
#[derive(Debug)]
pub struct OpenedKey {
    /// The secret.
    pub key: ProviderKey,
    /// Its version.
    pub version: u64,
}

impl Custody {
    /// Seals a key and keeps it.
    pub async fn add_key(&self, actor: Actor, new: NewKey) -> Result<Key, CustodyError> {
        let store = self.store();
        let mut changing = store.change().await?;
        // As it is now: a key that another change put aside would open nothing.
        let organization = store
            .organization_now(&mut changing, new.organization)
            .await?;
        let organization_key = self.organization_key(&organization).await?;
        store
            .application_now(&mut changing, new.organization, new.application)
            .await?;
        let owner = KeyOwner::Application {
            organization: new.organization,
            application: new.application,
        };
        let (key, event) = self
            .seal_key(&mut changing, actor, owner, &organization_key, new)
            .await?;
        changing.commit(event).await?;
        Ok(key)
    }

    /// Seals a key for `owner` within a change; the event is yet to be written.
    pub(super) async fn seal_key(
        &self,
        changing: &mut Changing,
        actor: Actor,
        owner: KeyOwner,
        tenant_key: &SealingKey,
        new: impl Into<Secret>,
    ) -> Result<(Key, Event), CustodyError> {
        let store = self.store();
        let (now, new) = (store.clock().now(), new.into());
        let key = Key {
            id: KeyId::new(store.clock()),
            owner,
            provider: new.provider,
            name: new.name,
            destination: new.destination,
            explicit_endpoint: new.explicit_endpoint,
            last4: last4(&new.key),
            disabled: false,
            version: 1,
            max_version: 1,
            created_at: now,
            limits: RowLimits::default(),
            row_version: 1,
            status: new.status,
            checked_at: (new.status != KeyStatus::Unchecked).then_some(now),
        };
        let names = KeyNames::of(&key);
        let group = SealingKey::generate();
        let group_record = tenant_key.wrap(&names.group(&key), &group);
        store
            .insert_key(changing.connection(), &key, &group_record)
            .await?;
        let (data, secret) = seal_version(&names, &key, &group, &new.key);
        store
            .insert_version(changing.connection(), &key, &data, &secret)
            .await?;

        changing.forget(&key.id);
        let event = owner
            .tenant()
            .event(Event::new(actor, Action::KeyCreated, &key.id));
        let event = event.version(key.row_version);
        let event = match owner.application() {
            Some(application) => event.with(Field::Application, &application),
            None => event,
        };
        let event = event.with(Field::Provider, &provider_word(&key.provider));
        Ok((key, event))
    }

    /// Puts a new secret in a key's place. Calls that start after this returned use it; the secret
    /// before it is destroyed when `overlap` is over.
    pub async fn rotate_key(
        &self,
        actor: Actor,
        tenant: impl Into<KeyTenant>,
        id: KeyId,
        secret: ProviderKey,
        status: KeyStatus,
        overlap: Duration,
    ) -> Result<Key, CustodyError> {
        let (store, tenant) = (self.store(), tenant.into());
        let mut changing = store.change().await?;
        let tenant_key = self.tenant_key(&mut changing, tenant).await?;
        let mut key = store.key_now(&mut changing, tenant, id).await?;
        let names = KeyNames::of(&key);
        let group_record = store.group_record_now(&mut changing, &key).await?;
        let group = tenant_key
            .unwrap(&names.group(&key), &group_record)
            .map_err(|_| self.altered("key_slots", &id))?;

        key.max_version += 1;
        key.version = key.max_version;
        key.row_version += 1;
        key.last4 = last4(&secret);
        key.status = status;
        key.checked_at = (status != KeyStatus::Unchecked).then_some(store.clock().now());
        let (data_record, secret_record) = seal_version(&names, &key, &group, &secret);
        let connection = changing.connection();
        store
            .insert_version(connection, &key, &data_record, &secret_record)
            .await?;
        store
            .retire_older_versions(connection, &key, overlap)
            .await?;
        store.update_key(connection, &key).await?;

        changing.forget(&id);
        let event = tenant
            .event(Event::new(actor, Action::KeyRotated, &id))
            .version(key.row_version)
            .with(Field::Version, &key.version);
        changing.commit(event).await?;
        Ok(key)
    }

    /// Opens a key for a call: `reason` is a stable word. That it was opened is on the durable
    /// audit record before it is; when it can't be written, the key stays sealed.
    ///
    /// Whether the key may be used, the caller's permit says: a disabled key opens.
    pub async fn open_key(
        &self,
        actor: Actor,
        tenant: impl Into<KeyTenant>,
        id: KeyId,
        reason: &'static str,
    ) -> Result<OpenedKey, CustodyError> {
        let (store, tenant) = (self.store(), tenant.into());
        let sealed = store.sealed_version(tenant, id).await?;
        let key = &sealed.key;
        let event = tenant
            .event(Event::new(actor, Action::KeyOpened, &id))
            .with(Field::Version, &key.version)
            .with(Field::Reason, &reason);
        store.audit(event).await?;

        let names = KeyNames::of(key);
        let tenant_key = match &sealed.opener {
            Opener::Organization(organization) => self.organization_key(organization).await?,
            Opener::Vault(vault) => self.vault_key(vault).await?,
        };
        let group = tenant_key
            .unwrap(&names.group(key), &sealed.group)
            .map_err(|_| self.altered("key_slots", &id))?;
        let data = group
            .unwrap(&names.data(key), &sealed.data)
            .map_err(|_| self.altered("version_slots", &id))?;
        let secret = data
            .open(&names.secret(key), &sealed.secret)
            .map_err(|_| self.altered("key_versions", &id))?;
        Ok(OpenedKey {
            key: plaintext(secret).ok_or_else(|| self.altered("key_versions", &id))?,
            version: key.version,
        })
    }

    /// What the group keys of a tenant's keys are sealed under, for one use.
    async fn tenant_key(
        &self,
        changing: &mut Changing,
        tenant: KeyTenant,
    ) -> Result<SealingKey, CustodyError> {
        match tenant {
            KeyTenant::Organization(id) => {
                let organization = self.store().organization_now(changing, id).await?;
                self.organization_key(&organization).await
            }
            KeyTenant::Vault(id) => {
                let vault = self.store().vault_now(changing, id).await?;
                self.vault_key(&vault).await
            }
        }
    }
}

/// A provider key to be sealed, whoever's it is.
#[derive(Debug)]
pub(super) struct Secret {
    pub(super) provider: String,
    pub(super) name: String,
    pub(super) destination: Destination,
    pub(super) explicit_endpoint: bool,
    pub(super) key: ProviderKey,
    pub(super) status: KeyStatus,
}

impl From<NewKey> for Secret {
    fn from(new: NewKey) -> Self {
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

/// A fresh data key under the group key, and the secret under that.
fn seal_version(
    names: &KeyNames,
    key: &Key,
    group: &SealingKey,
    secret: &ProviderKey,
) -> (Vec<u8>, Vec<u8>) {
    let data = SealingKey::generate();
    let data_record = group.wrap(&names.data(key), &data);
    let secret_record = data.seal(&names.secret(key), secret.expose().as_bytes());
    (data_record, secret_record)
}

/// Moves the opened bytes into a key without leaving a copy.
fn plaintext(mut secret: Zeroizing<Vec<u8>>) -> Option<ProviderKey> {
    let text = String::from_utf8(std::mem::take(&mut *secret));
    match text {
        Ok(text) => Some(ProviderKey::new(Zeroizing::new(text))),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            None
        }
    }
}

/// The last four characters as entered: enough to tell keys apart, too little to guess one.
fn last4(key: &ProviderKey) -> String {
    let text = key.expose();
    let from = text.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    text[from..].to_owned()
}
