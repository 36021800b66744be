//! Applications and their end users, who are known by a keyed hash alone.

use std::sync::Arc;

use keystead_vault::{Pepper, SubjectHash, Token};

use super::{Custody, CustodyError, context};
use crate::{
    audit::{Action, Actor, Event, Field},
    ids::{ApplicationId, ClientId, OrganizationId},
    store::{Application, ClientSecret, NewApplication},
};

impl Custody {
    /// Makes an application. One that is not public gets a client secret, whose token is shown
    /// once.
    pub async fn create_application(
        &self,
        actor: Actor,
        organization: OrganizationId,
        new: NewApplication,
    ) -> Result<(Application, Option<(ClientSecret, Token)>), CustodyError> {
        let store = self.store();
        let id = ApplicationId::new(store.clock());
        let mut changing = store.change().await?;
        // As it is now: a key that another change put aside would open nothing.
        let organization = store.organization_now(&mut changing, organization).await?;
        let organization_key = self.organization_key(&organization).await?;
        let (organization_text, text) = (organization.id.to_string(), id.to_string());
        let pepper_context = context::pepper(organization.id, &organization_text, &text);
        let pepper_record = organization_key.seal(&pepper_context, Pepper::generate().expose());
        let application = Application {
            id,
            organization: organization.id,
            name: new.name,
            client_id: ClientId::generate(),
            public: new.public,
            development_of: new.development_of,
            origins: new.origins,
            redirect_uris: new.redirect_uris,
            addresses: new.addresses,
            disabled: false,
            pepper_record,
            created_at: store.clock().now(),
            limits: new.limits,
            issuer: new.issuer,
            require_dpop: new.require_dpop,
            row_version: 1,
        };

        if let Some(main) = application.development_of {
            store
                .require_main(&mut changing, organization.id, id, main)
                .await?;
        }
        store
            .insert_application(changing.connection(), &application)
            .await?;
        let mut secret = None;
        if !application.public {
            let (row, token) = ClientSecret::generate(store, &application);
            store
                .insert_client_secret(changing.connection(), &row)
                .await?;
            let event = Event::new(actor, Action::ClientSecretCreated, &row.id)
                .within(organization.id)
                .version(row.row_version)
                .with(Field::Application, &id);
            changing.audit(event).await?;
            secret = Some((row, token));
        }
        changing.forget(&id);
        let event = Event::new(actor, Action::ApplicationCreated, &id);
        changing
            .commit(
                event
                    .within(organization.id)
                    .version(application.row_version),
            )
            .await?;
        Ok((application, secret))
    }

    /// The subject that `id` is to an application, as said by `issuer` of the sort `source`: for a
    /// host's `uid`, `"host"` and an empty issuer.
    pub async fn subject(
        &self,
        application: &Application,
        source: &str,
        issuer: &str,
        id: &str,
    ) -> Result<SubjectHash, CustodyError> {
        let known = self.0.peppers.read().get(&application.id).cloned();
        let pepper = match known {
            Some(pepper) => pepper,
            None => {
                let pepper = Arc::new(self.pepper(application).await?);
                self.0
                    .peppers
                    .write()
                    .insert(application.id, pepper.clone());
                pepper
            }
        };
        Ok(pepper.subject(source, issuer, id))
    }

    async fn pepper(&self, application: &Application) -> Result<Pepper, CustodyError> {
        let store = self.store();
        // Of one moment: the organization's key may be changed at any.
        let (application, organization) = store
            .application_and_organization(application.organization, application.id)
            .await?;
        let organization_key = self.organization_key(&organization).await?;
        let (organization_text, text) = (organization.id.to_string(), application.id.to_string());
        let context = context::pepper(organization.id, &organization_text, &text);
        let opened = organization_key.open(&context, &application.pepper_record);
        let pepper = opened.and_then(|plaintext| Pepper::from_opened(&plaintext));
        Ok(pepper.map_err(|_| self.altered("applications", &application.id))?)
    }
}
