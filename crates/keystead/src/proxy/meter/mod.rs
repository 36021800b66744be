//! Stage 8: meter. [`Answer`] in, [`Reply`] out: headers rebuilt from an allow-list, ids bound to
//! who caused them, and a body that is watched while it streams ([`stream`]).

mod events;
mod stream;

use std::{rc::Rc, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use keystead_providers::{Facts, GatewayError, Meaning};

pub(super) use self::{events::Comments, stream::Metered};

use self::stream::Parts;
use super::{
    attempt::Outcome,
    decide::Permit,
    live::LiveCall,
    open::OpenedKey,
    plane::Plane,
    refusal::{Refusal, seconds},
    reply::{Reply, ReplyBody},
    send::{Answer, AnswerBody, final_wait},
};

/// Makes the client's answer of the provider's.
///
/// # Errors
///
/// [`Refusal::UpstreamUnusable`] for an answer whose body can't be searched for the key, and a
/// refusal when an id can't be bound.
pub(super) fn meter<'a>(
    plane: &'a Arc<Plane>,
    permit: Rc<Permit>,
    key: Arc<OpenedKey>,
    facts: &'a Facts,
    answer: Answer,
    live: Rc<LiveCall>,
) -> impl Future<Output = Result<Reply, Refusal>> + 'a {
    let Answer {
        head,
        mut body,
        meaning,
        mut attempt,
    } = answer;
    let (status, mut headers) = (head.status, head.headers);
    // An `async fn` would have room for what it is given twice.
    async move {
        if is_of_credential(meaning) {
            attempt.close(Outcome::Answered, Some(status), None);
            return Ok(credential_error(plane, &permit, status, meaning));
        }
        let operation = permit.operation();
        let ids = if status.is_success() {
            operation.header_ids(&headers)
        } else {
            Vec::new()
        };
        if let Some(made) = ids
            .iter()
            .find(|id| operation.settles == Some(id.object.kind))
        {
            attempt.settles(&made.object);
        }
        let wait = final_wait(&headers, plane.clock.now()).filter(|_| meaning == Meaning::Retry);
        let content_type = headers.get(header::CONTENT_TYPE);
        let is_events =
            content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        rebuild(plane, &permit, &key, &mut headers)?;
        if !ids.is_empty() {
            Box::pin(plane.control.bind(&permit, ids, plane.clock.now())).await?;
        }
        if let Some(wait) = wait {
            headers.insert(header::RETRY_AFTER, seconds(wait).max(1).into());
        }
        let drop_usage_chunk = facts.drop_usage_chunk && is_events;
        if status.is_success() && !operation.addresses.is_empty() && !is_events {
            body = Box::pin(with_our_addresses(plane, &permit, body, &live)).await?;
            headers.remove(header::CONTENT_LENGTH);
        }
        if drop_usage_chunk {
            headers.remove(header::CONTENT_LENGTH);
        }
        let content_type = headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let reader = status.is_success().then(|| {
            let content_type = content_type.unwrap_or_default();
            permit
                .provider()
                .usage_reader(operation, facts, content_type)
        });
        let ids = status
            .is_success()
            .then(|| operation.id_reader(facts.stores))
            .flatten()
            .map(Box::new);
        let metered = Metered::new(Parts {
            plane: plane.clone(),
            permit,
            key,
            live,
            body,
            status,
            attempt,
            is_events,
            reader,
            ids,
            drop_usage_chunk,
        });
        let mut reply = Response::new(ReplyBody::Metered(Box::new(metered)));
        *reply.status_mut() = status;
        *reply.headers_mut() = headers;
        Ok(Reply::upstream(reply))
    }
}

/// Makes ours of a provider's headers: an allow-list, masked, and where they carry the provider's
/// own address, rewritten to ours or dropped.
fn rebuild(
    plane: &Plane,
    permit: &Permit,
    key: &OpenedKey,
    headers: &mut HeaderMap,
) -> Result<(), Refusal> {
    let about = permit.provider().about();
    let encoding = headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != "identity") {
        return Err(Refusal::UpstreamUnusable {
            reason: "it is compressed without being asked",
        });
    }
    let mut has_address = false;
    let mut passes = |name: &HeaderName| {
        let is_address = about.address_headers.contains(name);
        has_address |= is_address;
        // Masking keeps lengths, so the provider's own length stays true.
        let is_listed =
            is_address || name == header::CONTENT_LENGTH || about.response_headers.contains(name);
        is_listed && !about.dropped_headers.contains(name)
    };
    let strangers: Vec<HeaderName> = headers
        .keys()
        .filter(|name| !passes(name))
        .cloned()
        .collect();
    for name in &strangers {
        headers.remove(name);
    }
    for value in headers.values_mut() {
        if let Some(covered) = key.masker.mask_whole(value.as_bytes()) {
            plane.key_was_echoed(permit);
            *value = HeaderValue::from_bytes(&covered).map_err(|_| Refusal::Internal)?;
        }
    }
    if has_address {
        let base = plane.public_base(permit);
        let foreign = about.rewrite_headers(&permit.key().destination, &base, headers);
        if !foreign.is_empty() {
            tracing::warn!(headers = ?foreign, "Took foreign addresses out of a provider's answer");
        }
    }
    Ok(())
}

/// Answers that carry addresses of the provider's own are small; they are held and rewritten, since
/// a client that followed one would leave the proxy behind.
async fn with_our_addresses(
    plane: &Plane,
    permit: &Permit,
    body: AnswerBody,
    live: &LiveCall,
) -> Result<AnswerBody, Refusal> {
    let whole = body.collect(live).await?;
    let base = plane.public_base(permit);
    let ours = permit
        .operation()
        .rewrite_body(&permit.key().destination, &base, &whole);
    let reason = "it should be JSON and is not";
    let head = ours.ok_or(Refusal::UpstreamUnusable { reason })?;
    Ok(AnswerBody { head, rest: None })
}

/// The provider refused the key itself. Its text may name the key's owner or echo a part of it, so
/// ours goes out in its place; the status stays, because SDKs map it to their errors.
fn credential_error(plane: &Plane, permit: &Permit, status: StatusCode, meaning: Meaning) -> Reply {
    plane.key_was_refused(permit);
    let envelope = permit.envelope();
    let id = permit.request_id().to_string();
    let message = match meaning {
        Meaning::NoPermission => {
            "the provider says that the stored key lacks a permission that this call needs"
        }
        Meaning::AddressNotAllowed => {
            "the provider does not accept the stored key from this server's address"
        }
        _ => "the provider does not accept the stored key; its owner must check or replace it",
    };
    let code = code_of(meaning);
    let body = envelope.render(&GatewayError {
        status,
        code,
        message,
        request_id: &id,
    });
    let mut reply = Response::new(ReplyBody::Whole(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(envelope.content_type()),
    );
    headers.insert("x-should-retry", HeaderValue::from_static("false"));
    Reply::upstream(reply)
}

/// Whether it is the stored key, and not the call, that the provider refused.
fn is_of_credential(meaning: Meaning) -> bool {
    matches!(
        meaning,
        Meaning::WrongKey | Meaning::NoPermission | Meaning::AddressNotAllowed
    )
}

fn code_of(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::NoPermission => "key_lacks_permission",
        Meaning::AddressNotAllowed => "key_not_allowed_from_here",
        _ => "key_refused",
    }
}
