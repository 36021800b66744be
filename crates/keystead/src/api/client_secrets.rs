//! `/applications/{id}/client-secrets`: what a host application's backend authenticates with.

use axum::{Json, extract::State};
use http::StatusCode;

use super::{
    body::Query,
    path::{Id, Ids},
};
use crate::{
    ids::{ApplicationId, ClientSecretId},
    manage::{
        List, Manage, May, Paging, Problem,
        client_secrets::{self, ClientSecretView, NewClientSecretView},
        permission::right::{EditClientSecrets, SeeApplications},
    },
};

pub(super) async fn create(
    caller: May<EditClientSecrets>,
    State(manage): State<Manage>,
    Id(application): Id<ApplicationId>,
) -> Result<(StatusCode, Json<NewClientSecretView>), Problem> {
    let made = client_secrets::create(&manage, &caller, application).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

pub(super) async fn list(
    caller: May<SeeApplications>,
    State(manage): State<Manage>,
    Id(application): Id<ApplicationId>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<ClientSecretView>>, Problem> {
    client_secrets::list(&manage, &caller, application, &paging)
        .await
        .map(Json)
}

pub(super) async fn revoke(
    caller: May<EditClientSecrets>,
    State(manage): State<Manage>,
    Ids(application, secret): Ids<ApplicationId, ClientSecretId>,
) -> Result<StatusCode, Problem> {
    client_secrets::revoke(&manage, &caller, application, secret).await?;
    Ok(StatusCode::NO_CONTENT)
}
