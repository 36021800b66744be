//! `/console/applications/{id}/consent`: what its users agree to, and the next version of it.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Redirect, Response},
};

use super::{Head, Tab, open};
use crate::{
    consent::Text,
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted, Refused, consent::Shown,
        refused::wrong, shown, time::When,
    },
    ids::ApplicationId,
    manage::{
        consent_texts::{self, ConsentTextView, Write},
        permission::right::{EditApplications, SeeApplications},
    },
};

#[derive(Template)]
#[template(path = "console/applications/consent.html")]
struct Page {
    frame: Frame,
    head: Head,
    current: Vec<Shown>,
    is_builtin: bool,
    /// Those that were written, the newest first: number, languages, when.
    versions: Vec<(u32, String, When)>,
}

#[derive(Template)]
#[template(path = "console/applications/consent_new.html")]
struct Writing {
    frame: Frame,
    head: Head,
    form: Form,
    /// The languages and texts that the form shows; the last is empty, for one more.
    texts: Vec<(String, String)>,
    next: u32,
    preview: Vec<Shown>,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
) -> Answer {
    let (_, head, all) = found(&console, &person, &id).await?;
    let current = all.iter().find(|text| text.current);
    let now = console.store().clock().now();
    let versions = all.iter().filter_map(|text| {
        let languages: Vec<&str> = text.texts.keys().map(String::as_str).collect();
        let at = text.created_at?.0;
        Some((text.version, languages.join(", "), When { at, now }))
    });
    Ok(shown(&Page {
        frame: Frame::new(
            &person,
            Place::Applications,
            format!("Consent, {}", head.name),
        ),
        head,
        current: current.map(of_view).unwrap_or_default(),
        is_builtin: current.is_some_and(|text| text.version == 0),
        versions: versions.collect(),
    }))
}

/// The next version, begun with the current one.
pub(super) async fn ask(
    State(console): State<Console>,
    person: Person,
    Path(id): Path<String>,
) -> Answer {
    person.may::<EditApplications>(&console).await?;
    let (_, head, all) = found(&console, &person, &id).await?;
    let current = all.iter().find(|text| text.current);
    let texts = current.map(|text| text.texts.clone()).unwrap_or_default();
    Ok(page(
        &person,
        head,
        &all,
        Form::default(),
        texts,
        Vec::new(),
    ))
}

/// Shows how it will look, or writes it.
pub(super) async fn write(
    State(console): State<Console>,
    Path(id): Path<String>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let may = person.may::<EditApplications>(&console).await?;
    let (application, head, all) = found(&console, &person, &id).await?;
    let texts: BTreeMap<String, String> = form
        .all("language")
        .into_iter()
        .zip(form.all("text"))
        .filter(|(language, text)| !(language.is_empty() || text.is_empty()))
        .collect();
    let publishes = form.value("do") == "write";
    let outcome = match publishes {
        true => {
            let wanted = Write {
                texts: texts.clone(),
            };
            consent_texts::write(console.manage(), &may, application, wanted)
                .await
                .map(drop)
        }
        false => consent_texts::checked(texts.clone()).map(drop),
    };
    match outcome {
        Ok(()) if publishes => {
            let path = format!("/console/applications/{id}/consent?done=written");
            return Ok(Redirect::to(&path).into_response());
        }
        Ok(()) => {}
        Err(problem) => form.refused(problem)?,
    }
    let is_wrong = form.is_wrong();
    let preview = match is_wrong {
        true => Vec::new(),
        false => as_shown(next(&all), &texts),
    };
    let page = page(&person, head, &all, form, texts, preview);
    Ok(if is_wrong { wrong(page) } else { page })
}

async fn found(
    console: &Console,
    person: &Person,
    id: &str,
) -> Result<(ApplicationId, Head, Vec<ConsentTextView>), Refused> {
    let (application, head) = open(console, person, id, Tab::Consent).await?;
    let may = person.may::<SeeApplications>(console).await?;
    let id = application.application_id;
    let all = consent_texts::all(console.manage(), &may, id).await?;
    Ok((id, head, all))
}

fn page(
    person: &Person,
    head: Head,
    all: &[ConsentTextView],
    form: Form,
    texts: BTreeMap<String, String>,
    preview: Vec<Shown>,
) -> Response {
    let one_more = [(String::new(), String::new())];
    shown(&Writing {
        frame: Frame::new(
            person,
            Place::Applications,
            format!("New version, {}", head.name),
        ),
        head,
        form,
        texts: texts.into_iter().chain(one_more).collect(),
        next: next(all),
        preview,
    })
}

fn next(all: &[ConsentTextView]) -> u32 {
    all.first().map_or(0, |newest| newest.version) + 1
}

fn of_view(view: &ConsentTextView) -> Vec<Shown> {
    as_shown(view.version, &view.texts)
}

fn as_shown(version: u32, texts: &BTreeMap<String, String>) -> Vec<Shown> {
    let texts = texts.iter().map(|(language, markdown)| {
        Shown::from(&Text {
            version,
            language: language.clone(),
            markdown: markdown.clone(),
        })
    });
    texts.collect()
}

impl Writing {
    /// What the text of a language is called where something is wrong with it.
    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn field(&self, language: &str) -> String {
        format!("texts/{language}")
    }
}
