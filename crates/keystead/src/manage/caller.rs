//! Who calls the API: a bearer API token, and what it may do.
//!
//! A handler gets at its organization only through [`May`], which exists only after the token was
//! found and the table of [`permission`](super::permission) said yes. Cookies are not looked at.

use std::{marker::PhantomData, net::IpAddr, ops::Deref};

use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};
use keystead_vault::{TokenKind, token_hash};

use super::{Manage, Problem, permission::Right};
use crate::{
    audit::{Actor, Event, Outcome},
    ids::OrganizationId,
    store::ApiCaller,
};

/// The address of the client, as the listener found it: the peer, or the last untrusted hop of
/// X-Forwarded-For behind a trusted proxy. The listener puts it into each request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

/// Whoever presents an API token.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant; every query names it.
    pub organization: OrganizationId,
    /// Who it is in the audit log.
    pub actor: Actor,
}

/// A caller who may do `R`.
#[derive(Debug)]
pub struct May<R>(Caller, PhantomData<R>);

impl<R> Deref for May<R> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl<R: Right> FromRequestParts<Manage> for May<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, manage: &Manage) -> Result<Self, Problem> {
        let found = authenticate(&parts.headers, manage).await?;
        let caller = Caller {
            organization: found.token.organization,
            actor: Actor::ApiToken(found.token.id),
        };
        let action = R::ACTION;
        if action.is_open_to(found.member.role, &found.token.scopes) {
            return Ok(Self(caller, PhantomData));
        }
        let event = Event::new(caller.actor, "access.denied", &action.name());
        let event = event.within(caller.organization).outcome(Outcome::Denied);
        manage.store().audit(event).await?;
        Err(Problem::Forbidden(action))
    }
}

/// Unknown, expired, revoked, of another kind and none at all answer alike.
async fn authenticate(headers: &HeaderMap, manage: &Manage) -> Result<ApiCaller, Problem> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else {
        return Err(Problem::Unauthenticated);
    };
    let text = value.to_str().map_err(|_| Problem::Unauthenticated)?;
    let (scheme, token) = text.split_once(' ').ok_or(Problem::Unauthenticated)?;
    let Some((TokenKind::Api, hash)) = token_hash(token.trim()) else {
        return Err(Problem::Unauthenticated);
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::Unauthenticated);
    }
    manage
        .store()
        .api_caller(&hash)
        .await?
        .ok_or(Problem::Unauthenticated)
}
