//! `/console/security`: the security report, as a page to look at and to print.

use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};
use http::header;

use super::{Answer, Console, Frame, Person, Place, Refused, audit, shown, time::When};
use crate::manage::{
    permission::right::SeeSystem,
    posture::{self, CheckView, ReportView, Verdict},
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/security", get(show))
        .route("/console/security.json", get(json))
}

#[derive(Template)]
#[template(path = "console/security/show.html")]
struct Page {
    frame: Frame,
    at: When,
    bad: usize,
    warnings: usize,
    rows: Vec<Row>,
}

struct Row {
    check: CheckView,
    tag: &'static str,
    state: &'static str,
    objects: Vec<audit::Named>,
}

async fn show(person: Person, State(console): State<Console>) -> Answer {
    let report = report(&console, &person).await?;
    let count = |state| {
        let checks = report.checks.iter();
        checks.filter(|check| check.state == state).count()
    };
    let (bad, warnings) = (count(Verdict::Bad), count(Verdict::Warning));
    let row = |check: CheckView| {
        let (tag, state) = match check.state {
            Verdict::Bad => ("bad", "To be done"),
            Verdict::Warning => ("warn", "To consider"),
            Verdict::Good => ("ok", "Good"),
        };
        Row {
            objects: check.objects.iter().map(|id| named(id)).collect(),
            check,
            tag,
            state,
        }
    };
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::Security, "Security report"),
        at: When {
            at: report.at.0,
            now: report.at.0,
        },
        bad,
        warnings,
        rows: report.checks.into_iter().map(row).collect(),
    }))
}

/// An object, with the page on which something can be done about it.
fn named(id: &str) -> audit::Named {
    let named = audit::named(id);
    let page = match id.split_once('_').map(|(kind, _)| kind) {
        Some("acc") => Some("/console/members"),
        Some("alt") => Some("/console/alerts"),
        Some("apt") => Some("/console/api-tokens"),
        _ => None,
    };
    audit::Named {
        link: named.link.or(page.map(ToOwned::to_owned)),
        ..named
    }
}

async fn json(person: Person, State(console): State<Console>) -> Answer {
    let report = report(&console, &person).await?;
    let text = serde_json::to_vec_pretty(&report).unwrap_or_default();
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header(
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"keystead-security.json\"",
        )
        .body(text.into());
    response.map_err(|_| Refused::NotFound)
}

async fn report(console: &Console, person: &Person) -> Result<ReportView, Refused> {
    let may = person.may::<SeeSystem>(console).await?;
    Ok(posture::report(console.manage(), &may).await?)
}
