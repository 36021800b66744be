//! Every way the data plane says no, and the one place where a no becomes HTTP.
//!
//! The caller sees `code` and a sentence that says what to do; neither ever holds what the caller
//! sent. Codes are stable words, listed in docs/reference/errors.md by a test.

mod reference;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use keystead_providers::{BodyError, Envelope, GatewayError, TaskError};

pub use self::reference::reference;

use super::{live::Signal, reply::SOURCE};
use crate::{
    dpop::BadProof,
    ids::RequestId,
    limits::{Bucket, Budget, Charge, Full, Rule, Scope},
    net::ConnectError,
};

/// A no, with its reason.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The request's form is wrong or ambiguous.
    #[error("the request can't be read: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The body is not what the operation takes.
    #[error("the body can't be used: {0}")]
    Body(#[from] BodyError),
    /// The body is none of a task.
    #[error("the task can't be used: {0}")]
    Task(#[from] TaskError),
    /// A task that the AddOn's type or its provider does not do.
    #[error("this AddOn does not do the task `{task}`")]
    TaskNotSupported {
        /// Its word.
        task: &'static str,
    },
    /// A task without a model, where only the customer knows the names of their models.
    #[error(
        "name the model: with this provider it is the name of a deployment, which the request must say or the AddOn list"
    )]
    ModelNeeded,
    /// A query parameter that holds credentials.
    #[error("send the token in the header that the SDK uses for its key, never in the address")]
    CredentialInQuery,
    /// Two credentials that disagree, or one header twice.
    #[error("the request carries more than one credential")]
    DuplicateCredential,
    /// No token, or one that is unknown, expired or revoked, or made for another address. They
    /// all answer alike, so that none can be told from another.
    #[error("the access token is missing, unknown, expired or revoked, or not for this address")]
    Unauthenticated,
    /// A token that is bound to a key, without a proof that its client has the key; or one that is bound
    /// to none where the application asks for it.
    #[error("{0}")]
    NotProven(BadProof),
    /// The application is disabled.
    #[error("this application is disabled; its developer can enable it")]
    ApplicationDisabled,
    /// The AddOn is disabled.
    #[error("this AddOn is disabled; its developer can enable it")]
    AddOnDisabled,
    /// The key is disabled, or the AddOn has none.
    #[error("the provider key of this AddOn is disabled or missing; its developer can set one")]
    KeyDisabled,
    /// The AddOn works with the user's own key and there is none.
    #[error("this AddOn needs a key of the user's own, and none is connected")]
    UserKeyMissing,
    /// The user lets their own key rest, here or everywhere.
    #[error("the user's own key is paused; they can let it go on")]
    UserKeyPaused,
    /// The time is over for which the user gave their own key.
    #[error("the time is over for which the user let this application use their own key")]
    UserKeyEnded,
    /// A model that the user's own key is not given for.
    #[error("the user does not let this application use that model with their own key")]
    UserKeyModel,
    /// What the application gives each of its users is used up, and the user has no key of their own here.
    #[error("what this AddOn gives each user is used up; it begins anew in {} s, and a key of the user's own goes on at once", seconds(*.reset))]
    FreeTierUsed {
        /// When it begins anew.
        reset: Duration,
    },
    /// A known operation that this AddOn does not offer.
    #[error("this AddOn does not allow the operation `{operation}`")]
    OperationNotAllowed {
        /// The operation's name in the provider's data file.
        operation: &'static str,
    },
    /// A model that is not on the AddOn's list.
    #[error("this AddOn does not allow that model")]
    ModelNotAllowed,
    /// A gated feature that the AddOn does not allow.
    #[error("this AddOn does not allow the feature `{feature}`, which `{field}` asks for")]
    FeatureNotAllowed {
        /// The feature, as `--allow` names it.
        feature: &'static str,
        /// The part of the request that asks for it.
        field: String,
    },
    /// A tool of a type that is not known, and so can't be judged.
    #[error("the request names a tool of a type that Keystead does not know")]
    UnknownTool,
    /// A field that is not known, on a strict AddOn.
    #[error("this AddOn is strict and the request holds a field that Keystead does not know")]
    UnknownField,
    /// A page of an origin that the application does not list.
    #[error("this application does not list the origin of the calling page")]
    OriginNotAllowed,
    /// A client address outside the application's ranges.
    #[error("this application does not allow calls from the client's address")]
    AddressNotAllowed,
    /// Plain HTTP from somewhere else than loopback or a trusted proxy.
    #[error("use https; plain HTTP is served on loopback and to trusted proxies only")]
    TlsRequired,
    /// The key was entered for another address than the configuration now names.
    #[error("the provider's address in the configuration changed; enter the key again")]
    DestinationChanged,
    /// An unknown path.
    #[error("there is nothing at this path; it is not an operation that this provider offers")]
    NotFound,
    /// An id of a provider-side object that this user did not cause.
    #[error("no such object, or it belongs to somebody else")]
    ObjectUnknown,
    /// A method that nothing answers to.
    #[error("this method is not offered")]
    MethodNotAllowed,
    /// The client stopped sending its body.
    #[error("the body did not come in time")]
    BodyTimeout,
    /// The body is larger than the operation allows.
    #[error("the body is larger than the {limit} bytes that this operation takes")]
    BodyTooLarge {
        /// The bound, in bytes.
        limit: u64,
    },
    /// A content type that the operation does not take.
    #[error("this operation does not take a body of this content type or content-encoding")]
    UnsupportedMediaType,
    /// A host that this server does not answer for.
    #[error("this server does not answer for the host of the request")]
    Misdirected,
    /// A rate is used up.
    #[error("the limit of this {} is {rule}; try again in {} s", .scope.phrase(), seconds(*.reset))]
    RateLimited {
        /// By what it counts.
        scope: Scope,
        /// Which rule refused.
        rule: Rule,
        /// When it would pass.
        reset: Duration,
    },
    /// All calls that may run at once are running.
    #[error("the limit of this {} is {most} calls at the same time; try again when one has ended", .scope.phrase())]
    ConcurrencyFull {
        /// By what it counts.
        scope: Scope,
        /// How many may run.
        most: u32,
    },
    /// A budget is used up.
    #[error("the budget of {budget} of this {} does not have what this call may use; it begins anew in {} s", .scope.phrase(), seconds(*.reset))]
    BudgetExhausted {
        /// By what it counts.
        scope: Scope,
        /// The budget.
        budget: Budget,
        /// When it begins anew.
        reset: Duration,
    },
    /// A budget would have room, but for the calls that are running.
    #[error("what is left of the budget of {budget} of this {} is held by calls that are running; try again in a moment", .scope.phrase())]
    BudgetReserved {
        /// By what it counts.
        scope: Scope,
        /// The budget.
        budget: Budget,
    },
    /// A budget in money, and a call that nobody knows the cost of.
    #[error(
        "a budget in USD holds for this call, and nothing tells what it costs: the provider has no price for it, which the operator can set with `providers.NAME.prices`, or never says what it used"
    )]
    PriceUnknown,
    /// The provider asked for a pause.
    #[error("the provider asked for a pause; try again in {} s", seconds(*.reset))]
    ProviderPause {
        /// How long it lasts yet.
        reset: Duration,
    },
    /// No connection to the provider.
    #[error("{0}")]
    Unreachable(#[from] ConnectError),
    /// The provider broke off before it answered.
    #[error("the provider closed the connection before it answered")]
    UpstreamBroken,
    /// The provider sent an answer that can't be passed on.
    #[error("the provider's answer can't be passed on: {reason}")]
    UpstreamUnusable {
        /// Why not.
        reason: &'static str,
    },
    /// The provider said nothing for too long.
    #[error("the provider did not answer in time")]
    UpstreamSilent,
    /// The memory for held bodies is used up.
    #[error("too many large requests are being read; try again in a moment")]
    HeldBytesFull,
    /// The data store can't be asked.
    #[error("the data store can't be reached; try again in a moment")]
    StoreUnavailable,
    /// The usage rows that wait to be written are too many.
    #[error("usage can't be recorded at the moment; try again")]
    LedgerFull,
    /// A stored row or record failed its integrity check.
    #[error("the stored key or its settings failed their integrity check; the operator must look")]
    Integrity,
    /// What the call stands on was revoked before it was sent.
    #[error("the permission for this call was withdrawn")]
    Revoked,
    /// The program is stopping.
    #[error("the server is stopping; try again")]
    Stopping,
    /// A defect of ours.
    #[error("something went wrong in Keystead; the operator finds it under the request id")]
    Internal,
}

impl Refusal {
    /// A refusal for a request whose form is wrong.
    #[must_use]
    pub fn malformed(reason: &'static str) -> Self {
        Self::Malformed { reason }
    }

    /// A refusal by the rule of a charge.
    #[must_use]
    pub fn rate_limited(charge: &Charge, reset: Duration) -> Self {
        Self::RateLimited {
            scope: charge.bucket.scope(),
            rule: charge.rule,
            reset,
        }
    }

    /// A refusal because `most` calls run already.
    #[must_use]
    pub fn concurrency_full(bucket: &Bucket, most: u32) -> Self {
        let scope = bucket.scope();
        Self::ConcurrencyFull { scope, most }
    }

    /// The stable word for it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.facts().1
    }

    /// The status it is answered with; DeepL's SDKs know a wrong key by 403.
    #[must_use]
    pub fn status(&self, envelope: Envelope) -> StatusCode {
        match self {
            Self::Unauthenticated | Self::NotProven(_) => envelope.unauthenticated_status(),
            _ => self.facts().0,
        }
    }

    /// When it is worth trying again, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { reset, .. }
            | Self::BudgetExhausted { reset, .. }
            | Self::FreeTierUsed { reset }
            | Self::ProviderPause { reset } => Some(*reset),
            Self::ConcurrencyFull { .. }
            | Self::BudgetReserved { .. }
            | Self::HeldBytesFull
            | Self::StoreUnavailable
            | Self::LedgerFull
            | Self::Stopping => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    /// Whether an SDK should try again by itself. What a second try can't change, it must not.
    pub(super) fn is_worth_retrying(&self) -> bool {
        if let Self::BudgetExhausted { .. } | Self::FreeTierUsed { .. } = self {
            return false;
        }
        self.retry_after().is_some()
            || matches!(
                self,
                Self::Unreachable(_) | Self::UpstreamBroken | Self::UpstreamSilent
            )
    }

    /// Status and code; exhaustive, so that a new refusal forces a decision.
    fn facts(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Malformed { .. } => (StatusCode::BAD_REQUEST, "malformed_request"),
            Self::Body(_) => (StatusCode::BAD_REQUEST, "body_invalid"),
            Self::Task(_) => (StatusCode::BAD_REQUEST, "task_invalid"),
            Self::TaskNotSupported { .. } => (StatusCode::FORBIDDEN, "task_not_supported"),
            Self::ModelNeeded => (StatusCode::BAD_REQUEST, "model_needed"),
            Self::CredentialInQuery => (StatusCode::BAD_REQUEST, "credential_in_query"),
            Self::DuplicateCredential => (StatusCode::BAD_REQUEST, "duplicate_credential"),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::NotProven(_) => (StatusCode::UNAUTHORIZED, "dpop_proof_invalid"),
            Self::ApplicationDisabled => (StatusCode::FORBIDDEN, "application_disabled"),
            Self::AddOnDisabled => (StatusCode::FORBIDDEN, "addon_disabled"),
            Self::KeyDisabled => (StatusCode::FORBIDDEN, "key_disabled"),
            Self::UserKeyMissing => (StatusCode::FORBIDDEN, "user_key_missing"),
            Self::UserKeyPaused => (StatusCode::FORBIDDEN, "user_key_paused"),
            Self::UserKeyEnded => (StatusCode::FORBIDDEN, "user_key_ended"),
            Self::UserKeyModel => (StatusCode::FORBIDDEN, "user_key_model"),
            Self::FreeTierUsed { .. } => (StatusCode::TOO_MANY_REQUESTS, "free_tier_used"),
            Self::OperationNotAllowed { .. } => (StatusCode::FORBIDDEN, "operation_not_allowed"),
            Self::ModelNotAllowed => (StatusCode::FORBIDDEN, "model_not_allowed"),
            Self::FeatureNotAllowed { .. } => (StatusCode::FORBIDDEN, "feature_not_allowed"),
            Self::UnknownTool => (StatusCode::FORBIDDEN, "unknown_tool"),
            Self::UnknownField => (StatusCode::FORBIDDEN, "unknown_field"),
            Self::OriginNotAllowed => (StatusCode::FORBIDDEN, "origin_not_allowed"),
            Self::AddressNotAllowed => (StatusCode::FORBIDDEN, "address_not_allowed"),
            Self::TlsRequired => (StatusCode::FORBIDDEN, "tls_required"),
            Self::DestinationChanged => (StatusCode::FORBIDDEN, "destination_changed"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::ObjectUnknown => (StatusCode::NOT_FOUND, "object_unknown"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::BodyTimeout => (StatusCode::REQUEST_TIMEOUT, "body_timeout"),
            Self::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
            }
            Self::Misdirected => (StatusCode::MISDIRECTED_REQUEST, "misdirected"),
            Self::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
            Self::ConcurrencyFull { .. } => (StatusCode::TOO_MANY_REQUESTS, "concurrency_full"),
            Self::BudgetExhausted { .. } => (StatusCode::TOO_MANY_REQUESTS, "budget_exhausted"),
            Self::BudgetReserved { .. } => (StatusCode::TOO_MANY_REQUESTS, "budget_reserved"),
            Self::PriceUnknown => (StatusCode::FORBIDDEN, "price_unknown"),
            Self::ProviderPause { .. } => (StatusCode::TOO_MANY_REQUESTS, "provider_pause"),
            Self::Unreachable(_) => (StatusCode::BAD_GATEWAY, "provider_unreachable"),
            Self::UpstreamBroken => (StatusCode::BAD_GATEWAY, "provider_broke_off"),
            Self::UpstreamUnusable { .. } => (StatusCode::BAD_GATEWAY, "provider_answer_unusable"),
            Self::UpstreamSilent => (StatusCode::GATEWAY_TIMEOUT, "provider_silent"),
            Self::HeldBytesFull => (StatusCode::SERVICE_UNAVAILABLE, "held_bytes_full"),
            Self::StoreUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
            Self::LedgerFull => (StatusCode::SERVICE_UNAVAILABLE, "ledger_full"),
            Self::Integrity => (StatusCode::SERVICE_UNAVAILABLE, "integrity_failed"),
            Self::Revoked => (StatusCode::FORBIDDEN, "revoked"),
            Self::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// The whole answer, in the envelope that the caller's SDK parses.
    #[must_use]
    pub fn answer(&self, envelope: Envelope, request_id: RequestId) -> Response<Bytes> {
        let (status, code) = (self.status(envelope), self.code());
        let id = request_id.to_string();
        let message = self.to_string();
        let error = GatewayError {
            status,
            code,
            message: &message,
            request_id: &id,
        };
        let mut answer = Response::new(envelope.render(&error));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(envelope.content_type()),
        );
        headers.insert("x-keystead-error", HeaderValue::from_static(code));
        headers.insert(SOURCE, HeaderValue::from_static("gateway"));
        if let Some(wait) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, seconds(wait).into());
        }
        if !self.is_worth_retrying() {
            headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = match self {
                Self::NotProven(_) => "DPoP error=\"invalid_dpop_proof\", algs=\"ES256 EdDSA\"",
                _ => "Bearer",
            };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        answer
    }
}

impl From<Full<'_>> for Refusal {
    fn from(full: Full<'_>) -> Self {
        match full {
            Full::Rate { charge, reset } => Self::rate_limited(charge, reset),
            Full::Running { bucket, most } => Self::concurrency_full(bucket, most),
        }
    }
}

impl From<Signal> for Refusal {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Cut => Self::Revoked,
            Signal::Silent => Self::UpstreamSilent,
            Signal::Stop => Self::Stopping,
        }
    }
}

/// Whole seconds, never too few.
pub(super) fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The codes as `facts` spells them, so that a new refusal without an entry is noticed.
    #[test]
    fn every_refusal_is_in_the_reference() {
        let source = include_str!("refusal.rs");
        let start = source.find("fn facts").unwrap();
        let facts = &source[start..start + source[start..].find("\n    }\n").unwrap()];
        let spelled: BTreeSet<_> = facts.split('"').skip(1).step_by(2).collect();
        let listed: BTreeSet<_> = reference().iter().map(|entry| entry.code).collect();
        assert_eq!(spelled, listed);
        assert_eq!(
            listed.len(),
            reference().len(),
            "every code stands for one thing"
        );
    }

    #[test]
    fn what_a_second_try_cannot_change_says_so() {
        let id = RequestId::of(crate::clock::Timestamp::default(), 1, 2);
        let answer = Refusal::ModelNotAllowed.answer(Envelope::OpenAi, id);
        assert_eq!(answer.headers()["x-should-retry"], "false");
        assert!(!answer.headers().contains_key(header::RETRY_AFTER));
        let reset = Duration::from_millis(1_200);
        let limited = Refusal::RateLimited {
            scope: Scope::Token,
            rule: Rule::calls("1/s".parse().unwrap()),
            reset,
        };
        let answer = limited.answer(Envelope::OpenAi, id);
        assert_eq!(answer.headers()[header::RETRY_AFTER], "2");
        assert!(!answer.headers().contains_key("x-should-retry"));
        // A budget begins anew hours later: the client is told when, and its SDK gives up.
        let exhausted = Refusal::BudgetExhausted {
            scope: Scope::AddOn,
            budget: "20 USD/month".parse().unwrap(),
            reset: Duration::from_secs(90_000),
        };
        let answer = exhausted.answer(Envelope::OpenAi, id);
        assert_eq!(answer.headers()[header::RETRY_AFTER], "90000");
        assert_eq!(answer.headers()["x-should-retry"], "false");
    }

    #[test]
    fn a_wrong_token_has_the_status_that_each_sdk_knows() {
        let id = RequestId::of(crate::clock::Timestamp::default(), 1, 2);
        for (envelope, status) in [(Envelope::OpenAi, 401), (Envelope::DeepL, 403)] {
            let answer = Refusal::Unauthenticated.answer(envelope, id);
            assert_eq!(answer.status().as_u16(), status, "{envelope:?}");
        }
    }
}
