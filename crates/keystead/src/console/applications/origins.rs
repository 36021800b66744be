//! `/console/applications/{id}/origins`: which pages may call, and what their CSP needs.

use askama::Template;
use axum::extract::{Path, State};

use super::{
    Head, Tab,
    details::{save, saved},
    open,
};
use crate::{
    console::{Answer, Console, Form, Frame, Person, Place, Posted, refused::wrong, shown},
    manage::{applications::Update, permission::Action},
};

#[derive(Template)]
#[template(path = "console/applications/origins.html")]
struct Page {
    frame: Frame,
    head: Head,
    form: Form,
    /// What `connect-src` has to name.
    source: String,
    header: String,
    /// What a page with the element needs.
    element: String,
    may_edit: bool,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
) -> Answer {
    page(&console, &person, &id, None).await
}

pub(super) async fn change(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, form }: Posted,
) -> Answer {
    let wanted = Update {
        origins: Some(form.lines("origins")),
        ..Update::default()
    };
    match save(&console, &person, &id, form, wanted).await? {
        None => Ok(saved(&id, "origins")),
        Some(form) => {
            let page = page(&console, &person, &id, Some(form)).await?;
            Ok(wrong(page))
        }
    }
}

async fn page(console: &Console, person: &Person, id: &str, typed: Option<Form>) -> Answer {
    let (application, head) = open(console, person, id, Tab::Origins).await?;
    let lines = application.origins.join("\n");
    let source = console.manage().public_url().to_string();
    Ok(shown(&Page {
        frame: Frame::new(
            person,
            Place::Applications,
            format!("Origins, {}", head.name),
        ),
        form: typed.unwrap_or_else(|| Form::of([("origins", lines.as_str())])),
        element: format!(
            "script-src 'self' {source}; connect-src 'self' {source}; img-src 'self' blob:"
        ),
        header: format!("Content-Security-Policy: connect-src 'self' {source}"),
        source,
        may_edit: person.is_allowed(Action::EditApplications),
        head,
    }))
}
