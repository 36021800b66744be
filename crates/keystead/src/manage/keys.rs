//! `/keys`: provider keys. A key goes in; its last four characters and what the provider thinks of
//! it come out, and nothing else ever.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use keystead_providers::{CheckOutcome, Destination, HostRules, KeyShape, Provider};
use keystead_vault::ProviderKey;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Asked, Manage, May, Problem,
    body::{Body, Query, SecretText},
    fields::Fields,
    limits::{self, Wanted},
    page::{List, Paging},
    permission::right::{EditKeys, SeeKeys},
    time::rfc3339,
};
use crate::{
    custody::NewKey,
    ids::{ApplicationId, KeyId},
    store::{Key, KeyStatus},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    application_id: String,
    provider: String,
    name: String,
    endpoint: Option<String>,
    #[serde(default)]
    skip_check: bool,
    key: SecretText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotate {
    /// How long the old version is kept for calls that run with it, in seconds.
    overlap_s: Option<u64>,
    #[serde(default)]
    skip_check: bool,
    key: SecretText,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    limits: Wanted,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    application_id: Option<String>,
    limit: Option<u16>,
    cursor: Option<String>,
}

/// Seals a key. One that the provider refuses is not stored.
pub(super) async fn add(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Body(body): Body<Add>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let mut fields = Fields::default();
    let application = fields.parse(
        "application_id",
        &body.application_id,
        "an application's id",
    );
    let provider = keystead_providers::by_name(&body.provider);
    if provider.is_none() {
        let known: Vec<_> = keystead_providers::ALL
            .iter()
            .map(|one| one.about().name)
            .collect();
        fields.wrong("provider", format!("expected one of {}", known.join(", ")));
    }
    let name = fields.title("name", &body.name);
    fields.finish()?;
    let application: ApplicationId = application.expect("finish saw no error of this field");
    let provider = provider.expect("finish saw no error of this field");
    // A typing error in the id must not cost a call to the provider.
    manage
        .store()
        .application(caller.organization, application)
        .await?;

    let entered = enter(&manage, provider, body.key, body.endpoint.as_deref()).await?;
    let asked = ask(&manage, provider, &entered, body.skip_check).await?;
    let new = NewKey {
        organization: caller.organization,
        application,
        provider: provider.about().name.to_owned(),
        name,
        destination: entered.destination,
        explicit_endpoint: body.endpoint.is_some(),
        key: entered.key,
        status: asked.status,
    };
    let key = manage.custody().add_key(caller.actor, new).await?;
    Ok((
        StatusCode::CREATED,
        Json(shown_with(&key, &[entered.note, asked.note])),
    ))
}

/// Sets the rules that hold for a key.
pub(super) async fn update(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
    Body(body): Body<Update>,
) -> Result<Json<Value>, Problem> {
    let mut fields = Fields::default();
    let limits = body.limits.read(&mut fields);
    fields.finish()?;
    let key = manage
        .store()
        .limit_key(caller.actor, caller.organization, parse(&id)?, limits)
        .await?;
    Ok(Json(shown(&key)))
}

/// Puts a new key in a key's place. Calls that start after this answer use it.
pub(super) async fn rotate(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
    Body(body): Body<Rotate>,
) -> Result<Json<Value>, Problem> {
    let overlap = Duration::from_secs(body.overlap_s.unwrap_or(OVERLAP_S));
    if overlap > Duration::from_secs(OVERLAP_AT_MOST_S) {
        return Err(Problem::field(
            "overlap_s",
            format!("must be at most {OVERLAP_AT_MOST_S}"),
        ));
    }
    let old = manage.store().key(caller.organization, parse(&id)?).await?;
    let provider = adapter(&old)?;
    let endpoint = old.explicit_endpoint.then(|| old.destination.to_string());
    let entered = enter(&manage, provider, body.key, endpoint.as_deref()).await?;
    if old.destination != entered.destination {
        return Err(Problem::DestinationDiffers);
    }
    let asked = ask(&manage, provider, &entered, body.skip_check).await?;
    let key = manage
        .custody()
        .rotate_key(
            caller.actor,
            caller.organization,
            old.id,
            entered.key,
            asked.status,
            overlap,
        )
        .await?;
    Ok(Json(shown_with(&key, &[entered.note, asked.note])))
}

/// Asks the provider about a stored key. The opening is on the audit record first.
pub(super) async fn check(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let key = manage.store().key(caller.organization, parse(&id)?).await?;
    let provider = adapter(&key)?;
    let opened = manage
        .custody()
        .open_key(caller.actor, caller.organization, key.id, "check")
        .await?;
    let said = verdict(
        &manage
            .0
            .checker
            .ask(provider, &opened.key, &key.destination)
            .await,
    );
    drop(opened);
    if said.status != KeyStatus::Unchecked {
        manage
            .store()
            .set_key_status(caller.organization, key.id, said.status)
            .await?;
    }
    let key = manage.store().key(caller.organization, key.id).await?;
    Ok(Json(shown_with(&key, &[None, said.note])))
}

pub(super) async fn list(
    caller: May<SeeKeys>,
    State(manage): State<Manage>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<Value>>, Problem> {
    let application = match &filter.application_id {
        Some(id) => Some(super::applications::parse(id)?),
        None => None,
    };
    let page = Paging::new(filter.limit, filter.cursor).page::<KeyId>()?;
    let listed = manage
        .store()
        .keys(caller.organization, application, &page)
        .await?;
    Ok(Json(List::of(&listed, |row| row.id, shown)))
}

pub(super) async fn show(
    caller: May<SeeKeys>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let key = manage.store().key(caller.organization, parse(&id)?).await?;
    let versions = manage
        .store()
        .key_versions(caller.organization, key.id)
        .await?;
    let versions = versions.iter().map(|version| {
        json!({
            "version": version.n,
            "created_at": rfc3339(version.created_at),
            "retires_at": version.retires_at.map(rfc3339),
        })
    });
    let mut answer = shown(&key);
    answer["versions"] = versions.collect();
    Ok(Json(answer))
}

pub(super) async fn disable(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let store = manage.store();
    let key = store
        .set_key_disabled(caller.actor, caller.organization, parse(&id)?, true)
        .await?;
    Ok(Json(shown(&key)))
}

pub(super) async fn enable(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let store = manage.store();
    let key = store
        .set_key_disabled(caller.actor, caller.organization, parse(&id)?, false)
        .await?;
    Ok(Json(shown(&key)))
}

pub(super) async fn remove(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    manage
        .store()
        .delete_key(caller.actor, caller.organization, parse(&id)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A key as it was entered, with the one place it may go.
struct Entered {
    key: ProviderKey,
    destination: Destination,
    note: Option<String>,
}

/// Reads what was pasted: its shape, and where it may be sent.
async fn enter(
    manage: &Manage,
    provider: &'static dyn Provider,
    key: SecretText,
    endpoint: Option<&str>,
) -> Result<Entered, Problem> {
    let about = provider.about();
    let key = ProviderKey::new(key.into_inner());
    let note = match about.key_shape(key.expose()) {
        KeyShape::Fits => None,
        KeyShape::Unusual(hint) => Some(hint.to_owned()),
        KeyShape::Refused(reason) => return Err(Problem::field("key", reason)),
    };
    let base_url = manage
        .0
        .base_urls
        .iter()
        .find(|(name, _)| *name == about.name);
    let rules = HostRules {
        base_url: base_url.map(|(_, url)| url),
        any_host: manage.0.any_host,
    };
    let destination = about
        .destination(key.expose(), endpoint, rules)
        .map_err(|error| Problem::field("endpoint", error.to_string()))?;
    let admitted = manage.0.checker.admit(&destination).await;
    admitted.map_err(|reason| Problem::field("endpoint", reason))?;
    Ok(Entered {
        key,
        destination,
        note,
    })
}

/// What the provider said, as it is stored and told.
struct Verdict {
    status: KeyStatus,
    note: Option<String>,
}

async fn ask(
    manage: &Manage,
    provider: &'static dyn Provider,
    entered: &Entered,
    skip: bool,
) -> Result<Verdict, Problem> {
    if skip {
        return Ok(Verdict {
            status: KeyStatus::Unchecked,
            note: None,
        });
    }
    let said = verdict(
        &manage
            .0
            .checker
            .ask(provider, &entered.key, &entered.destination)
            .await,
    );
    match said.status {
        KeyStatus::Wrong => Err(Problem::KeyRefused {
            reason: "the provider does not know it",
        }),
        _ => Ok(said),
    }
}

fn verdict(asked: &Asked) -> Verdict {
    let said = |status, note: &str| Verdict {
        status,
        note: Some(note.to_owned()),
    };
    match asked {
        Asked::Unreachable => said(
            KeyStatus::Unchecked,
            "the provider could not be reached, so the key is not checked yet",
        ),
        Asked::Said(CheckOutcome::Valid) => Verdict {
            status: KeyStatus::Valid,
            note: None,
        },
        Asked::Said(CheckOutcome::Wrong) => {
            said(KeyStatus::Wrong, "the provider does not know this key")
        }
        Asked::Said(CheckOutcome::NoPermission { missing }) if missing.is_empty() => said(
            KeyStatus::NoPermission,
            "the key lacks a permission that calls will need",
        ),
        Asked::Said(CheckOutcome::NoPermission { missing }) => said(
            KeyStatus::NoPermission,
            &format!("the key lacks these permissions: {}", missing.join(", ")),
        ),
        Asked::Said(CheckOutcome::NoCredit) => said(
            KeyStatus::NoCredit,
            "the account behind the key has nothing left to spend",
        ),
        Asked::Said(CheckOutcome::AddressNotAllowed) => said(
            KeyStatus::AddressNotAllowed,
            "the provider does not take this key from this machine's address",
        ),
        Asked::Said(_) => said(
            KeyStatus::Unchecked,
            "the provider gave no clear answer, so the key is not checked yet",
        ),
    }
}

fn adapter(key: &Key) -> Result<&'static dyn Provider, Problem> {
    keystead_providers::by_name(&key.provider).ok_or(Problem::NotFound("provider"))
}

/// An id that can't be one names no key.
fn parse(id: &str) -> Result<KeyId, Problem> {
    id.parse().map_err(|_| Problem::NotFound("key"))
}

fn shown(key: &Key) -> Value {
    json!({
        "key_id": key.id,
        "application_id": key.application,
        "provider": key.provider,
        "name": key.name,
        "destination": key.destination.to_string(),
        "last4": key.last4,
        "status": key.status.word(),
        "version": key.version,
        "disabled": key.disabled,
        "limits": limits::shown(&key.limits),
        "created_at": rfc3339(key.created_at),
        "checked_at": key.checked_at.map(rfc3339),
    })
}

fn shown_with(key: &Key, notes: &[Option<String>]) -> Value {
    let notes: Vec<_> = notes.iter().flatten().map(String::as_str).collect();
    let mut answer = shown(key);
    if !notes.is_empty() {
        answer["note"] = notes.join("; ").into();
    }
    answer
}

/// As long as the longest call that may run with the old version (the SDKs wait ten minutes).
const OVERLAP_S: u64 = 600;
const OVERLAP_AT_MOST_S: u64 = 7 * 86_400;
