//! Who asks, and the proof that they may.
//!
//! An act gets at its organization only through [`May`], which exists only after the table of
//! [`permission`](super::permission) said yes.

use std::{marker::PhantomData, ops::Deref};

use super::{Manage, Problem, permission::Right};
use crate::{
    audit::{Action, Actor, Event, Outcome},
    clock::Timestamp,
    ids::{AccountId, OrganizationId, SessionId},
    people::FRESH,
    store::{ApiCaller, ApiScope, Role, SignedIn},
};

/// Whoever presents an API token, or is signed in at the console.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant; every query names it.
    pub organization: OrganizationId,
    /// The person, or the one for whom a script works.
    pub account: AccountId,
    /// Who it is in the audit log.
    pub actor: Actor,
    /// What the account is in the organization.
    pub role: Role,
    /// What of that may be done here: an API token's scopes, all of it for a person.
    pub scopes: Vec<ApiScope>,
    /// Whether the person proved within the last minutes who they are. So does an API token: it
    /// was made for what its scopes say, and nobody is there to be asked.
    pub fresh: bool,
    /// The session that a person is signed in by.
    pub session: Option<SessionId>,
    /// When an API token ends; what it makes ends no later. `None` for a person, and for a token
    /// without an end.
    pub until: Option<Timestamp>,
}

/// A caller who may do `R`.
#[derive(Debug, Clone)]
pub struct May<R>(Caller, PhantomData<R>);

impl Caller {
    /// Who presents this API token.
    pub fn with_api_token(found: ApiCaller) -> Self {
        Self {
            organization: found.token.organization,
            account: found.token.account,
            actor: Actor::ApiToken(found.token.id),
            role: found.member.role,
            scopes: found.token.scopes,
            fresh: true,
            session: None,
            until: found.token.expires_at,
        }
    }

    /// Who is signed in at the console.
    pub fn at_the_console(signed_in: &SignedIn, now: Timestamp) -> Self {
        Self {
            organization: signed_in.organization.id,
            account: signed_in.account.id,
            actor: signed_in.actor(),
            role: signed_in.member.role,
            scopes: vec![ApiScope::All],
            fresh: now.since(signed_in.session.proved_at) < FRESH,
            session: Some(signed_in.session.id),
            until: None,
        }
    }

    /// The proof that the caller may do `R`. A no is on the audit record.
    ///
    /// # Errors
    ///
    /// [`Problem::Forbidden`] when role or scopes do not include it; [`Problem::StepUpNeeded`]
    /// when they do, but the person has to prove anew who they are.
    pub async fn may<R: Right>(&self, manage: &Manage) -> Result<May<R>, Problem> {
        let action = R::ACTION;
        if !action.is_open_to(self.role, &self.scopes) {
            let event = Event::new(self.actor, Action::AccessDenied, &action.name());
            let event = event.within(self.organization).outcome(Outcome::Denied);
            manage.store().audit(event).await?;
            return Err(Problem::Forbidden(action));
        }
        if action.wants_fresh() && !self.fresh {
            return Err(Problem::StepUpNeeded(action));
        }
        Ok(May(self.clone(), PhantomData))
    }

    /// Whether a page should offer it: as [`may`](Self::may), but for the step-up, and not on
    /// record.
    pub fn is_offered(&self, action: super::permission::Action) -> bool {
        action.is_open_to(self.role, &self.scopes)
    }
}

impl<R> Deref for May<R> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}
