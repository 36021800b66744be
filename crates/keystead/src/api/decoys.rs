//! `/decoys`: what is planted so that its use shows a leak.

use axum::{Json, extract::State};
use http::StatusCode;

use super::{answer::Made, body::Body, path::Id};
use crate::{
    ids::DecoyId,
    manage::{
        List, Manage, May, Problem,
        decoys::{self, Create, DecoyView, MadeDecoy},
        permission::right::EditDecoys,
    },
};

/// List decoys (never the decoys themselves)
#[utoipa::path(
    get,
    path = "/decoys",
    operation_id = "decoys.list",
    tag = "Alerts",
    responses((status = 200, description = "Done", body = List<DecoyView>))
)]
pub(super) async fn list(
    caller: May<EditDecoys>,
    State(manage): State<Manage>,
) -> Result<Json<List<DecoyView>>, Problem> {
    decoys::list(&manage, &caller).await.map(Json)
}

/// Make something that looks like a token or a key, to be planted where nobody should look
#[utoipa::path(
    post,
    path = "/decoys",
    operation_id = "decoys.create",
    tag = "Alerts",
    request_body = Create,
    responses((status = 201, description = "Made", body = MadeDecoy))
)]
pub(super) async fn create(
    caller: May<EditDecoys>,
    State(manage): State<Manage>,
    Body(wanted): Body<Create>,
) -> Result<Made<MadeDecoy>, Problem> {
    let view = decoys::create(&manage, &caller, wanted).await?;
    Ok(Made {
        view,
        holds_secret: true,
    })
}

/// Forget a decoy: its use is told no more
#[utoipa::path(
    delete,
    path = "/decoys/{id}",
    operation_id = "decoys.remove",
    tag = "Alerts",
    params(("id" = DecoyId, Path)),
    responses((status = 204, description = "Done"))
)]
pub(super) async fn remove(
    caller: May<EditDecoys>,
    State(manage): State<Manage>,
    Id(id): Id<DecoyId>,
) -> Result<StatusCode, Problem> {
    decoys::remove(&manage, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
