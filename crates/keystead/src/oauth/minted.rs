//! What a grant comes to: tokens, and the answer that shows them.

use std::time::Duration;

use axum::{Json, response::Response};
use keystead_vault::{Token, TokenKind};
use serde_json::json;

use super::{refusal::no_store, request::TokenRequest, scope};
use crate::{clock::Timestamp, ids::Handle, store::NewToken};

/// How long an access token lives if nobody asks for less or more.
pub(super) const DEFAULT_LIFE: Duration = Duration::from_secs(600);
/// How long what a person granted goes on without asking them again, however often it is renewed.
pub(super) const FAMILY_LASTS: Duration = Duration::from_secs(90 * 24 * 3_600);
/// How long a refresh token may lie unused.
pub(super) const REFRESH_LASTS: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Tokens that were minted, for the one answer that shows them.
pub(super) struct Minted {
    pub(super) access: Token,
    pub(super) refresh: Option<Token>,
    pub(super) life: Duration,
    pub(super) scope: Vec<Handle>,
    pub(super) is_bound: bool,
    /// Whether it came in exchange for another token.
    pub(super) is_exchanged: bool,
}

impl Minted {
    /// A fresh access token that lives for `life`, and the row that keeps it once it says whose it is.
    pub(super) fn access(
        request: &TokenRequest<'_>,
        subject: keystead_vault::SubjectHash,
        scope: Vec<Handle>,
        life: Duration,
    ) -> (Self, NewToken) {
        let access = Token::generate(TokenKind::Access);
        let application = &request.client.application;
        let row = NewToken {
            organization: application.organization,
            application: application.id,
            hash: access.lookup(),
            secret: request.client.secret.as_ref().map(|secret| secret.id),
            family: None,
            subject,
            scope: scope.clone(),
            expires_at: request.now() + life,
            key: request.key(),
            is_console: false,
        };
        let minted = Self {
            access,
            refresh: None,
            life,
            scope,
            is_bound: row.key.is_some(),
            is_exchanged: false,
        };
        (minted, row)
    }

    /// What is left of `life` until `end`, in whole seconds.
    pub(super) fn at_most(life: Duration, now: Timestamp, end: Timestamp) -> Duration {
        let left = Duration::from_secs(end.since(now).as_secs());
        life.min(left)
    }

    pub(super) fn answer(&self) -> Response {
        let mut body = json!({
            "access_token": self.access.expose(),
            "token_type": if self.is_bound { "DPoP" } else { "Bearer" },
            "expires_in": self.life.as_secs(),
            "scope": scope::written(&self.scope),
        });
        if let Some(refresh) = &self.refresh {
            body["refresh_token"] = refresh.expose().into();
        }
        if self.is_exchanged {
            body["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token".into();
        }
        no_store(Json(body))
    }
}
