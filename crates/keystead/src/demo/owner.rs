//! The developer whose installation the demo is.

use std::time::Duration;

use keystead_vault::Token;
use zeroize::Zeroizing;

use super::{DemoError, failed, random_hex};
use crate::{
    app::Keystead,
    audit::Actor,
    custody::Custody,
    ids::{AccountId, ApiTokenId, OrganizationId},
    store::{BadEmail, Email, NewSession, SignInMethod, StoreError},
};

/// The owner of the demo's organization.
pub(super) struct Owner {
    /// Typed where the console asks who it is.
    pub(super) password: Zeroizing<String>,
    custody: Custody,
    organization: OrganizationId,
    account: AccountId,
    api_token: ApiTokenId,
}

/// An address that no mail reaches (RFC 6761).
pub(super) const EMAIL: &str = "demo@keystead.invalid";

impl Owner {
    /// Makes the organization and its owner, with a password, and gives an API token.
    pub(super) async fn make(server: &Keystead) -> Result<(Self, Zeroizing<String>), DemoError> {
        let step = "the demo's account";
        let email =
            Email::parse(EMAIL).map_err(|BadEmail| failed(step, "its address is not one"))?;
        let founded = server.custody().found("Demo", &email).await;
        let founded = founded.map_err(|error| failed(step, error))?;
        let owner = Self {
            password: Zeroizing::new(random_hex::<6>()),
            custody: server.custody().clone(),
            organization: founded.organization.id,
            account: founded.account.id,
            api_token: founded.api_token.id,
        };
        let session = owner.session().await.map_err(|error| failed(step, error))?;
        let people = server.people();
        let signed_in = people.signed_in(&session.lookup()).await;
        let signed_in = signed_in.map_err(|error| failed(step, error))?;
        let signed_in = signed_in.ok_or_else(|| failed(step, "its session is not known"))?;
        people
            .set_password(&signed_in, owner.password.clone())
            .await
            .map_err(|error| failed(step, error))?;
        let api_token = Zeroizing::new(founded.token.expose().to_owned());
        Ok((owner, api_token))
    }

    /// Ends the API token: everything is made, and the console would warn of it.
    pub(super) async fn end_api_token(&self) -> Result<(), DemoError> {
        let store = self.custody.store();
        let ended = store.revoke_api_token(Actor::Operator, self.organization, self.api_token);
        ended
            .await
            .map_err(|error| failed("the demo's account", error))
    }

    /// A new session at the console, as the cookie of a browser on this machine.
    pub(super) async fn cookie(&self) -> Result<Zeroizing<String>, StoreError> {
        let session = self.session().await?;
        Ok(Zeroizing::new(format!(
            "keystead={}; Path=/; HttpOnly; SameSite=Lax",
            session.expose()
        )))
    }

    async fn session(&self) -> Result<Token, StoreError> {
        let new = NewSession {
            organization: self.organization,
            account: self.account,
            method: SignInMethod::Password,
            browser: "Demo".to_owned(),
            lasts: Duration::from_secs(3_600),
            replaces: None,
        };
        Ok(self.custody.store().create_session(new).await?.1)
    }
}
