//! What holds for every page: who may reach it, where a change may come from, the headers.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, header, uri::Authority};

use super::{Console, Refused, home::where_people_sign_in};
use crate::{api::ClientAddress, manage::Problem};

/// Around every page.
pub(super) async fn guard(
    State(console): State<Console>,
    request: Request,
    next: Next,
) -> Response {
    let address = request.extensions().get::<ClientAddress>();
    // Those whom hosts send here, and those who read what is kept of them, are everywhere; who manages, and
    // who has an account, is not.
    let path = request.uri().path();
    let is_for_all = is_of_a_link(path) || path == "/privacy";
    let is_admitted = is_for_all || console.0.settings.admits(address.map(|address| address.0));
    let changes = !request.method().is_safe();
    let elsewhere = match is_of_an_account(request.uri().path()) {
        true => where_people_sign_in(&console, request.headers(), request.uri()),
        false => None,
    };
    let mut response = if !is_admitted {
        Refused::from(Problem::AddressNotAllowed).into_response()
    } else if let (Some(elsewhere), false) = (elsewhere, changes) {
        elsewhere
    } else if changes && !is_from_here(request.headers()) {
        Refused::CrossSite.into_response()
    } else {
        next.run(request).await
    };
    dress(response.headers_mut(), &console);
    response
}

/// Whether it is one of the pages that a host's link opens.
fn is_of_a_link(path: &str) -> bool {
    path.starts_with("/connect/l/") || path == "/connect/key" || path.starts_with("/connect/key/")
}

/// Whether it is one of the pages where people see to keys of their own: applications lead there by the
/// address that they know us by.
fn is_of_an_account(path: &str) -> bool {
    path == "/connect/new" || path == "/connect/keys" || path.starts_with("/connect/keys/")
}

/// Whether a browser says that a page of ours sent this. What says nothing at all is no browser of
/// today, and refused.
fn is_from_here(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some((origin, host)) = text(header::ORIGIN).zip(text(header::HOST)) else {
        return false;
    };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let parsed = authority.and_then(|authority| authority.parse::<Authority>().ok());
    parsed.is_some_and(|authority| authority.as_str().eq_ignore_ascii_case(host))
}

/// No page is kept, framed, or taken for something else; nothing but our own files runs on it.
fn dress(headers: &mut HeaderMap, console: &Console) {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        // Not `no-referrer`: with it browsers hide even from us which page sent a form.
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        (
            "permissions-policy",
            "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
        ),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    // A page that needs more has said so.
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert_with(|| console.0.policy.clone());
    if console.place().is_https() {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(headers: &[(&'static str, &'static str)]) -> bool {
        let map = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        is_from_here(&map.collect())
    }

    #[test]
    fn a_change_comes_from_a_page_of_ours() {
        assert!(sent(&[("sec-fetch-site", "same-origin")]));
        assert!(sent(&[
            ("host", "keys.example:8420"),
            ("origin", "https://keys.example:8420")
        ]));
        for other in [
            &[][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site")],
            // A link, a bookmark: they change nothing.
            &[("sec-fetch-site", "none")],
            &[("host", "keys.example")],
            &[("host", "keys.example"), ("origin", "null")],
            &[("host", "keys.example"), ("origin", "https://evil.example")],
            &[
                ("host", "keys.example"),
                ("origin", "https://keys.example.evil"),
            ],
            // The newer header decides.
            &[
                ("sec-fetch-site", "cross-site"),
                ("host", "keys.example"),
                ("origin", "https://keys.example"),
            ],
        ] {
            assert!(!sent(other), "{other:?}");
        }
    }
}
