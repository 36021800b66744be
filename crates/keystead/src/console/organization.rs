//! `/console/organization`: what holds for all of it.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Redirect},
    routing::get,
};
use http::StatusCode;

use super::{Answer, Console, Form, Frame, Person, Place, Posted, limits, shown, time::When};
use crate::{
    ids::OrganizationId,
    manage::{
        organization::{self, Update},
        permission::{
            Action,
            right::{EditOrganization, SeeOrganization},
        },
    },
};

#[derive(Template)]
#[template(path = "console/organization.html")]
struct Page {
    frame: Frame,
    form: Form,
    id: OrganizationId,
    created: When,
    may_edit: bool,
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/console/organization", get(show).post(change))
}

async fn show(State(console): State<Console>, person: Person) -> Answer {
    page(&console, &person, None).await
}

async fn change(State(console): State<Console>, Posted { person, mut form }: Posted) -> Answer {
    let may = person.may::<EditOrganization>(&console).await?;
    let wanted = Update {
        limits: limits::read(&mut form),
    };
    if !form.is_wrong() {
        match organization::update(console.manage(), &may, wanted).await {
            Ok(_) => return Ok(Redirect::to("/console/organization?done=changed").into_response()),
            Err(problem) => form.refused(problem)?,
        }
    }
    let page = page(&console, &person, Some(form)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn page(console: &Console, person: &Person, typed: Option<Form>) -> Answer {
    let may = person.may::<SeeOrganization>(console).await?;
    let found = organization::show(console.manage(), &may).await?;
    let form = typed.unwrap_or_else(|| {
        let mut form = Form::default();
        limits::fill(&mut form, &found.limits);
        form
    });
    Ok(shown(&Page {
        frame: Frame::new(person, Place::Organization, "Organization"),
        form,
        id: found.organization_id,
        created: When {
            at: found.created_at.0,
            now: console.store().clock().now(),
        },
        may_edit: person.is_allowed(Action::EditOrganization),
    }))
}
