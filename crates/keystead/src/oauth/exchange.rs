//! Token exchange (RFC 8693): what the application's own identity provider says of its user, for a token
//! of ours.
//!
//! What is believed is a setting of the application: one issuer, one audience, and its keys. Nobody but
//! this application's users has a token that says so.

use super::{Refusal, form::Form, minted::Minted, request::TokenRequest, scope};
use crate::store::{Application, TrustedIssuer};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// What a subject token may call itself: each is a JWT of the issuer's.
const SUBJECT_TOKENS: [&str; 3] = [
    ACCESS_TOKEN,
    "urn:ietf:params:oauth:token-type:id_token",
    "urn:ietf:params:oauth:token-type:jwt",
];

pub(super) async fn issue(request: &TokenRequest<'_>) -> Result<Minted, Refusal> {
    let (form, application) = (request.form, &request.client.application);
    let (issuer, token) = shown(form, application)?;
    if form.get("actor_token").is_some() {
        return Err(Refusal::InvalidRequest(
            "nobody acts for somebody else here",
        ));
    }
    if form.get("requested_token_type").unwrap_or(ACCESS_TOKEN) != ACCESS_TOKEN {
        return Err(Refusal::InvalidRequest("access tokens are what there is"));
    }
    check_target(request)?;
    let life = request.life()?;
    let scope = scope::read(request.oauth, application, form.get("scope")).await?;

    let said =
        request
            .oauth
            .0
            .host_tokens
            .check(&request.oauth.0.custody, application, issuer, token);
    let said = said.await?;
    let life = Minted::at_most(life, request.now(), said.ends_at);
    if life.is_zero() {
        return Err(Refusal::InvalidSubjectToken);
    }
    request.spend_proof().await?;
    let (minted, row) = Minted::access(request, said.subject, scope, life);
    request.store().mint_token(row).await?;
    Ok(Minted {
        is_exchanged: true,
        ..minted
    })
}

/// The token that says who a user is, and whose word it must be.
pub(super) fn shown<'a>(
    form: &'a Form,
    application: &'a Application,
) -> Result<(&'a TrustedIssuer, &'a str), Refusal> {
    let issuer = application.issuer.as_ref();
    let issuer = issuer.ok_or(Refusal::UnauthorizedClient)?;
    let token = form.get("subject_token");
    let token = token.ok_or(Refusal::InvalidRequest("`subject_token` is missing"))?;
    let kind = form.get("subject_token_type");
    let kind = kind.ok_or(Refusal::InvalidRequest("`subject_token_type` is missing"))?;
    if !SUBJECT_TOKENS.contains(&kind) {
        return Err(Refusal::InvalidRequest(
            "`subject_token_type` is not one that is taken",
        ));
    }
    Ok((issuer, token))
}

/// What the token is to be used at, if the client says: this server, and this application there.
fn check_target(request: &TokenRequest<'_>) -> Result<(), Refusal> {
    let issuer = request.oauth.0.issuer.to_string();
    let client_id = request.client.application.client_id.to_string();
    let is_ours = |name: &str, own: &dyn Fn(&str) -> bool| request.form.get(name).is_none_or(own);
    let audience = |text: &str| text == client_id || text == issuer;
    let resource = |text: &str| {
        let rest = text.strip_prefix(&issuer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match is_ours("audience", &audience) && is_ours("resource", &resource) {
        true => Ok(()),
        false => Err(Refusal::InvalidTarget),
    }
}
