//! `/console/providers/{id}`: one key, where it is used, and what was used of it.

use askama::Template;
use axum::extract::{Path, State};

use super::{StatusWords, of_key, open, status, title, used};
use crate::{
    clock::date_of,
    console::{
        Answer, Console, Form, Frame, Person, Place, Refused,
        addons::KindWords,
        choices::{applications, name_of},
        limits,
        refused::shown,
        time::{DayAgo, When},
    },
    ids::KeyId,
    manage::permission::{
        Action,
        right::{SeeAddOns, SeeUsage},
    },
    store::{UsageDays, UsageFilter, UsageGroup},
};

#[derive(Template)]
#[template(path = "console/providers/key.html")]
struct Page {
    frame: Frame,
    form: Form,
    note: Option<String>,
    advice: &'static str,
    key: Shown,
    addons: Vec<User>,
    versions: Vec<Version>,
    usage: Vec<(&'static str, String)>,
    rules: Form,
    may_edit: bool,
    may_install: bool,
}

/// The key.
#[derive(Debug)]
struct Shown {
    id: String,
    name: String,
    provider: String,
    application_id: String,
    application: String,
    destination: String,
    last4: String,
    status: StatusWords,
    disabled: bool,
    entered: When,
    checked: Option<When>,
    last_used: Option<DayAgo>,
}

/// An AddOn that uses it.
#[derive(Debug)]
struct User {
    id: String,
    handle: String,
    kind: &'static str,
    disabled: bool,
}

#[derive(Debug)]
struct Version {
    n: u64,
    entered: When,
    retires: Option<When>,
    in_use: bool,
}

pub(super) async fn show(
    State(console): State<Console>,
    Path(id): Path<String>,
    person: Person,
) -> Answer {
    page(&console, &person, &id, None, None).await
}

/// The page, with a form that was refused or a note on what was just done.
pub(super) async fn page(
    console: &Console,
    person: &Person,
    id: &str,
    typed: Option<Form>,
    note: Option<String>,
) -> Answer {
    let detail = open(console, person, id).await?;
    let key = &detail.key;
    let store = console.store();
    let now = store.clock().now();
    let organization = person.caller().organization;

    let facts = store.key_facts(organization, &[key.key_id]).await?;
    let facts = facts.get(&key.key_id);
    person.may::<SeeAddOns>(console).await?;
    let addons = store.addons_of_key(organization, key.key_id, MOST).await?;
    let addons = addons.into_iter().map(|addon| User {
        id: addon.id.to_string(),
        handle: addon.handle.to_string(),
        kind: KindWords::of(addon.kind).title,
        disabled: addon.disabled,
    });
    let versions = detail.versions.iter().rev().map(|version| Version {
        n: version.version,
        entered: When {
            at: version.created_at.0,
            now,
        },
        retires: version.retires_at.map(|at| When { at: at.0, now }),
        in_use: version.version == key.version,
    });
    let applications = applications(console, person).await?;
    let rules = limits::form(&key.limits);
    Ok(shown(&Page {
        frame: Frame::new(person, Place::Providers, key.name.clone()),
        form: typed.unwrap_or_else(|| Form::of([("name", key.name.as_str())])),
        advice: status::advice(key.status, key.disabled),
        note,
        addons: addons.collect(),
        versions: versions.collect(),
        usage: usage(console, person, key.key_id).await?,
        rules,
        may_edit: person.is_allowed(Action::EditKeys),
        may_install: person.is_allowed(Action::EditAddOns) && !key.disabled,
        key: Shown {
            id: key.key_id.to_string(),
            name: key.name.clone(),
            provider: title(&key.provider).to_owned(),
            application_id: key.application_id.to_string(),
            application: name_of(&applications, &key.application_id),
            destination: key.destination.clone(),
            last4: key.last4.clone(),
            status: of_key(key.status, key.disabled),
            disabled: key.disabled,
            entered: When {
                at: facts.map_or(key.created_at.0, |facts| facts.entered_at),
                now,
            },
            checked: key.checked_at.map(|at| When { at: at.0, now }),
            last_used: facts
                .and_then(|facts| facts.last_used)
                .map(|day| DayAgo { day, now }),
        },
    }))
}

/// How many AddOns the page shows at most.
const MOST: u16 = 50;

/// What was used of a key since the month began (UTC).
async fn usage(
    console: &Console,
    person: &Person,
    key: KeyId,
) -> Result<Vec<(&'static str, String)>, Refused> {
    let may = person.may::<SeeUsage>(console).await?;
    let store = console.store();
    let today = store.clock().now().as_secs().div_euclid(86_400);
    let (_, _, day) = date_of(today);
    let days = UsageDays {
        first: today + 1 - day,
        last: today,
    };
    let filter = UsageFilter {
        key: Some(key),
        ..UsageFilter::default()
    };
    let shares = store
        .usage_shares(may.organization, days, &filter, UsageGroup::Key, 1)
        .await?;
    let figures = shares.first().map(|share| share.figures);
    Ok(used::rows(&figures.unwrap_or_default()))
}
