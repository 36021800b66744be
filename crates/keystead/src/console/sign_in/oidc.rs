//! `/console/sign-in/oidc`: to the organization's own provider and back.
//!
//! The way back begins at another site, so browsers keep the session's cookie from it: the page that
//! answers leads on by itself, and what it leads to is asked for by us.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use keystead_vault::{Token, TokenKind};

use super::entrance::{Local, browser, over_tls, session_before, session_cookie, told, trouble};
use crate::{
    console::{
        Answer, Console, Form, Posted, Refused, frame::Solo, person::cookie, refused::shown,
    },
    people::{Begun, NotProven, Returned},
};

#[derive(Template)]
#[template(path = "console/sign_in/oidc.html")]
struct Page {
    solo: Solo,
    heading: &'static str,
    /// Why not, if not.
    wrong: Option<String>,
    next: Local,
}

/// What this browser began, in its cookie: the token, where to go afterwards, and the ticket of someone
/// who connects their account.
struct Errand {
    token: Token,
    next: Local,
    connect: Option<String>,
}

pub(super) async fn begin(State(console): State<Console>, uri: Uri) -> Answer {
    let next = Local::in_query(uri.query());
    match console.people().begin_oidc().await {
        Ok(begun) => Ok(go(&console, &begun, &next, "")),
        Err(error) => failed(&console, error, next),
    }
}

/// For someone who is signed in and wants to come in this way as well.
pub(super) async fn connect(State(console): State<Console>, posted: Posted) -> Answer {
    let next = Local::of("/console/account");
    let people = console.people();
    let ticket = match people.begin_connecting(&posted.person.signed_in) {
        Ok(ticket) => ticket,
        Err(error) => {
            trouble(&mut Form::default(), "", error)?;
            return Err(Refused::NotFound);
        }
    };
    match people.begin_oidc().await {
        Ok(begun) => Ok(go(&console, &begun, &next, &ticket)),
        Err(error) => failed(&console, error, next),
    }
}

pub(super) async fn back(State(console): State<Console>, headers: HeaderMap, uri: Uri) -> Answer {
    let Some(errand) = Errand::of(&console, &headers) else {
        return failed(&console, NotProven::Expired, Local::of(""));
    };
    let query = uri.query().unwrap_or_default();
    let part = |wanted: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    };
    let (Some(state), Some(code)) = (part("state"), part("code")) else {
        return failed(&console, NotProven::Wrong, errand.next);
    };
    let issuer = part("iss");
    let returned = Returned {
        token: &errand.token,
        state: &state,
        code: &code,
        issuer: issuer.as_deref(),
    };
    let people = console.people();
    let cookies = match &errand.connect {
        Some(ticket) => people.connect(ticket, returned).await.map(|()| None),
        None => match people.finish_oidc(returned).await {
            Ok(proven) => {
                let before = session_before(&console, &headers);
                let (_, token) = people
                    .begin_session(proven, browser(&headers), before)
                    .await?;
                Ok(Some(session_cookie(&console, &token)))
            }
            Err(error) => Err(error),
        },
    };
    match cookies {
        Ok(cookie) => {
            let page = Page {
                solo: Solo::new("Signed in", console.place()),
                heading: "You are signed in",
                wrong: None,
                next: errand.next,
            };
            let mut response = shown(&page);
            let cookies = [cookie, Some(forgotten(&console))];
            for cookie in cookies.into_iter().flatten() {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(error) => failed(&console, error, errand.next),
    }
}

fn go(console: &Console, begun: &Begun, next: &Local, ticket: &str) -> Response {
    let secure = over_tls(console);
    let text = format!(
        "{}={}~{}~{ticket}; Path=/; HttpOnly; SameSite=Lax; Max-Age=600{secure}",
        name(console),
        begun.token.expose(),
        URL_SAFE_NO_PAD.encode(next.as_str()),
    );
    let mut response = Redirect::to(&begun.address).into_response();
    if let Ok(mut cookie) = HeaderValue::try_from(text) {
        cookie.set_sensitive(true);
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn failed(console: &Console, error: NotProven, next: Local) -> Answer {
    if let NotProven::Oidc(error) = &error {
        // What a provider says wrong is the operator's to mend, and holds nothing of the person.
        tracing::warn!(%error, "A sign-in by the OpenID provider failed");
    }
    let mut form = Form::default();
    let status = trouble(&mut form, "oidc", error)?;
    let mut response = shown(&Page {
        solo: Solo::new("Sign in", console.place()),
        heading: "This did not work",
        wrong: Some(told(&form)),
        next,
    });
    *response.status_mut() = match status {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::FORBIDDEN,
        status => status,
    };
    response
        .headers_mut()
        .append(header::SET_COOKIE, forgotten(console));
    Ok(response)
}

fn forgotten(console: &Console) -> HeaderValue {
    let secure = over_tls(console);
    let text = format!(
        "{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}",
        name(console)
    );
    HeaderValue::try_from(text).expect("all of it is ours, and ASCII")
}

fn name(console: &Console) -> &'static str {
    match console.place().is_https() {
        true => "__Host-keystead-oidc",
        false => "keystead-oidc",
    }
}

impl Errand {
    fn of(console: &Console, headers: &HeaderMap) -> Option<Self> {
        let mut parts = cookie(headers, name(console))?.split('~');
        let token = Token::parse(parts.next()?).ok()?;
        let next = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        let connect = parts.next().filter(|ticket| !ticket.is_empty());
        (token.kind() == TokenKind::Link).then(|| Self {
            token,
            next: Local::of(&String::from_utf8_lossy(&next)),
            connect: connect.map(ToOwned::to_owned),
        })
    }
}
