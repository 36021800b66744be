//! Around the life of a request: preflights, origins, panics and the dress of every answer.

use std::{pin::pin, rc::Rc};

use http::{HeaderValue, Method, Response, header, request::Parts};
use hyper::body::Incoming;
use keystead_providers::Envelope;

use super::{
    authenticate::Lane,
    call, carry,
    cors::AllowedOrigin,
    credential::Credential,
    plane::{Client, Plane, Thread},
    refusal::Refusal,
    reply::{ReplyBody, Setting},
    run,
    session::Origins,
    unwind::unwound,
};
use crate::{ids::ClientId, limits::Wants};

/// Answers one request to `/proxy/…` or `/run/…`.
pub(super) async fn serve(
    thread: &Rc<Thread>,
    lane: &Lane,
    client: Client,
    head: Box<Parts>,
    body: Incoming,
) -> Response<ReplyBody> {
    let is_task = head.uri.path().starts_with(call::TASK_PREFIX);
    let envelope = || Envelope::of(Credential::form_of(&head.headers));
    let setting = Setting::new(thread, (!is_task).then(envelope));
    if let Some(origin) = head.headers.get(header::ORIGIN) {
        match Box::pin(listed(thread, lane, client, origin, head.uri.path())).await {
            Ok(allowed) => setting.allows(allowed),
            Err(refusal) => return setting.dress(Err(refusal)),
        }
    }
    if head.method == Method::OPTIONS {
        return preflight(&setting, &head);
    }
    if !client.is_private {
        return setting.dress(Err(Refusal::TlsRequired));
    }
    let carried = if is_task {
        let mut carried = Box::pin(run::carry(thread, lane, client, head, body, &setting));
        unwound(carried.as_mut()).await
    } else {
        unwound(pin!(carry(thread, lane, client, head, body, &setting))).await
    };
    let outcome = carried.unwrap_or(Err(Refusal::Internal));
    if let Err(refusal) = &outcome {
        thread.plane.metrics.refused(refusal.code());
        let store = thread.plane.control.store();
        store.count_refused(setting.of(), refusal.code());
        tracing::debug!(code = refusal.code(), request.id = %setting.request_id(), "Refused a call");
    }
    setting.dress(outcome)
}

/// Carries no credential, so it is answered from the application's list alone.
fn preflight(setting: &Setting, head: &Parts) -> Response<ReplyBody> {
    match setting.origin() {
        Some(origin) => setting.plain(origin.preflight(&head.headers)),
        None => setting.dress(Err(Refusal::OriginNotAllowed)),
    }
}

/// The origin, if the application in the address lists it, or if it is the console's: what a page
/// there may call is for its token to say.
async fn listed(
    thread: &Thread,
    lane: &Lane,
    client: Client,
    origin: &HeaderValue,
    path: &str,
) -> Result<Option<AllowedOrigin>, Refusal> {
    let Some(client_id) = call::client_id(path) else {
        return Ok(None);
    };
    let plane = &thread.plane;
    let console = std::slice::from_ref(&plane.settings.console_origin);
    if let Some(own) = AllowedOrigin::find(origin, console) {
        return Ok(Some(own));
    }
    let generation = plane.catch_up();
    let origins = match plane.sessions.origins(client_id) {
        Some(origins) => origins,
        None => {
            // Boxed, as whatever else is seldom waited for.
            let asked = Box::pin(ask_for_origins(plane, lane, client, client_id));
            // Those of nobody are not remembered: they would drive out the others.
            let Some(origins) = asked.await? else {
                return Ok(None);
            };
            let is_current = || plane.news.generation() == generation;
            let sessions = &plane.sessions;
            sessions.remember_origins(client_id, origins.clone(), is_current);
            origins
        }
    };
    Ok(AllowedOrigin::find(origin, &origins.listed))
}

/// Anybody may ask, and each is a query: whoever asks for what there is not is charged for it.
async fn ask_for_origins(
    plane: &Plane,
    lane: &Lane,
    client: Client,
    client_id: ClientId,
) -> Result<Option<Origins>, Refusal> {
    let charges = lane.address_charges(plane, client.address);
    let wants = Wants {
        charges: &[&charges],
        running: &[],
    };
    let taken = plane.limiter.admit(wants).await?;
    let found = plane.control.origins(client_id).await?;
    if found.is_some() {
        plane.limiter.give_back(&[&charges], &taken);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::{meter::Metered, session::Session};

    fn size_of_future<A, B, C, D, E, F: Future>(_made: impl FnOnce(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    /// A thousand open streams hold a thousand of it; the bars of memory a stream rest on it.
    #[test]
    fn what_stays_with_a_stream_is_small() {
        assert!(size_of::<Metered>() <= 512, "{}", size_of::<Metered>());
    }

    /// A call reads nearly all of it; of a thousand users in turn it has to come from far.
    #[test]
    fn what_is_kept_of_a_token_is_small() {
        assert!(size_of::<Session>() <= 360, "{}", size_of::<Session>());
    }

    /// It is made, moved and filled for every call, all eight stages of it.
    #[test]
    fn what_a_call_takes_is_small() {
        assert!(size_of_future(serve) <= 1_664, "{}", size_of_future(serve));
    }
}
