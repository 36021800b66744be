//! `/console/sign-in/code`: the code that follows a password.

use askama::Template;
use axum::{extract::State, response::Response};
use http::HeaderMap;

use super::entrance::{Local, browser, session_before, signed_in, trouble};
use crate::console::{Answer, Console, Form, frame::Solo, refused::shown};

#[derive(Template)]
#[template(path = "console/sign_in/code.html")]
struct Page<'a> {
    solo: Solo,
    form: Form,
    ticket: String,
    next: &'a Local,
}

/// The page that asks for the code.
pub(super) fn page(console: &Console, ticket: String, next: &Local, form: Form) -> Response {
    shown(&Page {
        solo: Solo::new("Sign in", console.place()),
        form,
        ticket,
        next,
    })
}

pub(super) async fn check(
    State(console): State<Console>,
    headers: HeaderMap,
    mut form: Form,
) -> Answer {
    let next = Local::of(form.value("next"));
    let code = form.take("code");
    let people = console.people();
    match people.check_code(form.value("ticket"), &code).await {
        Ok(proven) => {
            let before = session_before(&console, &headers);
            let begun = people
                .begin_session(proven, browser(&headers), before)
                .await;
            let (_, token) = begun?;
            Ok(signed_in(&console, &token, &next))
        }
        Err(error) => {
            let status = trouble(&mut form, "code", error)?;
            let ticket = form.value("ticket").to_owned();
            let mut response = page(&console, ticket, &next, form);
            *response.status_mut() = status;
            Ok(response)
        }
    }
}
