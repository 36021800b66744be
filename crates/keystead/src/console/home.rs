//! `/`: whoever was given nothing but the host's name is led to the console.
//!
//! Programs are not: for them there is nothing at this path, as ever.

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, header};

use super::Console;
use crate::{config::Server, manage::Problem};

/// Where the console is, for someone at the public address.
pub(super) fn address(server: &Server) -> String {
    match server.console_url == server.public_url {
        // Whatever name and port people see us by.
        true => "/console".to_owned(),
        false => server.console_url.join("/console"),
    }
}

pub(super) async fn lead(State(console): State<Console>, headers: HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT);
    let accepted = accepted.and_then(|accepted| accepted.to_str().ok());
    if !accepted.is_some_and(|kinds| kinds.contains("text/html")) {
        return Problem::NoSuchRoute.into_response();
    }
    let mut response = Redirect::to(&console.0.home).into_response();
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    response
}
