//! `GET /connect/status/{client_id}`: a page asks with its access token what its user has connected. As for
//! calls, its origin must be one that the application lists, and a token that is bound to a key comes with a
//! proof.

use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use keystead_vault::{TokenKind, token_hash};
use serde::Deserialize;

use super::endpoints::{Doors, told};
use crate::{
    api::ClientAddress,
    dpop,
    ids::ClientId,
    oauth::Refusal,
    store::{Application, Authority, Lookup, is_within},
};

/// What may be asked about.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    handle: Option<String>,
}

pub(super) async fn status(
    State(doors): State<Doors>,
    Path(client_id): Path<String>,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
    client: Option<axum::Extension<ClientAddress>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let wanted = wanted.map_err(|_| Refusal::InvalidRequest("only `handle` may be asked"))?;
    let application = doors.application(&client_id).await?;
    let origin = match headers.get(header::ORIGIN) {
        Some(origin) if !lists(&application, origin) => return Err(Refusal::OriginNotAllowed),
        origin => origin.cloned(),
    };
    let from = client.map(|axum::Extension(ClientAddress(address))| address);
    let outcome = doors
        .tell(&application, &wanted.0, from, &uri, &headers)
        .await;
    let mut response = outcome.unwrap_or_else(|refusal| refusal.into_response());
    if let Some(origin) = origin {
        allow(response.headers_mut(), origin);
    }
    Ok(response)
}

/// Carries no credential, so it is answered from the application's list alone.
pub(super) async fn preflight(
    State(doors): State<Doors>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let application = doors.application(&client_id).await?;
    let origin = headers.get(header::ORIGIN);
    let origin = origin.filter(|origin| lists(&application, origin));
    let origin = origin.ok_or(Refusal::OriginNotAllowed)?.clone();
    let mut answer = StatusCode::NO_CONTENT.into_response();
    allow(answer.headers_mut(), origin);
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, dpop"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        let value = HeaderValue::from_static(value);
        answer.headers_mut().insert(name, value);
    }
    Ok(answer)
}

impl Doors {
    /// Unknown and disabled ones answer as a wrong token does.
    async fn application(&self, client_id: &str) -> Result<Application, Refusal> {
        let client_id: ClientId = client_id.parse().map_err(|_| Refusal::InvalidToken)?;
        let found = self.connect.store().application_by_client_id(&client_id);
        let found = found.await?.filter(|application| !application.disabled);
        found.ok_or(Refusal::InvalidToken)
    }

    async fn tell(
        &self,
        application: &Application,
        wanted: &Wanted,
        from: Option<std::net::IpAddr>,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Response, Refusal> {
        let is_fine = |from| application.takes_calls_from(from);
        if !application.addresses.is_empty() && !from.is_some_and(is_fine) {
            return Err(Refusal::AddressNotAllowed);
        }
        let (scheme, token) = credential(headers)?;
        let authority = self.authority(application, token).await?;
        self.prove(&authority, (uri, from), headers, (scheme, token))
            .await?;
        let subject = authority.token.subject;
        let mut all = self.connect.connections(application, &subject).await?;
        // What the token is for, and no more of it.
        for one in &mut all {
            one.addons
                .retain(|handle| is_within(std::slice::from_ref(handle), &authority.token.scope));
        }
        all.retain(|one| !one.addons.is_empty());
        told(&all, wanted.handle.as_deref())
    }

    /// What a token stands for: looked up as a call of an AddOn is that wants keys of its users.
    async fn authority(
        &self,
        application: &Application,
        token: &str,
    ) -> Result<Authority, Refusal> {
        let Some((TokenKind::Access, hash)) = token_hash(token) else {
            return Err(Refusal::InvalidToken);
        };
        for addon in self.connect.addons_of(application).await? {
            let found = self
                .connect
                .store()
                .authority(&hash, &application.client_id, &addon.handle)
                .await?;
            let Lookup::Found(found) = found else {
                return Err(Refusal::InvalidToken);
            };
            let own = std::slice::from_ref(&addon.handle);
            let is_granted = found.grant.as_ref().is_none_or(|grant| grant.covers(own));
            if is_granted && is_within(own, &found.token.scope) {
                return Ok(*found);
            }
        }
        Err(Refusal::InvalidToken)
    }

    async fn prove(
        &self,
        authority: &Authority,
        (uri, from): (&Uri, Option<std::net::IpAddr>),
        headers: &HeaderMap,
        (scheme, token): (&str, &str),
    ) -> Result<(), Refusal> {
        let is_proved = scheme.eq_ignore_ascii_case("dpop");
        let Some(key) = authority.token.key else {
            let wants_key = authority.application.require_dpop && !authority.token.is_console;
            return match is_proved || wants_key {
                true => Err(Refusal::InvalidProof("the token is bound to no key")),
                false => Ok(()),
            };
        };
        let mut sent = headers.get_all("dpop").iter();
        let (Some(proof), None, true) = (sent.next(), sent.next(), is_proved) else {
            return Err(Refusal::InvalidProof(
                "the token is bound to a key: send it as DPoP, with one proof",
            ));
        };
        let host = headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let public_url = self.oauth.public_url();
        let request = dpop::Request {
            method: "GET",
            path: uri.path(),
            host,
            is_local: from.is_some_and(|from| from.to_canonical().is_loopback()),
            public_url: &public_url,
            names: self.oauth.hosts(),
            token: Some(token),
        };
        let store = self.connect.store();
        let proof = proof.to_str().unwrap_or_default();
        let proven = dpop::check(proof, &request, store.clock().now())
            .map_err(|dpop::BadProof(text)| Refusal::InvalidProof(text))?;
        if proven.key != key {
            return Err(Refusal::InvalidProof("the token is bound to another key"));
        }
        match store.use_once(&proven.name, proven.ends_at).await? {
            true => Ok(()),
            false => Err(Refusal::InvalidProof("the proof was here before")),
        }
    }
}

/// The one token of a request, and its scheme.
fn credential(headers: &HeaderMap) -> Result<(&str, &str), Refusal> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else {
        return Err(Refusal::InvalidToken);
    };
    let text = value.to_str().map_err(|_| Refusal::InvalidToken)?;
    let (scheme, token) = text.split_once(' ').ok_or(Refusal::InvalidToken)?;
    let known = ["bearer", "dpop"]
        .iter()
        .any(|one| scheme.eq_ignore_ascii_case(one));
    match known {
        true => Ok((scheme, token.trim())),
        false => Err(Refusal::InvalidToken),
    }
}

/// `null` is nobody: every sandboxed frame says it.
fn lists(application: &Application, origin: &HeaderValue) -> bool {
    let text = origin.to_str().ok().filter(|text| *text != "null");
    text.is_some_and(|text| application.origins.iter().any(|known| known == text))
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}
