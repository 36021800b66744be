//! `POST /oauth/revoke` (RFC 7009): ends an access token of the client that asks.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use keystead_vault::{TokenKind, token_hash};

use super::{OAuth, Refusal, client::authenticate, form::Form, refusal::no_store};
use crate::audit::Actor;

/// Unknown, ended, someone else's and malformed tokens answer like one that was ended: whoever
/// asks must not learn which tokens there are.
pub(super) async fn revoke(
    State(oauth): State<OAuth>,
    form: Result<Form, Refusal>,
) -> Result<Response, Refusal> {
    let form = form?;
    let (application, _) = authenticate(&oauth, &form).await?;
    let token = form
        .get("token")
        .ok_or(Refusal::InvalidRequest("`token` is missing"))?;
    if let Some((TokenKind::Access, hash)) = token_hash(token) {
        let actor = Actor::Application(application.id);
        oauth
            .store()
            .revoke_token(actor, application.organization, application.id, &hash)
            .await?;
    }
    Ok(no_store(StatusCode::OK.into_response()))
}
