//! What deliveries to webhooks are signed with: sealed under the organization's key, shown once.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{Custody, CustodyError, context};
use crate::{
    audit::{Action, Actor, Event},
    ids::{OrganizationId, WebhookId},
    store::Webhook,
};

impl Custody {
    /// Makes a webhook; its secret as it is shown once, `whsec_…` as Standard Webhooks has it.
    pub async fn add_webhook(
        &self,
        actor: Actor,
        organization: OrganizationId,
        url: String,
    ) -> Result<(Webhook, Zeroizing<String>), CustodyError> {
        let store = self.store();
        let mut changing = store.change().await?;
        let owner = store.organization_now(&mut changing, organization).await?;
        let key = self.organization_key(&owner).await?;
        let secret: Zeroizing<[u8; 32]> = Zeroizing::new(keystead_vault::random());
        let id = WebhookId::new(store.clock());
        let (tenant, name) = (organization.to_string(), id.to_string());
        let context = context::webhook_secret(organization, &tenant, &name);
        let webhook = Webhook {
            id,
            organization,
            url,
            record: key.seal(&context, &*secret),
            created_at: store.clock().now(),
            row_version: 1,
        };
        store.add_webhook(&mut changing, &webhook).await?;
        let event = Event::new(actor, Action::WebhookCreated, &id)
            .within(organization)
            .version(webhook.row_version);
        changing.commit(event).await?;
        let text = Zeroizing::new(STANDARD.encode(*secret));
        Ok((webhook, Zeroizing::new(format!("whsec_{}", *text))))
    }

    /// What deliveries to a webhook are signed with, for one of them.
    pub(crate) async fn webhook_secret(
        &self,
        webhook: &Webhook,
    ) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        let organization = webhook.organization;
        let (tenant, id) = (organization.to_string(), webhook.id.to_string());
        let context = context::webhook_secret(organization, &tenant, &id);
        let open = async |record: &[u8]| {
            let owner = self.store().organization(organization).await?;
            let key = self.organization_key(&owner).await?;
            Ok::<_, CustodyError>(key.open(&context, record))
        };
        if let Ok(secret) = open(&webhook.record).await? {
            return Ok(secret);
        }
        // The organization may have been given another key since the row was read.
        let all = self.store().webhooks(organization).await?;
        let again = all.into_iter().find(|one| one.id == webhook.id);
        let altered = || self.altered("webhooks", &id);
        let again = again.ok_or_else(altered)?;
        Ok(open(&again.record).await?.map_err(|_| altered())?)
    }
}
