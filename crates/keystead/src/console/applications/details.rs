//! `/console/applications/{id}/details`: what it is called, and where its users return to.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect, Response},
};

use super::{Head, Tab, mains, open};
use crate::{
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted, Refused, refused::wrong, shown,
        time::When,
    },
    ids::ApplicationId,
    manage::{
        Object as _,
        applications::{self, Update},
        permission::{Action, right::EditApplications},
    },
};

#[derive(Template)]
#[template(path = "console/applications/details.html")]
struct Page {
    frame: Frame,
    head: Head,
    form: Form,
    mains: Vec<(String, String)>,
    created: When,
    origins: usize,
    ranges: usize,
    may_edit: bool,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
) -> Answer {
    page(&console, &person, &id, None).await
}

pub(super) async fn change(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, form }: Posted,
) -> Answer {
    let wanted = Update {
        name: Some(form.value("name").to_owned()),
        development_of: Some(form.value("development_of").to_owned()),
        redirect_uris: Some(form.lines("redirect_uris")),
        ..Update::default()
    };
    match save(&console, &person, &id, form, wanted).await? {
        None => Ok(saved(&id, "details")),
        Some(form) => {
            let page = page(&console, &person, &id, Some(form)).await?;
            Ok(wrong(page))
        }
    }
}

/// Changes an application; the form again where something is wrong with it.
pub(super) async fn save(
    console: &Console,
    person: &Person,
    id: &str,
    mut form: Form,
    wanted: Update,
) -> Result<Option<Form>, Refused> {
    let may = person.may::<EditApplications>(console).await?;
    let id = ApplicationId::named(id)?;
    if form.is_wrong() {
        return Ok(Some(form));
    }
    match applications::update(console.manage(), &may, id, wanted).await {
        Ok(_) => Ok(None),
        Err(problem) => {
            form.refused(problem)?;
            Ok(Some(form))
        }
    }
}

/// Back to the tab, which says that it was saved.
pub(super) fn saved(id: &str, tab: &str) -> Response {
    Redirect::to(&format!("/console/applications/{id}/{tab}?done=changed")).into_response()
}

async fn page(console: &Console, person: &Person, id: &str, typed: Option<Form>) -> Answer {
    let (application, head) = open(console, person, id, Tab::Details).await?;
    let form = typed.unwrap_or_else(|| {
        let mut form = Form::of([("name", application.name.as_str())]);
        let main = application.development_of;
        form.put(
            "development_of",
            main.map(|id| id.to_string()).unwrap_or_default(),
        );
        form.put("redirect_uris", application.redirect_uris.join("\n"));
        form
    });
    Ok(shown(&Page {
        frame: Frame::new(
            person,
            Place::Applications,
            format!("Details, {}", head.name),
        ),
        mains: mains(console, person, Some(application.application_id)).await?,
        created: When {
            at: application.created_at.0,
            now: console.store().clock().now(),
        },
        origins: application.origins.len(),
        ranges: application.addresses.len(),
        may_edit: person.is_allowed(Action::EditApplications),
        head,
        form,
    }))
}
