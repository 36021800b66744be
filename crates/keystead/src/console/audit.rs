//! `/console/audit`: who did what to what, newest first, and what the log as a whole is known by.

use askama::Template;
use axum::{
    Router,
    body::Body,
    extract::{RawQuery, State},
    response::IntoResponse as _,
    routing::get,
};
use http::header;

use super::{
    Answer, Console, Frame, Person, Place, Posted, Refused, choices::Choice, listing::Listing,
    numbers::count, refused::shown, time::When,
};
use crate::{
    audit::{AuditEvent, AuditFilter, Outcome},
    clock::Timestamp,
    manage::{
        Problem,
        audit::{self, ChainView},
        permission::{
            Action,
            right::{ExportAudit, SeeAudit},
        },
    },
};

/// The pages.
pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/audit", get(show))
        .route("/console/audit/export", get(ask).post(export))
}

#[derive(Template)]
#[template(path = "console/audit.html")]
struct Page {
    frame: Frame,
    listing: Listing,
    kinds: Vec<Choice>,
    outcomes: Vec<Choice>,
    rows: Vec<Row>,
    back_to: Option<When>,
    next: Option<String>,
    chain: ChainView,
    size: String,
    may_export: bool,
}

#[derive(Template)]
#[template(path = "console/audit_export.html")]
struct AskPage {
    frame: Frame,
}

/// A row of the log, for people.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) seq: u64,
    pub(super) at: When,
    pub(super) action: String,
    pub(super) actor: Named,
    pub(super) object: Named,
    pub(super) tag: &'static str,
    pub(super) outcome: &'static str,
    pub(super) detail: Vec<(String, Named)>,
}

/// An id, and a shorter form of it.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) id: String,
    pub(super) short: String,
    pub(super) link: Option<String>,
}

const FILTERS: &[&str] = &["action", "actor", "object", "outcome", "day"];
const ROWS: u16 = 50;

/// The beginnings of actions, as people look for them.
const KINDS: &[(&str, &str)] = &[
    ("key.", "Keys"),
    ("key.opened", "Openings of keys"),
    ("application.", "Applications"),
    ("client_secret.", "Client secrets"),
    ("addon.", "AddOns"),
    ("token.", "Access tokens"),
    ("account.", "Accounts and sign-ins"),
    ("member.", "Members"),
    ("api_token.", "API tokens"),
    ("organization.", "Organization"),
    ("access.", "Denied"),
    ("audit.", "This log"),
];

async fn show(person: Person, State(console): State<Console>, RawQuery(query): RawQuery) -> Answer {
    let may = person.may::<SeeAudit>(&console).await?;
    let listing = Listing::of("/console/audit", FILTERS, query.as_deref());
    let day = listing.value("day").map(|day| day_of(&day)).transpose()?;
    let filter = AuditFilter {
        action: listing.value("action"),
        actor: listing.value("actor"),
        object: listing.value("object"),
        outcome: listing.value("outcome"),
        since: day.map(at),
        until: day.map(|day| at(day + 1)),
    };
    let before = listing.value("cursor").map(|cursor| cursor.parse());
    let before = before.transpose().map_err(|_| Problem::InvalidCursor)?;
    let manage = console.manage();
    let found = audit::find(manage, &may, &filter, before, ROWS).await?;
    let chain = audit::chain(manage, &may).await?;
    let now = console.store().clock().now();
    let next = found.next.map(|seq| seq.to_string());
    let choices = |of: &[(&str, &str)]| -> Vec<Choice> {
        let choice = |(id, name): &(&str, &str)| Choice {
            id: (*id).to_owned(),
            name: (*name).to_owned(),
            of: None,
        };
        of.iter().map(choice).collect()
    };
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::Audit, "Audit"),
        kinds: choices(KINDS),
        outcomes: choices(&[("done", "Done"), ("denied", "Denied"), ("failed", "Failed")]),
        rows: found.events.iter().map(|event| row(event, now)).collect(),
        back_to: found.back_to.map(|at| When { at, now }),
        next: listing.next(next.as_deref()),
        size: count(chain.size),
        chain,
        may_export: person.is_allowed(Action::ExportAudit),
        listing,
    }))
}

/// Says what will be taken away, once the person has proved anew who they are.
async fn ask(person: Person, State(console): State<Console>) -> Answer {
    person.may::<ExportAudit>(&console).await?;
    Ok(shown(&AskPage {
        frame: Frame::new(&person, Place::Audit, "Export the audit log"),
    }))
}

async fn export(State(console): State<Console>, posted: Posted) -> Answer {
    let may = posted.person.may::<ExportAudit>(&console).await;
    let may = may.map_err(|refused| match refused {
        Refused::ProveAgain(_) => Refused::ProveAgain("/console/audit/export".to_owned()),
        other => other,
    })?;
    let lines = audit::export(console.manage(), may).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"keystead-audit.jsonl\"",
        ),
    ];
    Ok((headers, Body::new(lines)).into_response())
}

/// A row of the log as a page shows it.
pub(super) fn row(event: &AuditEvent, now: Timestamp) -> Row {
    let detail: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&event.detail).unwrap_or_default();
    let detail = detail.into_iter().map(|(name, value)| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned);
        (name, named(&text))
    });
    let (tag, outcome) = match event.outcome {
        Outcome::Done => ("ok", "Done"),
        Outcome::Denied => ("warn", "Denied"),
        Outcome::Failed => ("bad", "Failed"),
    };
    Row {
        seq: event.seq,
        at: When { at: event.at, now },
        action: event.action.clone(),
        actor: named(&event.actor),
        object: named(&event.object),
        tag,
        outcome,
        detail: detail.collect(),
    }
}

/// Ids begin with the time they were made, so the end is what tells them apart.
pub(super) fn named(id: &str) -> Named {
    let shortened = |part: &str| match part.split_once('_') {
        Some((kind, digits)) if digits.len() == 32 && digits.is_ascii() => {
            format!("{kind}_…{}", &digits[24..])
        }
        _ => part.to_owned(),
    };
    // A member is an organization and an account.
    let short: Vec<String> = id.split('/').map(shortened).collect();
    let page = match id.split_once('_').map(|(kind, _)| kind) {
        Some("app") => Some("applications"),
        Some("key") => Some("providers"),
        Some("add") => Some("addons"),
        _ => None,
    };
    Named {
        link: page.map(|page| format!("/console/{page}/{id}")),
        id: id.to_owned(),
        short: short.join("/"),
    }
}

/// `2026-11-21` as days since 1970-01-01.
fn day_of(text: &str) -> Result<i64, Problem> {
    let wrong = || Problem::field("day", "must be a day such as 2026-11-21");
    let mut parts = text.split('-');
    let mut part = || -> Option<i64> { parts.next()?.parse().ok() };
    let (year, month, day) = part()
        .zip(part())
        .zip(part())
        .map(|((year, month), day)| (year, month, day))
        .ok_or_else(wrong)?;
    // No day of a year is further from its first of March than this.
    let about = (year - 1970) * 365 + (year - 1969) / 4 + (month - 1) * 30;
    let mut near = about - 40..about + 80;
    near.find(|days| crate::clock::date_of(*days) == (year, month, day))
        .filter(|_| (1970..3000).contains(&year))
        .ok_or_else(wrong)
}

fn at(day: i64) -> Timestamp {
    Timestamp::from_micros(day * 86_400_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manage::time::date;

    #[test]
    fn every_day_is_read_as_it_is_written() {
        for day in (0..60_000)
            .step_by(17)
            .chain([0, 58, 59, 60, 11_016, 20_778])
        {
            assert_eq!(day_of(&date(day)).unwrap(), day, "{}", date(day));
        }
        for wrong in [
            "",
            "2026-02-29",
            "2026-13-01",
            "x-1-1",
            "2026-11",
            "99999-01-01",
            "-1-1-1",
        ] {
            assert!(day_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_id_is_shortened_to_what_tells_it_apart() {
        let id = "key_01a00000000070008000000000abcdef";
        assert_eq!(named(id).short, "key_…00abcdef");
        assert_eq!(named(id).link.unwrap(), format!("/console/providers/{id}"));
        let member = format!("org_{0}/acc_{0}", "01a00000000070008000000000abcdef");
        assert_eq!(named(&member).short, "org_…00abcdef/acc_…00abcdef");
        assert_eq!(named("operator").short, "operator");
        assert_eq!(named("keys.see").link, None);
    }
}
