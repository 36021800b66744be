//! From the request for a task to the call that it becomes.

use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use hyper::body::Incoming;
use keystead_providers::{Asked, BodyFormat, BodyRule, Choice, TaskError, Unfit};

use crate::proxy::{
    authenticate::Caller, body::receive_whole, call::Call, decide::offers, live::LiveCall,
    plane::Plane, refusal::Refusal, session::SessionKey,
};

/// The longest request with an image, in bytes: Base64 of 6 MiB.
const MOST_IMAGE: u64 = 8 * 1024 * 1024;

/// A task that has become a call.
#[derive(Debug)]
pub(super) struct Turned {
    /// How its answer is read.
    pub(super) choice: Choice,
    /// The call, to be judged like any other.
    pub(super) call: Call,
    /// Its body.
    pub(super) body: Bytes,
}

/// Receives a task, and writes the call that it is with this AddOn's provider.
///
/// # Errors
///
/// A refusal for a body that is none of a task, and for a task that the AddOn does not do.
pub(super) async fn receive_task(
    plane: &Plane,
    incoming: Incoming,
    caller: &Caller,
    key: &SessionKey,
    asked: Call,
    live: &Rc<LiveCall>,
) -> Result<Turned, Refusal> {
    check_content_type(&asked.parts.headers)?;
    // Its share of the held bytes is kept until the provider's body is written.
    let (body, _share) = receive_whole(plane, incoming, MOST_IMAGE, live).await?;
    turn(&body, caller, key, asked)
}

fn turn(body: &[u8], caller: &Caller, key: &SessionKey, asked: Call) -> Result<Turned, Refusal> {
    let task = Asked::read(body).map_err(|error| match error {
        TaskError::TooLong { limit } => Refusal::BodyTooLarge { limit },
        other => other.into(),
    })?;
    let kind = task.task.kind();
    let addon = &caller.session().addon;
    let unsupported = Refusal::TaskNotSupported { task: kind.word() };
    if !kind.fits(addon.kind) {
        return Err(unsupported);
    }
    let about = key.provider.about();
    let chosen = about.choose(&task, &caller.session().models(), |operation| {
        offers(addon, operation)
    });
    let choice = chosen.map_err(|unfit| match unfit {
        Unfit::Unsupported => unsupported,
        Unfit::ModelNeeded => Refusal::ModelNeeded,
        Unfit::Asked(error) => error.into(),
    })?;
    let written = choice.write(&task)?;
    let mut headers = HeaderMap::new();
    for (name, value) in written.headers {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    let content_type = HeaderValue::try_from(written.content_type);
    let content_type = content_type.map_err(|_| Refusal::Internal)?;
    headers.insert(header::CONTENT_TYPE, content_type);
    Ok(Turned {
        call: asked.becomes(written.path, written.query.as_deref(), headers)?,
        body: written.body.into(),
        choice,
    })
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    match BodyRule::JSON.format(content_type, None) {
        Ok(BodyFormat::Json) => Ok(()),
        _ => Err(Refusal::UnsupportedMediaType),
    }
}
