//! `Idempotency-Key`: a POST that names itself is done once, however often it is sent.
//!
//! The name belongs to who asks and to the route. Sent again with the same body it gets the answer
//! of the first time; with another body it is refused, as it is for a caller whose role or scopes have
//! changed since, and while the first one runs. An
//! answer that held a secret is never kept: the act is not repeated, and the secret not shown again.
//! A request that was refused did nothing, so its name can be used anew.

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http_body_util::BodyExt as _;
use keystead_vault::Canonical;
use zeroize::Zeroizing;

use super::{answer::KeptByNobody, body, caller};
use crate::{
    manage::{Caller, Manage, Problem},
    store::{Begun, NamedRequest},
};

/// The header that names a request.
pub(super) const NAME: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that the answer is that of an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Runs a named POST once; everything else as it comes.
pub(super) async fn once(State(manage): State<Manage>, request: Request, next: Next) -> Response {
    if *request.method() != Method::POST || !request.headers().contains_key(NAME) {
        return next.run(request).await;
    }
    match named(manage, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn named(manage: Manage, request: Request, next: Next) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let key = key(&parts.headers)?;
    let caller = caller::caller(&parts.headers, &manage).await?;
    let bytes = body::collect(body).await?;
    let name = name(&manage, &caller, parts.uri.path(), &key, &bytes);
    match manage.store().begin_named(name).await? {
        Begun::First => {}
        Begun::OtherBody => return Err(Problem::IdempotencyKeyReused),
        Begun::Running => return Err(Problem::IdempotencyInFlight),
        Begun::Ended { body: None, .. } => return Err(Problem::IdempotentSecretShown),
        Begun::Ended {
            status,
            body: Some(body),
        } => return Ok(replayed(status, body)),
    }
    let request = Request::from_parts(parts, Body::from(Bytes::from_owner(bytes)));
    // A task of its own: whoever hangs up must not leave a request that never ends.
    let running = tokio::spawn(async move {
        let response = next.run(request).await;
        end(&manage, name, response).await
    });
    running.await.map_err(|_| Problem::Internal)?
}

/// 1 to 255 visible characters, sent once.
fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let malformed = || {
        let text = "`Idempotency-Key` must be sent once, with 1 to 255 visible ASCII characters";
        Problem::Malformed(text.into())
    };
    let mut sent = headers.get_all(NAME).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else {
        return Err(malformed());
    };
    let text = value.to_str().map_err(|_| malformed())?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    match (1..=255).contains(&text.len()) && is_plain {
        true => Ok(text.to_owned()),
        false => Err(malformed()),
    }
}

fn name(
    manage: &Manage,
    caller: &Caller,
    path: &str,
    key: &str,
    body: &Zeroizing<Vec<u8>>,
) -> NamedRequest {
    let name = Canonical::new("keystead/idempotency/name/v1")
        .text(&caller.organization.to_string())
        .text(&caller.actor.to_string())
        .text(path)
        .text(key);
    // Hashed first: what is encoded is not wiped, and a body can hold a key.
    let digest = digest(&SHA256, body);
    // With what the caller may do: after a change of role or scopes an answer of before is no
    // longer theirs to see, and what was done is not done again.
    let scopes = caller.scopes.iter().map(|scope| scope.word());
    let body = Canonical::new("keystead/idempotency/body/v1")
        .bytes(digest.as_ref())
        .text(caller.role.word())
        .list(scopes);
    let custody = manage.custody();
    NamedRequest {
        name: custody.keyed_hash(&name),
        body: custody.keyed_hash(&body),
    }
}

/// Remembers what came of it. After an answer that says nothing of whether it was done, the name
/// stays taken.
async fn end(manage: &Manage, name: NamedRequest, response: Response) -> Result<Response, Problem> {
    let status = response.status();
    let store = manage.store();
    if status.is_server_error() {
        return Ok(response);
    }
    if !status.is_success() {
        store.give_back_named(name).await?;
        return Ok(response);
    }
    let holds_secret = response.extensions().get::<KeptByNobody>().is_some();
    if holds_secret {
        store.end_named(name, status.as_u16(), None).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map_err(|_| Problem::Internal)?;
    let bytes = bytes.to_bytes();
    let text = std::str::from_utf8(&bytes).map_err(|_| Problem::Internal)?;
    store.end_named(name, status.as_u16(), Some(text)).await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn replayed(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
