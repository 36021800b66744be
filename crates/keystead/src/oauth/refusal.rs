//! Every way the OAuth endpoints say no (RFC 6749 5.2), and the one place where that becomes HTTP.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::{custody::CustodyError, reference::Entry, store::StoreError};

/// A no of the OAuth endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request's form is wrong.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// No client authentication, an unknown client, a wrong or revoked secret, a disabled
    /// application: all alike.
    #[error("the client id and the client secret do not belong together, or one is not in use")]
    InvalidClient,
    /// The grant is not one that this server has.
    #[error("this server has no such grant; its discovery document lists those it has")]
    UnsupportedGrantType,
    /// The grant is not for this client.
    #[error("this client may not use this grant")]
    UnauthorizedClient,
    /// A code or a refresh token that is unknown, used, over, withdrawn or another client's, or a code
    /// with another verifier or redirect address: all alike.
    #[error("the code or token is unknown, used, over or taken back, or not for this request")]
    InvalidGrant,
    /// The host's token is of another issuer or audience, over, or not signed by a key of the issuer's.
    #[error("the subject token does not count here")]
    InvalidSubjectToken,
    /// The token is asked for something else than this application and server.
    #[error("tokens are for this application at this server alone")]
    InvalidTarget,
    /// The application's issuer can't be asked for its keys.
    #[error("the application's issuer does not answer; try again")]
    IssuerAway,
    /// A proof of possession that is missing where one is asked for, or does not hold.
    #[error("{0}")]
    InvalidProof(&'static str),
    /// A page of an origin that the public client does not list.
    #[error("this application does not list the origin of the calling page")]
    OriginNotAllowed,
    /// A client address outside the application's ranges.
    #[error("this application does not allow requests from the client's address")]
    AddressNotAllowed,
    /// An access token that is missing, unknown, over, revoked or for something else: all alike.
    #[error("the access token is missing, unknown, expired or revoked, or not for this")]
    InvalidToken,
    /// The handle names no AddOn that wants its users' own keys.
    #[error("`handle` must be that of an AddOn that uses its users' own keys")]
    InvalidHandle,
    /// The browser is to be led to an address that the application has not registered.
    #[error("`return_to` must be an address that the application has registered, to the letter")]
    InvalidReturnTo,
    /// The scope names what the application does not have.
    #[error("a scope is `addon:HANDLE` of an AddOn that the application has, or `addon:*`")]
    InvalidScope,
    /// The end user's name is missing or can't be one.
    #[error("`uid` must have 1 to 128 characters, none of them a control character")]
    InvalidUid,
    /// The life is out of bounds.
    #[error("`expires_in` must be a whole number from 1 to 3600")]
    InvalidLife,
    /// Only POST is answered.
    #[error("this path does not answer to this method")]
    MethodNotAllowed,
    /// The store is away.
    #[error("tokens can't be issued now; try again")]
    Unavailable,
    /// A stored object failed its integrity check.
    #[error("tokens can't be issued now; an alert was raised")]
    IntegrityFailed,
}

impl Refusal {
    /// RFC 6749's word, or ours where it has none.
    pub fn code(self) -> &'static str {
        match self {
            // RFC 8693, part 2.2.2, has no word of its own for a subject token.
            Self::InvalidRequest(_)
            | Self::InvalidUid
            | Self::InvalidLife
            | Self::InvalidHandle
            | Self::InvalidReturnTo
            | Self::InvalidSubjectToken => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidClient => "invalid_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnauthorizedClient | Self::OriginNotAllowed | Self::AddressNotAllowed => {
                "unauthorized_client"
            }
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidProof(_) => "invalid_dpop_proof",
            Self::InvalidScope => "invalid_scope",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Unavailable | Self::IssuerAway => "temporarily_unavailable",
            Self::IntegrityFailed => "server_error",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest(_)
            | Self::InvalidUid
            | Self::InvalidLife
            | Self::InvalidHandle
            | Self::InvalidReturnTo
            | Self::UnsupportedGrantType
            | Self::UnauthorizedClient
            | Self::InvalidGrant
            | Self::InvalidSubjectToken
            | Self::InvalidTarget
            | Self::InvalidProof(_)
            | Self::InvalidScope => StatusCode::BAD_REQUEST,
            Self::OriginNotAllowed | Self::AddressNotAllowed => StatusCode::FORBIDDEN,
            Self::InvalidClient | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unavailable | Self::IssuerAway | Self::IntegrityFailed => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code(), "error_description": self.to_string() });
        let mut response = (self.status(), no_store(Json(body))).into_response();
        let headers = response.headers_mut();
        match self {
            Self::InvalidClient => {
                let basic = HeaderValue::from_static("Basic realm=\"keystead\"");
                headers.insert(header::WWW_AUTHENTICATE, basic);
            }
            Self::InvalidToken => {
                let bearer = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                headers.insert(header::WWW_AUTHENTICATE, bearer);
            }
            Self::Unavailable | Self::IssuerAway => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

/// RFC 6749 5.1: what holds tokens is kept by nobody on the way.
pub(crate) fn no_store(inner: impl IntoResponse) -> Response {
    let mut response = inner.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

pub(crate) async fn method_not_allowed() -> Refusal {
    Refusal::MethodNotAllowed
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Tampered { .. } => Self::IntegrityFailed,
            error => {
                log_cause(&error);
                Self::Unavailable
            }
        }
    }
}

impl From<CustodyError> for Refusal {
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

fn log_cause(error: &dyn std::error::Error) {
    let reason = error.source().map(ToString::to_string);
    tracing::error!(error = %error, reason, "An OAuth endpoint could not answer");
}

/// Every code with its status and meaning, for docs/reference/errors.md.
pub fn reference() -> Vec<Entry> {
    let all = [
        Refusal::InvalidRequest("the request's form is wrong; the text says how"),
        Refusal::InvalidUid,
        Refusal::InvalidLife,
        Refusal::InvalidClient,
        Refusal::UnsupportedGrantType,
        Refusal::UnauthorizedClient,
        Refusal::OriginNotAllowed,
        Refusal::AddressNotAllowed,
        Refusal::InvalidGrant,
        Refusal::InvalidSubjectToken,
        Refusal::InvalidTarget,
        Refusal::IssuerAway,
        Refusal::InvalidProof("a DPoP proof is missing or does not hold; the text says why"),
        Refusal::InvalidScope,
        Refusal::InvalidToken,
        Refusal::InvalidHandle,
        Refusal::InvalidReturnTo,
        Refusal::MethodNotAllowed,
        Refusal::Unavailable,
        Refusal::IntegrityFailed,
    ];
    let entry = |refusal: Refusal| Entry {
        code: refusal.code(),
        status: refusal.status().as_u16(),
        meaning: refusal.to_string(),
    };
    all.into_iter().map(entry).collect()
}
