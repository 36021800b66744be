//! What comes of a person's yes: a grant that is remembered, and a code for the application.

use std::time::Duration;

use keystead_vault::{SubjectHash, Token, TokenKind};

use super::{Asked, OAuth, Refusal};
use crate::{
    audit::Actor,
    ids::{AccountId, CodeId},
    store::{Code, Grant},
};

/// How long a code waits for its application, which asks with it at once.
const CODE_LASTS: Duration = Duration::from_secs(60);

impl OAuth {
    /// Whether a person has agreed before to all that is asked.
    pub async fn has_agreed(
        &self,
        account: AccountId,
        asked: &Asked,
    ) -> Result<Option<Grant>, Refusal> {
        let subject = self.subject_of(account, asked).await?;
        self.agreed(&subject, asked).await
    }

    /// Notes that a person agrees to all that is asked.
    pub async fn agree(&self, account: AccountId, asked: &Asked) -> Result<Grant, Refusal> {
        let subject = self.subject_of(account, asked).await?;
        if let Some(grant) = self.agreed(&subject, asked).await? {
            return Ok(grant);
        }
        let actor = Actor::Account(account);
        let grant = self
            .store()
            .give_grant(actor, &asked.application, account, subject, &asked.scope)
            .await?;
        Ok(grant)
    }

    /// The address that the person's browser is led to, with a code for the application.
    pub async fn lead_back(&self, grant: &Grant, asked: &Asked) -> Result<String, Refusal> {
        let token = Token::generate(TokenKind::Link);
        let store = self.store();
        let now = store.clock().now();
        let code = Code {
            id: CodeId::new(store.clock()),
            organization: grant.organization,
            application: grant.application,
            grant: grant.id,
            hash: token.lookup(),
            redirect_uri: asked.back.redirect_uri.clone(),
            challenge: asked.challenge,
            scope: asked.scope.clone(),
            key: asked.key,
            family: None,
            created_at: now,
            expires_at: now + CODE_LASTS,
            row_version: 1,
        };
        store.insert_code(&code).await?;
        Ok(asked.back.with(&[("code", token.expose())]))
    }

    async fn agreed(&self, subject: &SubjectHash, asked: &Asked) -> Result<Option<Grant>, Refusal> {
        let store = self.store();
        let grant = store.grant_of(asked.application.id, subject).await?;
        Ok(grant.filter(|grant| grant.covers(&asked.scope)))
    }

    /// Who a person is to an application: another one to each.
    pub async fn subject_of(
        &self,
        account: AccountId,
        asked: &Asked,
    ) -> Result<SubjectHash, Refusal> {
        let custody = &self.0.custody;
        let subject = custody
            .subject(&asked.application, "account", "", &account.to_string())
            .await?;
        Ok(subject)
    }
}
