//! The management REST API, `/api/v1`: the acts of [`manage`](crate::manage) over HTTP.
//!
//! | path | methods |
//! |---|---|
//! | `applications`, `applications/{id}`, `…/disable`, `…/enable` | GET POST, GET PATCH, POST |
//! | `applications/{id}/client-secrets`, `…/{secret}` | GET POST, DELETE |
//! | `keys`, `keys/{id}`, `…/check`, `…/rotate`, `…/disable`, `…/enable` | GET POST, GET PATCH DELETE, POST |
//! | `addons`, `addons/{id}`, `…/disable`, `…/enable` | GET POST, GET PATCH DELETE, POST |
//! | `organization` | GET PATCH |
//! | `limits/check` | POST |
//! | `usage`, `requests`, `audit` | GET |
//! | `usage/subject` | POST |
//!
//! A handler reads: who may (its [`May`](crate::manage::May) argument), which object, what is
//! wanted, act, answer. What it may not do is decide anything.

mod addons;
mod answer;
mod applications;
mod audit;
mod body;
mod caller;
mod client_secrets;
mod keys;
mod limits;
mod organization;
mod path;
mod requests;
mod usage;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{delete, get, post},
};

pub use self::caller::ClientAddress;
use crate::{
    config::Console,
    manage::{Manage, Problem},
    management::Metrics,
};

/// What stands before every route.
#[derive(Clone, Debug)]
pub struct Gate {
    /// From where management is allowed.
    pub console: Console,
    /// What counts the answers.
    pub metrics: Metrics,
}

/// Every route, `/api/v1` included.
pub fn router(manage: Manage, gate: Gate) -> Router {
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
        .route("/limits/check", post(limits::check))
        .route("/usage", get(usage::list))
        .route("/usage/subject", post(usage::of_subject))
        .route("/requests", get(requests::list))
        .route("/audit", get(audit::list))
        .fallback(|| async { Problem::NoSuchRoute })
        .method_not_allowed_fallback(|| async { Problem::MethodNotAllowed })
        .layer(middleware::from_fn_with_state(gate, guard))
        .with_state(manage);
    Router::new().nest("/api/v1", routes)
}

/// What holds for every route: the address ranges, the headers, the count.
async fn guard(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let address = request.extensions().get::<ClientAddress>();
    let address = address.map(|address| address.0);
    let mut response = match gate.console.admits(address) {
        true => next.run(request).await,
        false => Problem::AddressNotAllowed.into_response(),
    };
    let outcome = response
        .extensions()
        .get::<answer::Code>()
        .map_or("ok", |code| code.0);
    gate.metrics.api_request(outcome);
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
