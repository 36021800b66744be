//! The answer to the client, ours or a provider's, and the headers that every one of them carries.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use http_body::{Body, Frame, SizeHint};
use keystead_providers::Envelope;

use super::{
    authenticate::Caller,
    cors::AllowedOrigin,
    decide::Permit,
    meter::Metered,
    plane::Thread,
    refusal::Refusal,
    run::{self, TaskStream},
    session::Source,
};
use crate::{
    clock::Moment,
    ids::{ApplicationId, OrganizationId, RequestId},
};

// As names, not as text: text would be read and copied for every answer.
pub(super) const SOURCE: HeaderName = HeaderName::from_static("x-keystead-source");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-keystead-request-id");
const KEY_SOURCE: HeaderName = HeaderName::from_static("x-keystead-key-source");

/// A provider's answer, ready to be dressed.
#[derive(Debug)]
pub(super) struct Reply(Response<ReplyBody>);

impl Reply {
    /// An answer that is ours.
    pub(super) fn gateway(mut answer: Response<ReplyBody>) -> Self {
        answer
            .headers_mut()
            .insert(SOURCE, HeaderValue::from_static("gateway"));
        Self(answer)
    }

    /// An answer that came from a provider.
    pub(super) fn upstream(mut answer: Response<ReplyBody>) -> Self {
        answer
            .headers_mut()
            .insert(SOURCE, HeaderValue::from_static("upstream"));
        Self(answer)
    }

    /// The answer as it is so far.
    pub(super) fn into_answer(self) -> Response<ReplyBody> {
        self.0
    }
}

/// What is known of a call while it is carried, for the answer's headers should it be refused.
#[derive(Debug)]
pub(super) struct Setting {
    came: Moment,
    request_id: RequestId,
    /// The form of refusals; `None` for that of tasks, which no provider has.
    envelope: Cell<Option<Envelope>>,
    chosen: Cell<Option<Source>>,
    origin: RefCell<Option<AllowedOrigin>>,
    /// Whose call it is, once that is known.
    of: Cell<Option<(OrganizationId, ApplicationId)>>,
}

impl Setting {
    /// The setting of a call of which nothing is known but its credential's form, which suggests an
    /// envelope; without one it is for a task.
    pub(super) fn new(thread: &Rc<Thread>, envelope: Option<Envelope>) -> Self {
        let came = thread.plane.clock.moment();
        Self {
            came,
            request_id: thread.request_id(came.at),
            envelope: Cell::new(envelope),
            chosen: Cell::new(None),
            origin: RefCell::new(None),
            of: Cell::new(None),
        }
    }

    /// When its head had come.
    pub(super) fn came(&self) -> Moment {
        self.came
    }

    /// The name of the call.
    pub(super) fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// The page that may read the answer.
    pub(super) fn allows(&self, origin: Option<AllowedOrigin>) {
        *self.origin.borrow_mut() = origin;
    }

    /// The page that may read the answer, if it is one.
    pub(super) fn origin(&self) -> Option<AllowedOrigin> {
        self.origin.borrow().clone()
    }

    /// An answer that says itself which page may read what.
    pub(super) fn plain(&self, mut answer: Response<ReplyBody>) -> Response<ReplyBody> {
        self.add_common(answer.headers_mut());
        answer
    }

    /// The caller is known, and so the provider whose envelope refusals take.
    pub(super) fn is_known(&self, caller: &Caller) {
        let application = &caller.session().application;
        self.of
            .set(Some((application.organization, application.id)));
        if let Some(key) = &caller.session().key
            && self.envelope.get().is_some()
        {
            self.envelope.set(Some(key.provider.about().envelope));
        }
    }

    /// Whose call it is, if that is known.
    pub(super) fn of(&self) -> Option<(OrganizationId, ApplicationId)> {
        self.of.get()
    }

    /// A key was chosen.
    pub(super) fn is_permitted(&self, permit: &Permit) {
        self.chosen.set(Some(permit.session().source));
    }

    /// Makes the answer to the client.
    pub(super) fn dress(&self, outcome: Result<Reply, Refusal>) -> Response<ReplyBody> {
        let mut answer = match outcome {
            Ok(Reply(answer)) => answer,
            Err(refusal) => match self.envelope.get() {
                Some(envelope) => refusal.answer(envelope, self.request_id),
                None => run::refused(&refusal, self.request_id),
            }
            .map(ReplyBody::Whole),
        };
        self.add_headers(answer.headers_mut());
        answer
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        self.add_common(headers);
        if let Some(origin) = self.origin.borrow().as_ref() {
            origin.allow(headers);
        }
    }

    /// What every answer has.
    fn add_common(&self, headers: &mut HeaderMap) {
        headers.insert(REQUEST_ID, self.request_id.into());
        if let Some(source) = self.chosen.get() {
            headers.insert(KEY_SOURCE, HeaderValue::from_static(source.word()));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("sandbox"),
        );
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum ReplyBody {
    /// Whole and ours.
    Whole(Bytes),
    /// A provider's, watched.
    Metered(Box<Metered>),
    /// A provider's, as the events of a task.
    Task(Box<TaskStream>),
    /// The control plane's.
    Control(axum::body::Body),
}

impl Default for ReplyBody {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Metered(body) => Pin::new(body.as_mut()).poll_frame(cx).map_err(Into::into),
            Self::Task(body) => Pin::new(body.as_mut()).poll_frame(cx).map_err(Into::into),
            Self::Control(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Metered(body) => body.is_end_stream(),
            Self::Task(body) => body.is_end_stream(),
            Self::Control(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Metered(body) => body.size_hint(),
            Self::Task(body) => body.size_hint(),
            Self::Control(body) => body.size_hint(),
        }
    }
}
