//! How a connect link goes on, a step at a time; each step is taken by one alone.

use sqlx::AnyConnection;

use super::{ConnectLink, ConnectStep};
use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    store::{Changing, KeyGrant, NewKeyGrant, Store, StoreError, VaultHolder, row, row::json_list},
};

impl ConnectLink {
    /// Whose vault a key that is entered with it lies in.
    pub fn holder(&self) -> VaultHolder {
        VaultHolder::Subject {
            organization: self.organization,
            application: self.application,
            subject: self.subject,
        }
    }
}

impl Store {
    /// Writes a link as it is from now on, if nobody has written it since it was read: `false` then, and
    /// nothing has happened.
    pub async fn follow_connect_link(&self, link: &mut ConnectLink) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let followed = self.rewrite_connect_link(&mut transaction, link).await?;
        transaction.commit().await?;
        Ok(followed)
    }

    /// As [`follow_connect_link`](Self::follow_connect_link), within a change that does more.
    pub(crate) async fn rewrite_connect_link(
        &self,
        connection: &mut AnyConnection,
        link: &mut ConnectLink,
    ) -> Result<bool, StoreError> {
        let was = link.row_version;
        link.row_version += 1;
        let written = sqlx::query(
            "UPDATE connect_links SET hash = $1, step = $2, checks_left = $3, key_id = $4,
                 models = $5, budgets = $6, ends_at = $7, code_hash = $8, row_version = $9,
                 mac = $10
             WHERE id = $11 AND row_version = $12",
        )
        .bind(link.hash.as_bytes().to_vec())
        .bind(link.step.word())
        .bind(i64::from(link.checks_left))
        .bind(link.key.map(|key| key.to_string()))
        .bind(json_list(&link.terms.models))
        .bind(json_list(&link.terms.budgets))
        .bind(link.terms.ends_at.map(Timestamp::as_micros))
        .bind(link.code.as_ref().map(|code| code.as_bytes().to_vec()))
        .bind(link.row_version)
        .bind(self.tag(link)?)
        .bind(link.id.to_string())
        .bind(was)
        .execute(connection)
        .await?;
        Ok(written.rows_affected() == 1)
    }

    /// The host says that it was its user who came back: what was entered may be used from now on, and a
    /// key that it takes the place of is deleted. `None` when somebody else was quicker.
    pub async fn confirm_connect_link(
        &self,
        actor: Actor,
        mut link: ConnectLink,
    ) -> Result<Option<KeyGrant>, StoreError> {
        let vault = self.vault_of(&link.holder()).await?;
        let (Some(vault), Some(key)) = (vault, link.key) else {
            return Ok(None);
        };
        let mut changing = self.change().await?;
        link.step = ConnectStep::Confirmed;
        if !self
            .rewrite_connect_link(changing.connection(), &mut link)
            .await?
        {
            return Ok(None);
        }
        let before = self
            .key_grant_of_now(&mut changing, &link)
            .await?
            .filter(|grant| !grant.withdrawn && grant.key != key && grant.vault == vault.id);
        let new = NewKeyGrant {
            organization: link.organization,
            application: link.application,
            subject: link.subject,
            vault: vault.id,
            key,
            terms: link.terms,
        };
        let (grant, event) = self
            .give_key_grant_within(&mut changing, actor, new)
            .await?;
        if let Some(before) = before {
            let gone = self
                .delete_key_within(&mut changing, actor, vault.id.into(), before.key)
                .await?;
            changing.audit(gone).await?;
        }
        changing.commit(event).await?;
        Ok(Some(grant))
    }

    /// Ends a link that nobody confirmed; what was entered with it and may not be used is deleted.
    pub async fn end_connect_link(
        &self,
        actor: Actor,
        link: ConnectLink,
    ) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        match self
            .end_connect_link_within(&mut changing, actor, link)
            .await?
        {
            Some(event) => changing.commit(event).await,
            None => Ok(()),
        }
    }

    /// Ends every link that is on its way, as part of a restore; says how many. What was entered with them
    /// and confirmed by nobody is deleted. A row that was tampered with is refused wherever it turns up.
    pub(crate) async fn end_open_connect_links(
        &self,
        changing: &mut Changing,
        actor: Actor,
    ) -> Result<u64, StoreError> {
        let rows = sqlx::query(row::select::<ConnectLink>(
            "WHERE step NOT IN ('confirmed', 'ended') ORDER BY id",
        ))
        .fetch_all(changing.connection())
        .await?;
        let mut ended = 0;
        for row in &rows {
            let link = match self.checked(row) {
                Err(StoreError::Tampered { .. }) => continue,
                read => read?,
            };
            if let Some(event) = self.end_connect_link_within(changing, actor, link).await? {
                changing.audit(event).await?;
                ended += 1;
            }
        }
        Ok(ended)
    }

    /// As [`end_connect_link`](Self::end_connect_link), within a change; the event is yet to be written.
    async fn end_connect_link_within(
        &self,
        changing: &mut Changing,
        actor: Actor,
        mut link: ConnectLink,
    ) -> Result<Option<Event>, StoreError> {
        let vault = self
            .vault_of_on(changing.connection(), &link.holder())
            .await?;
        link.step = ConnectStep::Ended;
        if !self
            .rewrite_connect_link(changing.connection(), &mut link)
            .await?
        {
            return Ok(None);
        }
        let event = Event::new(actor, Action::ConnectLinkEnded, &link.id)
            .within(link.organization)
            .with(Field::Application, &link.application);
        if let (Some(vault), Some(key)) = (vault, link.key) {
            let used = self
                .key_grant_of_now(changing, &link)
                .await?
                .is_some_and(|grant| !grant.withdrawn && grant.key == key);
            if !used {
                let gone = self
                    .delete_key_within(changing, actor, vault.id.into(), key)
                    .await;
                match gone {
                    Ok(gone) => changing.audit(gone).await?,
                    Err(StoreError::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(Some(event))
    }

    async fn key_grant_of_now(
        &self,
        changing: &mut Changing,
        link: &ConnectLink,
    ) -> Result<Option<KeyGrant>, StoreError> {
        let row = sqlx::query(row::select::<KeyGrant>(
            "WHERE application_id = $1 AND subject = $2 AND provider = $3",
        ))
        .bind(link.application.to_string())
        .bind(link.subject.as_bytes().to_vec())
        .bind(link.provider.clone())
        .fetch_optional(changing.connection())
        .await?;
        row.map(|row| self.checked(&row)).transpose()
    }
}
