//! What the pages of this folder have in common: where to go afterwards, the cookie, and how a no is
//! told.

use axum::{
    Json,
    response::{IntoResponse as _, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use keystead_vault::{Token, TokenHash, TokenKind, token_hash};
use serde_json::{Value, json};

use crate::{
    console::{Console, Form, Refused, person::cookie},
    people::{NotProven, browser_of},
};

/// A page of this console to go to: never another site's.
#[derive(Debug)]
pub(in crate::console) struct Local(String);

impl Local {
    /// What `text` names, if that is a page of the console; else the overview.
    pub(in crate::console) fn of(text: &str) -> Self {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#';
        let begins = |page: &str| {
            let rest = text.strip_prefix(page);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        };
        let is_ours = begins("/console")
            || begins("/connect/keys")
            || begins("/connect/new")
            || text.starts_with("/oauth/authorize?");
        let fits = is_ours && text.len() <= 2_000 && text.bytes().all(plain);
        Self(if fits { text } else { "/console" }.to_owned())
    }

    /// The page in `next=…` of a query.
    pub(in crate::console) fn in_query(query: Option<&str>) -> Self {
        let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let next = pairs.find(|(name, _)| name == "next");
        Self::of(&next.map(|(_, value)| value).unwrap_or_default())
    }

    pub(in crate::console) fn as_str(&self) -> &str {
        &self.0
    }

    /// As it stands in a query.
    pub(in crate::console) fn quoted(&self) -> String {
        form_urlencoded::byte_serialize(self.0.as_bytes()).collect()
    }

    /// An answer that leads there.
    pub(in crate::console) fn redirect(&self) -> Response {
        Redirect::to(&self.0).into_response()
    }
}

/// The session that a browser came with, whatever became of it.
pub(super) fn session_before(console: &Console, headers: &HeaderMap) -> Option<TokenHash> {
    match token_hash(cookie(headers, console.cookie_name())?) {
        Some((TokenKind::Session, hash)) => Some(hash),
        _ => None,
    }
}

/// Browser and system, from the request.
pub(super) fn browser(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT);
    browser_of(
        agent
            .and_then(|agent| agent.to_str().ok())
            .unwrap_or_default(),
    )
}

/// Leads to `next`, with the session's token in a cookie that scripts can't read and other sites can't
/// send.
pub(in crate::console) fn signed_in(console: &Console, token: &Token, next: &Local) -> Response {
    let mut response = next.redirect();
    let cookie = session_cookie(console, token);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// The cookie itself.
pub(in crate::console) fn session_cookie(console: &Console, token: &Token) -> HeaderValue {
    let text = format!(
        "{}={}; Path=/; HttpOnly; SameSite=Strict{}",
        console.cookie_name(),
        token.expose(),
        over_tls(console),
    );
    let mut cookie = HeaderValue::try_from(text).expect("a token is header text");
    cookie.set_sensitive(true);
    cookie
}

/// The end of every cookie: where there is TLS, browsers send it over nothing else.
pub(super) fn over_tls(console: &Console) -> &'static str {
    match console.place().is_https() {
        true => "; Secure",
        false => "",
    }
}

/// Leads to the sign-in page, with the cookie taken back.
pub(super) fn signed_out(console: &Console) -> Response {
    let text = format!(
        "{}=; Path=/; HttpOnly; SameSite=Strict{}; Max-Age=0",
        console.cookie_name(),
        over_tls(console),
    );
    let cookie = HeaderValue::try_from(text).expect("all of it is ours, and ASCII");
    let mut response = Redirect::to("/console/sign-in?done=left").into_response();
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// Marks a form with what is wrong, and says which status its page has. What is not the person's doing
/// goes on as what it is.
pub(in crate::console) fn trouble(
    form: &mut Form,
    field: &str,
    error: NotProven,
) -> Result<StatusCode, Refused> {
    let status = match &error {
        NotProven::Custody(_) | NotProven::ProveAgain => return Err(error.into()),
        NotProven::Wait(_) => StatusCode::TOO_MANY_REQUESTS,
        NotProven::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let text = error.to_string();
    let mut letters = text.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    let field = match &error {
        NotProven::NoEmail => "email",
        NotProven::Weak(_) => "password",
        _ => field,
    };
    form.mark(field, &format!("{first}{}.", letters.as_str()));
    Ok(status)
}

/// What a form was marked with, for a page without fields.
pub(super) fn told(form: &Form) -> String {
    let texts = form.errors().iter().map(|wrong| wrong.text.as_str());
    texts.collect::<Vec<_>>().join(" ")
}

/// What a passkey is asked, for the page's script.
pub(in crate::console) fn asked(asked: Result<(String, Value), NotProven>) -> Response {
    match asked {
        Ok((ticket, options)) => {
            Json(json!({ "ticket": ticket, "publicKey": options["publicKey"] })).into_response()
        }
        Err(error @ NotProven::Custody(_)) => Refused::from(error).into_response(),
        Err(error) => {
            let body = Json(json!({ "error": error.to_string() }));
            (StatusCode::UNPROCESSABLE_ENTITY, body).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_led_to_pages_of_this_console_alone() {
        for text in [
            "/console",
            "/console/keys?sort=age",
            "/console/applications/app_1",
            "/console?x=1",
            "/oauth/authorize?client_id=cl_1&redirect_uri=https%3A%2F%2Fa.example",
        ] {
            assert_eq!(Local::of(text).as_str(), text);
        }
        for text in [
            "",
            "/",
            "/setup",
            "/consoles",
            "/oauth/token",
            "/oauth/authorize",
            "//evil.example/console",
            "https://evil.example/console",
            "/console\\@evil.example",
            "/console/\r\nSet-Cookie: a=b",
            "/console/ü",
            "/console/a b",
            "javascript:alert(1)",
        ] {
            assert_eq!(Local::of(text).as_str(), "/console", "{text:?}");
        }
        let next = Local::in_query(Some("a=b&next=%2Fconsole%2Fkeys%3Fsort%3Dage"));
        assert_eq!(next.as_str(), "/console/keys?sort=age");
    }
}
