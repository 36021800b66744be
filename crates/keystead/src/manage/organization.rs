//! `/organization`: the caller's own tenant.

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Manage, May, Problem,
    body::Body,
    fields::Fields,
    limits::{self, Wanted},
    permission::right::{EditOrganization, SeeOrganization},
    time::rfc3339,
};
use crate::store::Organization;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    limits: Wanted,
}

pub(super) async fn show(
    caller: May<SeeOrganization>,
    State(manage): State<Manage>,
) -> Result<Json<Value>, Problem> {
    let organization = manage.store().organization(caller.organization).await?;
    Ok(Json(shown(&organization)))
}

/// Sets the rules that hold for all of it.
pub(super) async fn update(
    caller: May<EditOrganization>,
    State(manage): State<Manage>,
    Body(body): Body<Update>,
) -> Result<Json<Value>, Problem> {
    let mut fields = Fields::default();
    let limits = body.limits.read(&mut fields);
    fields.finish()?;
    let organization = manage
        .store()
        .limit_organization(caller.actor, caller.organization, limits)
        .await?;
    Ok(Json(shown(&organization)))
}

fn shown(organization: &Organization) -> Value {
    json!({
        "organization_id": organization.id,
        "name": organization.name,
        "limits": limits::shown(&organization.limits),
        "created_at": rfc3339(organization.created_at),
    })
}
