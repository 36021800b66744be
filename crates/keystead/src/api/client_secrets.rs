//! `/applications/{id}/client-secrets`: what a host application's backend authenticates with.

use axum::{Json, extract::State};
use http::StatusCode;

use super::{
    answer::Made,
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

/// Make another client secret; two can be live
#[utoipa::path(
    post,
    path = "/applications/{id}/client-secrets",
    operation_id = "client_secrets.create",
    tag = "Client secrets",
    params(("id" = ApplicationId, Path)),
    responses((status = 201, description = "Made", body = NewClientSecretView))
)]
pub(super) async fn create(
    caller: May<EditClientSecrets>,
    State(manage): State<Manage>,
    Id(application): Id<ApplicationId>,
) -> Result<Made<NewClientSecretView>, Problem> {
    let view = client_secrets::create(&manage, &caller, application).await?;
    Ok(Made {
        view,
        holds_secret: true,
    })
}

/// List an application's client secrets
#[utoipa::path(
    get,
    path = "/applications/{id}/client-secrets",
    operation_id = "client_secrets.list",
    tag = "Client secrets",
    params(("id" = ApplicationId, Path), Paging),
    responses((status = 200, description = "Done", body = List<ClientSecretView>))
)]
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

/// Revoke a client secret, and with it every token that it minted
#[utoipa::path(
    delete,
    path = "/applications/{id}/client-secrets/{secret}",
    operation_id = "client_secrets.revoke",
    tag = "Client secrets",
    params(("id" = ApplicationId, Path), ("secret" = ClientSecretId, Path)),
    responses((status = 204, description = "Done"))
)]
pub(super) async fn revoke(
    caller: May<EditClientSecrets>,
    State(manage): State<Manage>,
    Ids(application, secret): Ids<ApplicationId, ClientSecretId>,
) -> Result<StatusCode, Problem> {
    client_secrets::revoke(&manage, &caller, application, secret).await?;
    Ok(StatusCode::NO_CONTENT)
}
