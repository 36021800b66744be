//! `/console/addons/{id}`: one AddOn, how it is called, and the rules that hold for its calls.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect},
};

use super::{KindWords, OfKey, StatusWords, key_of, open, path, status};
use crate::{
    console::{
        Answer, Console, Frame, Person, Place, Posted,
        choices::{applications, name_of},
        limits::{self, Rule},
        providers::title,
        refused::shown,
        time::When,
    },
    ids::AddOnId,
    manage::{
        Object as _,
        addons::{self, OperationsView},
        permission::{Action, right::EditAddOns},
    },
    store::KeySource,
};

#[derive(Template)]
#[template(path = "console/addons/addon.html")]
struct Page {
    frame: Frame,
    addon: Shown,
    rules: Vec<Rule>,
    may_edit: bool,
}

#[derive(Debug)]
struct Shown {
    id: String,
    handle: String,
    kind: &'static str,
    application_id: String,
    application: String,
    provider: String,
    key: Option<OfKey>,
    key_source: &'static str,
    models: Vec<String>,
    operations: String,
    allow: Vec<String>,
    strict: bool,
    disabled: bool,
    status: StatusWords,
    advice: &'static str,
    base_url: Option<String>,
    created: When,
}

pub(super) async fn show(
    State(console): State<Console>,
    Path(id): Path<String>,
    person: Person,
) -> Answer {
    let addon = open(&console, &person, &id).await?;
    let key = key_of(&console, &person, &addon).await?;
    let applications = applications(&console, &person).await?;
    let (status, advice) = status(&addon, key.as_ref());
    let rules = limits::in_force(&console, &person, addon.addon_id).await?;
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::AddOns, addon.handle.to_string()),
        rules,
        may_edit: person.is_allowed(Action::EditAddOns),
        addon: Shown {
            id: addon.addon_id.to_string(),
            handle: addon.handle.to_string(),
            kind: KindWords::named(addon.kind).map_or(addon.kind, |kind| kind.title),
            application_id: addon.application_id.to_string(),
            application: name_of(&applications, &addon.application_id),
            provider: title(addon.provider.as_deref().unwrap_or_default()).to_owned(),
            key: key.as_ref().map(OfKey::of),
            key_source: match addon.key_source {
                KeySource::Application => "the application’s",
                KeySource::User => "the end user’s own",
                KeySource::UserThenApplication => "the end user’s own, else the application’s",
            },
            models: addon.models,
            operations: match addon.operations {
                OperationsView::Word("default") => "what this type needs".to_owned(),
                OperationsView::Word(_) => {
                    "all of this type that are not administrative".to_owned()
                }
                OperationsView::Names(names) => names.join(", "),
            },
            allow: addon.allow,
            strict: addon.strict,
            disabled: addon.disabled,
            status,
            advice,
            base_url: addon.base_url,
            created: When {
                at: addon.created_at.0,
                now: console.store().clock().now(),
            },
        },
    }))
}

pub(super) async fn enable(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    set_disabled(&console, &posted, &id, false).await
}

pub(super) async fn disable(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    set_disabled(&console, &posted, &id, true).await
}

async fn set_disabled(console: &Console, posted: &Posted, id: &str, disabled: bool) -> Answer {
    let may = posted.person.may::<EditAddOns>(console).await?;
    let id = AddOnId::named(id)?;
    addons::set_disabled(console.manage(), &may, id, disabled).await?;
    let back = match posted.form.value("back") {
        "list" => "/console/addons".to_owned(),
        _ => path(&id),
    };
    let word = if disabled { "disabled" } else { "enabled" };
    Ok(Redirect::to(&format!("{back}?done={word}")).into_response())
}
