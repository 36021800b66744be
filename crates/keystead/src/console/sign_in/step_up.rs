//! `/console/step-up`: the same person once more, before what matters. Holds for five minutes.

use askama::Template;
use axum::{
    Extension,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::Uri;

use super::entrance::{Local, asked, signed_in, trouble};
use crate::{
    api::ClientAddress,
    console::{Answer, Console, Form, Person, Posted, frame::Solo, refused::shown},
    people::{Credentials, Password, Proof},
};

#[derive(Template)]
#[template(path = "console/sign_in/step_up.html")]
struct Page<'a> {
    solo: Solo,
    form: Form,
    next: &'a Local,
    csrf: &'a str,
    has: Credentials,
}

pub(super) async fn show(State(console): State<Console>, person: Person, uri: Uri) -> Answer {
    let next = Local::in_query(uri.query());
    page(&console, &person, Form::default(), &next).await
}

pub(super) async fn ask(State(console): State<Console>, _person: Person) -> Response {
    asked(console.people().ask_for_passkey()).into_response()
}

/// Takes whichever of the three the form holds. The session gets another token.
pub(super) async fn check(
    State(console): State<Console>,
    Extension(ClientAddress(from)): Extension<ClientAddress>,
    posted: Posted,
) -> Answer {
    let Posted { person, mut form } = posted;
    let next = Local::of(form.value("next"));
    let (answer, code) = (form.take("answer"), form.take("code"));
    let password = form.take("password");
    let (field, proof) = if !answer.is_empty() {
        let ticket = form.value("ticket").to_owned();
        let answer = answer.to_string();
        ("password", Proof::Passkey { ticket, answer })
    } else if !code.is_empty() {
        ("code", Proof::Code(code.to_string()))
    } else {
        ("password", Proof::Password(Password::claimed(password)))
    };
    let people = console.people();
    match people.check_again(&person.signed_in, proof, from).await {
        Ok(method) => {
            let hash = person.signed_in.session.hash;
            let (_, token) = console.store().prove_session(&hash, method).await?;
            Ok(signed_in(&console, &token, &next))
        }
        Err(error) => {
            let status = trouble(&mut form, field, error)?;
            let mut response = page(&console, &person, form, &next).await?;
            *response.status_mut() = status;
            Ok(response)
        }
    }
}

async fn page(console: &Console, person: &Person, form: Form, next: &Local) -> Answer {
    let has = console.people().credentials(&person.signed_in).await?;
    Ok(shown(&Page {
        solo: Solo::new("Show again who you are", console.place()),
        form,
        next,
        csrf: &person.csrf,
        has,
    }))
}
