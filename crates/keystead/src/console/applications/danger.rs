//! `/console/applications/{id}/danger`: disable, enable, delete.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect, Response},
};

use super::{Head, Tab, open};
use crate::{
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted, Refused,
        confirm::{Confirm, counted, is_typed},
        privacy::receipt,
        shown,
    },
    ids::ApplicationId,
    manage::{
        Object as _,
        applications::{self, BelongingsView},
        permission::right::{DeleteApplications, EditApplications, SeeApplications},
    },
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

/// Asks before an application is deleted, of someone who proved anew who they are.
pub(super) async fn ask_delete(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
) -> Answer {
    person.may::<DeleteApplications>(&console).await?;
    asked(&console, &person, &id, Form::default()).await
}

pub(super) async fn delete(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let may = person.may::<DeleteApplications>(&console).await?;
    let (application, head) = open(&console, &person, &id, Tab::Danger).await?;
    if !is_typed(&mut form, &head.name) {
        return asked(&console, &person, &id, form).await;
    }
    let id = application.application_id;
    let done = applications::remove(console.manage(), &may, id).await?;
    Ok(receipt(&console, done, Some("/console/applications")))
}

async fn asked(
    console: &Console,
    person: &Person,
    id: &str,
    form: Form,
) -> Result<Response, Refused> {
    let (application, head) = open(console, person, id, Tab::Danger).await?;
    let may = person.may::<SeeApplications>(console).await?;
    let id = application.application_id;
    let goes = applications::belongings(console.manage(), &may, id).await?;
    Ok(Confirm {
        frame: Frame::new(person, Place::Applications, "Delete an application"),
        crumbs: head.crumbs("/danger"),
        question: format!("Delete {}?", head.name),
        effects: effects(&goes),
        typed: Some(head.name),
        button: "Delete for good",
        is_danger: true,
        action: format!("/console/applications/{id}/delete"),
        form,
    }
    .ask())
}

/// What will come of it, in counts.
fn effects(goes: &BelongingsView) -> Vec<String> {
    let mut effects = Vec::new();
    if goes.development_applications > 0 {
        let all = counted(
            goes.development_applications,
            "development application goes",
            "development applications go",
        );
        effects.push(format!(
            "{all} with it, and what belongs to it is counted below."
        ));
    }
    if goes.own_keys > 0 {
        let all = counted(
            goes.own_keys,
            "key that an end user brought is",
            "keys that end users brought are",
        );
        effects.push(format!("{all} destroyed as well."));
    }
    effects.extend([
        format!(
            "{} destroyed: nobody can get a key back from here.",
            counted(goes.keys, "provider key is", "provider keys are")
        ),
        format!(
            "{} removed.",
            counted(goes.addons, "AddOn is", "AddOns are")
        ),
        format!(
            "{} at once, and running answers are cut within a second.",
            counted(
                goes.access_tokens,
                "token that still works ends",
                "tokens that still work end"
            )
        ),
        "What was used stays in the books. It can't be undone.".to_owned(),
    ]);
    effects
}
