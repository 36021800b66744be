//! Trying an AddOn: a token for the person who asks, as a host's backend mints one for an end user.

use std::time::Duration;

use keystead_vault::{SubjectHash, Token, TokenKind};
use serde::Serialize;

use super::{
    Manage, May, Problem, ShownOnce,
    permission::{Action, right::TryAddOns},
};
use crate::{
    audit::Actor,
    ids::{AccountId, AddOnId, OrganizationId},
    store::{ApiScope, Application, NewToken, StoreError},
};

/// A token for whoever tries an AddOn, in the one answer that shows it.
#[derive(Debug, Serialize)]
pub struct TrialToken {
    /// The token.
    pub access_token: ShownOnce,
    /// How long it lives, in seconds.
    pub expires_in: u64,
}

/// Mints a token that opens this AddOn alone. What is called with it counts like any call; its
/// subject is the person, known to the ledger by a hash as end users are. The audit log has who
/// asked for it.
pub async fn mint(
    manage: &Manage,
    caller: &May<TryAddOns>,
    id: AddOnId,
) -> Result<TrialToken, Problem> {
    let store = manage.store();
    let addon = store.addon(caller.organization, id).await?;
    let application = store
        .application(caller.organization, addon.application)
        .await?;
    let subject = subject(manage, &application, caller.account).await?;
    let token = Token::generate(TokenKind::Access);
    let new = NewToken {
        organization: caller.organization,
        application: application.id,
        hash: token.lookup(),
        secret: None,
        family: None,
        subject,
        scope: vec![addon.handle],
        expires_at: store.clock().now() + Duration::from_secs(LIFE_S),
        key: None,
        is_console: true,
    };
    let hash = new.hash;
    store.mint_token_by(caller.actor, new).await?;
    // Who was removed since they were asked: their tokens were ended before this one was there.
    let member = store.member(caller.organization, caller.account).await?;
    if !member.is_some_and(|member| Action::TryAddOns.is_open_to(member.role, &[ApiScope::All])) {
        store
            .revoke_token(caller.actor, caller.organization, application.id, &hash)
            .await?;
        return Err(Problem::Forbidden(Action::TryAddOns));
    }
    Ok(TrialToken {
        access_token: token.into(),
        expires_in: LIFE_S,
    })
}

/// Ends the tokens that someone who may try AddOns no more still has.
pub(super) async fn end(
    manage: &Manage,
    actor: Actor,
    organization: OrganizationId,
    account: AccountId,
) -> Result<(), Problem> {
    let store = manage.store();
    for id in store
        .applications_called_without_secret(organization)
        .await?
    {
        let application = match store.application(organization, id).await {
            // Gone meanwhile, and its tokens open nothing.
            Err(StoreError::NotFound { .. }) => continue,
            found => found?,
        };
        let subject = subject(manage, &application, account).await?;
        store
            .revoke_tokens_of(actor, organization, id, &subject)
            .await?;
    }
    Ok(())
}

/// What the ledger knows someone by who tries the AddOns of an application.
async fn subject(
    manage: &Manage,
    application: &Application,
    account: AccountId,
) -> Result<SubjectHash, Problem> {
    let custody = manage.custody();
    let account = account.to_string();
    let subject = custody.subject(application, "console", "", &account);
    Ok(subject.await?)
}

/// Five minutes: long enough for a page that is looked at, and the page asks again.
const LIFE_S: u64 = 300;
