//! `/applications`: host applications.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Caller, Manage, May, Problem,
    body::{Body, Query},
    fields::Fields,
    limits::{self, WantedForEach},
    page::{List, Paging},
    permission::right::{EditApplications, SeeApplications},
    time::rfc3339,
};
use crate::{
    ids::ApplicationId,
    store::{Application, ApplicationChange, NewApplication},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    name: String,
    #[serde(default)]
    public: bool,
    #[serde(default)]
    origins: Vec<String>,
    #[serde(default)]
    redirect_uris: Vec<String>,
    #[serde(default)]
    addresses: Vec<String>,
    #[serde(default)]
    limits: WantedForEach,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    name: Option<String>,
    origins: Option<Vec<String>>,
    redirect_uris: Option<Vec<String>>,
    addresses: Option<Vec<String>>,
    limits: Option<WantedForEach>,
}

/// Makes an application. Its client secret is in this answer and in no other.
pub(super) async fn create(
    caller: May<EditApplications>,
    State(manage): State<Manage>,
    Body(body): Body<Create>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let mut fields = Fields::default();
    let new = NewApplication {
        name: fields.title("name", &body.name),
        public: body.public,
        origins: fields.origins("origins", &body.origins),
        redirect_uris: fields.redirect_uris("redirect_uris", &body.redirect_uris),
        addresses: fields.ranges("addresses", &body.addresses),
        limits: body.limits.read(&mut fields),
    };
    if new.public && body.redirect_uris.is_empty() {
        fields.wrong("redirect_uris", "a public application needs at least one");
    }
    fields.finish()?;
    let made = manage
        .custody()
        .create_application(caller.actor, caller.organization, new)
        .await?;
    let (application, secret) = made;
    let mut answer = shown(&application);
    answer["client_secret"] = json!(secret.as_ref().map(|(_, token)| token.expose()));
    answer["secret_id"] = json!(secret.as_ref().map(|(row, _)| row.id));
    Ok((StatusCode::CREATED, Json(answer)))
}

pub(super) async fn list(
    caller: May<SeeApplications>,
    State(manage): State<Manage>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Value>>, Problem> {
    let page = paging.page::<ApplicationId>()?;
    let listed = manage
        .store()
        .applications(caller.organization, &page)
        .await?;
    Ok(Json(List::of(&listed, |row| row.id, shown)))
}

pub(super) async fn show(
    caller: May<SeeApplications>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let application = manage
        .store()
        .application(caller.organization, parse(&id)?)
        .await?;
    Ok(Json(shown(&application)))
}

pub(super) async fn update(
    caller: May<EditApplications>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
    Body(body): Body<Update>,
) -> Result<Json<Value>, Problem> {
    let mut fields = Fields::default();
    let change = ApplicationChange {
        name: body.name.map(|name| fields.title("name", &name)),
        origins: body.origins.map(|all| fields.origins("origins", &all)),
        redirect_uris: body
            .redirect_uris
            .map(|all| fields.redirect_uris("redirect_uris", &all)),
        addresses: body.addresses.map(|all| fields.ranges("addresses", &all)),
        limits: body.limits.map(|limits| limits.read(&mut fields)),
        disabled: None,
    };
    fields.finish()?;
    changed(&manage, &caller, &id, change).await
}

pub(super) async fn disable(
    caller: May<EditApplications>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let change = ApplicationChange {
        disabled: Some(true),
        ..ApplicationChange::default()
    };
    changed(&manage, &caller, &id, change).await
}

pub(super) async fn enable(
    caller: May<EditApplications>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let change = ApplicationChange {
        disabled: Some(false),
        ..ApplicationChange::default()
    };
    changed(&manage, &caller, &id, change).await
}

async fn changed(
    manage: &Manage,
    caller: &Caller,
    id: &str,
    change: ApplicationChange,
) -> Result<Json<Value>, Problem> {
    let store = manage.store();
    let application = store
        .update_application(caller.actor, caller.organization, parse(id)?, change)
        .await?;
    Ok(Json(shown(&application)))
}

/// An id that can't be one names no application.
pub(super) fn parse(id: &str) -> Result<ApplicationId, Problem> {
    id.parse().map_err(|_| Problem::NotFound("application"))
}

fn shown(application: &Application) -> Value {
    let addresses: Vec<_> = application
        .addresses
        .iter()
        .map(ToString::to_string)
        .collect();
    json!({
        "application_id": application.id,
        "client_id": application.client_id,
        "name": application.name,
        "public": application.public,
        "origins": application.origins,
        "redirect_uris": application.redirect_uris,
        "addresses": addresses,
        "limits": limits::shown(&application.limits),
        "disabled": application.disabled,
        "created_at": rfc3339(application.created_at),
    })
}
