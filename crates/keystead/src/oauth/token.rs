//! `POST /oauth/token`: an access token for one end user of one application.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use keystead_vault::{Token, TokenKind};
use serde_json::json;

use super::{OAuth, Refusal, client::authenticate, form::Form, refusal::no_store};
use crate::{
    ids::Handle,
    store::{Application, NewToken, Page},
};

pub(super) async fn issue(State(oauth): State<OAuth>, form: Result<Form, Refusal>) -> Response {
    let outcome = match form {
        Ok(form) => mint(&oauth, &form).await,
        Err(refusal) => Err(refusal),
    };
    match outcome {
        Ok(response) => {
            oauth.0.metrics.token_request("issued");
            response
        }
        Err(refusal) => {
            oauth.0.metrics.token_request(refusal.code());
            refusal.into_response()
        }
    }
}

async fn mint(oauth: &OAuth, form: &Form) -> Result<Response, Refusal> {
    let grant = form.get("grant_type");
    let grant = grant.ok_or(Refusal::InvalidRequest("`grant_type` is missing"))?;
    let (application, secret) = authenticate(oauth, form).await?;
    if grant != "client_credentials" {
        return Err(Refusal::UnsupportedGrantType);
    }
    let uid = form
        .get("uid")
        .filter(|uid| is_uid(uid))
        .ok_or(Refusal::InvalidUid)?;
    let life_s = match form.get("expires_in") {
        None => DEFAULT_LIFE_S,
        Some(text) => text
            .parse()
            .ok()
            .filter(|life| (1..=LONGEST_LIFE_S).contains(life))
            .ok_or(Refusal::InvalidLife)?,
    };
    let scope = scope(oauth, &application, form.get("scope")).await?;

    let subject = oauth
        .0
        .custody
        .subject(&application, "host", "", uid)
        .await?;
    let token = Token::generate(TokenKind::Access);
    let life = Duration::from_secs(life_s);
    let new = NewToken {
        organization: application.organization,
        application: application.id,
        hash: token.lookup(),
        secret: Some(secret.id),
        subject,
        scope: scope.clone(),
        expires_at: oauth.store().clock().now() + life,
    };
    oauth.store().mint_token(new).await?;
    let body = json!({
        "access_token": token.expose(),
        "token_type": "Bearer",
        "expires_in": life_s,
        "scope": written(&scope),
    });
    Ok(no_store(Json(body)))
}

/// The AddOns that a scope names; none stands for all.
async fn scope(
    oauth: &OAuth,
    application: &Application,
    text: Option<&str>,
) -> Result<Vec<Handle>, Refusal> {
    let mut wanted: Vec<Handle> = Vec::new();
    let mut all = false;
    for word in text
        .unwrap_or_default()
        .split(' ')
        .filter(|word| !word.is_empty())
    {
        let handle = word.strip_prefix("addon:").ok_or(Refusal::InvalidScope)?;
        if handle == "*" {
            all = true;
            continue;
        }
        let handle: Handle = handle.parse().map_err(|_| Refusal::InvalidScope)?;
        if !wanted.contains(&handle) {
            wanted.push(handle);
        }
    }
    if wanted.len() > MOST_ADDONS || (all && !wanted.is_empty()) {
        return Err(Refusal::InvalidScope);
    }
    if wanted.is_empty() {
        return Ok(wanted);
    }
    let mut missing: Vec<&Handle> = wanted.iter().collect();
    let mut page = Page::first(200);
    loop {
        let (tenant, store) = (application.organization, oauth.store());
        let listed = store.addons(tenant, Some(application.id), &page).await?;
        missing.retain(|handle| !listed.rows.iter().any(|addon| addon.handle == **handle));
        page.after = listed.next();
        if missing.is_empty() {
            return Ok(wanted);
        }
        if page.after.is_none() {
            return Err(Refusal::InvalidScope);
        }
    }
}

/// A scope as RFC 6749 writes it.
fn written(scope: &[Handle]) -> String {
    if scope.is_empty() {
        return "addon:*".to_owned();
    }
    scope
        .iter()
        .map(|handle| format!("addon:{handle}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// What the host calls its user. It must not be personal data; that, only the host can see to.
fn is_uid(text: &str) -> bool {
    (1..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

const DEFAULT_LIFE_S: u64 = 600;
const LONGEST_LIFE_S: u64 = 3_600;
const MOST_ADDONS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_any_short_plain_text() {
        for (uid, fine) in [
            ("7f3a", true),
            ("ünï code", true),
            (&*"é".repeat(128), true),
            (&*"a".repeat(129), false),
            ("", false),
            ("a\nb", false),
            ("a\u{85}b", false),
        ] {
            assert_eq!(is_uid(uid), fine, "{uid:?}");
        }
    }

    #[test]
    fn no_scope_is_written_as_all() {
        assert_eq!(written(&[]), "addon:*");
        let handles = ["chat", "alt-text"].map(|handle| handle.parse().unwrap());
        assert_eq!(written(&handles), "addon:chat addon:alt-text");
    }
}
