//! `/console/alerts/webhooks`: where alerts are told, and what became of it.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse as _, Redirect},
    routing::{get, post},
};

use super::super::{
    Answer, Console, Form, Frame, Person, Place, Posted, Refused, audit, once, refused::wrong,
    shown, time::When,
};
use crate::{
    ids::WebhookId,
    manage::{
        permission::{
            Action,
            right::{EditWebhooks, SeeAlerts},
        },
        webhooks::{self, Create, DeliveryView, WebhookView},
    },
    store::DeliveryState,
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/alerts/webhooks", get(list).post(create))
        .route("/console/alerts/webhooks/{id}/remove", post(remove))
}

#[derive(Template)]
#[template(path = "console/alerts/webhooks.html")]
struct Page {
    frame: Frame,
    form: Form,
    webhooks: Vec<(WebhookView, When)>,
    log: Vec<Row>,
    may_edit: bool,
}

/// A delivery, for people.
struct Row {
    webhook: audit::Named,
    alert: audit::Named,
    tag: &'static str,
    state: &'static str,
    about: DeliveryView,
    made: When,
    due: Option<When>,
}

async fn list(person: Person, State(console): State<Console>) -> Answer {
    page(&console, &person, Form::default()).await
}

async fn create(State(console): State<Console>, posted: Posted) -> Answer {
    let Posted { person, mut form } = posted;
    let may = person.may::<EditWebhooks>(&console).await?;
    let wanted = Create {
        url: form.value("url").to_owned(),
    };
    let made = match webhooks::create(console.manage(), &may, wanted).await {
        Ok(made) => made,
        Err(problem) => {
            form.refused(problem)?;
            let page = page(&console, &person, form).await?;
            return Ok(wrong(page));
        }
    };
    let words = once::Words {
        purpose: "What receives the deliveries checks their signatures with it (Standard Webhooks).",
        lost: "If it is lost, remove the webhook and make another.",
        beside: vec![("Address", made.about.url.clone())],
        variable: None,
        next: PATH.to_owned(),
    };
    let frame = Frame::new(&person, Place::Alerts, "The secret of your webhook");
    Ok(once::show(frame, words, &made.secret))
}

async fn remove(State(console): State<Console>, Path(id): Path<String>, posted: Posted) -> Answer {
    let may = posted.person.may::<EditWebhooks>(&console).await?;
    let id: WebhookId = id.parse().map_err(|_| Refused::NotFound)?;
    webhooks::remove(console.manage(), &may, id).await?;
    Ok(Redirect::to("/console/alerts/webhooks?done=removed").into_response())
}

async fn page(console: &Console, person: &Person, form: Form) -> Answer {
    let may = person.may::<SeeAlerts>(console).await?;
    let found = webhooks::list(console.manage(), &may).await?;
    let told = webhooks::deliveries(console.manage(), &may).await?;
    let now = console.store().clock().now();
    let row = |about: DeliveryView| {
        let (tag, state) = match about.state {
            DeliveryState::Waiting => ("warn", "Waiting"),
            DeliveryState::Taken => ("ok", "Taken"),
            DeliveryState::GivenUp => ("bad", "Given up"),
        };
        Row {
            webhook: audit::named(&about.webhook_id.to_string()),
            alert: audit::named(&about.alert_id),
            tag,
            state,
            made: When {
                at: about.created_at.0,
                now,
            },
            due: about.due_at.map(|at| When { at: at.0, now }),
            about,
        }
    };
    let webhook = |one: WebhookView| {
        let at = one.created_at.0;
        (one, When { at, now })
    };
    Ok(shown(&Page {
        frame: Frame::new(person, Place::Alerts, "Webhooks"),
        form,
        webhooks: found.data.into_iter().map(webhook).collect(),
        log: told.data.into_iter().map(row).collect(),
        may_edit: person.is_allowed(Action::EditWebhooks),
    }))
}

const PATH: &str = "/console/alerts/webhooks";
