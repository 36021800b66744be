//! `/console/addons/{id}/limits`: the rules that an AddOn has of its own.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect},
};

use super::{crumbs, open, path};
use crate::{
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted, limits,
        refused::{shown, wrong},
    },
    ids::AddOnId,
    manage::{
        Object as _,
        addons::{self, Update},
        permission::right::EditAddOns,
    },
};

#[derive(Template)]
#[template(path = "console/addons/limits.html")]
struct Page {
    frame: Frame,
    crumbs: Vec<(String, String)>,
    path: String,
    form: Form,
}

pub(super) async fn show(
    State(console): State<Console>,
    Path(id): Path<String>,
    person: Person,
) -> Answer {
    person.may::<EditAddOns>(&console).await?;
    page(&console, &person, &id, None).await
}

pub(super) async fn change(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let may = person.may::<EditAddOns>(&console).await?;
    let addon = AddOnId::named(&id)?;
    let wanted = Update {
        limits: Some(limits::read_for_each(&mut form)),
        ..Update::default()
    };
    if !form.is_wrong() {
        match addons::update(console.manage(), &may, addon, wanted).await {
            Ok(_) => {
                return Ok(Redirect::to(&format!("{}?done=changed", path(&addon))).into_response());
            }
            Err(problem) => form.refused(problem)?,
        }
    }
    Ok(wrong(page(&console, &person, &id, Some(form)).await?))
}

async fn page(console: &Console, person: &Person, id: &str, typed: Option<Form>) -> Answer {
    let addon = open(console, person, id).await?;
    let form = typed.unwrap_or_else(|| limits::form(&addon.limits));
    Ok(shown(&Page {
        frame: Frame::new(person, Place::AddOns, format!("Limits of {}", addon.handle)),
        crumbs: crumbs(&addon),
        path: path(&addon.addon_id),
        form,
    }))
}
