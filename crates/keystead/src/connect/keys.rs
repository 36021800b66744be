//! The keys of a vault. A key goes in; its last four characters and what its provider says come out.

use std::time::Duration;

use keystead_providers::Provider;

use super::{Connect, Holder, KeyGrantView, links::over};
use crate::{
    clock::Timestamp,
    custody,
    ids::KeyId,
    manage::{Problem, SecretText},
    store::{ConnectLink, GrantTerms, Key, KeyStatus, Vault},
};

/// A key to be kept.
#[derive(Debug)]
pub struct NewOwnKey {
    /// The provider's name.
    pub provider: String,
    /// What its holder will call it.
    pub name: String,
    /// Where it is sent, for providers whose address is the customer's own.
    pub endpoint: Option<String>,
    /// The key.
    pub key: SecretText,
}

/// A person's own key, without the key.
#[derive(Clone, Debug)]
pub struct OwnKey {
    /// Its id.
    pub id: KeyId,
    /// The provider's name.
    pub provider: String,
    /// What its holder calls it.
    pub name: String,
    /// Its last four characters, as entered.
    pub last4: String,
    /// The one place it is sent to.
    pub destination: String,
    /// What the provider last said of it.
    pub status: KeyStatus,
    /// When the provider last said so.
    pub checked_at: Option<Timestamp>,
    /// When it was first entered.
    pub created_at: Timestamp,
    /// Whether it is refused to every call.
    pub disabled: bool,
    /// The version in use.
    pub version: u64,
    /// Which applications may use it.
    pub grants: Vec<KeyGrantView>,
}

/// What a provider said of a key.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The word for it.
    pub status: KeyStatus,
    /// What is worth knowing about it, in a sentence.
    pub note: Option<String>,
}

impl Connect {
    /// The keys of a holder, oldest first. A link sees those of its provider.
    pub async fn own_keys(&self, holder: &Holder) -> Result<Vec<OwnKey>, Problem> {
        let Some(vault) = self.vault_of(holder).await? else {
            return Ok(Vec::new());
        };
        let mut keys = self.store().own_keys(vault.id).await?;
        if let Some(link) = holder.link() {
            keys.retain(|key| key.provider == link.provider);
        }
        self.views(holder, &vault, keys).await
    }

    /// One of them.
    pub async fn own_key(&self, holder: &Holder, id: KeyId) -> Result<OwnKey, Problem> {
        let all = self.own_keys(holder).await?;
        let found = all.into_iter().find(|key| key.id == id);
        found.ok_or(Problem::NotFound("key"))
    }

    /// What the provider says of a key that is not kept. Through a link it may be asked five times.
    pub async fn check_own_key(
        &self,
        holder: &Holder,
        provider: &str,
        endpoint: Option<&str>,
        key: SecretText,
    ) -> Result<Checked, Problem> {
        let provider = adapter(holder, provider)?;
        let entered = self.0.entry.enter(provider, key, endpoint).await?;
        self.take_check(holder).await?;
        let asked = self.0.entry.ask(provider, &entered, false).await?;
        Ok(Checked {
            status: asked.status,
            note: asked.note.or(entered.note),
        })
    }

    /// Checks a key and keeps it; one that the provider refuses is not kept. With a link, it takes the place
    /// of what was entered before.
    pub async fn add_own_key(
        &self,
        holder: &Holder,
        new: NewOwnKey,
    ) -> Result<(OwnKey, Checked), Problem> {
        let provider = adapter(holder, &new.provider)?;
        let name = title(&new.name)?;
        let endpoint = new.endpoint.as_deref();
        let entered = self.0.entry.enter(provider, new.key, endpoint).await?;
        self.take_check(holder).await?;
        let asked = self.0.entry.ask(provider, &entered, false).await?;
        let custody = &self.0.custody;
        let vault = custody.vault_for(holder.actor(), holder.vault()).await?;
        let secret = custody::NewOwnKey {
            provider: provider.about().name.to_owned(),
            name,
            destination: entered.destination,
            explicit_endpoint: new.endpoint.is_some(),
            key: entered.key,
            status: asked.status,
        };
        let key = match holder {
            Holder::Account(_) => custody.add_own_key(holder.actor(), &vault, secret).await?,
            Holder::Link(link) => {
                let row = self.current(link).await?;
                self.keep_for_link(holder, &vault, row, secret).await?
            }
        };
        let checked = Checked {
            status: asked.status,
            note: asked.note.or(entered.note),
        };
        let mut views = self.views(holder, &vault, vec![key]).await?;
        let view = views.pop().expect("one key has one view");
        Ok((view, checked))
    }

    /// Puts a new key in a key's place; calls that run with the one before may end within ten minutes.
    /// Accounts only: through a link a key is entered anew.
    pub async fn rotate_own_key(
        &self,
        holder: &Holder,
        id: KeyId,
        key: SecretText,
    ) -> Result<(OwnKey, Checked), Problem> {
        holder.only_account()?;
        let vault = self.vault(holder, "key").await?;
        let old = self.store().own_key(vault, id).await?;
        let provider = adapter(holder, &old.provider)?;
        let endpoint = old.explicit_endpoint.then(|| old.destination.to_string());
        let entered = self.0.entry.enter(provider, key, endpoint.as_deref());
        let entered = entered.await?;
        if old.destination != entered.destination {
            return Err(Problem::DestinationDiffers);
        }
        let asked = self.0.entry.ask(provider, &entered, false).await?;
        let rotated = self.0.custody.rotate_key(
            holder.actor(),
            vault,
            id,
            entered.key,
            asked.status,
            OVERLAP,
        );
        rotated.await?;
        let checked = Checked {
            status: asked.status,
            note: asked.note.or(entered.note),
        };
        Ok((self.own_key(holder, id).await?, checked))
    }

    /// Asks the provider about a key that is kept. The opening is on the audit record first. Through a link
    /// it is one of the five times.
    pub async fn recheck_own_key(&self, holder: &Holder, id: KeyId) -> Result<Checked, Problem> {
        let vault = self.vault(holder, "key").await?;
        let key = self.store().own_key(vault, id).await?;
        let provider = adapter(holder, &key.provider)?;
        self.take_check(holder).await?;
        let opened = self.0.custody.open_key(holder.actor(), vault, id, "check");
        let opened = opened.await?;
        let said = self
            .0
            .entry
            .verdict(provider, &opened.key, &key.destination);
        let said = said.await;
        drop(opened);
        if said.status != KeyStatus::Unchecked {
            self.store().set_key_status(vault, id, said.status).await?;
        }
        Ok(Checked {
            status: said.status,
            note: said.note,
        })
    }

    /// Refuses a key to every call of every application, which ends what runs with it, or gives it back.
    pub async fn set_own_key_disabled(
        &self,
        holder: &Holder,
        id: KeyId,
        disabled: bool,
    ) -> Result<OwnKey, Problem> {
        if !disabled {
            holder.only_account()?;
        }
        let vault = self.vault(holder, "key").await?;
        self.store()
            .set_key_disabled(holder.actor(), vault, id, disabled)
            .await?;
        self.own_key(holder, id).await
    }

    /// Destroys a key; every permission to use it ends, and what runs with it.
    pub async fn delete_own_key(&self, holder: &Holder, id: KeyId) -> Result<(), Problem> {
        let vault = self.vault(holder, "key").await?;
        if let Holder::Link(link) = holder {
            let mut row = self.current(link).await?;
            if row.key == Some(id) {
                row.key = None;
                if !self.store().follow_connect_link(&mut row).await? {
                    return Err(over());
                }
            }
        }
        self.store()
            .delete_own_key(holder.actor(), vault, id)
            .await?;
        Ok(())
    }

    /// Gives up what was entered with a link: a key that is not in use is destroyed, and other terms for one
    /// that is are forgotten.
    pub async fn give_up_entered(&self, holder: &Holder) -> Result<(), Problem> {
        let Some(link) = holder.link() else {
            return Ok(());
        };
        let mut row = self.current(link).await?;
        let Some(key) = row.key.take() else {
            return Ok(());
        };
        let granted = self
            .store()
            .key_grant_of(row.application, &row.subject, &row.provider)
            .await?
            .filter(|grant| !grant.withdrawn && grant.key == key);
        if granted.is_none() {
            return self.delete_own_key(holder, key).await;
        }
        row.terms = GrantTerms::default();
        match self.store().follow_connect_link(&mut row).await? {
            true => Ok(()),
            false => Err(over()),
        }
    }

    /// Keeps what was entered with a link, in place of what was entered with it before.
    async fn keep_for_link(
        &self,
        holder: &Holder,
        vault: &Vault,
        mut row: ConnectLink,
        secret: custody::NewOwnKey,
    ) -> Result<Key, Problem> {
        let (store, actor) = (self.store(), holder.actor());
        let granted = store
            .key_grant_of(row.application, &row.subject, &row.provider)
            .await?
            .filter(|grant| !grant.withdrawn)
            .map(|grant| grant.key);
        let mut changing = store.change().await?;
        let (key, event) = self
            .0
            .custody
            .add_own_key_within(&mut changing, actor, vault, secret)
            .await?;
        let before = row.key.replace(key.id);
        let followed = store
            .rewrite_connect_link(changing.connection(), &mut row)
            .await?;
        if !followed {
            return Err(over());
        }
        if let Some(before) = before.filter(|before| Some(*before) != granted) {
            let gone = store
                .delete_key_within(&mut changing, actor, vault.id.into(), before)
                .await?;
            changing.audit(gone).await?;
        }
        changing.commit(event).await?;
        Ok(key)
    }

    /// Uses up one of the checks that a link has.
    async fn take_check(&self, holder: &Holder) -> Result<(), Problem> {
        let Holder::Link(link) = holder else {
            return Ok(());
        };
        let mut row = self.current(link).await?;
        row.checks_left = row.checks_left.checked_sub(1).ok_or(Problem::Conflict {
            code: "no_checks_left",
            reason: "the provider was asked five times; go back, and ask for another link"
                .to_owned(),
        })?;
        match self.store().follow_connect_link(&mut row).await? {
            true => Ok(()),
            false => Err(over()),
        }
    }

    async fn views(
        &self,
        holder: &Holder,
        vault: &Vault,
        keys: Vec<Key>,
    ) -> Result<Vec<OwnKey>, Problem> {
        let grants = self.grants_of(holder, vault).await?;
        let view = |key: Key| OwnKey {
            id: key.id,
            provider: key.provider,
            name: key.name,
            last4: key.last4,
            destination: key.destination.to_string(),
            status: key.status,
            checked_at: key.checked_at,
            created_at: key.created_at,
            disabled: key.disabled,
            version: key.version,
            grants: grants
                .iter()
                .filter(|grant| grant.key == key.id)
                .cloned()
                .collect(),
        };
        Ok(keys.into_iter().map(view).collect())
    }
}

/// The adapter of a provider; through a link, of the one that it is for.
fn adapter(holder: &Holder, name: &str) -> Result<&'static dyn Provider, Problem> {
    let is_wanted = holder.link().is_none_or(|link| link.provider == name);
    let found = keystead_providers::by_name(name).filter(|_| is_wanted);
    found.ok_or_else(|| Problem::field("provider", "is not one that a key is wanted of"))
}

fn title(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let fits = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    match fits {
        true => Ok(text.to_owned()),
        false => Err(Problem::field(
            "name",
            "must have 1 to 100 characters, none of them a control character",
        )),
    }
}

/// As long as the longest call that may run with the old version (the SDKs wait ten minutes).
const OVERLAP: Duration = Duration::from_secs(600);
