//! `/console/invitation`: a place in an organization, for whoever has the link.

use askama::Template;
use axum::{extract::State, response::Response};
use http::HeaderMap;

use super::{
    entrance::{Local, asked, browser, session_before, signed_in, trouble},
    set_up::{credential, other_link_page},
};
use crate::{
    console::{Answer, Console, Form, Posted, frame::Solo, person, refused::shown},
    people::Invited,
    store::{Role, SignedIn},
};

#[derive(Template)]
#[template(path = "console/sign_in/invitation.html")]
struct Page {
    solo: Solo,
    form: Form,
    link: String,
    invited: Invited,
    email: String,
    /// Whoever is signed in in this browser: then nothing but a button is needed.
    csrf: Option<String>,
    has_passkeys: bool,
    ask: &'static str,
}

pub(super) async fn link(State(console): State<Console>) -> Answer {
    Ok(other_link_page(&console, Form::default()))
}

/// Takes the token, and says what it is for.
pub(super) async fn show(
    State(console): State<Console>,
    headers: HeaderMap,
    mut form: Form,
) -> Answer {
    let link = form.take("link");
    match page(&console, &headers, &link, Form::default()).await {
        Ok(response) => Ok(response),
        Err(error) => {
            let status = trouble(&mut form, "link", error)?;
            let mut response = other_link_page(&console, form);
            *response.status_mut() = status;
            Ok(response)
        }
    }
}

pub(super) async fn ask(State(console): State<Console>, mut form: Form) -> Response {
    let link = form.take("link");
    asked(console.people().ask_for_invited_passkey(&link).await)
}

/// Makes the account and signs it in.
pub(super) async fn accept(
    State(console): State<Console>,
    headers: HeaderMap,
    mut form: Form,
) -> Answer {
    let link = form.take("link");
    let credential = credential(&mut form);
    let accepted = console
        .people()
        .accept(&link, credential, browser(&headers))
        .await;
    match accepted {
        Ok(entrance) => Ok(signed_in(&console, &entrance.token, &Local::of("/console"))),
        Err(error) => {
            let status = trouble(&mut form, "password", error)?;
            again(&console, &headers, &link, form, status).await
        }
    }
}

/// Gives whoever is signed in their place.
pub(super) async fn join(
    State(console): State<Console>,
    headers: HeaderMap,
    posted: Posted,
) -> Answer {
    let Posted { person, mut form } = posted;
    let link = form.take("link");
    match console.people().join(&person.signed_in, &link).await {
        Ok(token) => Ok(signed_in(&console, &token, &Local::of("/console"))),
        Err(error) => {
            let status = trouble(&mut form, "link", error)?;
            again(&console, &headers, &link, form, status).await
        }
    }
}

async fn again(
    console: &Console,
    headers: &HeaderMap,
    link: &str,
    form: Form,
    status: http::StatusCode,
) -> Answer {
    let mut response = match page(console, headers, link, form).await {
        Ok(response) => response,
        Err(error) => {
            let mut form = Form::default();
            trouble(&mut form, "link", error)?;
            other_link_page(console, form)
        }
    };
    *response.status_mut() = status;
    Ok(response)
}

async fn page(
    console: &Console,
    headers: &HeaderMap,
    link: &str,
    form: Form,
) -> Result<Response, crate::people::NotProven> {
    let people = console.people();
    let invited = people.invited(link).await?;
    let mut csrf = None;
    if let Some(hash) = session_before(console, headers)
        && let Some(signed_in) = people.signed_in(&hash).await?
    {
        csrf = is_for(people, &signed_in, &invited)
            .then(|| person::cookie(headers, console.cookie_name()).map(crate::people::csrf))
            .flatten();
    }
    let email = invited.email.expose().to_owned();
    Ok(shown(&Page {
        solo: Solo::new("Invitation", console.place()),
        form,
        link: link.to_owned(),
        invited,
        email,
        csrf,
        has_passkeys: people.has_passkeys(),
        ask: "/console/invitation/passkey",
    }))
}

fn is_for(people: &crate::people::People, signed_in: &SignedIn, invited: &Invited) -> bool {
    people.custody().email_hash(&invited.email) == signed_in.account.email_hash
}

impl Page {
    fn role(&self) -> &'static str {
        match self.invited.role {
            Role::Owner => "an owner",
            Role::Admin => "an admin",
            Role::Developer => "a developer",
            Role::Auditor => "an auditor",
        }
    }
}
