//! The one place where a no of management becomes HTTP (RFC 9457).

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::manage::{Problem, problem::FieldError};

/// Why something was refused, as `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// `urn:keystead:error:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// What the status means.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// A stable word.
    code: &'static str,
    /// A sentence that helps.
    detail: String,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    errors: Option<Vec<FieldError>>,
}

/// The code of an answer, for the counters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code(pub(super) &'static str);

/// An object that was just made.
#[derive(Debug)]
pub(super) struct Made<T> {
    /// What is told of it.
    pub(super) view: T,
    /// Whether that holds a secret, which is shown this once.
    pub(super) holds_secret: bool,
}

/// The mark of an answer that nobody is to keep, for the most part since it holds a secret of ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeptByNobody;

impl<T: Serialize> IntoResponse for Made<T> {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::CREATED, Json(self.view)).into_response();
        if self.holds_secret {
            response.extensions_mut().insert(KeptByNobody);
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code) = (self.status(), self.code());
        let mut body = ProblemBody {
            kind: format!("urn:keystead:error:{code}"),
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            code,
            detail: self.detail(),
            errors: None,
        };
        let (is_unauthenticated, is_away) = (
            matches!(self, Self::Unauthenticated),
            matches!(self, Self::Unavailable),
        );
        if let Self::Invalid(errors) = self {
            body.errors = Some(errors);
        }
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, problem);
        // Also where there is no route, and so nothing around it that does this.
        super::keep_private(headers);
        if is_unauthenticated {
            let bearer = HeaderValue::from_static("Bearer realm=\"keystead\"");
            headers.insert(header::WWW_AUTHENTICATE, bearer);
        }
        if is_away {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(Code(code));
        response
    }
}
