//! `/webhooks`: where alerts are told.

use axum::{Json, extract::State};
use http::StatusCode;

use super::{answer::Made, body::Body, path::Id};
use crate::{
    ids::WebhookId,
    manage::{
        List, Manage, May, Problem,
        permission::right::{EditWebhooks, SeeAlerts},
        webhooks::{self, Create, DeliveryView, MadeWebhook, WebhookView},
    },
};

/// List webhooks
#[utoipa::path(
    get,
    path = "/webhooks",
    operation_id = "webhooks.list",
    tag = "Alerts",
    responses((status = 200, description = "Done", body = List<WebhookView>))
)]
pub(super) async fn list(
    caller: May<SeeAlerts>,
    State(manage): State<Manage>,
) -> Result<Json<List<WebhookView>>, Problem> {
    webhooks::list(&manage, &caller).await.map(Json)
}

/// Have alerts told to an address; the answer holds the secret they are signed with, this once
#[utoipa::path(
    post,
    path = "/webhooks",
    operation_id = "webhooks.create",
    tag = "Alerts",
    request_body = Create,
    responses((status = 201, description = "Made", body = MadeWebhook))
)]
pub(super) async fn create(
    caller: May<EditWebhooks>,
    State(manage): State<Manage>,
    Body(wanted): Body<Create>,
) -> Result<Made<MadeWebhook>, Problem> {
    let view = webhooks::create(&manage, &caller, wanted).await?;
    Ok(Made {
        view,
        holds_secret: true,
    })
}

/// Remove a webhook; what was still to be told there is not
#[utoipa::path(
    delete,
    path = "/webhooks/{id}",
    operation_id = "webhooks.remove",
    tag = "Alerts",
    params(("id" = WebhookId, Path)),
    responses((status = 204, description = "Done"))
)]
pub(super) async fn remove(
    caller: May<EditWebhooks>,
    State(manage): State<Manage>,
    Id(id): Id<WebhookId>,
) -> Result<StatusCode, Problem> {
    webhooks::remove(&manage, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List what was told to webhooks, the last first
#[utoipa::path(
    get,
    path = "/webhooks/deliveries",
    operation_id = "webhooks.deliveries",
    tag = "Alerts",
    responses((status = 200, description = "Done", body = List<DeliveryView>))
)]
pub(super) async fn deliveries(
    caller: May<SeeAlerts>,
    State(manage): State<Manage>,
) -> Result<Json<List<DeliveryView>>, Problem> {
    webhooks::deliveries(&manage, &caller).await.map(Json)
}
