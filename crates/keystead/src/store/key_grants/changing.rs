//! How key grants are given, changed and taken back.

use super::{IN_VAULT, KeyGrant, KeyGrantChange, NewKeyGrant, OF_SUBJECT};
use crate::{
    audit::{Action, Actor, Event, Field, provider_word},
    ids::{KeyGrantId, KeyId, VaultId},
    store::{
        AuthorityRow as _, Change, Changing, Key, Store, StoreError, row, row::json_list,
        suspension::state_column,
    },
};

impl Store {
    /// Lets an application use a key of a vault: anew, with other terms, or again.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when the key does not lie in that vault.
    pub async fn give_key_grant(
        &self,
        actor: Actor,
        new: NewKeyGrant,
    ) -> Result<KeyGrant, StoreError> {
        let mut changing = self.change().await?;
        let (grant, event) = self
            .give_key_grant_within(&mut changing, actor, new)
            .await?;
        changing.commit(event).await?;
        Ok(grant)
    }

    /// As [`give_key_grant`](Self::give_key_grant), within a change that does more; the event is yet to be
    /// written.
    pub(crate) async fn give_key_grant_within(
        &self,
        changing: &mut Changing,
        actor: Actor,
        new: NewKeyGrant,
    ) -> Result<(KeyGrant, Event), StoreError> {
        let key: Key = self.key_now(changing, new.vault, new.key).await?;
        let now = self.0.clock.now();
        let row = sqlx::query(row::select::<KeyGrant>(OF_SUBJECT))
            .bind(new.application.to_string())
            .bind(new.subject.as_bytes().to_vec())
            .bind(key.provider.clone())
            .fetch_optional(changing.connection())
            .await?;
        let grant = match row {
            None => {
                let grant = KeyGrant {
                    id: KeyGrantId::new(&self.0.clock),
                    organization: new.organization,
                    application: new.application,
                    subject: new.subject,
                    provider: key.provider,
                    vault: new.vault,
                    key: new.key,
                    terms: new.terms,
                    paused: false,
                    withdrawn: false,
                    suspended: false,
                    created_at: now,
                    given_at: now,
                    row_version: 1,
                };
                self.insert_key_grant(changing, &grant).await?;
                told(changing, &grant, false);
                grant
            }
            Some(row) => {
                let mut grant: KeyGrant = self.checked(&row)?;
                let other_key = grant.key != new.key;
                grant.vault = new.vault;
                grant.key = new.key;
                grant.terms = new.terms;
                grant.paused = false;
                grant.withdrawn = false;
                grant.suspended = false;
                grant.given_at = now;
                self.rewrite_key_grant(changing, &mut grant).await?;
                told(changing, &grant, other_key);
                grant
            }
        };
        let event = event(actor, Action::KeyGrantGiven, &grant);
        Ok((grant, event))
    }

    /// Changes how far a key grant goes, or lets it rest, which ends its running streams.
    pub async fn change_key_grant(
        &self,
        actor: Actor,
        vault: VaultId,
        id: KeyGrantId,
        change: KeyGrantChange,
    ) -> Result<KeyGrant, StoreError> {
        let mut changing = self.change().await?;
        let mut grant = self.key_grant_now(&mut changing, vault, id).await?;
        if grant.withdrawn {
            return Err(StoreError::not_found("key grant", &id));
        }
        let action = match change.paused {
            Some(true) => Action::KeyGrantPaused,
            Some(false) => Action::KeyGrantResumed,
            None => Action::KeyGrantChanged,
        };
        let ends = change.paused == Some(true) && !grant.paused;
        grant.terms = change.terms.unwrap_or(grant.terms);
        grant.paused = change.paused.unwrap_or(grant.paused);
        self.rewrite_key_grant(&mut changing, &mut grant).await?;
        told(&mut changing, &grant, ends);
        changing.commit(event(actor, action, &grant)).await?;
        Ok(grant)
    }

    /// Takes a key grant back and ends its running streams. The key stays where it is.
    pub async fn withdraw_key_grant(
        &self,
        actor: Actor,
        vault: VaultId,
        id: KeyGrantId,
    ) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        let grant = self.key_grant_now(&mut changing, vault, id).await?;
        if grant.is_over() {
            return Ok(());
        }
        let event = self
            .withdraw_key_grant_within(&mut changing, actor, grant)
            .await?;
        changing.commit(event).await
    }

    /// As [`withdraw_key_grant`](Self::withdraw_key_grant), within a change that does more.
    pub(crate) async fn withdraw_key_grant_within(
        &self,
        changing: &mut Changing,
        actor: Actor,
        mut grant: KeyGrant,
    ) -> Result<Event, StoreError> {
        grant.withdrawn = true;
        grant.suspended = false;
        self.rewrite_key_grant(changing, &mut grant).await?;
        told(changing, &grant, true);
        Ok(event(actor, Action::KeyGrantWithdrawn, &grant))
    }

    /// Destroys a person's own key with all its versions, and takes back what was granted of it.
    pub async fn delete_own_key(
        &self,
        actor: Actor,
        vault: VaultId,
        id: KeyId,
    ) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        let event = self
            .delete_own_key_within(&mut changing, actor, vault, id)
            .await?;
        changing.commit(event).await
    }

    /// As [`delete_own_key`](Self::delete_own_key), within a change that does more.
    pub(crate) async fn delete_own_key_within(
        &self,
        changing: &mut Changing,
        actor: Actor,
        vault: VaultId,
        id: KeyId,
    ) -> Result<Event, StoreError> {
        let rows = sqlx::query(row::select::<KeyGrant>(
            "WHERE vault_id = $1 AND key_id = $2 AND withdrawn <> 1",
        ))
        .bind(vault.to_string())
        .bind(id.to_string())
        .fetch_all(changing.connection())
        .await?;
        for row in &rows {
            let grant = self.checked(row)?;
            let event = self
                .withdraw_key_grant_within(changing, actor, grant)
                .await?;
            changing.audit(event).await?;
        }
        self.delete_key_within(changing, actor, vault.into(), id)
            .await
    }

    async fn key_grant_now(
        &self,
        changing: &mut Changing,
        vault: VaultId,
        id: KeyGrantId,
    ) -> Result<KeyGrant, StoreError> {
        let row = sqlx::query(row::select::<KeyGrant>(IN_VAULT))
            .bind(vault.to_string())
            .bind(id.to_string())
            .fetch_optional(changing.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("key grant", &id))?;
        self.checked(&row)
    }

    async fn rewrite_key_grant(
        &self,
        changing: &mut Changing,
        grant: &mut KeyGrant,
    ) -> Result<(), StoreError> {
        grant.row_version += 1;
        sqlx::query(
            "UPDATE key_grants SET vault_id = $1, key_id = $2, models = $3, budgets = $4,
                 ends_at = $5, paused = $6, withdrawn = $7, given_at = $8, row_version = $9,
                 mac = $10
             WHERE id = $11",
        )
        .bind(grant.vault.to_string())
        .bind(grant.key.to_string())
        .bind(json_list(&grant.terms.models))
        .bind(json_list(&grant.terms.budgets))
        .bind(grant.terms.ends_at.map(|end| end.as_micros()))
        .bind(i64::from(grant.paused))
        .bind(state_column(grant.withdrawn, grant.suspended))
        .bind(grant.given_at.as_micros())
        .bind(grant.row_version)
        .bind(self.tag(grant)?)
        .bind(grant.id.to_string())
        .execute(changing.connection())
        .await?;
        Ok(())
    }

    async fn insert_key_grant(
        &self,
        changing: &mut Changing,
        grant: &KeyGrant,
    ) -> Result<(), StoreError> {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "INSERT INTO key_grants ({}, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
            KeyGrant::COLUMNS
        )))
        .bind(grant.id.to_string())
        .bind(grant.organization.to_string())
        .bind(grant.application.to_string())
        .bind(grant.subject.as_bytes().to_vec())
        .bind(&grant.provider)
        .bind(grant.vault.to_string())
        .bind(grant.key.to_string())
        .bind(json_list(&grant.terms.models))
        .bind(json_list(&grant.terms.budgets))
        .bind(grant.terms.ends_at.map(|end| end.as_micros()))
        .bind(i64::from(grant.paused))
        .bind(state_column(grant.withdrawn, grant.suspended))
        .bind(grant.created_at.as_micros())
        .bind(grant.given_at.as_micros())
        .bind(grant.row_version)
        .bind(self.tag(grant)?)
        .execute(changing.connection())
        .await?;
        Ok(())
    }
}

/// Every process forgets what it knows of the subject, which may have had no grant before; and ends what
/// runs on the grant if it may not go on.
fn told(changing: &mut Changing, grant: &KeyGrant, ends: bool) {
    changing.forget(&Change::of_subject(&grant.subject));
    match ends {
        true => changing.cut(&grant.id),
        false => changing.forget(&grant.id),
    }
}

/// Not the key: the organization's people read its log, and two of them could tell that it is the same.
fn event(actor: Actor, action: Action, grant: &KeyGrant) -> Event {
    Event::new(actor, action, &grant.id)
        .within(grant.organization)
        .version(grant.row_version)
        .with(Field::Application, &grant.application)
        .with(Field::Provider, &provider_word(&grant.provider))
}
