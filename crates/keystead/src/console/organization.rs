//! `/console/organization`: what holds for all of it.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Redirect},
    routing::{get, post},
};

use super::{
    Answer, Console, Form, Frame, Person, Place, Posted, limits, refused::wrong, shown, time::When,
};
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
    may_delete: bool,
}

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/organization", get(show).post(change))
        .route("/console/organization/limits", post(limit))
}

async fn show(State(console): State<Console>, person: Person) -> Answer {
    page(&console, &person, None).await
}

async fn change(State(console): State<Console>, Posted { person, form }: Posted) -> Answer {
    let wanted = Update {
        name: Some(form.value("name").to_owned()),
        require_second_factor: Some(form.has("require_second_factor", "yes")),
        ..Update::default()
    };
    save(&console, &person, form, wanted).await
}

async fn limit(State(console): State<Console>, Posted { person, mut form }: Posted) -> Answer {
    let wanted = Update {
        limits: Some(limits::read(&mut form)),
        ..Update::default()
    };
    save(&console, &person, form, wanted).await
}

async fn save(console: &Console, person: &Person, mut form: Form, wanted: Update) -> Answer {
    let may = person.may::<EditOrganization>(console).await?;
    if !form.is_wrong() {
        match organization::update(console.manage(), &may, wanted).await {
            Ok(_) => return Ok(Redirect::to("/console/organization?done=changed").into_response()),
            Err(problem) => form.refused(problem)?,
        }
    }
    let page = page(console, person, Some(form)).await?;
    Ok(wrong(page))
}

async fn page(console: &Console, person: &Person, typed: Option<Form>) -> Answer {
    let may = person.may::<SeeOrganization>(console).await?;
    let found = organization::show(console.manage(), &may).await?;
    // Of the two forms one was typed into; the other shows what is stored.
    let mut form = typed.unwrap_or_default();
    if !form.knows("name") {
        form.put("name", found.name.as_str());
        if found.require_second_factor {
            form.put("require_second_factor", "yes");
        }
    }
    if !form.knows("limits/requests") {
        limits::fill(&mut form, &found.limits);
    }
    Ok(shown(&Page {
        frame: Frame::new(person, Place::Organization, "Organization"),
        form,
        id: found.organization_id,
        created: When {
            at: found.created_at.0,
            now: console.store().clock().now(),
        },
        may_edit: person.is_allowed(Action::EditOrganization),
        may_delete: person.is_allowed(Action::DeleteOrganization),
    }))
}
