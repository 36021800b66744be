//! `/console/applications/{id}`: the first call as code to paste.

use askama::Template;
use axum::extract::{Path, RawQuery, State};

use super::{
    Head, Tab, open,
    snippets::{self, Facts, Snippet},
};
use crate::{
    console::{Answer, Console, Frame, Person, Place, Refused, listing::Listing, shown},
    manage::{
        addons::{self, AddOnView, Filter},
        permission::{Action, right::SeeAddOns},
    },
    widget::Loading,
};

#[derive(Template)]
#[template(path = "console/applications/quick_start.html")]
struct Page {
    frame: Frame,
    head: Head,
    /// Handle and label of each AddOn.
    addons: Vec<(String, String)>,
    chosen: Option<Chosen>,
    token: Snippet,
    calls: Vec<Snippet>,
    element: Snippet,
    origins_set: bool,
    may_install: bool,
}

struct Chosen {
    id: String,
    handle: String,
    provider: Option<String>,
    base_url: String,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let (application, head) = open(&console, &person, &id, Tab::QuickStart).await?;
    let asked = Listing::of("", &["addon"], query.as_deref());
    let addons = of_application(&console, &person, &head.id).await?;
    let chosen = addons
        .iter()
        .find(|one| asked.is("addon", one.handle.as_str()));
    let chosen = chosen.or_else(|| addons.iter().find(|one| one.provider.is_some()));
    let chosen = chosen.or_else(|| addons.first());
    let host = console.manage().public_url().to_string();
    let script = Loading::from(console.manage().public_url()).tag();
    let facts = Facts {
        host: &host,
        script: &script,
        client_id: &head.client_id,
        handle: chosen.map_or("HANDLE", |one| one.handle.as_str()),
        base_url: chosen
            .and_then(|one| one.base_url.as_deref())
            .unwrap_or_default(),
        provider: chosen
            .and_then(|one| one.provider.as_deref())
            .unwrap_or_default(),
        kind: chosen.map_or("any", |one| one.kind),
        model: chosen
            .and_then(|one| one.models.first())
            .map(String::as_str),
    };
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::Applications, head.name.clone()),
        token: snippets::token(&facts),
        calls: snippets::calls(&facts),
        element: snippets::element(&facts),
        addons: addons.iter().map(labelled).collect(),
        chosen: chosen.map(|one| Chosen {
            id: one.addon_id.to_string(),
            handle: one.handle.to_string(),
            provider: one.provider.as_deref().map(title_of),
            base_url: one.base_url.clone().unwrap_or_default(),
        }),
        origins_set: !application.origins.is_empty(),
        may_install: person.is_allowed(Action::EditAddOns),
        head,
    }))
}

/// The AddOns of an application, in the order of their handles.
pub(super) async fn of_application(
    console: &Console,
    person: &Person,
    application: &str,
) -> Result<Vec<AddOnView>, Refused> {
    let may = person.may::<SeeAddOns>(console).await?;
    let filter = Filter {
        application_id: Some(application.to_owned()),
        limit: Some(200),
        sort: Some("name".to_owned()),
        ..Filter::default()
    };
    Ok(addons::list(console.manage(), &may, filter).await?.data)
}

fn labelled(addon: &AddOnView) -> (String, String) {
    let provider = addon.provider.as_deref().map(title_of);
    let label = match provider {
        Some(provider) => format!("{}, {provider}", addon.handle),
        None => format!("{}, without a key", addon.handle),
    };
    (addon.handle.to_string(), label)
}

fn title_of(provider: &str) -> String {
    let known = keystead_providers::by_name(provider);
    known
        .map_or(provider, |known| known.about().title)
        .to_owned()
}
