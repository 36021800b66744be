//! Who calls: a bearer API token, or a page of the console for whoever is signed in there.
//!
//! Where there is a token, cookies are not looked at. A cookie counts with the header that the
//! console's own pages send beside it, which no other site can know.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};
use keystead_vault::{TokenKind, token_hash};

use crate::{
    manage::{Caller, Manage, May, Problem, permission::Right},
    people::{cookie_value, csrf, csrf_fits},
};

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

/// What a page of the console sends beside the cookie.
pub(super) const CSRF: &str = "x-keystead-csrf";

/// Unknown, expired, revoked, of another kind and none at all answer alike.
pub(super) async fn caller(headers: &HeaderMap, manage: &Manage) -> Result<Caller, Problem> {
    let found = match headers.contains_key(header::AUTHORIZATION) {
        true => with_token(headers, manage).await?,
        false => at_the_console(headers, manage).await?,
    };
    found.ok_or(Problem::Unauthenticated)
}

async fn with_token(headers: &HeaderMap, manage: &Manage) -> Result<Option<Caller>, Problem> {
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
    Ok(found.map(Caller::with_api_token))
}

async fn at_the_console(headers: &HeaderMap, manage: &Manage) -> Result<Option<Caller>, Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let lines = headers.get_all(header::COOKIE).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let is_ours = text("sec-fetch-site").is_none_or(|site| site == "same-origin");
    let Some((token, sent)) = cookie_value(lines, manage.cookie()).zip(text(CSRF)) else {
        return Ok(None);
    };
    let Some((TokenKind::Session, hash)) = token_hash(token) else {
        return Ok(None);
    };
    if !is_ours || !csrf_fits(&csrf(token), sent) {
        return Ok(None);
    }
    let store = manage.store();
    let found = store.signed_in(&hash, manage.session_idle()).await?;
    // Until they have the second factor that is asked for, nothing is theirs to do.
    let found = found.filter(|signed_in| !signed_in.lacks_second_factor());
    Ok(found.map(|signed_in| Caller::at_the_console(&signed_in, store.clock().now())))
}
