//! The sample host application: a page with four AddOns, and its backend, which mints tokens for whoever
//! uses the page. It has an origin of its own, as a host application has.
//!
//! | path | what |
//! |---|---|
//! | `/` | the page |
//! | `POST /token` | an access token for its user, as the page's `getToken` wants it |
//! | `/console` | leads into the console, signed in as the demo's owner |

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{client::Client, owner::Owner};
use crate::widget::Loading;

/// What the sample application knows.
pub(super) struct Host {
    pub(super) client: Client,
    pub(super) application: Value,
    /// Where Keystead is, for browsers.
    pub(super) keystead: String,
    pub(super) loading: Loading,
    pub(super) owner: Owner,
}

/// Where the sample application is to be, before anything is known of it: its origin is part of what is
/// made.
///
/// # Errors
///
/// No port is free.
pub(super) async fn place() -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = match TcpListener::bind(("127.0.0.1", USUAL_PORT)).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind(("127.0.0.1", 0)).await?,
    };
    let at = listener.local_addr()?;
    Ok((listener, at))
}

/// Serves for as long as the process runs.
pub(super) fn start(listener: TcpListener, host: Host) {
    let router = Router::new()
        .route("/", get(page))
        .route("/page.css", get(async || file("text/css", CSS)))
        .route("/page.js", get(async || file("text/javascript", JS)))
        .route("/token", post(token))
        .route("/console", get(console))
        .with_state(Arc::new(host));
    tokio::spawn(async move { axum::serve(listener, router).await });
}

async fn page(State(host): State<Arc<Host>>) -> Response {
    let keystead = &host.keystead;
    // What every page that shows an AddOn needs, and nothing beside it.
    let policy = format!(
        "default-src 'none'; script-src 'self' {keystead}; style-src 'self'; \
         connect-src 'self' {keystead}; img-src 'self' blob: data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    );
    let client_id = super::client::text(&host.application, "client_id");
    let page = HTML
        .replace("{script}", &host.loading.tag())
        .replace("{client_id}", client_id)
        .replace("{keystead}", keystead);
    let mut answer = file("text/html", page);
    if let Ok(policy) = HeaderValue::try_from(policy) {
        let name = header::CONTENT_SECURITY_POLICY;
        answer.headers_mut().insert(name, policy);
    }
    answer
}

fn file(kind: &'static str, content: impl Into<String>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, format!("{kind}; charset=utf-8")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    (headers, content.into()).into_response()
}

/// A real application looks here who is signed in to it; this one has one user.
async fn token(State(host): State<Arc<Host>>, headers: HeaderMap) -> Response {
    if !is_own_page(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    match host.client.token(&host.application, "demo-user", 600).await {
        Ok(minted) => {
            let kept = [(header::CACHE_CONTROL, "no-store")];
            (kept, Json(minted)).into_response()
        }
        Err(_) => {
            let error = json!({"error": "no token could be minted"});
            (StatusCode::BAD_GATEWAY, Json(error)).into_response()
        }
    }
}

/// Cookies know no ports: what is set here is sent to the console, on the same machine.
async fn console(State(host): State<Arc<Host>>, headers: HeaderMap) -> Response {
    let came_from = headers.get("sec-fetch-site");
    if came_from.is_some_and(|site| site == "cross-site") {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Ok(cookie) = host.owner.cookie().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let mut answer = Redirect::to(&format!("{}/console", host.keystead)).into_response();
    if let Ok(mut cookie) = HeaderValue::try_from(cookie.as_str()) {
        cookie.set_sensitive(true);
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}

/// Browsers say which page asks.
fn is_own_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_none_or(|site| site == "same-origin")
}

/// Beside the ports of the server.
const USUAL_PORT: u16 = 8430;

const HTML: &str = include_str!("page.html");
const CSS: &str = include_str!("page.css");
const JS: &str = include_str!("page.js");
