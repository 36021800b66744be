//! `/console/addons/{id}/edit`: everything that was chosen when it was installed.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect},
};

use super::{
    KindWords,
    fields::{self, Choices},
    install::{KeyChoice, all_keys, choice},
    open, path,
};
use crate::{
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted,
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
#[template(path = "console/addons/edit.html")]
struct Page {
    frame: Frame,
    id: String,
    handle: String,
    form: Form,
    kinds: Vec<KindWords>,
    keys: Vec<KeyChoice>,
    choices: Choices,
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
        handle: Some(form.value("handle").to_owned()),
        kind: Some(form.value("type").to_owned()),
        key_id: form.filled("key_id").map(ToOwned::to_owned),
        key_source: form.filled("key_source").map(ToOwned::to_owned),
        provider: None,
        models: Some(form.lines("models")),
        operations: Some(fields::operations(&form)),
        allow: Some(form.all("allow")),
        strict: Some(form.has("strict", "yes")),
        limits: None,
    };
    match addons::update(console.manage(), &may, addon, wanted).await {
        Ok(_) => Ok(Redirect::to(&format!("{}?done=changed", path(&addon))).into_response()),
        Err(problem) => {
            form.refused(problem)?;
            Ok(wrong(page(&console, &person, &id, Some(form)).await?))
        }
    }
}

async fn page(console: &Console, person: &Person, id: &str, typed: Option<Form>) -> Answer {
    let addon = open(console, person, id).await?;
    let keys = all_keys(console, person, Some(addon.application_id.to_string())).await?;
    let form = typed.unwrap_or_else(|| {
        let mut form = Form::default();
        fields::fill(&mut form, &addon);
        form
    });
    let kind = KindWords::named(form.value("type")).or_else(|| KindWords::named(addon.kind));
    let chosen = keys
        .iter()
        .find(|key| form.has("key_id", &key.key_id.to_string()));
    let provider = chosen.map(|key| &key.provider).or(addon.provider.as_ref());
    let about = provider.and_then(|name| keystead_providers::by_name(name));
    Ok(shown(&Page {
        frame: Frame::new(person, Place::AddOns, format!("Edit {}", addon.handle)),
        id: addon.addon_id.to_string(),
        handle: addon.handle.to_string(),
        kinds: KindWords::all().collect(),
        keys: keys.iter().map(choice).collect(),
        choices: match kind {
            Some(kind) => Choices::of(about.map(|about| about.about()), kind.kind()),
            None => Choices::default(),
        },
        form,
    }))
}
