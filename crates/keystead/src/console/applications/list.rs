//! `/console/applications`: which there are.

use askama::Template;
use axum::extract::{RawQuery, State};

use crate::{
    console::{
        Answer, Console, Frame, Person, Place, Refused, export, listing::Listing, shown, time::When,
    },
    manage::{
        Search,
        applications::{self, ApplicationView},
        permission::{Action, right::SeeApplications},
        time::rfc3339,
    },
};

#[derive(Template)]
#[template(path = "console/applications/list.html")]
struct Page {
    frame: Frame,
    listing: Listing,
    rows: Vec<Row>,
    cursor: Option<String>,
    may_edit: bool,
}

struct Row {
    id: String,
    name: String,
    client_id: String,
    kind: &'static str,
    is_development: bool,
    disabled: bool,
    addons: u64,
    created: When,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Answer {
    let may = person.may::<SeeApplications>(&console).await?;
    let listing = Listing::of(PATH, &[], query.as_deref());
    let found = applications::list(console.manage(), &may, &listing.search(None)).await?;
    let store = console.store();
    let addons = store.addon_counts(may.organization).await?;
    let now = store.clock().now();
    let row = |one: &ApplicationView| Row {
        id: one.application_id.to_string(),
        name: one.name.clone(),
        client_id: one.client_id.to_string(),
        kind: if one.public { "Public" } else { "Backend" },
        is_development: one.development_of.is_some(),
        disabled: one.disabled,
        addons: addons.get(&one.application_id).copied().unwrap_or(0),
        created: When {
            at: one.created_at.0,
            now,
        },
    };
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::Applications, "Applications"),
        rows: found.data.iter().map(row).collect(),
        cursor: found.next_cursor,
        may_edit: person.is_allowed(Action::EditApplications),
        listing,
    }))
}

pub(super) async fn csv(
    State(console): State<Console>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Answer {
    let columns = [
        "application_id",
        "client_id",
        "name",
        "public",
        "development_of",
        "origins",
        "redirect_uris",
        "addresses",
        "disabled",
        "created_at",
    ];
    let all = whole(&console, &person, query.as_deref()).await?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            vec![
                one.application_id.to_string(),
                one.client_id.to_string(),
                one.name.clone(),
                one.public.to_string(),
                one.development_of
                    .map(|id| id.to_string())
                    .unwrap_or_default(),
                one.origins.join(" "),
                one.redirect_uris.join(" "),
                one.addresses.join(" "),
                one.disabled.to_string(),
                rfc3339(one.created_at.0),
            ]
        })
        .collect();
    Ok(export::csv("applications", &columns, &rows))
}

pub(super) async fn json(
    State(console): State<Console>,
    person: Person,
    RawQuery(query): RawQuery,
) -> Answer {
    let all = whole(&console, &person, query.as_deref()).await?;
    Ok(export::json("applications", &all))
}

/// Every page of a list, up to what one file holds.
async fn whole(
    console: &Console,
    person: &Person,
    query: Option<&str>,
) -> Result<Vec<ApplicationView>, Refused> {
    let may = person.may::<SeeApplications>(console).await?;
    let listing = Listing::of(PATH, &[], query);
    let search = listing.search(Some(export::AT_ONCE));
    let page = async |cursor| {
        let search = Search {
            cursor,
            ..search.clone()
        };
        applications::list(console.manage(), &may, &search).await
    };
    export::whole(page).await
}

const PATH: &str = "/console/applications";
