//! `/console/providers`: the providers, and every key.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{RawQuery, State};
use serde::Serialize;

use super::{StatusWords, Tile, of_key, status, tiles, title};
use crate::{
    console::{
        Answer, Console, Frame, Person, Place, Refused,
        choices::{Choice, applications, name_of},
        export,
        listing::Listing,
        refused::shown,
        time::{DayAgo, When},
    },
    ids::KeyId,
    manage::{
        keys::{self, Filter, KeyView},
        permission::{Action, right::SeeKeys},
        time::{Day, Moment},
    },
    store::KeyFacts,
};

#[derive(Template)]
#[template(path = "console/providers/list.html")]
struct Page {
    frame: Frame,
    listing: Listing,
    tiles: Vec<Tile>,
    applications: Vec<Choice>,
    statuses: &'static [(&'static str, &'static str)],
    rows: Vec<Row>,
    cursor: Option<String>,
    may_edit: bool,
}

/// A key in the list.
#[derive(Debug)]
struct Row {
    id: String,
    name: String,
    last4: String,
    provider: String,
    application_id: String,
    application: String,
    status: StatusWords,
    entered: When,
    checked: Option<When>,
    last_used: Option<DayAgo>,
    addons: u64,
}

/// A key in a file.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(flatten)]
    key: KeyView,
    entered_at: Moment,
    last_used: Option<Day>,
    addons: u64,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Answer {
    let may = person.may::<SeeKeys>(&console).await?;
    let listing = Listing::of(PATH, FILTERS, query.as_deref());
    let found = keys::list(console.manage(), &may, filter(&listing, None)).await?;
    let store = console.store();
    let facts = facts(&console, &person, &found.data).await?;
    let counts = store.keys_by_provider(may.organization).await?;
    let applications = applications(&console, &person).await?;
    let now = store.clock().now();
    let row = |key: &KeyView| {
        let facts = facts.get(&key.key_id);
        Row {
            id: key.key_id.to_string(),
            name: key.name.clone(),
            last4: key.last4.clone(),
            provider: title(&key.provider).to_owned(),
            application_id: key.application_id.to_string(),
            application: name_of(&applications, &key.application_id),
            status: of_key(key.status, key.disabled),
            entered: When {
                at: facts.map_or(key.created_at.0, |facts| facts.entered_at),
                now,
            },
            checked: key.checked_at.map(|at| When { at: at.0, now }),
            last_used: facts
                .and_then(|facts| facts.last_used)
                .map(|day| DayAgo { day, now }),
            addons: facts.map_or(0, |facts| facts.addons),
        }
    };
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::Providers, "Providers & keys"),
        tiles: tiles(|name| counts.get(name).copied().unwrap_or_default()),
        rows: found.data.iter().map(row).collect(),
        applications,
        statuses: status::CHOICES,
        cursor: found.next_cursor,
        may_edit: person.is_allowed(Action::EditKeys),
        listing,
    }))
}

pub(super) async fn csv(
    State(console): State<Console>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Answer {
    let columns = [
        "key_id",
        "name",
        "provider",
        "application_id",
        "last4",
        "status",
        "disabled",
        "destination",
        "version",
        "created_at",
        "entered_at",
        "checked_at",
        "last_used",
        "addons",
    ];
    let all = whole(&console, &person, query.as_deref()).await?;
    let row = |line: &Line| {
        let key = &line.key;
        vec![
            key.key_id.to_string(),
            key.name.clone(),
            key.provider.clone(),
            key.application_id.to_string(),
            key.last4.clone(),
            key.status.word().to_owned(),
            key.disabled.to_string(),
            key.destination.clone(),
            key.version.to_string(),
            key.created_at.to_string(),
            line.entered_at.to_string(),
            key.checked_at.map(|at| at.to_string()).unwrap_or_default(),
            line.last_used
                .map(|day| day.to_string())
                .unwrap_or_default(),
            line.addons.to_string(),
        ]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    Ok(export::csv("keys", &columns, &rows))
}

pub(super) async fn json(
    State(console): State<Console>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Answer {
    let all = whole(&console, &person, query.as_deref()).await?;
    Ok(export::json("keys", &all))
}

/// Every page of a list, up to what one file holds.
async fn whole(
    console: &Console,
    person: &Person,
    query: Option<&str>,
) -> Result<Vec<Line>, Refused> {
    let may = person.may::<SeeKeys>(console).await?;
    let listing = Listing::of(PATH, FILTERS, query);
    let wanted = filter(&listing, Some(export::AT_ONCE));
    let page = |cursor| {
        let wanted = Filter {
            cursor,
            ..wanted.clone()
        };
        keys::list(console.manage(), &may, wanted)
    };
    let keys = export::whole(page).await?;
    let mut lines = Vec::with_capacity(keys.len());
    for some in keys.chunks(usize::from(export::AT_ONCE)) {
        let facts = facts(console, person, some).await?;
        lines.extend(some.iter().map(|key| {
            let facts = facts.get(&key.key_id);
            Line {
                entered_at: facts.map_or(key.created_at, |facts| Moment(facts.entered_at)),
                last_used: facts.and_then(|facts| facts.last_used).map(Day),
                addons: facts.map_or(0, |facts| facts.addons),
                key: key.clone(),
            }
        }));
    }
    Ok(lines)
}

/// What is told beside each key.
async fn facts(
    console: &Console,
    person: &Person,
    keys: &[KeyView],
) -> Result<HashMap<KeyId, KeyFacts>, Refused> {
    let may = person.may::<SeeKeys>(console).await?;
    let ids: Vec<_> = keys.iter().map(|key| key.key_id).collect();
    Ok(console.store().key_facts(may.organization, &ids).await?)
}

fn filter(listing: &Listing, limit: Option<u16>) -> Filter {
    let search = listing.search(limit);
    Filter {
        application_id: listing.value("application_id"),
        provider: listing.value("provider"),
        status: listing.value("status"),
        limit: search.limit,
        cursor: search.cursor,
        sort: search.sort,
        q: search.q,
    }
}

const PATH: &str = "/console/providers";
const FILTERS: &[&str] = &["provider", "application_id", "status"];
