//! Every way management says no.
//!
//! The caller sees a stable `code` and a sentence that helps; the cause goes to the log, once,
//! here. No text repeats what the caller sent beyond the names of its own fields.

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::permission::Action;
use crate::{custody::CustodyError, reference::Entry, root::RootKeyError, store::StoreError};

/// A no.
#[derive(Debug)]
pub enum Problem {
    /// No API token, or one that is unknown, expired or revoked.
    Unauthenticated,
    /// The account's role, or the token's scopes, do not include this.
    Forbidden(Action),
    /// It takes someone who proved within the last minutes who they are.
    StepUpNeeded(Action),
    /// The caller's address is outside `console.allow`.
    AddressNotAllowed,
    /// No object of this id in the caller's organization.
    NotFound(&'static str),
    /// No route of this path.
    NoSuchRoute,
    /// The route exists, the method does not.
    MethodNotAllowed,
    /// The body is no JSON object of the documented shape; the text says where.
    Malformed(String),
    /// The body is not declared as JSON.
    NotJson,
    /// The body is longer than any that makes sense.
    TooLarge,
    /// Fields whose values can't be used.
    Invalid(Vec<FieldError>),
    /// A cursor that no list gave out.
    InvalidCursor,
    /// The object as it is now does not allow it.
    Conflict {
        /// The store's stable word.
        code: &'static str,
        /// What is in the way.
        reason: String,
    },
    /// The idempotency key was used for another request.
    IdempotencyKeyReused,
    /// The request of this idempotency key runs, or never told how it ended.
    IdempotencyInFlight,
    /// The request of this idempotency key was done, and its answer held a secret.
    IdempotentSecretShown,
    /// The provider does not take the key, so it was not stored.
    KeyRefused {
        /// What the provider meant.
        reason: &'static str,
    },
    /// The key needs another destination than the stored one.
    DestinationDiffers,
    /// The store or the root key is away.
    Unavailable,
    /// The tombstone of an erasure could not be kept, so nothing was erased.
    TombstoneNotKept,
    /// A stored object failed its integrity check; an alert was raised.
    IntegrityFailed,
    /// A mistake of ours.
    Internal,
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, Serialize, PartialEq, Eq, ToSchema)]
pub struct FieldError {
    /// JSON pointer to the field, as a fragment: `#/handle`.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

impl FieldError {
    /// An error about the top-level field `name`.
    pub fn new(name: &str, detail: impl Into<String>) -> Self {
        Self {
            pointer: format!("#/{name}"),
            detail: detail.into(),
        }
    }
}

impl Problem {
    /// The problem of a single field.
    pub fn field(name: &str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(name, detail)])
    }

    /// The stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden(_) => "forbidden",
            Self::StepUpNeeded(_) => "step_up_needed",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::NotFound(_) => "not_found",
            Self::NoSuchRoute => "no_such_route",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Malformed(_) => "malformed",
            Self::NotJson => "not_json",
            Self::TooLarge => "too_large",
            Self::Invalid(_) => "invalid",
            Self::InvalidCursor => "invalid_cursor",
            Self::Conflict { code, .. } => code,
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::IdempotencyInFlight => "idempotency_in_flight",
            Self::IdempotentSecretShown => "idempotent_secret_shown",
            Self::KeyRefused { .. } => "key_refused",
            Self::DestinationDiffers => "destination_differs",
            Self::Unavailable => "unavailable",
            Self::TombstoneNotKept => "tombstone_not_kept",
            Self::IntegrityFailed => "integrity_failed",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status that goes with it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::StepUpNeeded(_) | Self::AddressNotAllowed => {
                StatusCode::FORBIDDEN
            }
            Self::NotFound(_) | Self::NoSuchRoute => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Malformed(_) | Self::InvalidCursor => StatusCode::BAD_REQUEST,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Invalid(_) | Self::IdempotencyKeyReused | Self::KeyRefused { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Conflict { .. }
            | Self::DestinationDiffers
            | Self::IdempotencyInFlight
            | Self::IdempotentSecretShown => StatusCode::CONFLICT,
            Self::Unavailable | Self::TombstoneNotKept | Self::IntegrityFailed => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A sentence that helps: lower case, no full stop.
    pub fn detail(&self) -> String {
        match self {
            Self::Unauthenticated => "the API token is missing, unknown, expired or revoked".into(),
            Self::Forbidden(action) => {
                format!("your role, or this API token, may not {}", action.words())
            }
            Self::StepUpNeeded(action) => {
                format!("prove once more who you are, to {}", action.words())
            }
            Self::AddressNotAllowed => "this server does not take management from here".into(),
            Self::NotFound(what) => format!("there is no such {what} in your organization"),
            Self::NoSuchRoute => "there is nothing at this path".into(),
            Self::MethodNotAllowed => "this path does not answer to this method".into(),
            Self::Malformed(reason) => reason.clone(),
            Self::NotJson => "send `content-type: application/json`".into(),
            Self::TooLarge => "the body is too large".into(),
            Self::Invalid(_) => "some fields can't be used".into(),
            Self::InvalidCursor => "the cursor is not one that this list gave out".into(),
            Self::Conflict { reason, .. } => reason.clone(),
            Self::IdempotencyKeyReused => {
                "this idempotency key was sent within the last day with another body, or before \
                 your role or scopes changed"
                    .into()
            }
            Self::IdempotencyInFlight => "a request with this idempotency key runs, or was cut \
                                          off before it could answer: see what is there, and \
                                          then use another key"
                .into(),
            Self::IdempotentSecretShown => "a request with this idempotency key was done; its \
                                            answer held a secret, which is shown once"
                .into(),
            Self::KeyRefused { reason } => format!("the key was not stored: {reason}"),
            Self::DestinationDiffers => "this key belongs to another address than the stored one; \
                                         add it as a key of its own"
                .into(),
            Self::Unavailable => "the Data Store is away; try again".into(),
            Self::TombstoneNotKept => {
                "what keeps that something was erased (`erasure.tombstones`) \
                                       can't be written, so nothing was erased"
                    .into()
            }
            Self::IntegrityFailed => "a stored object failed its integrity check; an alert was \
                                      raised"
                .into(),
            Self::Internal => "something went wrong on our side".into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { what, .. } => Self::NotFound(what),
            StoreError::Conflict { code, reason } => Self::Conflict { code, reason },
            StoreError::Tampered { .. } => Self::IntegrityFailed,
            error => {
                log_cause(&error);
                Self::Unavailable
            }
        }
    }
}

impl From<CustodyError> for Problem {
    fn from(error: CustodyError) -> Self {
        match error {
            CustodyError::Store(error) => error.into(),
            error => {
                log_cause(&error);
                Self::Unavailable
            }
        }
    }
}

impl From<RootKeyError> for Problem {
    fn from(error: RootKeyError) -> Self {
        log_cause(&error);
        Self::Unavailable
    }
}

fn log_cause(error: &dyn std::error::Error) {
    let reason = error.source().map(ToString::to_string);
    tracing::error!(error = %error, reason, "The management API could not answer");
}

/// Every code with its status and meaning, for docs/reference/errors.md.
pub fn reference() -> Vec<Entry> {
    let own = [
        Problem::Unauthenticated,
        Problem::Forbidden(Action::SeeKeys),
        Problem::StepUpNeeded(Action::ReplaceKeys),
        Problem::AddressNotAllowed,
        Problem::NotFound("object"),
        Problem::NoSuchRoute,
        Problem::MethodNotAllowed,
        Problem::Malformed("the body is no JSON object of the documented shape".into()),
        Problem::NotJson,
        Problem::TooLarge,
        Problem::Invalid(Vec::new()),
        Problem::InvalidCursor,
        Problem::KeyRefused {
            reason: "the provider does not know it",
        },
        Problem::DestinationDiffers,
        Problem::IdempotencyKeyReused,
        Problem::IdempotencyInFlight,
        Problem::IdempotentSecretShown,
        Problem::Unavailable,
        Problem::IntegrityFailed,
        Problem::Internal,
    ];
    let conflicts = CONFLICTS.iter().map(|(code, reason)| Problem::Conflict {
        code,
        reason: (*reason).to_owned(),
    });
    let entry = |problem: Problem| Entry {
        code: problem.code(),
        status: problem.status().as_u16(),
        meaning: problem.detail(),
    };
    own.into_iter().chain(conflicts).map(entry).collect()
}

/// The conflicts that the store knows.
const CONFLICTS: &[(&str, &str)] = &[
    (
        "changed_meanwhile",
        "someone else changed this member just now: look again",
    ),
    (
        "last_owner",
        "the organization needs an owner: make another member one first",
    ),
    ("member_already", "the account is a member already"),
    (
        "handle_taken",
        "the application has an AddOn of this handle already",
    ),
    (
        "key_of_other_application",
        "the key belongs to another application",
    ),
    (
        "not_a_main_application",
        "a development application belongs to one that is not one itself",
    ),
    (
        "public_client",
        "a public application can't keep a client secret",
    ),
    (
        "too_many_client_secrets",
        "two client secrets are live already: revoke one first",
    ),
];
