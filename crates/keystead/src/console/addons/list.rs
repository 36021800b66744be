//! `/console/addons`: which are installed.

use std::collections::{HashMap, HashSet};

use askama::Template;
use axum::extract::{RawQuery, State};

use super::{KindWords, OfKey, StatusWords, status};
use crate::{
    console::{
        Answer, Console, Frame, Person, Place, Refused,
        choices::{Choice, applications, name_of},
        export,
        listing::Listing,
        refused::shown,
    },
    ids::KeyId,
    manage::{
        addons::{self, AddOnView, Filter, OperationsView},
        keys::{self, KeyView},
        permission::{
            Action,
            right::{SeeAddOns, SeeKeys},
        },
    },
};

#[derive(Template)]
#[template(path = "console/addons/list.html")]
struct Page {
    frame: Frame,
    listing: Listing,
    applications: Vec<Choice>,
    rows: Vec<Row>,
    cursor: Option<String>,
    may_edit: bool,
}

#[derive(Debug)]
struct Row {
    id: String,
    handle: String,
    kind: &'static str,
    application_id: String,
    application: String,
    key: Option<OfKey>,
    status: StatusWords,
    disabled: bool,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Answer {
    let may = person.may::<SeeAddOns>(&console).await?;
    let listing = Listing::of(PATH, FILTERS, query.as_deref());
    let found = addons::list(console.manage(), &may, filter(&listing, None)).await?;
    let applications = applications(&console, &person).await?;
    let keys = keys(&console, &person, &found.data).await?;
    let row = |addon: &AddOnView| {
        let key = addon.key_id.and_then(|id| keys.get(&id));
        Row {
            id: addon.addon_id.to_string(),
            handle: addon.handle.to_string(),
            kind: KindWords::named(addon.kind).map_or(addon.kind, |kind| kind.title),
            application_id: addon.application_id.to_string(),
            application: name_of(&applications, &addon.application_id),
            status: status(addon, key).0,
            key: key.map(OfKey::of),
            disabled: addon.disabled,
        }
    };
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::AddOns, "AddOns"),
        rows: found.data.iter().map(row).collect(),
        applications,
        cursor: found.next_cursor,
        may_edit: person.is_allowed(Action::EditAddOns),
        listing,
    }))
}

/// The keys of these AddOns.
async fn keys(
    console: &Console,
    person: &Person,
    addons: &[AddOnView],
) -> Result<HashMap<KeyId, KeyView>, Refused> {
    let may = person.may::<SeeKeys>(console).await?;
    let ids: HashSet<_> = addons.iter().filter_map(|addon| addon.key_id).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let found = keys::named(console.manage(), &may, &ids).await?;
    Ok(found.into_iter().map(|key| (key.key_id, key)).collect())
}

pub(super) async fn csv(
    State(console): State<Console>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Answer {
    let columns = [
        "addon_id",
        "handle",
        "type",
        "application_id",
        "key_id",
        "provider",
        "key_source",
        "models",
        "operations",
        "allow",
        "strict",
        "disabled",
        "base_url",
        "created_at",
    ];
    let all = whole(&console, &person, query.as_deref()).await?;
    let row = |addon: &AddOnView| {
        vec![
            addon.addon_id.to_string(),
            addon.handle.to_string(),
            addon.kind.to_owned(),
            addon.application_id.to_string(),
            addon.key_id.map(|id| id.to_string()).unwrap_or_default(),
            addon.provider.clone().unwrap_or_default(),
            addon.key_source.word().to_owned(),
            addon.models.join(" "),
            match &addon.operations {
                OperationsView::Word(word) => (*word).to_owned(),
                OperationsView::Names(names) => names.join(" "),
            },
            addon.allow.join(" "),
            addon.strict.to_string(),
            addon.disabled.to_string(),
            addon.base_url.clone().unwrap_or_default(),
            addon.created_at.to_string(),
        ]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    Ok(export::csv("addons", &columns, &rows))
}

pub(super) async fn json(
    State(console): State<Console>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Answer {
    let all = whole(&console, &person, query.as_deref()).await?;
    Ok(export::json("addons", &all))
}

/// Every page of a list, up to what one file holds.
async fn whole(
    console: &Console,
    person: &Person,
    query: Option<&str>,
) -> Result<Vec<AddOnView>, Refused> {
    let may = person.may::<SeeAddOns>(console).await?;
    let listing = Listing::of(PATH, FILTERS, query);
    let wanted = filter(&listing, Some(export::AT_ONCE));
    let page = |cursor| {
        let wanted = Filter {
            cursor,
            ..wanted.clone()
        };
        addons::list(console.manage(), &may, wanted)
    };
    export::whole(page).await
}

fn filter(listing: &Listing, limit: Option<u16>) -> Filter {
    let search = listing.search(limit);
    Filter {
        application_id: listing.value("application_id"),
        limit: search.limit,
        cursor: search.cursor,
        sort: search.sort,
        q: search.q,
    }
}

const PATH: &str = "/console/addons";
const FILTERS: &[&str] = &["application_id"];
