//! `/console`: what happens, what to do first, and what to look after.

use askama::Template;
use axum::extract::{RawQuery, State};

use super::{
    Answer, Console, Frame, Person, Place, Refused, audit,
    chart::{Bars, Drawn, sparkline},
    daily::{Measure, chart, line},
    listing::Listing,
    numbers::{count, money, percent},
    refused::shown,
    time::When,
    turned_away,
    warnings::Warning,
};
use crate::{
    audit::AuditFilter,
    ids::OrganizationId,
    manage::{
        breakdown::{self, Breakdown, Wanted, provider_title},
        permission::{
            Action,
            right::{SeeApplications, SeeAudit, SeeUsage},
        },
        time::date,
    },
    store::{AttemptFilter, CARE_DAYS, Care, KeyFilter, KeyInNeed, KeyStatus, Page as StorePage},
};

#[derive(Template)]
#[template(path = "console/overview.html")]
struct Page {
    frame: Frame,
    days: &'static str,
    warnings: Vec<Warning>,
    figures: Vec<Figure>,
    chart: Bars,
    steps: Vec<Step>,
    done: usize,
    keys: Vec<KeyRow>,
    more_keys: u64,
    events: Option<Vec<audit::Row>>,
    may_edit: bool,
}

/// A number, and how it came about.
#[derive(Debug)]
struct Figure {
    label: &'static str,
    value: String,
    beside: Option<String>,
    line: Drawn,
}

/// One of the first steps.
#[derive(Debug)]
struct Step {
    title: &'static str,
    is_done: bool,
    link: &'static str,
    act: &'static str,
    may: bool,
}

/// A key that someone should look at.
#[derive(Debug)]
struct KeyRow {
    id: String,
    name: String,
    last4: String,
    provider: String,
    tag: &'static str,
    why: String,
    entered: When,
    last_used: Option<String>,
}

const KEYS: u16 = 5;
const EVENTS: u16 = 6;

pub(super) async fn show(
    person: Person,
    State(console): State<Console>,
    RawQuery(query): RawQuery,
) -> Answer {
    let may = person.may::<SeeUsage>(&console).await?;
    let listing = Listing::of("/console", &["days"], query.as_deref());
    let (days, count) = match listing.text("days") {
        "30" => ("30", 30),
        _ => ("7", 7),
    };
    let wanted = Wanted {
        days: count,
        shares: 20,
        ..Wanted::default()
    };
    let told = breakdown::of(console.manage(), &may, wanted).await?;
    let (keys, care) = console.store().keys_in_need(may.organization, KEYS).await?;
    let now = console.store().clock().now();
    let refused = turned_away::list(&console, &person, count).await?;
    let today = now.as_secs().div_euclid(86_400);
    let refused = turned_away::by_day(&refused, today, count);
    let keys: Vec<_> = keys.iter().map(|key| key_row(key, now)).collect();
    let steps = steps(&person, &console, &told).await?;
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::Overview, "Overview"),
        days,
        warnings: warnings(&person, &console, may.organization).await?,
        figures: figures(&told, &refused),
        chart: chart(&told, Measure::Requests, "provider"),
        done: steps.iter().filter(|step| step.is_done).count(),
        steps,
        more_keys: care.saturating_sub(keys.len() as u64),
        keys,
        events: events(&person, &console).await?,
        may_edit: person.is_allowed(Action::EditKeys),
    }))
}

fn figures(told: &Breakdown, refused: &[u64]) -> Vec<Figure> {
    let all = &told.all;
    let figure = |label, value, beside, measure| Figure {
        label,
        value,
        beside,
        line: sparkline(&line(told, measure)),
    };
    let tokens = all.input_tokens.saturating_add(all.output_tokens);
    vec![
        figure("Requests", count(all.requests), None, Measure::Requests),
        figure(
            "Failed",
            count(all.failed),
            percent(all.failed, all.requests),
            Measure::Failed,
        ),
        figure("Tokens", count(tokens), None, Measure::Tokens),
        figure("Estimated cost", money(all.cost()), None, Measure::Cost),
        Figure {
            label: "Refused by Keystead",
            value: count(refused.iter().sum()),
            beside: None,
            line: sparkline(refused),
        },
    ]
}

/// What to do first, ticked as it is done. Once all is done they are not shown.
async fn steps(person: &Person, console: &Console, told: &Breakdown) -> Result<Vec<Step>, Refused> {
    let organization = person.may::<SeeApplications>(console).await?.organization;
    let (store, one) = (console.store(), StorePage::first(1));
    let all = KeyFilter::default();
    let (keys, applications, addons) = tokio::try_join!(
        store.keys(organization, &all, &one),
        store.applications(organization, &one),
        store.addons(organization, None, &one),
    )?;
    let has_called = told.all.requests > 0 || {
        let any = AttemptFilter::default();
        let latest = store.recent_attempts(organization, &any, None, 1).await?;
        !latest.attempts.is_empty()
    };
    let step = |title, is_done, link, act, action| Step {
        title,
        is_done,
        link,
        act,
        may: person.is_allowed(action),
    };
    Ok(vec![
        step(
            "Create an application",
            !applications.rows.is_empty(),
            "/console/applications/new",
            "Create",
            Action::EditApplications,
        ),
        step(
            "Add a provider key",
            !keys.rows.is_empty(),
            "/console/providers/add",
            "Add",
            Action::EditKeys,
        ),
        step(
            "Install an AddOn",
            !addons.rows.is_empty(),
            "/console/addons/browse",
            "Install",
            Action::EditAddOns,
        ),
        step(
            "Make the first call",
            has_called,
            "/console/addons",
            "Try it",
            Action::SeeAddOns,
        ),
    ])
}

fn key_row(in_need: &KeyInNeed, now: crate::clock::Timestamp) -> KeyRow {
    let key = &in_need.key;
    let (tag, why) = match (in_need.why, key.status) {
        (Care::Refused, KeyStatus::NoPermission) => ("bad", "Lacks a permission".to_owned()),
        (Care::Refused, KeyStatus::NoCredit) => ("bad", "No credit left".to_owned()),
        (Care::Refused, KeyStatus::AddressNotAllowed) => {
            ("bad", "Not taken from this address".to_owned())
        }
        (Care::Refused, _) => ("bad", "Refused by provider".to_owned()),
        (Care::Unchecked, _) => ("warn", "Never checked".to_owned()),
        (Care::Old, _) => {
            let days = now.since(in_need.entered_at).as_secs() / 86_400;
            ("warn", format!("Rotate: {days} days old"))
        }
        (Care::Unused, _) => ("off", format!("Unused for {CARE_DAYS} days")),
    };
    KeyRow {
        id: key.id.to_string(),
        name: key.name.clone(),
        last4: key.last4.clone(),
        provider: provider_title(&key.provider).to_owned(),
        tag,
        why,
        entered: When {
            at: in_need.entered_at,
            now,
        },
        last_used: in_need.last_used.map(date),
    }
}

/// What happened last, for those who may see it.
async fn events(person: &Person, console: &Console) -> Result<Option<Vec<audit::Row>>, Refused> {
    if !person.is_allowed(Action::SeeAudit) {
        return Ok(None);
    }
    let may = person.may::<SeeAudit>(console).await?;
    let all = AuditFilter::default();
    let found = crate::manage::audit::find(console.manage(), &may, &all, None, EVENTS).await?;
    let now = console.store().clock().now();
    let rows = found.events.iter().map(|event| audit::row(event, now));
    Ok(Some(rows.collect()))
}

/// What is set up so that someone should think again. How the server is set up is for those who
/// may see it.
async fn warnings(
    person: &Person,
    console: &Console,
    organization: OrganizationId,
) -> Result<Vec<Warning>, Refused> {
    let mut warnings = match person.is_allowed(Action::SeeSystem) {
        true => console.warnings().to_vec(),
        false => Vec::new(),
    };
    if !person.signed_in.session.method.has_second_factor() {
        warnings.push(Warning::new(
            "You signed in with a password alone",
            "Whoever learns it is you. Add a passkey or a code generator under Your account.",
        ));
    }
    if person.is_allowed(Action::EditMembers) {
        let page = StorePage {
            matching: "init".to_owned(),
            ..StorePage::first(20)
        };
        let tokens = console.store().api_tokens(organization, &page).await?;
        let is_left = tokens.rows.iter().any(|token| {
            let lives = !token.revoked && token.expires_at.is_none();
            lives && token.name == "init"
        });
        if is_left {
            warnings.push(Warning::new(
                "The API token that the server was set up with is still valid",
                "It may do everything and never ends. Make one with fewer rights for each \
                 purpose, and revoke the one called “init”.",
            ));
        }
    }
    Ok(warnings)
}
