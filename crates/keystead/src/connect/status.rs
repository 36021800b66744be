//! What an application is told of its users' keys: whether there is one, and how it does. Never whose it is
//! beyond that, and never what else they have.

use keystead_vault::SubjectHash;
use serde::Serialize;

use super::Connect;
use crate::{
    audit::Actor,
    ids::Handle,
    manage::{Problem, time::Moment},
    store::{Application, KeyStatus, VaultHolder},
};

/// A provider that an application's users bring keys for, and whether one of them has.
#[derive(Clone, Debug, Serialize)]
pub struct Connection {
    /// Whether there is a key, and the application may use it.
    pub connected: bool,
    /// The provider's name.
    pub provider: String,
    /// The AddOns that use it.
    pub addons: Vec<Handle>,
    /// The key's last four characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last4: Option<String>,
    /// What the provider last said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<KeyStatus>,
    /// Whether it rests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// When the permission ends, if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
}

impl Connect {
    /// What a subject has connected, one a provider that the application wants keys of, by name.
    pub async fn connections(
        &self,
        application: &Application,
        subject: &SubjectHash,
    ) -> Result<Vec<Connection>, Problem> {
        let mut all: Vec<Connection> = Vec::new();
        for addon in self.addons_of(application).await? {
            let Some(provider) = addon.provider else {
                continue;
            };
            if let Some(known) = all.iter_mut().find(|one| one.provider == provider) {
                known.addons.push(addon.handle);
                continue;
            }
            let mut one = self.connection(application, subject, provider).await?;
            one.addons.push(addon.handle);
            all.push(one);
        }
        all.sort_by(|one, other| one.provider.cmp(&other.provider));
        Ok(all)
    }

    async fn connection(
        &self,
        application: &Application,
        subject: &SubjectHash,
        provider: String,
    ) -> Result<Connection, Problem> {
        let grant = self
            .store()
            .key_grant_of(application.id, subject, &provider)
            .await?
            .filter(|grant| !grant.withdrawn);
        let key = match &grant {
            Some(grant) => match self.store().own_key(grant.vault, grant.key).await {
                Ok(key) => Some(key),
                Err(crate::store::StoreError::NotFound { .. }) => None,
                Err(error) => return Err(error.into()),
            },
            None => None,
        };
        let paused = match (&grant, &key) {
            (Some(grant), Some(key)) => Some(grant.paused || key.disabled),
            _ => None,
        };
        Ok(Connection {
            connected: key.is_some(),
            provider,
            addons: Vec::new(),
            last4: key.as_ref().map(|key| key.last4.clone()),
            status: key.as_ref().map(|key| key.status),
            paused,
            ends_at: grant.and_then(|grant| grant.terms.ends_at).map(Moment),
        })
    }

    /// The host takes back what one of its users gave it: the key is destroyed if it lies in a vault that
    /// this host's word has made, and only the permission ends where a person has it elsewhere.
    pub async fn withdraw_for_host(
        &self,
        application: &Application,
        subject: &SubjectHash,
        provider: &str,
    ) -> Result<(), Problem> {
        let (store, actor) = (self.store(), Actor::Application(application.id));
        let found = store
            .key_grant_of(application.id, subject, provider)
            .await?;
        let Some(grant) = found.filter(|grant| !grant.withdrawn) else {
            return Ok(());
        };
        let holder = VaultHolder::Subject {
            organization: application.organization,
            application: application.id,
            subject: *subject,
        };
        let own = store.vault_of(&holder).await?;
        match own.is_some_and(|vault| vault.id == grant.vault) {
            true => store.delete_own_key(actor, grant.vault, grant.key).await?,
            false => {
                store
                    .withdraw_key_grant(actor, grant.vault, grant.id)
                    .await?;
            }
        }
        Ok(())
    }
}
