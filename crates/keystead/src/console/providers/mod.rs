//! Manage providers: the keys that applications call with, and how another is added.
//!
//! A key goes in and nothing of it comes out but its last four characters. No page here has a field
//! that is filled in with one, a refused form included.

mod add;
mod change;
mod delete;
mod key;
mod limits;
mod list;
mod rotate;
mod status;
mod used;

use axum::{
    Router,
    routing::{get, post},
};
use keystead_providers::{ALL, About, AddOnType};

use super::{Console, Person, Refused, addons::KindWords};
use crate::{
    ids::KeyId,
    manage::{
        Object as _,
        keys::{self, KeyDetailView},
        permission::right::SeeKeys,
    },
};

pub(super) use self::{
    add::{Chosen, bare, chosen, refused},
    status::{StatusWords, advice, of_key},
};
pub(super) use crate::manage::breakdown::provider_title as title;

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/providers", get(list::show))
        .route("/console/providers.csv", get(list::csv))
        .route("/console/providers.json", get(list::json))
        .route("/console/providers/add", get(add::show).post(add::add))
        .route("/console/providers/{id}", get(key::show))
        .route("/console/providers/{id}/check", post(change::check))
        .route("/console/providers/{id}/disable", post(change::disable))
        .route("/console/providers/{id}/enable", post(change::enable))
        .route("/console/providers/{id}/rename", post(change::rename))
        .route(
            "/console/providers/{id}/rotate",
            get(rotate::show).post(rotate::rotate),
        )
        .route(
            "/console/providers/{id}/limits",
            get(limits::show).post(limits::change),
        )
        .route(
            "/console/providers/{id}/delete",
            get(delete::ask).post(delete::delete),
        )
}

/// A provider, to be chosen.
#[derive(Debug)]
pub(super) struct Tile {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What it can do, in words.
    pub(super) does: String,
    keys: u64,
}

/// The key of a page.
async fn open(console: &Console, person: &Person, id: &str) -> Result<KeyDetailView, Refused> {
    let may = person.may::<SeeKeys>(console).await?;
    let id = KeyId::named(id)?;
    Ok(keys::show(console.manage(), &may, id).await?)
}

/// What stands before the title of a key's pages.
fn crumbs(key: &KeyDetailView) -> Vec<(String, String)> {
    vec![
        (
            "/console/providers".to_owned(),
            "Providers & keys".to_owned(),
        ),
        (path(&key.key.key_id), key.key.name.clone()),
    ]
}

fn path(id: &KeyId) -> String {
    format!("/console/providers/{id}")
}

/// Every provider, in the order people are shown them.
pub(super) fn tiles(keys: impl Fn(&str) -> u64) -> Vec<Tile> {
    let tile = |about: &'static About| Tile {
        name: about.name,
        title: about.title,
        does: does(about),
        keys: keys(about.name),
    };
    ALL.iter().map(|one| tile(one.about())).collect()
}

/// What a provider can do: `Writing and chat, translation, alt text`.
fn does(about: &About) -> String {
    let kinds = AddOnType::ALL.into_iter();
    let able = kinds.filter(|kind| *kind != AddOnType::Any && about.trial(*kind).is_some());
    let words: Vec<_> = able.map(|kind| KindWords::of(kind).title).collect();
    let mut text = words.join(", ").to_lowercase();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}
