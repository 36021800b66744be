//! `/console/privacy`: an end user asks what is known about them, or to be erased, and somebody of the
//! organization does it for them.

use askama::Template;
use axum::{extract::State, response::Response};

use super::receipt;
use crate::{
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted, Refused,
        choices::{Choice, Choices},
        export,
        refused::wrong,
        shown,
    },
    manage::{
        Problem,
        erasure::{self, Wanted},
        permission::right::{EraseSubjects, ExportSubjects},
    },
};

#[derive(Template)]
#[template(path = "console/privacy/end_users.html")]
struct Page {
    frame: Frame,
    form: Form,
    applications: Vec<Choice>,
    /// Whether an application exchanges tokens of an identity provider of its own.
    has_issuer: bool,
}

pub(super) async fn show(State(console): State<Console>, person: Person) -> Answer {
    person.may::<ExportSubjects>(&console).await?;
    page(&console, &person, Form::default()).await
}

pub(super) async fn export(
    State(console): State<Console>,
    Posted { person, form }: Posted,
) -> Answer {
    let may = person.may::<ExportSubjects>(&console).await?;
    match erasure::export_subject(console.manage(), &may, wanted(&form)).await {
        Ok(found) => Ok(export::object("end-user", &found)),
        Err(problem) => again(&console, &person, form, problem).await,
    }
}

pub(super) async fn erase(
    State(console): State<Console>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let may = person.may::<EraseSubjects>(&console).await?;
    if !form.has("sure", "yes") {
        form.mark("sure", "Say that it is meant");
        return Ok(wrong(page(&console, &person, form).await?));
    }
    match erasure::erase_subject(console.manage(), &may, wanted(&form)).await {
        Ok(done) => Ok(receipt(&console, done, Some("/console/privacy"))),
        Err(problem) => again(&console, &person, form, problem).await,
    }
}

fn wanted(form: &Form) -> Wanted {
    Wanted {
        application_id: form.value("application_id").to_owned(),
        uid: said(form, "uid"),
        sub: said(form, "sub"),
    }
}

fn said(form: &Form, name: &str) -> Option<String> {
    let value = form.value(name).trim();
    (!value.is_empty()).then(|| value.to_owned())
}

async fn again(
    console: &Console,
    person: &Person,
    mut form: Form,
    problem: Problem,
) -> Result<Response, Refused> {
    form.refused(problem)?;
    Ok(wrong(page(console, person, form).await?))
}

async fn page(console: &Console, person: &Person, form: Form) -> Result<Response, Refused> {
    let Choices {
        applications,
        has_issuer,
        ..
    } = Choices::of(console, person.signed_in.organization.id).await?;
    Ok(shown(&Page {
        frame: Frame::new(person, Place::Privacy, "End users' data"),
        form,
        applications,
        has_issuer,
    }))
}
