//! Client secrets: what a host application's backend authenticates with.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    List, Manage, May, Object as _, Paging, Problem, ShownOnce,
    permission::right::{EditClientSecrets, SeeApplications},
    time::Moment,
};
use crate::{
    ids::{ApplicationId, ClientSecretId},
    store::ClientSecret,
};

/// A client secret, without the secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClientSecretView {
    /// Its id.
    pub secret_id: ClientSecretId,
    /// Whether it is refused, and with it every token that it minted.
    pub revoked: bool,
    /// When it was made.
    pub created_at: Moment,
}

/// A client secret that was just made. The one view that holds it.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewClientSecretView {
    /// Its id.
    pub secret_id: ClientSecretId,
    /// The secret, shown this once.
    pub client_secret: ShownOnce,
    /// When it was made.
    pub created_at: Moment,
}

/// Makes another secret. It is in this view and in no other.
pub async fn create(
    manage: &Manage,
    caller: &May<EditClientSecrets>,
    application: ApplicationId,
) -> Result<NewClientSecretView, Problem> {
    let store = manage.store();
    let made = store.create_client_secret(caller.actor, caller.organization, application);
    let (secret, token) = made.await?;
    Ok(NewClientSecretView {
        secret_id: secret.id,
        client_secret: token.into(),
        created_at: Moment(secret.created_at),
    })
}

/// The client secrets of an application.
pub async fn list(
    manage: &Manage,
    caller: &May<SeeApplications>,
    application: ApplicationId,
    paging: &Paging,
) -> Result<List<ClientSecretView>, Problem> {
    let store = manage.store();
    // Without it an unknown application would have an empty list.
    store.application(caller.organization, application).await?;
    let secrets = store
        .client_secrets(caller.organization, application)
        .await?;
    let after: Option<ClientSecretId> = paging.after()?;
    let mut rows = secrets
        .into_iter()
        .filter(|secret| after.is_none_or(|last| secret.id > last));
    let limit = usize::from(paging.limit()?);
    let page: Vec<ClientSecret> = rows.by_ref().take(limit).collect();
    let has_more = rows.next().is_some();
    let last = page.last().map(|secret| secret.id.to_string());
    let data = page.into_iter().map(ClientSecretView::from).collect();
    Ok(List::part(data, has_more, last))
}

/// Revokes a secret; the tokens it minted end with it.
pub async fn revoke(
    manage: &Manage,
    caller: &May<EditClientSecrets>,
    application: ApplicationId,
    secret: ClientSecretId,
) -> Result<(), Problem> {
    let store = manage.store();
    let of_application = store
        .client_secrets(caller.organization, application)
        .await?;
    if !of_application.iter().any(|one| one.id == secret) {
        return Err(Problem::NotFound(ClientSecretId::WHAT));
    }
    store
        .revoke_client_secret(caller.actor, caller.organization, secret)
        .await?;
    Ok(())
}

impl From<ClientSecret> for ClientSecretView {
    fn from(secret: ClientSecret) -> Self {
        Self {
            secret_id: secret.id,
            revoked: secret.revoked,
            created_at: Moment(secret.created_at),
        }
    }
}
