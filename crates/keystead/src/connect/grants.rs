//! Which application may use a key, how far, and until when.

use super::{Connect, Holder, links::over};
use crate::{
    clock::Timestamp,
    ids::{ApplicationId, KeyGrantId, KeyId},
    limits::Budget,
    manage::Problem,
    store::{Application, GrantTerms, KeyGrant, KeyGrantChange, NewKeyGrant, Vault, is_model_name},
};

/// The permission of an application to use a key.
#[derive(Clone, Debug)]
pub struct KeyGrantView {
    /// Its id; none while it waits for the application's word.
    pub id: Option<KeyGrantId>,
    /// Who may use the key.
    pub application: ApplicationId,
    /// What that is called.
    pub application_name: String,
    /// The provider's name.
    pub provider: String,
    /// The key.
    pub key: KeyId,
    /// Models that may be used; any, if empty.
    pub models: Vec<String>,
    /// How much may be used in a day or month.
    pub budgets: Vec<Budget>,
    /// When it ends.
    pub ends_at: Option<Timestamp>,
    /// Whether it rests.
    pub paused: bool,
    /// When it was last given.
    pub given_at: Timestamp,
}

/// What is to become different about a key grant.
#[derive(Clone, Debug)]
pub enum GrantChange {
    /// Other limits, or another end.
    Terms(GrantTerms),
    /// It is to rest.
    Pause,
    /// It is to go on.
    Resume,
}

impl Connect {
    /// Lets an application use a key: at once for an account, and for a link once the application has said
    /// that it was its user who came back.
    pub async fn grant_key(
        &self,
        holder: &Holder,
        application: &Application,
        key: KeyId,
        terms: GrantTerms,
    ) -> Result<KeyGrantView, Problem> {
        self.check_terms(&terms)?;
        let vault = self.vault(holder, "key").await?;
        let found = self.store().own_key(vault, key).await?;
        match holder {
            Holder::Account(account) => {
                let subject = self
                    .0
                    .custody
                    .subject(application, "account", "", &account.to_string())
                    .await?;
                let new = NewKeyGrant {
                    organization: application.organization,
                    application: application.id,
                    subject,
                    vault,
                    key,
                    terms,
                };
                let grant = self.store().give_key_grant(holder.actor(), new).await?;
                Ok(KeyGrantView::of(grant, application.name.clone()))
            }
            Holder::Link(link) => {
                let mut row = self.current(link).await?;
                if application.id != row.application || found.provider != row.provider {
                    return Err(Problem::NotFound("application"));
                }
                row.key = Some(key);
                row.terms = terms;
                if !self.store().follow_connect_link(&mut row).await? {
                    return Err(over());
                }
                Ok(KeyGrantView {
                    id: None,
                    application: row.application,
                    application_name: link.application_name.clone(),
                    provider: row.provider,
                    key,
                    models: row.terms.models,
                    budgets: row.terms.budgets,
                    ends_at: row.terms.ends_at,
                    paused: false,
                    given_at: row.created_at,
                })
            }
        }
    }

    /// As [`grant_key`](Self::grant_key), for the application that a link is of.
    pub async fn grant_key_of_link(
        &self,
        holder: &Holder,
        key: KeyId,
        terms: GrantTerms,
    ) -> Result<KeyGrantView, Problem> {
        let link = holder.link().ok_or(Problem::NotFound("application"))?;
        let row = link.row();
        let application = self.store().application(row.organization, row.application);
        let application = application.await?;
        self.grant_key(holder, &application, key, terms).await
    }

    /// Changes a key grant. What is lowered or paused is so from the next call on; a pause ends what runs.
    pub async fn change_key_grant(
        &self,
        holder: &Holder,
        id: KeyGrantId,
        change: GrantChange,
    ) -> Result<KeyGrantView, Problem> {
        let change = match change {
            GrantChange::Pause => KeyGrantChange {
                paused: Some(true),
                ..KeyGrantChange::default()
            },
            GrantChange::Resume => {
                holder.only_account()?;
                KeyGrantChange {
                    paused: Some(false),
                    ..KeyGrantChange::default()
                }
            }
            GrantChange::Terms(terms) => {
                holder.only_account()?;
                self.check_terms(&terms)?;
                KeyGrantChange {
                    terms: Some(terms),
                    ..KeyGrantChange::default()
                }
            }
        };
        let vault = self.vault(holder, "key grant").await?;
        let grant = self
            .store()
            .change_key_grant(holder.actor(), vault, id, change)
            .await?;
        let application = self
            .store()
            .application(grant.organization, grant.application)
            .await?;
        Ok(KeyGrantView::of(grant, application.name))
    }

    /// Takes a key grant back, at once: what runs on it ends. Of someone without an account the key is
    /// destroyed as well, since nobody else could use it.
    pub async fn withdraw_key_grant(&self, holder: &Holder, id: KeyGrantId) -> Result<(), Problem> {
        let (vault, store) = (self.vault(holder, "key grant").await?, self.store());
        match holder {
            Holder::Account(_) => {
                store.withdraw_key_grant(holder.actor(), vault, id).await?;
            }
            Holder::Link(_) => {
                let grant = store.key_grant(vault, id).await?;
                if !grant.withdrawn {
                    self.delete_own_key(holder, grant.key).await?;
                }
            }
        }
        Ok(())
    }

    /// What may be used of a vault.
    pub(super) async fn grants_of(
        &self,
        holder: &Holder,
        vault: &Vault,
    ) -> Result<Vec<KeyGrantView>, Problem> {
        let found = self.store().key_grants(vault.id).await?.into_iter();
        let view = |(grant, application): (KeyGrant, Application)| {
            KeyGrantView::of(grant, application.name)
        };
        let mut all: Vec<_> = found.map(view).collect();
        if let Some(link) = holder.link() {
            let row = self.current(link).await?;
            // Beside what holds now, where the same key is to be used on other terms.
            if let Some(key) = row.key {
                all.push(KeyGrantView {
                    id: None,
                    application: row.application,
                    application_name: link.application_name.clone(),
                    provider: row.provider,
                    key,
                    models: row.terms.models,
                    budgets: row.terms.budgets,
                    ends_at: row.terms.ends_at,
                    paused: false,
                    given_at: row.created_at,
                });
            }
        }
        Ok(all)
    }

    fn check_terms(&self, terms: &GrantTerms) -> Result<(), Problem> {
        if terms.models.len() > MOST || !terms.models.iter().all(|name| is_model_name(name)) {
            return Err(Problem::field(
                "models",
                "must be names of models, 50 at most",
            ));
        }
        let mut kinds: Vec<_> = terms
            .budgets
            .iter()
            .map(|one| (one.unit, one.period))
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        if kinds.len() != terms.budgets.len() {
            let text = "must name each unit of a day or month once";
            return Err(Problem::field("budgets", text));
        }
        let now = self.store().clock().now();
        match terms.ends_at.is_none_or(|end| now < end) {
            true => Ok(()),
            false => Err(Problem::field("ends_at", "must lie ahead")),
        }
    }
}

impl KeyGrantView {
    pub(super) fn of(grant: KeyGrant, application_name: String) -> Self {
        Self {
            id: Some(grant.id),
            application: grant.application,
            application_name,
            provider: grant.provider,
            key: grant.key,
            models: grant.terms.models,
            budgets: grant.terms.budgets,
            ends_at: grant.terms.ends_at,
            paused: grant.paused,
            given_at: grant.given_at,
        }
    }
}

const MOST: usize = 50;
