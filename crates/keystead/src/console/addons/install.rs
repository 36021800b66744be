//! `/console/addons/install`: first which key for what, then the rest of it.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse as _, Redirect},
};
use serde::Deserialize;

use super::{
    KindWords,
    fields::{self, Choices},
    path,
};
use crate::{
    console::{
        Answer, Console, Form, Frame, Person, Place, Posted, Refused,
        choices::{Choice, applications, name_of},
        providers::title,
        refused::{shown, wrong},
    },
    ids::KeyId,
    manage::{
        Object as _,
        addons::{self, Install},
        keys::{self, Filter, KeyView},
        permission::right::{EditAddOns, SeeKeys},
    },
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    #[serde(rename = "type")]
    kind: String,
    key: String,
    app: String,
}

#[derive(Template)]
#[template(path = "console/addons/install.html")]
struct Page {
    frame: Frame,
    form: Form,
    chosen: Option<Chosen>,
    choices: Choices,
    kinds: Vec<KindWords>,
    groups: Vec<Group>,
    any_key: bool,
    add_query: String,
}

/// What was chosen first.
#[derive(Debug)]
struct Chosen {
    kind: &'static str,
    title: &'static str,
    key_id: String,
    key: String,
    provider: String,
    application: String,
}

/// An application's keys that can do it.
#[derive(Debug)]
struct Group {
    application: String,
    keys: Vec<KeyChoice>,
}

#[derive(Debug)]
pub(super) struct KeyChoice {
    pub(super) id: String,
    pub(super) label: String,
}

pub(super) async fn show(
    State(console): State<Console>,
    person: Person,
    Query(wanted): Query<Wanted>,
) -> Answer {
    person.may::<EditAddOns>(&console).await?;
    let kind = KindWords::named(&wanted.kind);
    if let (Some(kind), false) = (kind, wanted.key.is_empty()) {
        let key = key(&console, &person, &wanted.key).await?;
        if kind.is_of(&key.provider) {
            let form = Form::of([
                ("handle", kind.handle),
                ("key_source", "application"),
                ("operations", "default"),
            ]);
            return second(&console, &person, kind, &key, form).await;
        }
    }
    first(&console, &person, &wanted, kind).await
}

pub(super) async fn install(
    State(console): State<Console>,
    Posted { person, mut form }: Posted,
) -> Answer {
    let may = person.may::<EditAddOns>(&console).await?;
    let key = key(&console, &person, form.value("key_id")).await?;
    let kind = KindWords::named(form.value("type"));
    let kind = kind
        .filter(|kind| kind.is_of(&key.provider))
        .ok_or(Refused::NoForm)?;
    let wanted = Install {
        application_id: key.application_id.to_string(),
        handle: form.value("handle").to_owned(),
        kind: kind.word.to_owned(),
        key_id: Some(key.key_id.to_string()),
        key_source: form.filled("key_source").map(ToOwned::to_owned),
        models: form.lines("models"),
        operations: Some(fields::operations(&form)),
        allow: form.all("allow"),
        strict: form.has("strict", "yes"),
        ..Install::default()
    };
    match addons::install(console.manage(), &may, wanted).await {
        Ok(addon) => {
            let path = format!("{}?done=installed", path(&addon.addon_id));
            Ok(Redirect::to(&path).into_response())
        }
        Err(problem) => {
            form.refused(problem)?;
            Ok(wrong(second(&console, &person, kind, &key, form).await?))
        }
    }
}

/// A key, by what a form or an address says.
async fn key(console: &Console, person: &Person, id: &str) -> Result<KeyView, Refused> {
    let may = person.may::<SeeKeys>(console).await?;
    let id = KeyId::named(id)?;
    Ok(keys::show(console.manage(), &may, id).await?.key)
}

/// Which type, and which key: only those that fit each other.
async fn first(
    console: &Console,
    person: &Person,
    wanted: &Wanted,
    kind: Option<KindWords>,
) -> Answer {
    let applications = applications(console, person).await?;
    let keys = all_keys(console, person, None).await?;
    let fits = |key: &&KeyView| kind.is_none_or(|kind| kind.is_of(&key.provider));
    let group = |application: &Choice| Group {
        application: application.name.clone(),
        keys: keys
            .iter()
            .filter(|key| key.application_id.to_string() == application.id)
            .filter(fits)
            .map(choice)
            .collect(),
    };
    let wanted_app = |one: &&Choice| wanted.app.is_empty() || one.id == wanted.app;
    let groups = applications.iter().filter(wanted_app).map(group);
    let mut form = Form::of([("key", wanted.key.as_str())]);
    form.put("type", kind.map_or("text", |kind| kind.word));
    if let (Some(kind), false) = (kind, wanted.key.is_empty()) {
        let text = format!("The provider of this key has nothing for {}", kind.title);
        form.mark("key", &text);
    }
    let page = shown(&Page {
        frame: Frame::new(person, Place::AddOns, "Install an AddOn"),
        chosen: None,
        choices: Choices::default(),
        kinds: KindWords::all().collect(),
        groups: groups.filter(|group| !group.keys.is_empty()).collect(),
        any_key: !keys.is_empty(),
        add_query: match wanted.app.is_empty() {
            true => String::new(),
            false => format!("?app={}", wanted.app),
        },
        form,
    });
    Ok(page)
}

/// The rest of it, for this type and key.
async fn second(
    console: &Console,
    person: &Person,
    kind: KindWords,
    key: &KeyView,
    form: Form,
) -> Answer {
    let applications = applications(console, person).await?;
    let provider = keystead_providers::by_name(&key.provider);
    Ok(shown(&Page {
        frame: Frame::new(person, Place::AddOns, format!("Install: {}", kind.title)),
        chosen: Some(Chosen {
            kind: kind.word,
            title: kind.title,
            key_id: key.key_id.to_string(),
            key: key.name.clone(),
            provider: title(&key.provider).to_owned(),
            application: name_of(&applications, &key.application_id),
        }),
        choices: Choices::of(provider.map(|provider| provider.about()), kind.kind()),
        kinds: Vec::new(),
        groups: Vec::new(),
        any_key: true,
        add_query: String::new(),
        form,
    }))
}

/// The keys that can be chosen, by name; of one application, or of all.
pub(super) async fn all_keys(
    console: &Console,
    person: &Person,
    application: Option<String>,
) -> Result<Vec<KeyView>, Refused> {
    let may = person.may::<SeeKeys>(console).await?;
    let filter = Filter {
        application_id: application,
        limit: Some(200),
        sort: Some("name".to_owned()),
        ..Filter::default()
    };
    Ok(keys::list(console.manage(), &may, filter).await?.data)
}

/// A key as a choice shows it.
pub(super) fn choice(key: &KeyView) -> KeyChoice {
    KeyChoice {
        id: key.key_id.to_string(),
        label: format!("{}: {} ••••{}", title(&key.provider), key.name, key.last4),
    }
}
