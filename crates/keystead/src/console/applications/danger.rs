//! `/console/applications/{id}/danger`: disable, enable, delete.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect},
};

use super::{Head, Tab, open};
use crate::{
    console::{Answer, Console, Frame, Person, Place, Posted, shown},
    ids::ApplicationId,
    manage::{Object as _, applications, permission::right::EditApplications},
};

#[derive(Template)]
#[template(path = "console/applications/danger.html")]
struct Page {
    frame: Frame,
    head: Head,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
) -> Answer {
    person.may::<EditApplications>(&console).await?;
    let (_, head) = open(&console, &person, &id, Tab::Danger).await?;
    Ok(shown(&Page {
        frame: Frame::new(
            &person,
            Place::Applications,
            format!("Danger zone, {}", head.name),
        ),
        head,
    }))
}

pub(super) async fn disable(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, .. }: Posted,
) -> Answer {
    set_disabled(&console, &person, &id, true).await
}

pub(super) async fn enable(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, .. }: Posted,
) -> Answer {
    set_disabled(&console, &person, &id, false).await
}

async fn set_disabled(console: &Console, person: &Person, id: &str, disabled: bool) -> Answer {
    let may = person.may::<EditApplications>(console).await?;
    let id = ApplicationId::named(id)?;
    applications::set_disabled(console.manage(), &may, id, disabled).await?;
    let done = if disabled { "disabled" } else { "enabled" };
    let next = format!("/console/applications/{id}/danger?done={done}");
    Ok(Redirect::to(&next).into_response())
}
