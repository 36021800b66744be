//! `/console/sign-in`: e-mail address and password, or a passkey.

use askama::Template;
use axum::{
    Extension,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, Uri};

use super::{
    code,
    entrance::{Local, browser, session_before, signed_in, trouble},
};
use crate::{
    api::ClientAddress,
    console::{Answer, Console, Form, done, frame::Solo, refused::shown},
    people::{Checked, NotProven, Password},
};

#[derive(Template)]
#[template(path = "console/sign_in/password.html")]
struct Page {
    solo: Solo,
    form: Form,
    next: Local,
    done: Option<&'static str>,
    has_passkeys: bool,
    /// What the button of the OpenID provider says.
    provider: Option<String>,
    /// Nobody can sign in yet: the page says where the set-up link is.
    is_new: bool,
}

pub(super) async fn show(State(console): State<Console>, uri: Uri) -> Answer {
    let next = Local::in_query(uri.query());
    let done = done::said(uri.query());
    page(&console, Form::default(), next, done).await
}

/// Checks a password, or what a passkey did if the form holds that.
pub(super) async fn check(
    State(console): State<Console>,
    Extension(ClientAddress(from)): Extension<ClientAddress>,
    headers: HeaderMap,
    mut form: Form,
) -> Answer {
    let next = Local::of(form.value("next"));
    let people = console.people();
    let password = Password::claimed(form.take("password"));
    let answer = form.take("answer");
    let checked = if answer.is_empty() {
        people
            .check_password(form.value("email"), password, from)
            .await
    } else {
        let proven = people
            .check_passkey(form.value("ticket"), &answer, from)
            .await;
        proven.map(Checked::Proven)
    };
    match checked {
        Ok(Checked::Proven(proven)) => {
            let before = session_before(&console, &headers);
            let begun = people
                .begin_session(proven, browser(&headers), before)
                .await;
            let (_, token) = begun?;
            Ok(signed_in(&console, &token, &next))
        }
        Ok(Checked::WantsCode(ticket)) => Ok(code::page(&console, ticket, &next, Form::default())),
        Err(error) => {
            let status = match error {
                NotProven::Wrong if answer.is_empty() => wrong(&mut form),
                error => trouble(&mut form, "password", error)?,
            };
            let mut response = page(&console, form, next, None).await?;
            *response.status_mut() = status;
            Ok(patient(response))
        }
    }
}

/// Names both fields, and never which of them it is: that would tell who has an account.
fn wrong(form: &mut Form) -> StatusCode {
    form.head("E-mail address or password is not right");
    form.mark("email", "Check the e-mail address");
    form.mark("password", "Type the password again");
    StatusCode::UNPROCESSABLE_ENTITY
}

async fn page(console: &Console, form: Form, next: Local, done: Option<&'static str>) -> Answer {
    let is_new = !console.store().has_accounts().await?;
    Ok(shown(&Page {
        solo: Solo::new("Sign in", console.place()),
        form,
        next,
        done,
        provider: console.people().provider_name().map(ToOwned::to_owned),
        has_passkeys: console.people().has_passkeys(),
        is_new,
    }))
}

/// Says to programs as well when to come back.
fn patient(response: Response) -> Response {
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            ([(http::header::RETRY_AFTER, "5")], response).into_response()
        }
        _ => response,
    }
}
