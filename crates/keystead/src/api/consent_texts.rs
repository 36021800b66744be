//! `/applications/{id}/consent-texts`: what an application's users agree to.

use axum::{Json, extract::State};

use super::{
    answer::Made,
    body::{Body, Query},
    path::Id,
};
use crate::{
    ids::ApplicationId,
    manage::{
        List, Manage, May, Paging, Problem,
        consent_texts::{self, ConsentTextView, Write},
        permission::right::{EditApplications, SeeApplications},
    },
};

/// Write the next version of what users agree to; everybody is asked again
#[utoipa::path(
    post,
    path = "/applications/{id}/consent-texts",
    operation_id = "consent_texts.write",
    tag = "Consent texts",
    params(("id" = ApplicationId, Path)),
    request_body = Write,
    responses((status = 201, description = "Written", body = ConsentTextView))
)]
pub(super) async fn write(
    caller: May<EditApplications>,
    State(manage): State<Manage>,
    Id(application): Id<ApplicationId>,
    Body(wanted): Body<Write>,
) -> Result<Made<ConsentTextView>, Problem> {
    let view = consent_texts::write(&manage, &caller, application, wanted).await?;
    Ok(Made {
        view,
        holds_secret: false,
    })
}

/// List every version of what users agree to, with the one that Keystead brings along
#[utoipa::path(
    get,
    path = "/applications/{id}/consent-texts",
    operation_id = "consent_texts.list",
    tag = "Consent texts",
    params(("id" = ApplicationId, Path), Paging),
    responses((status = 200, description = "Done", body = List<ConsentTextView>))
)]
pub(super) async fn list(
    caller: May<SeeApplications>,
    State(manage): State<Manage>,
    Id(application): Id<ApplicationId>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<ConsentTextView>>, Problem> {
    consent_texts::list(&manage, &caller, application, &paging)
        .await
        .map(Json)
}
