//! `/console/applications/{id}/limits`: its rules, and what holds for a call of one of its AddOns.

use askama::Template;
use axum::extract::{Path, RawQuery, State};

use super::{
    Head, Tab,
    details::{save, saved},
    open, quick_start,
};
use crate::{
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted,
        limits::{self, Rule},
        listing::Listing,
        refused::wrong,
        shown,
    },
    manage::{applications::Update, permission::Action},
};

#[derive(Template)]
#[template(path = "console/applications/limits.html")]
struct Page {
    frame: Frame,
    head: Head,
    form: Form,
    /// Id and label of each AddOn.
    addons: Vec<(String, String)>,
    chosen: Option<String>,
    rules: Vec<Rule>,
    may_edit: bool,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    page(&console, &person, &id, query.as_deref(), None).await
}

pub(super) async fn change(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let wanted = Update {
        limits: Some(limits::read_for_each(&mut form)),
        ..Update::default()
    };
    match save(&console, &person, &id, form, wanted).await? {
        None => Ok(saved(&id, "limits")),
        Some(form) => {
            let page = page(&console, &person, &id, None, Some(form)).await?;
            Ok(wrong(page))
        }
    }
}

async fn page(
    console: &Console,
    person: &Person,
    id: &str,
    query: Option<&str>,
    typed: Option<Form>,
) -> Answer {
    let (application, head) = open(console, person, id, Tab::Limits).await?;
    let addons = quick_start::of_application(console, person, &head.id).await?;
    let asked = Listing::of("", &["addon"], query);
    let chosen = addons
        .iter()
        .find(|one| asked.is("addon", &one.addon_id.to_string()))
        .or_else(|| addons.first());
    let rules = match chosen {
        Some(addon) => limits::in_force(console, person, addon.addon_id).await?,
        None => Vec::new(),
    };
    let form = typed.unwrap_or_else(|| limits::form(&application.limits));
    Ok(shown(&Page {
        frame: Frame::new(
            person,
            Place::Applications,
            format!("Limits, {}", head.name),
        ),
        form,
        chosen: chosen.map(|one| one.addon_id.to_string()),
        addons: addons
            .iter()
            .map(|one| (one.addon_id.to_string(), one.handle.to_string()))
            .collect(),
        rules,
        may_edit: person.is_allowed(Action::EditApplications),
        head,
    }))
}
