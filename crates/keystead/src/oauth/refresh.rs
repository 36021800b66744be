//! `refresh_token`: each is used once and gives the next one; one that comes again ends its family.

use keystead_vault::{Token, TokenKind, token_hash};

use super::{
    Refusal,
    minted::{DEFAULT_LIFE, Minted, REFRESH_LASTS},
    request::TokenRequest,
    scope,
};
use crate::{
    alerts::{AlertKind, Finding},
    audit::Actor,
    store::{Family, Grant, RefreshToken, is_within},
};

pub(super) async fn issue(request: &TokenRequest<'_>) -> Result<Minted, Refusal> {
    let text = request.form.get("refresh_token");
    let text = text.ok_or(Refusal::InvalidRequest("`refresh_token` is missing"))?;
    let (token, family, grant) = find(request, text).await?;
    if family.key.is_some() && family.key != request.key() {
        return Err(Refusal::InvalidProof(
            "the refresh token is bound to another key",
        ));
    }
    let scope = match request.form.get("scope") {
        None => family.scope.clone(),
        text => scope::named(text)?,
    };
    if !is_within(&scope, &family.scope) {
        return Err(Refusal::InvalidScope);
    }

    request.spend_proof().await?;
    let next = Token::generate(TokenKind::Refresh);
    let life = Minted::at_most(DEFAULT_LIFE, request.now(), family.expires_at);
    let (minted, row) = Minted::access(request, grant.subject, scope, life);
    let lasts_until = request.now() + REFRESH_LASTS;
    let rotated = request
        .store()
        .rotate_refresh_token((&token, &family), next.lookup(), lasts_until, row)
        .await?;
    if !rotated {
        used_again(request, &family).await?;
        return Err(Refusal::InvalidGrant);
    }
    Ok(Minted {
        refresh: Some(next),
        ..minted
    })
}

/// The token with what it rests on, if it is this client's and all of it is in force.
async fn find(
    request: &TokenRequest<'_>,
    text: &str,
) -> Result<(RefreshToken, Family, Grant), Refusal> {
    let Some((TokenKind::Refresh, hash)) = token_hash(text) else {
        return Err(Refusal::InvalidGrant);
    };
    let (store, now) = (request.store(), request.now());
    let found = store.refresh_token(&hash).await?;
    let found = found.filter(|(token, ..)| token.application == request.client.application.id);
    let (token, family, grant) = found.ok_or(Refusal::InvalidGrant)?;
    if token.used {
        used_again(request, &family).await?;
        return Err(Refusal::InvalidGrant);
    }
    let is_in_force = now < token.expires_at
        && now < family.expires_at
        && !family.revoked
        && grant.covers(&family.scope);
    match is_in_force && request.is_of_a_live_account(&grant).await? {
        true => Ok((token, family, grant)),
        false => Err(Refusal::InvalidGrant),
    }
}

/// Two have the token, and nothing tells which of them is a thief.
async fn used_again(request: &TokenRequest<'_>, family: &Family) -> Result<(), Refusal> {
    if family.revoked {
        return Ok(());
    }
    let store = request.store();
    store.raise(
        Finding::new(
            AlertKind::RefreshTokenUsedTwice,
            "oauth",
            &family.application,
        )
        .within(family.organization),
    );
    let reason = "refresh_token_used_twice";
    store
        .revoke_family(Actor::Keystead, family.organization, family.id, reason)
        .await?;
    Ok(())
}
