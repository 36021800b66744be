//! `/`: whoever was given nothing but the host's name is led to the console.
//!
//! Programs are not: for them there is nothing at this path, as ever.

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, Uri, header};

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

/// Where people are signed in, if that is under another name than the one that this was asked under.
pub(super) fn where_people_sign_in(
    console: &Console,
    headers: &HeaderMap,
    uri: &Uri,
) -> Option<Response> {
    let own = console.place().host();
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let asked_under = host.rsplit_once(':').map_or(host, |(name, port)| {
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
        if is_port { name } else { host }
    });
    let others = [console.oauth().host(), console.connect_place().host()];
    let is_elsewhere = others
        .iter()
        .any(|other| *other != own && asked_under.eq_ignore_ascii_case(other));
    let address = console.place().join(&uri.to_string());
    is_elsewhere.then(|| Redirect::to(&address).into_response())
}
