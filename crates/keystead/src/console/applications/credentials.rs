//! `/console/applications/{id}/credentials`: client secrets, two of which can be live at once.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect, Response},
};

use super::{Head, Tab, open};
use crate::{
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted, confirm::Confirm, once, shown,
        time::When,
    },
    ids::{ApplicationId, ClientSecretId},
    manage::{
        Object as _, Paging, client_secrets,
        permission::{
            Action,
            right::{EditClientSecrets, SeeApplications},
        },
    },
};

#[derive(Template)]
#[template(path = "console/applications/credentials.html")]
struct Page {
    frame: Frame,
    head: Head,
    secrets: Vec<Secret>,
    live: usize,
    may_edit: bool,
}

struct Secret {
    id: ClientSecretId,
    revoked: bool,
    made: When,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
) -> Answer {
    let (application, head) = open(&console, &person, &id, Tab::Credentials).await?;
    let may = person.may::<SeeApplications>(&console).await?;
    let paging = Paging {
        limit: Some(200),
        ..Paging::default()
    };
    let id = application.application_id;
    let found = client_secrets::list(console.manage(), &may, id, &paging).await?;
    let now = console.store().clock().now();
    let mut secrets: Vec<Secret> = found
        .data
        .into_iter()
        .map(|one| Secret {
            id: one.secret_id,
            revoked: one.revoked,
            made: When {
                at: one.created_at.0,
                now,
            },
        })
        .collect();
    // Newest first, and those that still work above all others.
    secrets.reverse();
    secrets.sort_by_key(|secret| secret.revoked);
    Ok(shown(&Page {
        frame: Frame::new(
            &person,
            Place::Applications,
            format!("Credentials, {}", head.name),
        ),
        live: secrets.iter().filter(|secret| !secret.revoked).count(),
        may_edit: person.is_allowed(Action::EditClientSecrets),
        secrets,
        head,
    }))
}

/// Asks before another secret is made, of someone who proved anew who they are.
pub(super) async fn ask(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
) -> Answer {
    person.may::<EditClientSecrets>(&console).await?;
    let (_, head) = open(&console, &person, &id, Tab::Credentials).await?;
    Ok(asked(&person, &head, Form::default()))
}

pub(super) async fn make(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let may = person.may::<EditClientSecrets>(&console).await?;
    let (application, head) = open(&console, &person, &id, Tab::Credentials).await?;
    let id = application.application_id;
    let made = match client_secrets::create(console.manage(), &may, id).await {
        Ok(made) => made,
        Err(problem) => {
            form.refused(problem)?;
            return Ok(asked(&person, &head, form));
        }
    };
    let words = once::Words {
        purpose: "The backend gets tokens with it. The secret before this one works until you \
                  revoke it.",
        lost: "If it is lost, make a new one and revoke this one.",
        beside: vec![
            ("Client ID", head.client_id.clone()),
            ("Secret id", made.secret_id.to_string()),
        ],
        variable: Some("KEYSTEAD_CLIENT_SECRET"),
        next: format!("/console/applications/{id}/credentials?done=added"),
    };
    let frame = Frame::new(&person, Place::Applications, "New client secret");
    Ok(once::show(frame, words, &made.client_secret))
}

fn asked(person: &Person, head: &Head, form: Form) -> Response {
    Confirm {
        frame: Frame::new(person, Place::Applications, "New client secret"),
        crumbs: head.crumbs("/credentials"),
        question: format!("Make another client secret for {}?", head.name),
        effects: vec![
            "It is shown once, on the next page.".to_owned(),
            "The one that is in use goes on working until it is revoked.".to_owned(),
        ],
        typed: None,
        button: "Make the secret",
        is_danger: false,
        action: format!("/console/applications/{}/credentials/new", head.id),
        form,
    }
    .ask()
}

/// Asks before a secret is revoked.
pub(super) async fn ask_revoke(
    State(console): State<Console>,
    person: Person,
    Path((id, secret)): Path<(String, String)>,
) -> Answer {
    person.may::<EditClientSecrets>(&console).await?;
    let (_, head) = open(&console, &person, &id, Tab::Credentials).await?;
    let secret = ClientSecretId::named(&secret)?;
    Ok(Confirm {
        frame: Frame::new(&person, Place::Applications, "Revoke a client secret"),
        crumbs: head.crumbs("/credentials"),
        question: format!("Revoke {secret}?"),
        effects: vec![
            "A backend that still uses it gets no more tokens.".to_owned(),
            "Tokens that it got end at once, and running answers are cut within a second."
                .to_owned(),
            "It can't be undone; a new secret can be made.".to_owned(),
        ],
        typed: None,
        button: "Revoke",
        is_danger: true,
        action: format!(
            "/console/applications/{}/credentials/{secret}/revoke",
            head.id
        ),
        form: Form::default(),
    }
    .ask())
}

pub(super) async fn revoke(
    State(console): State<Console>,
    Path((id, secret)): Path<(String, String)>,
    Posted { person, .. }: Posted,
) -> Answer {
    let may = person.may::<EditClientSecrets>(&console).await?;
    let (id, secret) = (ApplicationId::named(&id)?, ClientSecretId::named(&secret)?);
    client_secrets::revoke(console.manage(), &may, id, secret).await?;
    let next = format!("/console/applications/{id}/credentials?done=revoked");
    Ok(Redirect::to(&next).into_response())
}
