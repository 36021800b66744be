//! `/setup`: the first account, for whoever has the link that the start printed.
//!
//! Without the link's token there is no form but the one that takes it; once there is an account, there
//! is no page.

use askama::Template;
use axum::{extract::State, response::Response};
use http::HeaderMap;

use super::entrance::{Local, asked, browser, signed_in, trouble};
use crate::{
    console::{Answer, Console, Form, Refused, frame::Solo, refused::shown},
    people::NewCredential,
};

#[derive(Template)]
#[template(path = "console/sign_in/link.html")]
struct LinkPage {
    solo: Solo,
    form: Form,
    heading: &'static str,
    text: &'static str,
    action: &'static str,
}

#[derive(Template)]
#[template(path = "console/sign_in/set_up.html")]
struct Page {
    solo: Solo,
    form: Form,
    link: String,
    has_passkeys: bool,
    ask: &'static str,
}

pub(super) async fn link(State(console): State<Console>) -> Answer {
    still_new(&console).await?;
    Ok(link_page(&console, Form::default()))
}

/// Takes the token, and asks for the rest.
pub(super) async fn show(State(console): State<Console>, mut form: Form) -> Answer {
    still_new(&console).await?;
    let link = form.take("link");
    if let Err(error) = console.people().can_set_up(&link).await {
        let status = trouble(&mut form, "link", error)?;
        let mut response = link_page(&console, form);
        *response.status_mut() = status;
        return Ok(response);
    }
    let form = Form::of([("organization", "Main")]);
    Ok(page(&console, link.to_string(), form))
}

pub(super) async fn ask(State(console): State<Console>, mut form: Form) -> Answer {
    still_new(&console).await?;
    let link = form.take("link");
    let people = console.people();
    Ok(asked(
        people
            .ask_for_first_passkey(&link, form.value("email"))
            .await,
    ))
}

/// Makes the account and signs it in.
pub(super) async fn make(
    State(console): State<Console>,
    headers: HeaderMap,
    mut form: Form,
) -> Answer {
    still_new(&console).await?;
    let link = form.take("link");
    let credential = credential(&mut form);
    let (name, email) = (form.value("organization"), form.value("email"));
    let people = console.people();
    let made = people
        .set_up(&link, name, email, credential, browser(&headers))
        .await;
    match made {
        Ok(entrance) => Ok(signed_in(&console, &entrance.token, &Local::of("/console"))),
        Err(error) => {
            let status = trouble(&mut form, "organization", error)?;
            let mut response = page(&console, link.to_string(), form);
            *response.status_mut() = status;
            Ok(response)
        }
    }
}

/// What the form gives a new account to sign in with.
pub(super) fn credential(form: &mut Form) -> NewCredential {
    let (ticket, answer) = (form.take("ticket"), form.take("answer"));
    let password = form.take("password");
    match answer.is_empty() {
        true => NewCredential::Password(password),
        false => NewCredential::Passkey {
            ticket: ticket.to_string(),
            answer: answer.to_string(),
        },
    }
}

/// Once somebody can sign in, there is nothing here.
async fn still_new(console: &Console) -> Result<(), Refused> {
    match console.store().has_accounts().await? {
        true => Err(Refused::NotFound),
        false => Ok(()),
    }
}

fn link_page(console: &Console, form: Form) -> Response {
    shown(&LinkPage {
        solo: Solo::new("Set up", console.place()),
        form,
        heading: "Set up Keystead",
        text: "Open the link that Keystead printed at its start, under “set up”. It works once, for an \
               hour; every start prints a fresh one. Or put what stands behind its # here.",
        action: "/setup",
    })
}

fn page(console: &Console, link: String, form: Form) -> Response {
    shown(&Page {
        solo: Solo::new("Set up", console.place()),
        form,
        link,
        has_passkeys: console.people().has_passkeys(),
        ask: "/setup/passkey",
    })
}

/// The page for another link's token.
pub(super) fn other_link_page(console: &Console, form: Form) -> Response {
    shown(&LinkPage {
        solo: Solo::new("Invitation", console.place()),
        form,
        heading: "Your invitation",
        text: "Open the link that you were given. It works once, until it ends. Or put what stands \
               behind its # here.",
        action: "/console/invitation",
    })
}
