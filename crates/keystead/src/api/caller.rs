//! Who calls: a bearer API token. Cookies are not looked at.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};
use keystead_vault::{TokenKind, token_hash};

use crate::manage::{Caller, Manage, May, Problem, permission::Right};

/// The address of the client, as the listener found it: the peer, or the last untrusted hop of
/// X-Forwarded-For behind a trusted proxy. The listener puts it into each request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl<R: Right> FromRequestParts<Manage> for May<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, manage: &Manage) -> Result<Self, Problem> {
        caller(&parts.headers, manage).await?.may(manage).await
    }
}

/// Unknown, expired, revoked, of another kind and none at all answer alike.
async fn caller(headers: &HeaderMap, manage: &Manage) -> Result<Caller, Problem> {
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
    let found = manage.store().api_caller(&hash).await?;
    found
        .map(Caller::with_api_token)
        .ok_or(Problem::Unauthenticated)
}
