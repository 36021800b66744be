//! Whom a host vouches for: a browser that opened one of its links, known by a cookie of its own.

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, request::Parts};
use keystead_vault::Token;

use crate::{
    connect::{Holder, OpenLink},
    console::{
        Console, Form, Refused,
        person::{CSRF, cookie},
    },
    people,
};

/// A browser that has opened a link. Its existence is the proof.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) link: OpenLink,
    /// What forms of this link carry.
    pub(super) csrf: String,
}

/// A form that a page of ours posted for this browser.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) visitor: Visitor,
    pub(super) form: Form,
}

impl Visitor {
    /// Whose key it is about.
    pub(super) fn holder(&self) -> Holder {
        Holder::Link(Box::new(self.link.clone()))
    }
}

/// The cookie that stands for a link. Lax: the way here begins at the host's page, which leads on to ours.
pub(super) fn cookie_for(console: &Console, token: &Token) -> HeaderValue {
    let text = format!(
        "{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age=600{}",
        name(console),
        token.expose(),
        over_tls(console),
    );
    let mut cookie = HeaderValue::try_from(text).expect("a token is header text");
    cookie.set_sensitive(true);
    cookie
}

/// Takes the cookie back.
pub(super) fn forgotten(console: &Console) -> HeaderValue {
    let text = format!(
        "{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{}",
        name(console),
        over_tls(console),
    );
    HeaderValue::try_from(text).expect("all of it is ours, and ASCII")
}

fn name(console: &Console) -> &'static str {
    match console.connect_place().is_https() {
        true => "__Host-keystead-connect",
        false => "keystead-connect",
    }
}

fn over_tls(console: &Console) -> &'static str {
    match console.connect_place().is_https() {
        true => "; Secure",
        false => "",
    }
}

impl FromRequestParts<Console> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let token = cookie(&parts.headers, name(console)).unwrap_or_default();
        let link = console.connect().continue_link(token).await;
        let link = link.map_err(|problem| Refused::from(problem).into_response())?;
        Ok(Self {
            csrf: people::csrf(token),
            link,
        })
    }
}

impl FromRequest<Console> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, console).await?;
        let mut form = Form::from_request(Request::from_parts(parts, body), console).await?;
        let sent = form.take(CSRF);
        if !people::csrf_fits(&visitor.csrf, &sent) {
            return Err(Refused::StaleForm.into_response());
        }
        Ok(Self { visitor, form })
    }
}
