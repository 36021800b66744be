//! The token endpoint and its neighbours, for host applications' backends.
//!
//! | path | what |
//! |---|---|
//! | `POST /oauth/token` | `client_credentials` with a `uid`: an access token for one end user |
//! | `POST /oauth/revoke` | RFC 7009 |
//! | `GET /.well-known/oauth-authorization-server` | RFC 8414: what there is, and only that |
//!
//! Cookies are not looked at. Nothing here answers a browser of another origin: there is no CORS,
//! since a client that can keep a secret is no web page.

mod client;
mod form;
mod metadata;
pub mod refusal;
mod revoke;
mod token;

use std::{fmt, sync::Arc};

use axum::{
    Router,
    routing::{get, post},
};

pub use self::refusal::Refusal;
use crate::{config::BaseUrl, custody::Custody, management::Metrics, store::Store};

/// What the endpoints work with. Clones share it.
#[derive(Clone)]
pub struct OAuth(Arc<Inner>);

struct Inner {
    custody: Custody,
    metrics: Metrics,
    issuer: BaseUrl,
}

impl OAuth {
    /// The endpoints of one process; `issuer` is its public address.
    pub fn new(custody: Custody, issuer: BaseUrl, metrics: Metrics) -> Self {
        Self(Arc::new(Inner {
            custody,
            metrics,
            issuer,
        }))
    }

    fn store(&self) -> &Store {
        self.0.custody.store()
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OAuth(..)")
    }
}

/// The routes, from the root.
pub fn router(oauth: OAuth) -> Router {
    Router::new()
        .route(
            "/oauth/token",
            post(token::issue).fallback(refusal::method_not_allowed),
        )
        .route(
            "/oauth/revoke",
            post(revoke::revoke).fallback(refusal::method_not_allowed),
        )
        .route(
            "/.well-known/oauth-authorization-server",
            get(metadata::show).fallback(refusal::method_not_allowed),
        )
        .with_state(oauth)
}

#[cfg(test)]
mod tests;
