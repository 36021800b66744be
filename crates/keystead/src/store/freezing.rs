//! What an alert freezes, where the organization asked for it.

use super::{ApplicationChange, Store, StoreError};
use crate::{
    alerts::{Finding, Freezes},
    audit::{Action, Actor, Event, Field},
    ids::{AlertId, ApplicationId, KeyId, OrganizationId},
};

impl Store {
    /// Disables the key or the application that a finding is about, if the organization's rules say so.
    /// A person enables it again.
    pub(super) async fn freeze_if_asked(
        &self,
        organization: OrganizationId,
        finding: &Finding,
        alert: &str,
    ) -> Result<(), StoreError> {
        let kind = finding.kind;
        if kind.freezes() == Freezes::Nothing {
            return Ok(());
        }
        let rules = self.organization(organization).await?.alert_rules;
        if !rules.freeze_on.contains(&kind) {
            return Ok(());
        }
        let frozen = match kind.freezes() {
            Freezes::Nothing => None,
            Freezes::Key => match finding.object.parse::<KeyId>() {
                Ok(key) => self.freeze_key(organization, key).await?,
                Err(_) => None,
            },
            Freezes::Application => {
                let named = finding.object.parse().ok().or(finding.application);
                match named {
                    Some(application) => self.freeze_application(organization, application).await?,
                    None => None,
                }
            }
        };
        let Some(object) = frozen else { return Ok(()) };
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE alerts SET froze = $1 WHERE id = $2")
            .bind(&object)
            .bind(alert)
            .execute(&mut *transaction)
            .await?;
        let event = Event::new(Actor::Keystead, Action::AlertFroze, &object)
            .within(organization)
            .with(Field::Kind, &kind);
        let event = match alert.parse::<AlertId>() {
            Ok(alert) => event.with(Field::Alert, &alert),
            Err(_) => event,
        };
        self.append_audit(&mut transaction, event).await?;
        transaction.commit().await?;
        tracing::warn!(%kind, object, "Frozen by an alert until a person enables it");
        Ok(())
    }

    async fn freeze_key(
        &self,
        organization: OrganizationId,
        id: KeyId,
    ) -> Result<Option<String>, StoreError> {
        if self.key(organization, id).await?.disabled {
            return Ok(None);
        }
        self.set_key_disabled(Actor::Keystead, organization, id, true)
            .await?;
        Ok(Some(id.to_string()))
    }

    async fn freeze_application(
        &self,
        organization: OrganizationId,
        id: ApplicationId,
    ) -> Result<Option<String>, StoreError> {
        if self.application(organization, id).await?.disabled {
            return Ok(None);
        }
        let change = ApplicationChange {
            disabled: Some(true),
            ..ApplicationChange::default()
        };
        self.update_application(Actor::Keystead, organization, id, change)
            .await?;
        Ok(Some(id.to_string()))
    }
}
