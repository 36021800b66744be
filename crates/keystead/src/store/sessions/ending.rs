//! How sessions end: signed out of, revoked, or over.

use keystead_vault::TokenHash;

use super::Session;
use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    ids::{AccountId, SessionId},
    store::{Changing, Store, StoreError, row},
};

impl Store {
    /// Signs out. A session that is unknown or over is as good as ended.
    pub async fn sign_out(&self, hash: &TokenHash) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        match self.session_now(&mut changing, hash).await? {
            Some(session) if !session.revoked => {
                let event = self
                    .end_session(&mut changing, session, Action::SessionEnded)
                    .await?;
                changing.commit(event).await
            }
            _ => Ok(()),
        }
    }

    /// Ends one session of an account.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when it is not the account's.
    pub async fn revoke_session(
        &self,
        actor: Actor,
        account: AccountId,
        id: SessionId,
    ) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        let row = sqlx::query(row::select::<Session>("WHERE account_id = $1 AND id = $2"))
            .bind(account.to_string())
            .bind(id.to_string())
            .fetch_optional(changing.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("session", &id))?;
        let session: Session = self.checked(&row)?;
        if session.revoked {
            return Ok(());
        }
        let event = self
            .end_session(&mut changing, session, Action::SessionRevoked)
            .await?;
        changing.commit(event.by(actor)).await
    }

    /// Ends every session of an account, but for the one to keep. Says how many ended.
    pub async fn revoke_sessions(
        &self,
        actor: Actor,
        account: AccountId,
        kept: Option<SessionId>,
    ) -> Result<usize, StoreError> {
        let mut changing = self.change().await?;
        let ended = self
            .end_sessions(&mut changing, actor, account, kept)
            .await?;
        match ended {
            0 => Ok(0),
            ended => {
                let event = Event::new(actor, Action::AccountSignedOut, &account);
                changing.commit(event.with(Field::Sessions, &ended)).await?;
                Ok(ended)
            }
        }
    }

    /// As [`revoke_sessions`](Self::revoke_sessions), within a change that does more.
    pub(crate) async fn end_sessions(
        &self,
        changing: &mut Changing,
        actor: Actor,
        account: AccountId,
        kept: Option<SessionId>,
    ) -> Result<usize, StoreError> {
        let rows = sqlx::query(row::select::<Session>(
            "WHERE account_id = $1 AND revoked = 0 AND ends_at > $2 ORDER BY id",
        ))
        .bind(account.to_string())
        .bind(self.0.clock.now().as_micros())
        .fetch_all(changing.connection())
        .await?;
        let mut ended = 0;
        for row in &rows {
            let session: Session = self.checked(row)?;
            if Some(session.id) == kept {
                continue;
            }
            let event = self
                .end_session(changing, session, Action::SessionRevoked)
                .await?;
            changing.audit(event.by(actor)).await?;
            ended += 1;
        }
        Ok(ended)
    }

    /// Deletes sessions that ended before `before`, and says how many.
    pub async fn delete_ended_sessions(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let deleted = sqlx::query("DELETE FROM sessions WHERE ends_at < $1")
            .bind(before.as_micros())
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        transaction.commit().await?;
        Ok(deleted)
    }

    pub(super) async fn end_session(
        &self,
        changing: &mut Changing,
        mut session: Session,
        action: Action,
    ) -> Result<Event, StoreError> {
        session.revoked = true;
        self.rewrite_session(changing, &mut session, action).await
    }
}
