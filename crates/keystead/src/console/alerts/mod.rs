//! `/console/alerts`: what was found that someone must look at, and what is to come of it.

mod decoys;
mod webhooks;

use askama::Template;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    response::{IntoResponse as _, Redirect},
    routing::{get, post},
};

use super::{
    Answer, Console, Form, Frame, Person, Place, Posted, Refused, audit, choices::Choice,
    listing::Listing, refused::wrong, shown, time::When,
};
use crate::{
    alerts::{AlertKind, AlertRules, Freezes, Level},
    ids::AlertId,
    manage::{
        alerts::{self, AlertView, Filter},
        organization::{self, Update},
        permission::{
            Action,
            right::{EditAlerts, EditOrganization, SeeAlerts, SeeOrganization},
        },
    },
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/alerts", get(list))
        .route("/console/alerts/{id}/acknowledge", post(acknowledge))
        .route("/console/alerts/rules", get(rules).post(change_rules))
        .merge(webhooks::routes())
        .merge(decoys::routes())
}

#[derive(Template)]
#[template(path = "console/alerts/list.html")]
struct Page {
    frame: Frame,
    listing: Listing,
    states: Vec<Choice>,
    rows: Vec<Row>,
    next: Option<String>,
    may_edit: bool,
    may_rule: bool,
}

/// An alert, for people.
struct Row {
    id: AlertId,
    tag: &'static str,
    level: &'static str,
    kind: AlertKind,
    object: audit::Named,
    place: String,
    times: u64,
    last: When,
    seen: Option<When>,
    froze: Option<audit::Named>,
}

#[derive(Template)]
#[template(path = "console/alerts/rules.html")]
struct RulesPage {
    frame: Frame,
    form: Form,
    kinds: Vec<AlertKind>,
}

async fn list(person: Person, State(console): State<Console>, RawQuery(query): RawQuery) -> Answer {
    let may = person.may::<SeeAlerts>(&console).await?;
    let listing = Listing::of(PATH, &["state"], query.as_deref());
    let filter = Filter {
        // What is still to be seen comes first to who says nothing.
        state: (listing.text("state") != "all").then(|| "open".to_owned()),
        limit: None,
        cursor: listing.value("cursor"),
    };
    let found = alerts::list(console.manage(), &may, &filter).await?;
    let now = console.store().clock().now();
    let may_see_decoys = person.is_allowed(Action::EditDecoys);
    let row = |alert: AlertView| Row {
        id: alert.alert_id,
        tag: tag(alert.level),
        level: level(alert.level),
        kind: alert.kind,
        object: match alert.object.starts_with("dec_") && may_see_decoys {
            true => audit::Named {
                link: Some(format!("/console/alerts/decoys#{}", alert.object)),
                ..audit::named(&alert.object)
            },
            false => audit::named(&alert.object),
        },
        place: alert.place,
        times: alert.count,
        last: When {
            at: alert.last_at.0,
            now,
        },
        seen: alert.acknowledged_at.map(|at| When { at: at.0, now }),
        froze: alert.froze.as_deref().map(audit::named),
    };
    Ok(shown(&Page {
        frame: Frame::new(&person, Place::Alerts, "Alerts"),
        states: vec![Choice {
            id: "all".to_owned(),
            name: "All of them".to_owned(),
            of: None,
        }],
        next: listing.next(found.next_cursor.as_deref()),
        rows: found.data.into_iter().map(row).collect(),
        may_edit: person.is_allowed(Action::EditAlerts),
        may_rule: person.is_allowed(Action::EditOrganization),
        listing,
    }))
}

async fn acknowledge(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let may = posted.person.may::<EditAlerts>(&console).await?;
    let id: AlertId = id.parse().map_err(|_| Refused::NotFound)?;
    alerts::acknowledge(console.manage(), &may, id).await?;
    Ok(Redirect::to("/console/alerts?done=seen").into_response())
}

async fn rules(person: Person, State(console): State<Console>) -> Answer {
    person.may::<EditOrganization>(&console).await?;
    let may = person.may::<SeeOrganization>(&console).await?;
    let found = organization::show(console.manage(), &may).await?;
    let mut form = Form::default();
    let days = found.alert_rules.key_rotation_days.to_string();
    form.put("key_rotation_days", days);
    for kind in found.alert_rules.freeze_on {
        form.put("freeze_on", kind.word());
    }
    Ok(rules_page(&person, form))
}

async fn change_rules(State(console): State<Console>, posted: Posted) -> Answer {
    let Posted { person, mut form } = posted;
    let may = person.may::<EditOrganization>(&console).await?;
    let Ok(key_rotation_days) = form.value("key_rotation_days").parse() else {
        form.mark("key_rotation_days", "Expected a number of days, from 1 on");
        return Ok(wrong(rules_page(&person, form)));
    };
    let kinds = form.all("freeze_on");
    let wanted = Update {
        alert_rules: Some(AlertRules {
            key_rotation_days,
            freeze_on: kinds.iter().filter_map(|kind| kind.parse().ok()).collect(),
        }),
        ..Update::default()
    };
    match organization::update(console.manage(), &may, wanted).await {
        Ok(_) => Ok(Redirect::to("/console/alerts?done=changed").into_response()),
        Err(problem) => {
            form.refused(problem)?;
            Ok(wrong(rules_page(&person, form)))
        }
    }
}

fn rules_page(person: &Person, form: Form) -> axum::response::Response {
    let kinds = AlertKind::ALL.iter().copied();
    shown(&RulesPage {
        frame: Frame::new(person, Place::Alerts, "Rules of alerts"),
        form,
        kinds: kinds
            .filter(|kind| kind.freezes() != Freezes::Nothing)
            .collect(),
    })
}

/// What a rule that freezes does, for people.
fn frozen(kind: &AlertKind) -> &'static str {
    match kind.freezes() {
        _ if *kind == AlertKind::HoneytokenUsed => {
            "The application that the decoy lies beside is disabled until a person enables it."
        }
        Freezes::Nothing => "",
        Freezes::Key => "The key is disabled until a person enables it.",
        Freezes::Application => "The application is disabled until a person enables it.",
    }
}

fn tag(level: Level) -> &'static str {
    match level {
        Level::Critical => "bad",
        Level::Warning => "warn",
        Level::Notice => "off",
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Critical => "Critical",
        Level::Warning => "Warning",
        Level::Notice => "Notice",
    }
}

const PATH: &str = "/console/alerts";
