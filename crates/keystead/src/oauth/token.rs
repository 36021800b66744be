//! `POST /oauth/token`: an access token for one user of one application, by whatever grant.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};

use super::{
    OAuth, Refusal, client_credentials, code, cors::Page, exchange, form::Form, minted::Minted,
    refresh, request::TokenRequest,
};

/// Every grant that there is, by its name.
pub(super) const GRANT_TYPES: [&str; 4] = [
    "authorization_code",
    "refresh_token",
    "client_credentials",
    EXCHANGE,
];
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

pub(super) async fn issue(State(oauth): State<OAuth>, form: Result<Form, Refusal>) -> Response {
    let (outcome, page) = match form {
        Ok(form) => match Page::of(&oauth, &form).await {
            Ok(page) => (mint(&oauth, &form).await, page),
            Err(refusal) => (Err(refusal), None),
        },
        Err(refusal) => (Err(refusal), None),
    };
    let mut response = match outcome {
        Ok(minted) => {
            oauth.0.metrics.token_request("issued");
            minted.answer()
        }
        Err(refusal) => {
            oauth.0.metrics.token_request(refusal.code());
            oauth.store().count_refused(None, refusal.code());
            refusal.into_response()
        }
    };
    if let Some(page) = page {
        page.allow(response.headers_mut());
    }
    response
}

async fn mint(oauth: &OAuth, form: &Form) -> Result<Minted, Refusal> {
    let grant = form.get("grant_type");
    let grant = grant.ok_or(Refusal::InvalidRequest("`grant_type` is missing"))?;
    let request = TokenRequest::read(oauth, form).await?;
    match grant {
        "authorization_code" => code::issue(&request).await,
        "refresh_token" => refresh::issue(&request).await,
        "client_credentials" => client_credentials::issue(&request).await,
        EXCHANGE => exchange::issue(&request).await,
        _ => Err(Refusal::UnsupportedGrantType),
    }
}
