//! Which pages may ask for tokens: those of the origins that a public application lists.
//!
//! A client that can keep a secret is no web page, so to pages of others nothing is said.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{OAuth, Refusal, form::Form};

/// A page that may read the answer.
pub(super) struct Page(HeaderValue);

impl Page {
    /// The page that sent a form, if one did and the client is a public one.
    ///
    /// # Errors
    ///
    /// [`Refusal::OriginNotAllowed`] when the client does not list it.
    pub(super) async fn of(oauth: &OAuth, form: &Form) -> Result<Option<Self>, Refusal> {
        let Some(origin) = form.headers.get(header::ORIGIN) else {
            return Ok(None);
        };
        let client_id = form.get("client_id").and_then(|id| id.parse().ok());
        let Some(client_id) = client_id else {
            return Ok(None);
        };
        let found = oauth.store().application_by_client_id(&client_id).await?;
        let Some(application) = found.filter(|application| application.public) else {
            return Ok(None);
        };
        match text(origin) {
            Some(text) if application.origins.iter().any(|known| known == text) => {
                Ok(Some(Self(origin.clone())))
            }
            _ => Err(Refusal::OriginNotAllowed),
        }
    }

    /// Lets it.
    pub(super) fn allow(&self, headers: &mut HeaderMap) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, self.0.clone());
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

/// Carries no form, so it is answered for every origin of every public application.
pub(super) async fn preflight(
    State(oauth): State<OAuth>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let origin = headers
        .get(header::ORIGIN)
        .ok_or(Refusal::MethodNotAllowed)?;
    let text = text(origin).ok_or(Refusal::OriginNotAllowed)?;
    if !oauth.store().is_origin_of_public_application(text).await? {
        return Err(Refusal::OriginNotAllowed);
    }
    let mut answer = StatusCode::NO_CONTENT.into_response();
    let headers = answer.headers_mut();
    Page(origin.clone()).allow(headers);
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type, dpop"),
        // Short: an origin that was taken off a list is refused by the form itself in any case.
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(answer)
}

/// `null` is nobody: every sandboxed frame says it.
fn text(origin: &HeaderValue) -> Option<&str> {
    let text = origin.to_str().ok()?;
    (text != "null" && text.len() <= 255).then_some(text)
}
