//! Webhooks: where alerts are told.

use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::{
    List, Manage, May, Problem, ShownOnce,
    permission::right::{EditWebhooks, SeeAlerts},
    time::Moment,
};
use crate::{
    ids::{DeliveryId, WebhookId},
    store::{Delivery, DeliveryState, Webhook},
};

/// A webhook to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookCreate)]
pub struct Create {
    /// An `https://…` address that each alert is posted to.
    pub url: String,
}

/// A webhook.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookView {
    /// Its id.
    pub webhook_id: WebhookId,
    /// The address.
    pub url: String,
    /// When it was made.
    pub created_at: Moment,
}

/// A webhook that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeWebhook {
    /// What is known of it.
    #[serde(flatten)]
    pub about: WebhookView,
    /// What its deliveries are signed with, `whsec_…`. It is shown this once.
    pub secret: ShownOnce,
}

/// One thing that is told to a webhook.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeliveryView {
    /// Its id, which is `webhook-id` in every attempt.
    pub delivery_id: DeliveryId,
    /// To which webhook.
    pub webhook_id: WebhookId,
    /// Of which alert.
    pub alert_id: String,
    /// How it stands: `waiting`, `taken` or `given_up`.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// What the last attempt brought: a status, or a word.
    pub answer: String,
    /// When it was written down.
    pub created_at: Moment,
    /// When it is tried next; none if it is not.
    pub due_at: Option<Moment>,
}

/// The organization's webhooks.
pub async fn list(manage: &Manage, caller: &May<SeeAlerts>) -> Result<List<WebhookView>, Problem> {
    let found = manage.store().webhooks(caller.organization).await?;
    let data = found.into_iter().map(WebhookView::from).collect();
    Ok(List::part(data, false, None))
}

/// Makes one. Its secret is in the answer and nowhere else.
pub async fn create(
    manage: &Manage,
    caller: &May<EditWebhooks>,
    wanted: Create,
) -> Result<MadeWebhook, Problem> {
    let url = address(&wanted.url, manage.0.any_host).ok_or_else(|| {
        let expected =
            "must be an `https://…` address without a name, a password or a fragment in it";
        Problem::field("url", expected)
    })?;
    let custody = manage.custody();
    let made = custody.add_webhook(caller.actor, caller.organization, url);
    let (webhook, secret) = made.await?;
    Ok(MadeWebhook {
        about: webhook.into(),
        secret: secret.into(),
    })
}

/// Removes one; what was still to be told there is not.
pub async fn remove(
    manage: &Manage,
    caller: &May<EditWebhooks>,
    id: WebhookId,
) -> Result<(), Problem> {
    let store = manage.store();
    let removed = store.remove_webhook(caller.actor, caller.organization, id);
    Ok(removed.await?)
}

/// The latest deliveries, the last first; 100 at most.
pub async fn deliveries(
    manage: &Manage,
    caller: &May<SeeAlerts>,
) -> Result<List<DeliveryView>, Problem> {
    let found = manage.store().deliveries(caller.organization, 100).await?;
    let data = found.into_iter().map(DeliveryView::from).collect();
    Ok(List::part(data, false, None))
}

/// What may be posted to; which address it has is checked at each connect.
fn address(text: &str, any_host: bool) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let is_secure = url.scheme() == "https" || (any_host && url.scheme() == "http");
    let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let fits = is_secure && is_bare && url.host_str().is_some() && url.as_str().len() <= 500;
    fits.then(|| url.into())
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        Self {
            webhook_id: webhook.id,
            url: webhook.url,
            created_at: Moment(webhook.created_at),
        }
    }
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let is_waiting = delivery.state == DeliveryState::Waiting;
        Self {
            delivery_id: delivery.id,
            webhook_id: delivery.webhook,
            alert_id: delivery.alert,
            state: delivery.state,
            attempts: delivery.attempts,
            answer: delivery.answer,
            created_at: Moment(delivery.created_at),
            due_at: is_waiting.then_some(Moment(delivery.due_at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_over_tls_that_holds_no_secret_of_its_own() {
        for (text, fits) in [
            ("https://hooks.example/alerts?team=a", true),
            ("http://hooks.example/", false),
            ("https://user:pass@hooks.example/", false),
            ("https://hooks.example/#x", false),
            ("ftp://hooks.example/", false),
            ("hooks.example", false),
        ] {
            assert_eq!(address(text, false).is_some(), fits, "{text}");
        }
        assert!(address("http://127.0.0.1:9/", true).is_some());
    }
}
