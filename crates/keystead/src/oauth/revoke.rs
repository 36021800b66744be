//! `POST /oauth/revoke` (RFC 7009): ends a token of the client that asks; a refresh token with all that
//! came of it.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use keystead_vault::{TokenKind, token_hash};

use super::{OAuth, Refusal, client::Client, form::Form, refusal::no_store};
use crate::audit::Actor;

/// Unknown, ended, someone else's and malformed tokens answer like one that was ended: whoever
/// asks must not learn which tokens there are.
pub(super) async fn revoke(
    State(oauth): State<OAuth>,
    form: Result<Form, Refusal>,
) -> Result<Response, Refusal> {
    let form = form?;
    let application = Client::of(&oauth, &form).await?.application;
    let token = form
        .get("token")
        .ok_or(Refusal::InvalidRequest("`token` is missing"))?;
    let (store, actor) = (oauth.store(), Actor::Application(application.id));
    match token_hash(token) {
        Some((TokenKind::Access, hash)) => {
            store
                .revoke_token(actor, application.organization, application.id, &hash)
                .await?;
        }
        Some((TokenKind::Refresh, hash)) => {
            let found = store.refresh_token(&hash).await?;
            let own = found.filter(|(token, ..)| token.application == application.id);
            if let Some((_, family, _)) = own {
                store
                    .revoke_family(actor, application.organization, family.id, "revoked")
                    .await?;
            }
        }
        _ => {}
    }
    Ok(no_store(StatusCode::OK.into_response()))
}
