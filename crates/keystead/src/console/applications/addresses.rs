//! `/console/applications/{id}/addresses`: where calls may come from.

use askama::Template;
use axum::extract::{Path, State};

use super::{
    Head, Tab,
    details::{save, saved},
    open,
};
use crate::{
    console::{Answer, Console, Form, Frame, Person, Place, Posted, refused::wrong, shown},
    manage::{
        applications::Update,
        permission::{Action, right::EditAddresses},
    },
};

#[derive(Template)]
#[template(path = "console/applications/addresses.html")]
struct Page {
    frame: Frame,
    head: Head,
    form: Form,
    may_edit: bool,
    /// Whether it is being changed.
    is_form: bool,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
) -> Answer {
    page(&console, &person, &id, None, false).await
}

/// The form, for someone who proved anew who they are.
pub(super) async fn edit(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
) -> Answer {
    person.may::<EditAddresses>(&console).await?;
    page(&console, &person, &id, None, true).await
}

pub(super) async fn change(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, form }: Posted,
) -> Answer {
    let wanted = Update {
        addresses: Some(form.lines("addresses")),
        ..Update::default()
    };
    match save(&console, &person, &id, form, wanted).await? {
        None => Ok(saved(&id, "addresses")),
        Some(form) => {
            let page = page(&console, &person, &id, Some(form), true).await?;
            Ok(wrong(page))
        }
    }
}

async fn page(
    console: &Console,
    person: &Person,
    id: &str,
    typed: Option<Form>,
    is_form: bool,
) -> Answer {
    let (application, head) = open(console, person, id, Tab::Addresses).await?;
    let lines = application.addresses.join("\n");
    Ok(shown(&Page {
        frame: Frame::new(
            person,
            Place::Applications,
            format!("Addresses, {}", head.name),
        ),
        form: typed.unwrap_or_else(|| Form::of([("addresses", lines.as_str())])),
        is_form,
        may_edit: person.is_allowed(Action::EditAddresses),
        head,
    }))
}
