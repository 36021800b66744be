//! AddOns: browse, install, change, try, remove.

mod addon;
mod browse;
mod edit;
mod fields;
mod install;
mod kind;
mod limits;
mod list;
mod remove;
mod try_it;

use axum::{
    Router,
    routing::{get, post},
};

use super::{
    Console, Person, Refused,
    providers::{StatusWords, title},
};
use crate::{
    ids::AddOnId,
    manage::{
        Object as _,
        addons::{self, AddOnView},
        keys::{self, KeyView},
        permission::right::{SeeAddOns, SeeKeys},
    },
};

pub(super) use self::{kind::KindWords, try_it::trial_policy};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/addons", get(list::show))
        .route("/console/addons.csv", get(list::csv))
        .route("/console/addons.json", get(list::json))
        .route("/console/addons/browse", get(browse::show))
        .route(
            "/console/addons/install",
            get(install::show).post(install::install),
        )
        .route("/console/addons/{id}", get(addon::show))
        .route("/console/addons/{id}/enable", post(addon::enable))
        .route("/console/addons/{id}/disable", post(addon::disable))
        .route(
            "/console/addons/{id}/edit",
            get(edit::show).post(edit::change),
        )
        .route(
            "/console/addons/{id}/limits",
            get(limits::show).post(limits::change),
        )
        .route(
            "/console/addons/{id}/remove",
            get(remove::ask).post(remove::remove),
        )
        .route("/console/addons/{id}/try", get(try_it::show))
        .route("/console/addons/{id}/try/token", post(try_it::mint))
}

/// The AddOn of a page.
async fn open(console: &Console, person: &Person, id: &str) -> Result<AddOnView, Refused> {
    let may = person.may::<SeeAddOns>(console).await?;
    let id = AddOnId::named(id)?;
    Ok(addons::show(console.manage(), &may, id).await?)
}

/// The key of an AddOn, unless it was deleted.
async fn key_of(
    console: &Console,
    person: &Person,
    addon: &AddOnView,
) -> Result<Option<KeyView>, Refused> {
    let Some(id) = addon.key_id else {
        return Ok(None);
    };
    let may = person.may::<SeeKeys>(console).await?;
    Ok(Some(keys::show(console.manage(), &may, id).await?.key))
}

/// What stands before the title of an AddOn's pages.
fn crumbs(addon: &AddOnView) -> Vec<(String, String)> {
    vec![
        ("/console/addons".to_owned(), "AddOns".to_owned()),
        (path(&addon.addon_id), addon.handle.to_string()),
    ]
}

fn path(id: &AddOnId) -> String {
    format!("/console/addons/{id}")
}

/// A key, named beside an AddOn.
#[derive(Debug)]
struct OfKey {
    id: String,
    name: String,
    provider: String,
}

impl OfKey {
    fn of(key: &KeyView) -> Self {
        Self {
            id: key.key_id.to_string(),
            name: key.name.clone(),
            provider: title(&key.provider).to_owned(),
        }
    }
}

/// How an AddOn is, and what to do about it.
fn status(addon: &AddOnView, key: Option<&KeyView>) -> (StatusWords, &'static str) {
    let words = |kind, text| StatusWords { kind, text };
    if addon.disabled {
        let advice = "Every call is refused until it is enabled again.";
        return (words("off", "Disabled"), advice);
    }
    match key {
        None => (
            words("bad", "No key"),
            "Its key was deleted, so every call is refused. Give it another one.",
        ),
        Some(key) if key.disabled => (
            words("bad", "Key deactivated"),
            "Its key is deactivated, so every call is refused.",
        ),
        Some(_) => (words("ok", "Enabled"), ""),
    }
}
