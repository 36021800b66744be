//! From the provider's answer to that of a task: a stream of events, or an error in one form.

use std::{rc::Rc, sync::Arc};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use keystead_providers::{Choice, Envelope, Facts, Meaning, UsageReader};
use serde_json::json;

use super::{
    events::{Failure, KEY_REJECTED},
    stream::TaskStream,
};
use crate::{
    ids::RequestId,
    proxy::{
        decide::Permit,
        live::LiveCall,
        meter::Metered,
        plane::Plane,
        refusal::{Refusal, seconds},
        reply::{Reply, ReplyBody},
        retry::asked_wait,
        send::Answer,
        session::Source,
    },
};

/// How much of an error's body is read.
const ERROR_BODY: usize = 64 * 1024;

/// Headers that tell of the provider's body, which is not the one that goes out.
const OF_THE_BODY: [header::HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_DISPOSITION,
    header::ETAG,
];

/// What is remembered of a call for its answer.
pub(super) struct Answering {
    choice: Choice,
    content_type: String,
    meaning: Meaning,
    source: Source,
    usage: Box<dyn UsageReader>,
    live: Rc<LiveCall>,
}

impl Answering {
    pub(super) fn of(
        choice: Choice,
        permit: &Permit,
        facts: &Facts,
        answer: &Answer,
        live: &Rc<LiveCall>,
    ) -> Self {
        let content_type = answer.head.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let (provider, operation) = (permit.provider(), permit.operation());
        Self {
            usage: provider.usage_reader(operation, facts, &content_type),
            meaning: answer.meaning,
            source: permit.session().source,
            live: live.clone(),
            content_type,
            choice,
        }
    }

    /// Makes the task's answer of the metered one.
    ///
    /// # Errors
    ///
    /// [`Refusal::UpstreamUnusable`] for an answer that is neither a success nor an error.
    pub(super) async fn finish(
        self,
        plane: &Arc<Plane>,
        reply: Reply,
        request_id: RequestId,
    ) -> Result<Reply, Refusal> {
        let (mut head, body) = reply.into_answer().into_parts();
        OF_THE_BODY
            .iter()
            .for_each(|name| drop(head.headers.remove(name)));
        let body = match body {
            ReplyBody::Metered(metered) if head.status.is_success() => {
                let (kind, usage, live) = (&self.content_type, self.usage, self.live);
                let stream = TaskStream::new(plane, self.choice, metered, kind, usage, live);
                head.status = StatusCode::OK;
                let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
                head.headers.insert(header::CONTENT_TYPE, kind);
                ReplyBody::Task(Box::new(stream))
            }
            body if head.status.is_client_error() || head.status.is_server_error() => {
                let body = start_of(body).await;
                let wait = asked_wait(&head.headers, plane.clock.now());
                let recipe = self.choice.recipe;
                let failure = recipe.failure(head.status, self.meaning, &body);
                let failure = Failure {
                    retry_after: wait.map(seconds),
                    ..match self.source {
                        Source::User if failure.code == KEY_REJECTED => Failure::OF_OWN_KEY,
                        _ => Failure::of(&failure),
                    }
                };
                ReplyBody::Whole(render(&failure, request_id, &mut head.headers))
            }
            body => {
                if let ReplyBody::Metered(mut metered) = body {
                    metered.give_up();
                }
                let reason = "it leads elsewhere";
                return Err(Refusal::UpstreamUnusable { reason });
            }
        };
        Ok(Reply::upstream(Response::from_parts(head, body)))
    }
}

/// A refusal of ours, in the form of tasks.
pub(in crate::proxy) fn refused(refusal: &Refusal, request_id: RequestId) -> Response<Bytes> {
    let mut answer = refusal.answer(Envelope::OpenAi, request_id);
    let message = refusal.to_string();
    let failure = Failure::of_refusal(refusal, &message);
    let body = render(&failure, request_id, answer.headers_mut());
    *answer.body_mut() = body;
    answer
}

fn render(failure: &Failure<'_>, request_id: RequestId, headers: &mut HeaderMap) -> Bytes {
    let id = request_id.to_string();
    let error = Failure {
        request_id: Some(&id),
        ..*failure
    };
    let kind = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, kind);
    Bytes::from(json!({ "error": error }).to_string())
}

/// As much of an error's body as is read; it has been masked.
async fn start_of(body: ReplyBody) -> Bytes {
    let mut metered = match body {
        ReplyBody::Metered(metered) => metered,
        ReplyBody::Whole(bytes) => return bytes,
        ReplyBody::Task(_) | ReplyBody::Control(_) => return Bytes::new(),
    };
    let mut start = BytesMut::new();
    while start.len() < ERROR_BODY {
        match next(&mut metered).await {
            Some(bytes) => start.extend_from_slice(&bytes),
            None => return start.freeze(),
        }
    }
    metered.give_up();
    start.freeze()
}

/// The next bytes; none where they broke off, for what came before tells enough.
async fn next(metered: &mut Metered) -> Option<Bytes> {
    metered.frame().await?.ok()?.into_data().ok()
}
