//! `/console/providers/{id}/rotate`: a new key in the place of the old one.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect},
};
use keystead_providers::Guidance;

use super::{
    add::{bare, refused},
    open, path, title,
};
use crate::{
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted,
        refused::{shown, wrong},
    },
    ids::KeyId,
    manage::{
        Object as _,
        keys::{self, Rotate},
        permission::right::ReplaceKeys,
    },
};

#[derive(Template)]
#[template(path = "console/providers/rotate.html")]
struct Page {
    frame: Frame,
    form: Form,
    key_id: String,
    name: String,
    last4: String,
    provider: String,
    guidance: Option<&'static Guidance>,
}

pub(super) async fn show(
    State(console): State<Console>,
    Path(id): Path<String>,
    person: Person,
) -> Answer {
    person.may::<ReplaceKeys>(&console).await?;
    page(&console, &person, &id, Form::of([("overlap_s", "3600")])).await
}

pub(super) async fn rotate(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let may = person.may::<ReplaceKeys>(&console).await;
    let may = may.map_err(|no| no.back_to(format!("/console/providers/{id}/rotate")))?;
    let key = KeyId::named(&id)?;
    let entered = form.take("key");
    let overlap_s = form.value("overlap_s").parse().ok();
    if overlap_s.is_none() {
        form.mark("overlap_s", "Choose what becomes of calls that run");
    }
    if entered.trim().is_empty() {
        form.mark("key", "Enter the new key");
    }
    if !form.is_wrong() {
        let wanted = Rotate {
            overlap_s,
            skip_check: false,
            key: bare(&entered).into(),
        };
        match keys::rotate(console.manage(), &may, key, wanted).await {
            Ok(_) => {
                return Ok(Redirect::to(&format!("{}?done=rotated", path(&key))).into_response());
            }
            Err(problem) => refused(&mut form, problem)?,
        }
    }
    Ok(wrong(page(&console, &person, &id, form).await?))
}

async fn page(console: &Console, person: &Person, id: &str, form: Form) -> Answer {
    let key = open(console, person, id).await?.key;
    let provider = keystead_providers::by_name(&key.provider);
    Ok(shown(&Page {
        frame: Frame::new(person, Place::Providers, format!("Rotate {}", key.name)),
        form,
        key_id: key.key_id.to_string(),
        provider: title(&key.provider).to_owned(),
        guidance: provider.map(|provider| &provider.about().guidance),
        name: key.name,
        last4: key.last4,
    }))
}
