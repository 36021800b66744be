//! `/addons`: what an application's users may do with a key.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use keystead_providers::{About, Access, AddOnType};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Caller, Manage, May, Problem,
    body::{Body, Query},
    fields::Fields,
    limits::{self, WantedForEach},
    page::{List, Paging},
    permission::right::{EditAddOns, SeeAddOns},
    time::rfc3339,
};
use crate::{
    ids::{AddOnId, KeyId},
    store::{AddOn, AddOnChange, Application, Key, KeySource, NewAddOn, Operations, StoreError},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Install {
    application_id: String,
    handle: String,
    #[serde(rename = "type")]
    kind: String,
    key_id: String,
    key_source: Option<String>,
    #[serde(default)]
    models: Vec<String>,
    operations: Option<Wanted>,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    limits: WantedForEach,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    key_id: Option<String>,
    key_source: Option<String>,
    models: Option<Vec<String>>,
    operations: Option<Wanted>,
    allow: Option<Vec<String>>,
    strict: Option<bool>,
    limits: Option<WantedForEach>,
}

/// `"default"`, `"all"`, or a list of names.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Wanted {
    Word(String),
    Names(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    application_id: Option<String>,
    limit: Option<u16>,
    cursor: Option<String>,
}

/// Activates an AI capability. The answer says which base URL the provider's SDK wants.
pub(super) async fn install(
    caller: May<EditAddOns>,
    State(manage): State<Manage>,
    Body(body): Body<Install>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let mut fields = Fields::default();
    let application = fields.parse(
        "application_id",
        &body.application_id,
        "an application's id",
    );
    let key_id = fields.parse("key_id", &body.key_id, "a key's id");
    let handle = fields.parse(
        "handle",
        &body.handle,
        "1 to 64 lower-case letters, digits and hyphens, no hyphen first",
    );
    let kind = AddOnType::ALL
        .into_iter()
        .find(|kind| kind.as_str() == body.kind);
    if kind.is_none() {
        let known: Vec<_> = AddOnType::ALL.iter().map(|kind| kind.as_str()).collect();
        fields.wrong("type", format!("expected one of {}", known.join(", ")));
    }
    let source = body.key_source.as_deref().unwrap_or("application");
    let key_source = fields.parse("key_source", source, KEY_SOURCES);
    let models = fields.words("models", &body.models);
    let (Some(application), Some(key_id), Some(handle), Some(kind), Some(key_source)) =
        (application, key_id, handle, kind, key_source)
    else {
        return Err(fields.finish().expect_err("a missing value left an error"));
    };

    let application = manage
        .store()
        .application(caller.organization, application)
        .await?;
    let key = manage.store().key(caller.organization, key_id).await?;
    let about = about(&key);
    let operations = operations(&mut fields, about, body.operations);
    let allow = features(&mut fields, about, body.allow);
    let limits = body.limits.read(&mut fields);
    fields.finish()?;
    let new = NewAddOn {
        application: application.id,
        handle,
        kind,
        key: Some(key.id),
        key_source,
        models,
        operations,
        allow,
        strict: body.strict,
        limits,
    };
    let addon = manage
        .store()
        .install_addon(caller.actor, caller.organization, new)
        .await?;
    Ok((
        StatusCode::CREATED,
        Json(shown(&manage, &addon, &application, Some(&key))),
    ))
}

pub(super) async fn update(
    caller: May<EditAddOns>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
    Body(body): Body<Update>,
) -> Result<Json<Value>, Problem> {
    let old = manage
        .store()
        .addon(caller.organization, parse(&id)?)
        .await?;
    let mut fields = Fields::default();
    let key_id: Option<KeyId> = body
        .key_id
        .and_then(|id| fields.parse("key_id", &id, "a key's id"));
    let key_source: Option<KeySource> = body
        .key_source
        .and_then(|word| fields.parse("key_source", &word, KEY_SOURCES));
    let key = match key_id {
        Some(key) => Some(manage.store().key(caller.organization, key).await?),
        None => key_of(&manage, &old).await?,
    };
    let about = key.as_ref().and_then(about);
    let change = AddOnChange {
        key: key_id,
        key_source,
        models: body.models.map(|models| fields.words("models", &models)),
        operations: body
            .operations
            .map(|all| operations(&mut fields, about, Some(all))),
        allow: body.allow.map(|allow| features(&mut fields, about, allow)),
        strict: body.strict,
        limits: body.limits.map(|limits| limits.read(&mut fields)),
        disabled: None,
    };
    fields.finish()?;
    changed(&manage, &caller, old.id, change).await
}

pub(super) async fn list(
    caller: May<SeeAddOns>,
    State(manage): State<Manage>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<Value>>, Problem> {
    let application = match &filter.application_id {
        Some(id) => Some(super::applications::parse(id)?),
        None => None,
    };
    let page = Paging::new(filter.limit, filter.cursor).page::<AddOnId>()?;
    let listed = manage
        .store()
        .addons(caller.organization, application, &page)
        .await?;
    let mut data = Vec::new();
    for addon in &listed.rows {
        data.push(show_one(&manage, addon).await?);
    }
    let last = listed.rows.last().map(|row| row.id.to_string());
    Ok(Json(List::part(data, listed.has_more, last)))
}

pub(super) async fn show(
    caller: May<SeeAddOns>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let addon = manage
        .store()
        .addon(caller.organization, parse(&id)?)
        .await?;
    Ok(Json(show_one(&manage, &addon).await?))
}

pub(super) async fn disable(
    caller: May<EditAddOns>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let change = AddOnChange {
        disabled: Some(true),
        ..AddOnChange::default()
    };
    changed(&manage, &caller, parse(&id)?, change).await
}

pub(super) async fn enable(
    caller: May<EditAddOns>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let change = AddOnChange {
        disabled: Some(false),
        ..AddOnChange::default()
    };
    changed(&manage, &caller, parse(&id)?, change).await
}

pub(super) async fn remove(
    caller: May<EditAddOns>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    manage
        .store()
        .remove_addon(caller.actor, caller.organization, parse(&id)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn changed(
    manage: &Manage,
    caller: &Caller,
    id: AddOnId,
    change: AddOnChange,
) -> Result<Json<Value>, Problem> {
    let addon = manage
        .store()
        .update_addon(caller.actor, caller.organization, id, change)
        .await?;
    Ok(Json(show_one(manage, &addon).await?))
}

fn operations(
    fields: &mut Fields,
    about: Option<&'static About>,
    wanted: Option<Wanted>,
) -> Operations {
    let names = match wanted {
        None => return Operations::Default,
        Some(Wanted::Word(word)) if word == "default" => return Operations::Default,
        Some(Wanted::Word(word)) if word == "all" => return Operations::All,
        Some(Wanted::Word(word)) => vec![word],
        Some(Wanted::Names(names)) => names,
    };
    let open = about.into_iter().flat_map(|about| &about.operations);
    let mut known: Vec<_> = open
        .filter(|one| one.access != Access::Denied)
        .map(|one| one.name)
        .collect();
    known.sort_unstable();
    known.dedup();
    for (index, name) in names.iter().enumerate() {
        if !known.contains(&name.as_str()) {
            let detail = format!("expected `default`, `all` or some of: {}", known.join(", "));
            fields.wrong(&format!("operations/{index}"), detail);
        }
    }
    if names.is_empty() {
        fields.wrong(
            "operations",
            "must name at least one, or be `default` or `all`",
        );
    }
    Operations::Named(names)
}

/// Features of any provider: the key may be exchanged for another provider's later.
fn features(fields: &mut Fields, about: Option<&'static About>, allow: Vec<String>) -> Vec<String> {
    let own = about.map(About::features).unwrap_or_default();
    let is_known = |name: &String| {
        let of_any = || {
            keystead_providers::ALL
                .iter()
                .any(|one| one.about().features().contains(&name.as_str()))
        };
        own.contains(&name.as_str()) || of_any()
    };
    for (index, name) in allow.iter().enumerate() {
        if !is_known(name) {
            let detail = format!("no such feature; this provider has: {}", own.join(", "));
            fields.wrong(&format!("allow/{index}"), detail);
        }
    }
    allow
}

pub(super) fn about(key: &Key) -> Option<&'static About> {
    keystead_providers::by_name(&key.provider).map(|provider| provider.about())
}

/// An id that can't be one names no AddOn.
fn parse(id: &str) -> Result<AddOnId, Problem> {
    id.parse().map_err(|_| Problem::NotFound("addon"))
}

async fn show_one(manage: &Manage, addon: &AddOn) -> Result<Value, Problem> {
    let application = manage
        .store()
        .application(addon.organization, addon.application)
        .await?;
    let key = key_of(manage, addon).await?;
    Ok(shown(manage, addon, &application, key.as_ref()))
}

/// The key of an AddOn, unless it was deleted.
pub(super) async fn key_of(manage: &Manage, addon: &AddOn) -> Result<Option<Key>, Problem> {
    let Some(id) = addon.key else { return Ok(None) };
    match manage.store().key(addon.organization, id).await {
        Ok(key) => Ok(Some(key)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn shown(manage: &Manage, addon: &AddOn, application: &Application, key: Option<&Key>) -> Value {
    let operations = match &addon.operations {
        Operations::Default => json!("default"),
        Operations::All => json!("all"),
        Operations::Named(names) => json!(names),
    };
    // Each SDK appends its paths to another part of the address.
    let base_url = key.and_then(about).map(|about| {
        let path = format!("/proxy/{}/{}", application.client_id, addon.handle);
        manage.0.public_url.join(&(path + about.sdk_base_path))
    });
    json!({
        "addon_id": addon.id,
        "application_id": addon.application,
        "handle": addon.handle,
        "type": addon.kind.as_str(),
        "key_id": key.map(|key| key.id),
        "provider": key.map(|key| &key.provider),
        "key_source": addon.key_source.word(),
        "models": addon.models,
        "operations": operations,
        "allow": addon.allow,
        "strict": addon.strict,
        "limits": limits::shown(&addon.limits),
        "disabled": addon.disabled,
        "base_url": base_url,
        "created_at": rfc3339(addon.created_at),
    })
}

const KEY_SOURCES: &str = "application, user or user-then-application";
