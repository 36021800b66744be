//! `/console/providers/{id}/limits`: the rules that a key has of its own.

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
    ids::KeyId,
    manage::{
        Object as _,
        keys::{self, Update},
        permission::right::EditKeys,
    },
};

#[derive(Template)]
#[template(path = "console/providers/limits.html")]
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
    person.may::<EditKeys>(&console).await?;
    page(&console, &person, &id, None).await
}

pub(super) async fn change(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let may = person.may::<EditKeys>(&console).await?;
    let key = KeyId::named(&id)?;
    let wanted = Update {
        limits: Some(limits::read(&mut form)),
        ..Update::default()
    };
    if !form.is_wrong() {
        match keys::update(console.manage(), &may, key, wanted).await {
            Ok(_) => {
                return Ok(Redirect::to(&format!("{}?done=changed", path(&key))).into_response());
            }
            Err(problem) => form.refused(problem)?,
        }
    }
    Ok(wrong(page(&console, &person, &id, Some(form)).await?))
}

async fn page(console: &Console, person: &Person, id: &str, typed: Option<Form>) -> Answer {
    let key = open(console, person, id).await?;
    let form = typed.unwrap_or_else(|| limits::form(&key.key.limits));
    Ok(shown(&Page {
        frame: Frame::new(
            person,
            Place::Providers,
            format!("Limits of {}", key.key.name),
        ),
        crumbs: crumbs(&key),
        path: path(&key.key.key_id),
        form,
    }))
}
