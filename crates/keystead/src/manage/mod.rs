//! The management REST API, `/api/v1`.
//!
//! | path | methods |
//! |---|---|
//! | `applications`, `applications/{id}`, `…/disable`, `…/enable` | GET POST, GET PATCH, POST |
//! | `applications/{id}/client-secrets`, `…/{secret}` | GET POST, DELETE |
//! | `keys`, `keys/{id}`, `…/check`, `…/rotate`, `…/disable`, `…/enable` | GET POST, GET PATCH DELETE, POST |
//! | `addons`, `addons/{id}`, `…/disable`, `…/enable` | GET POST, GET PATCH DELETE, POST |
//! | `organization` | GET PATCH |
//! | `limits/check` | POST |
//! | `usage`, `audit` | GET |
//! | `usage/subject` | POST |
//!
//! A handler reads: who may (its [`May`] argument), what is wanted (its body), act, answer. Objects
//! of another organization do not exist here: every look-up names the caller's own. No answer ever
//! holds a provider's key; a client secret is in the one answer that makes it.

mod addons;
mod applications;
mod audit;
mod body;
mod caller;
mod client_secrets;
mod fields;
mod key_check;
mod keys;
mod limit_check;
mod limits;
mod organization;
mod page;
pub mod permission;
pub mod problem;
pub mod time;
mod usage;

use std::{collections::HashMap, fmt, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{delete, get, post},
};
use keystead_providers::{Destination, Prices};

pub use self::{
    caller::{Caller, ClientAddress, May},
    key_check::{Asked, KeyChecker},
    problem::Problem,
};
use crate::{
    config::{BaseUrl, Config, Console},
    custody::Custody,
    limits::{Defaults, Limits},
    management::Metrics,
    store::Store,
};

/// What the API works with. Clones share it.
#[derive(Clone)]
pub struct Manage(Arc<Inner>);

struct Inner {
    custody: Custody,
    metrics: Metrics,
    checker: Arc<dyn KeyChecker>,
    public_url: BaseUrl,
    console: Console,
    base_urls: Vec<(&'static str, Destination)>,
    any_host: bool,
    defaults: Defaults,
    limits: Limits,
    prices: Arc<HashMap<&'static str, Prices>>,
}

impl Manage {
    /// The API of one process.
    pub fn new(
        config: &Config,
        custody: Custody,
        checker: Arc<dyn KeyChecker>,
        metrics: Metrics,
        limits: Limits,
        prices: Arc<HashMap<&'static str, Prices>>,
    ) -> Self {
        let base_urls = config.providers.iter();
        Self(Arc::new(Inner {
            custody,
            metrics,
            checker,
            public_url: config.server.public_url.clone(),
            console: config.console.clone(),
            base_urls: base_urls
                .filter_map(|one| Some((one.name, one.base_url.clone()?)))
                .collect(),
            any_host: config.danger.allow_private_upstreams,
            defaults: config.limits.default.clone(),
            limits,
            prices,
        }))
    }

    fn custody(&self) -> &Custody {
        &self.0.custody
    }

    fn store(&self) -> &Store {
        self.0.custody.store()
    }
}

impl fmt::Debug for Manage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Manage(..)")
    }
}

/// Every route, `/api/v1` included.
pub fn router(manage: Manage) -> Router {
    let routes = Router::new()
        .route(
            "/applications",
            get(applications::list).post(applications::create),
        )
        .route(
            "/applications/{id}",
            get(applications::show).patch(applications::update),
        )
        .route("/applications/{id}/disable", post(applications::disable))
        .route("/applications/{id}/enable", post(applications::enable))
        .route(
            "/applications/{id}/client-secrets",
            get(client_secrets::list).post(client_secrets::create),
        )
        .route(
            "/applications/{id}/client-secrets/{secret}",
            delete(client_secrets::revoke),
        )
        .route("/keys", get(keys::list).post(keys::add))
        .route(
            "/keys/{id}",
            get(keys::show).patch(keys::update).delete(keys::remove),
        )
        .route("/keys/{id}/check", post(keys::check))
        .route("/keys/{id}/rotate", post(keys::rotate))
        .route("/keys/{id}/disable", post(keys::disable))
        .route("/keys/{id}/enable", post(keys::enable))
        .route("/addons", get(addons::list).post(addons::install))
        .route(
            "/addons/{id}",
            get(addons::show)
                .patch(addons::update)
                .delete(addons::remove),
        )
        .route("/addons/{id}/disable", post(addons::disable))
        .route("/addons/{id}/enable", post(addons::enable))
        .route(
            "/organization",
            get(organization::show).patch(organization::update),
        )
        .route("/limits/check", post(limit_check::check))
        .route("/usage", get(usage::list))
        .route("/usage/subject", post(usage::of_subject))
        .route("/audit", get(audit::list))
        .fallback(|| async { Problem::NoSuchRoute })
        .method_not_allowed_fallback(|| async { Problem::MethodNotAllowed })
        .layer(middleware::from_fn_with_state(manage.clone(), guard))
        .with_state(manage);
    Router::new().nest("/api/v1", routes)
}

/// What holds for every route: the address ranges, the headers, the count.
async fn guard(State(manage): State<Manage>, request: Request, next: Next) -> Response {
    let ranges = &manage.0.console.allow;
    let address = request.extensions().get::<ClientAddress>();
    // An IPv4 client of a dual-stack listener shows as an IPv6 address.
    let inside = |address: &ClientAddress| {
        let address = address.0.to_canonical();
        ranges.iter().any(|range| range.contains(&address))
    };
    let mut response = match ranges.is_empty() || address.is_some_and(inside) {
        true => next.run(request).await,
        false => Problem::AddressNotAllowed.into_response(),
    };
    let outcome = response
        .extensions()
        .get::<problem::Code>()
        .map_or("ok", |code| code.0);
    manage.0.metrics.api_request(outcome);
    keep_private(response.headers_mut());
    response
}

/// No answer is kept by a cache, taken for something else, or shown as a page.
fn keep_private(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests;
