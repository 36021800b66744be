//! `/api-tokens`: what scripts present in an account's name.

use axum::{Json, extract::State};
use http::StatusCode;

use super::{
    answer::Made,
    body::{Body, Query},
    path::Id,
};
use crate::{
    ids::ApiTokenId,
    manage::{
        List, Manage, May, Problem, Search,
        api_tokens::{self, ApiTokenView, Create, NewApiTokenView},
        permission::right::{EditApiTokens, SeeApiTokens},
    },
};

/// Make an API token, with no more than its maker may
#[utoipa::path(
    post,
    path = "/api-tokens",
    operation_id = "api_tokens.create",
    tag = "API tokens",
    request_body = Create,
    responses((status = 201, description = "Made", body = NewApiTokenView))
)]
pub(super) async fn create(
    caller: May<EditApiTokens>,
    State(manage): State<Manage>,
    Body(wanted): Body<Create>,
) -> Result<Made<NewApiTokenView>, Problem> {
    let view = api_tokens::create(&manage, &caller, wanted).await?;
    Ok(Made {
        view,
        holds_secret: true,
    })
}

/// List API tokens
#[utoipa::path(
    get,
    path = "/api-tokens",
    operation_id = "api_tokens.list",
    tag = "API tokens",
    params(Search),
    responses((status = 200, description = "Done", body = List<ApiTokenView>))
)]
pub(super) async fn list(
    caller: May<SeeApiTokens>,
    State(manage): State<Manage>,
    Query(search): Query<Search>,
) -> Result<Json<List<ApiTokenView>>, Problem> {
    api_tokens::list(&manage, &caller, &search).await.map(Json)
}

/// End an API token
#[utoipa::path(
    delete,
    path = "/api-tokens/{id}",
    operation_id = "api_tokens.revoke",
    tag = "API tokens",
    params(("id" = ApiTokenId, Path)),
    responses((status = 204, description = "Done"))
)]
pub(super) async fn revoke(
    caller: May<EditApiTokens>,
    State(manage): State<Manage>,
    Id(id): Id<ApiTokenId>,
) -> Result<StatusCode, Problem> {
    api_tokens::revoke(&manage, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
