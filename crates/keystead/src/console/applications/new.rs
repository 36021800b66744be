//! `/console/applications/new`: makes one, and shows its client secret this once.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect},
};

use super::mains;
use crate::{
    console::{Answer, Console, Form, Frame, Person, Place, Posted, once, refused::wrong, shown},
    manage::{
        applications::{self, Create},
        permission::right::EditApplications,
    },
};

#[derive(Template)]
#[template(path = "console/applications/new.html")]
struct Page {
    frame: Frame,
    form: Form,
    /// The applications that a development application can belong to: id and name.
    mains: Vec<(String, String)>,
}

pub(super) async fn show(State(console): State<Console>, person: Person) -> Answer {
    let form = Form::of([("public", "no")]);
    page(&console, &person, form).await
}

pub(super) async fn create(
    State(console): State<Console>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let may = person.may::<EditApplications>(&console).await?;
    let wanted = Create {
        name: form.value("name").to_owned(),
        public: form.has("public", "yes"),
        development_of: form.filled("development_of").map(ToOwned::to_owned),
        origins: form.lines("origins"),
        redirect_uris: form.lines("redirect_uris"),
        addresses: form.lines("addresses"),
        ..Create::default()
    };
    let made = match applications::create(console.manage(), &may, wanted).await {
        Ok(made) => made,
        Err(problem) => {
            form.refused(problem)?;
            let page = page(&console, &person, form).await?;
            return Ok(wrong(page));
        }
    };
    let next = format!("/console/applications/{}", made.application.application_id);
    let Some(secret) = made.client_secret else {
        return Ok(Redirect::to(&format!("{next}?done=created")).into_response());
    };
    let frame = Frame::new(&person, Place::Applications, "Client secret");
    let words = once::Words {
        purpose: "The application was created. Its backend gets tokens with this client secret.",
        lost: "If it is lost, make a new one under Credentials and revoke this one.",
        beside: vec![("Client ID", made.application.client_id.to_string())],
        variable: Some("KEYSTEAD_CLIENT_SECRET"),
        next,
    };
    Ok(once::show(frame, words, &secret))
}

async fn page(console: &Console, person: &Person, form: Form) -> Answer {
    person.may::<EditApplications>(console).await?;
    Ok(shown(&Page {
        frame: Frame::new(person, Place::Applications, "New application"),
        form,
        mains: mains(console, person, None).await?,
    }))
}
