//! The management REST API, `/api/v1`: the acts of [`manage`](crate::manage) over HTTP.
//!
//! `routes` lists them all; [`document`] says what each takes and answers.
//!
//! A handler reads: who may (its [`May`](crate::manage::May) argument), which object, what is
//! wanted, act, answer. What it may not do is decide anything.

mod addons;
mod alerts;
mod answer;
mod api_tokens;
mod applications;
mod audit;
mod body;
mod caller;
mod client_secrets;
mod consent_texts;
mod decoys;
mod erasure;
mod idempotency;
mod invitations;
mod keys;
mod limits;
mod members;
mod openapi;
mod organization;
mod owner_keys;
mod path;
mod posture;
mod requests;
mod sessions;
mod system;
mod usage;
mod webhooks;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

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
    let routes = Router::from(routes())
        .fallback(|| async { Problem::NoSuchRoute })
        .method_not_allowed_fallback(|| async { Problem::MethodNotAllowed })
        .layer(middleware::from_fn_with_state(
            manage.clone(),
            idempotency::once,
        ))
        .layer(middleware::from_fn_with_state(gate, guard))
        .with_state(manage);
    Router::new().nest("/api/v1", routes)
}

/// The OpenAPI document, as `GET /api/v1/openapi.json` shows it.
pub fn document() -> OpenApi {
    openapi::finished(routes().into_openapi())
}

/// The routes, each with its part of the document.
fn routes() -> OpenApiRouter<Manage> {
    OpenApiRouter::new()
        .routes(routes!(applications::list, applications::create))
        .routes(routes!(
            applications::show,
            applications::update,
            applications::remove
        ))
        .routes(routes!(applications::belongings))
        .routes(routes!(applications::disable))
        .routes(routes!(applications::enable))
        .routes(routes!(client_secrets::list, client_secrets::create))
        .routes(routes!(client_secrets::revoke))
        .routes(routes!(consent_texts::list, consent_texts::write))
        .routes(routes!(keys::list, keys::add))
        .routes(routes!(keys::show, keys::update, keys::remove))
        .routes(routes!(keys::check))
        .routes(routes!(keys::rotate))
        .routes(routes!(keys::disable))
        .routes(routes!(keys::enable))
        .routes(routes!(addons::list, addons::install))
        .routes(routes!(addons::show, addons::update, addons::remove))
        .routes(routes!(addons::disable))
        .routes(routes!(addons::enable))
        .routes(routes!(organization::show, organization::update))
        .routes(routes!(erasure::export_subject))
        .routes(routes!(erasure::erase_subject))
        .routes(routes!(erasure::export_account))
        .routes(routes!(erasure::erase_account))
        .routes(routes!(erasure::organization_belongings))
        .routes(routes!(erasure::delete_organization))
        .routes(routes!(owner_keys::rotate_of_organization))
        .routes(routes!(owner_keys::rotate_of_account))
        .routes(routes!(members::list))
        .routes(routes!(members::show, members::update, members::remove))
        .routes(routes!(invitations::list, invitations::create))
        .routes(routes!(invitations::withdraw))
        .routes(routes!(api_tokens::list, api_tokens::create))
        .routes(routes!(api_tokens::revoke))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end))
        .routes(routes!(limits::check))
        .routes(routes!(usage::list))
        .routes(routes!(usage::of_subject))
        .routes(routes!(usage::refused))
        .routes(routes!(requests::list))
        .routes(routes!(alerts::list))
        .routes(routes!(alerts::acknowledge))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(decoys::list, decoys::create))
        .routes(routes!(decoys::remove))
        .routes(routes!(webhooks::remove))
        .routes(routes!(audit::list))
        .routes(routes!(audit::export))
        .routes(routes!(system::show))
        .routes(routes!(posture::report))
        .routes(routes!(openapi::show))
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
