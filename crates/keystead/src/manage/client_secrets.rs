//! `/applications/{id}/client-secrets`: what a host application's backend authenticates with.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::{Value, json};

use super::{
    Manage, May, Problem, applications,
    body::Query,
    page::{List, Paging},
    permission::right::{EditClientSecrets, SeeApplications},
    time::rfc3339,
};
use crate::{ids::ClientSecretId, store::ClientSecret};

/// Makes another secret. It is in this answer and in no other.
pub(super) async fn create(
    caller: May<EditClientSecrets>,
    State(manage): State<Manage>,
    Path(application): Path<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let application = applications::parse(&application)?;
    let made = manage
        .store()
        .create_client_secret(caller.actor, caller.organization, application);
    let (secret, token) = made.await?;
    let answer = json!({
        "secret_id": secret.id,
        "client_secret": token.expose(),
        "created_at": rfc3339(secret.created_at),
    });
    Ok((StatusCode::CREATED, Json(answer)))
}

pub(super) async fn list(
    caller: May<SeeApplications>,
    State(manage): State<Manage>,
    Path(application): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Value>>, Problem> {
    let application = applications::parse(&application)?;
    // Without it an unknown application would have an empty list.
    manage
        .store()
        .application(caller.organization, application)
        .await?;
    let secrets = manage
        .store()
        .client_secrets(caller.organization, application)
        .await?;
    let after: Option<ClientSecretId> = paging.after()?;
    let mut rows = secrets
        .iter()
        .filter(|secret| after.is_none_or(|last| secret.id > last));
    let limit = usize::from(paging.limit()?);
    let page: Vec<&ClientSecret> = rows.by_ref().take(limit).collect();
    let has_more = rows.next().is_some();
    let last = page.last().map(|secret| secret.id.to_string());
    let data = page.into_iter().map(shown).collect();
    Ok(Json(List::part(data, has_more, last)))
}

fn shown(secret: &ClientSecret) -> Value {
    json!({
        "secret_id": secret.id,
        "revoked": secret.revoked,
        "created_at": rfc3339(secret.created_at),
    })
}

/// Revokes a secret; the tokens it minted end with it.
pub(super) async fn revoke(
    caller: May<EditClientSecrets>,
    State(manage): State<Manage>,
    Path((application, secret)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let application = applications::parse(&application)?;
    let secret = secret
        .parse()
        .map_err(|_| Problem::NotFound("client_secret"))?;
    let store = manage.store();
    let of_application = store
        .client_secrets(caller.organization, application)
        .await?;
    if !of_application.iter().any(|one| one.id == secret) {
        return Err(Problem::NotFound("client_secret"));
    }
    store
        .revoke_client_secret(caller.actor, caller.organization, secret)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
