//! OAuth for applications: how what stands for a key comes into their hands.
//!
//! | path | what |
//! |---|---|
//! | `GET /oauth/authorize` | a person lets an application act for them: the page is the console's |
//! | `POST /oauth/token` | an access token, by one of the grants below |
//! | `POST /oauth/revoke` | RFC 7009 |
//! | `GET /.well-known/oauth-authorization-server` | RFC 8414: what there is, and only that |
//!
//! | file | what it answers |
//! |---|---|
//! | `authorize`, `consent` | what an application asks of a person; what comes of a yes |
//! | `client`, `request` | who asks for a token, with which key in hand |
//! | `client_credentials`, `code`, `refresh`, `exchange` | the grants |
//! | `host_tokens` | whose a token of an application's own identity provider is |
//! | `host` | who asks at other endpoints that a host's backend has |
//! | `scope`, `minted` | for which AddOns; the answer that shows tokens |
//! | `cors` | which pages may ask: those of public applications |
//!
//! Cookies are looked at by the page alone.

mod authorize;
mod client;
mod client_credentials;
mod code;
mod consent;
mod cors;
mod exchange;
mod form;
mod host;
mod host_tokens;
mod metadata;
mod minted;
mod refresh;
pub mod refusal;
mod request;
mod revoke;
mod scope;
mod token;

use std::{fmt, sync::Arc};

use axum::{
    Router,
    routing::{get, post},
};

pub(crate) use self::host::HostRequest;
pub use self::{
    authorize::{Asked, NotAsked, Prompt, ReturnAddress},
    refusal::Refusal,
};
use crate::{
    config::{BaseUrl, Config},
    custody::Custody,
    management::Metrics,
    net::Connector,
    store::Store,
};

use self::host_tokens::HostTokens;

/// What the endpoints work with. Clones share it.
#[derive(Clone)]
pub struct OAuth(Arc<Inner>);

struct Inner {
    custody: Custody,
    metrics: Metrics,
    issuer: BaseUrl,
    /// The host names that are this server's.
    hosts: Vec<String>,
    /// Where people are signed in.
    console: BaseUrl,
    host_tokens: HostTokens,
}

impl OAuth {
    /// The endpoints of one process; applications' issuers are asked through `connector`.
    pub fn new(config: &Config, custody: Custody, metrics: Metrics, connector: Connector) -> Self {
        Self(Arc::new(Inner {
            custody,
            metrics,
            issuer: config.server.public_url.clone(),
            hosts: config.server.known_hosts(),
            console: config.server.console_url.clone(),
            host_tokens: HostTokens::new(connector),
        }))
    }

    /// The host that clients find it at.
    pub fn host(&self) -> String {
        self.0.issuer.host()
    }

    /// Where clients find it.
    pub(crate) fn public_url(&self) -> String {
        self.0.issuer.to_string()
    }

    /// Further host names that are this server's.
    pub(crate) fn hosts(&self) -> &[String] {
        &self.0.hosts
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
            request::PATH,
            post(token::issue)
                .options(cors::preflight)
                .fallback(refusal::method_not_allowed),
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
