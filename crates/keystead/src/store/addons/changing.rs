//! How AddOns are installed, changed and removed.

use sqlx::AnyConnection;

use super::{AddOn, AddOnChange, BY_ID, NewAddOn};
use crate::{
    audit::{Action, Actor, Event, Field},
    ids::{AddOnId, ApplicationId, Handle, KeyId, OrganizationId},
    store::{Changing, KeySource, Store, StoreError, row, row::json_list},
};

impl Store {
    /// Activates an AI capability for an application.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] `handle_taken`, or `key_of_other_application`: a key is for one
    /// application, so that it can be withdrawn from one.
    pub async fn install_addon(
        &self,
        actor: Actor,
        organization: OrganizationId,
        new: NewAddOn,
    ) -> Result<AddOn, StoreError> {
        let mut changing = self.change().await?;
        self.application_now(&mut changing, organization, new.application)
            .await?;
        let provider = self
            .provider_of(
                &mut changing,
                (organization, new.application),
                new.key,
                (new.key_source, new.provider),
            )
            .await?;
        let addon = AddOn {
            provider,
            id: AddOnId::new(&self.0.clock),
            organization,
            application: new.application,
            handle: new.handle,
            kind: new.kind,
            key: new.key,
            key_source: new.key_source,
            models: new.models,
            operations: new.operations,
            allow: new.allow,
            strict: new.strict,
            disabled: false,
            created_at: self.0.clock.now(),
            limits: new.limits,
            row_version: 1,
        };
        self.insert_addon(changing.connection(), &addon)
            .await
            .map_err(|error| taken(error, &addon.handle))?;
        changing.forget(&addon.id);
        let event = Event::new(actor, Action::AddOnInstalled, &addon.id)
            .within(organization)
            .version(addon.row_version)
            .with(Field::Application, &addon.application);
        changing.commit(event).await?;
        Ok(addon)
    }

    /// Changes an AddOn. Disabling it ends its running streams.
    pub async fn update_addon(
        &self,
        actor: Actor,
        organization: OrganizationId,
        id: AddOnId,
        change: AddOnChange,
    ) -> Result<AddOn, StoreError> {
        let mut changing = self.change().await?;
        let mut addon = self.addon_now(&mut changing, organization, id).await?;
        let was_disabled = addon.disabled;
        addon.key = change.key.or(addon.key);
        addon.key_source = change.key_source.unwrap_or(addon.key_source);
        // A key that was deleted meanwhile is in nobody's way.
        let named = change.key.or(match change.key_source {
            Some(_) => addon.key,
            None => None,
        });
        if named.is_some() || change.key_source.is_some() || change.provider.is_some() {
            let wanted = change.provider.or(match addon.key_source {
                KeySource::User => addon.provider.take(),
                KeySource::Application | KeySource::UserThenApplication => None,
            });
            let place = (organization, addon.application);
            addon.provider = self
                .provider_of(&mut changing, place, named, (addon.key_source, wanted))
                .await?;
        }
        addon.handle = change.handle.unwrap_or(addon.handle);
        addon.kind = change.kind.unwrap_or(addon.kind);
        addon.models = change.models.unwrap_or(addon.models);
        addon.operations = change.operations.unwrap_or(addon.operations);
        addon.allow = change.allow.unwrap_or(addon.allow);
        addon.strict = change.strict.unwrap_or(addon.strict);
        addon.limits = change.limits.unwrap_or(addon.limits);
        addon.disabled = change.disabled.unwrap_or(addon.disabled);
        addon.row_version += 1;

        sqlx::query(
            "UPDATE addons SET key_id = $1, key_source = $2, models = $3, operations = $4,
                 allow = $5, strict = $6, disabled = $7, limits = $8, row_version = $9, mac = $10,
                 handle = $11, kind = $12, provider = $13
             WHERE organization_id = $14 AND id = $15",
        )
        .bind(addon.key.map(|key| key.to_string()))
        .bind(addon.key_source.word())
        .bind(json_list(&addon.models))
        .bind(addon.operations.to_string())
        .bind(json_list(&addon.allow))
        .bind(i64::from(addon.strict))
        .bind(i64::from(addon.disabled))
        .bind(addon.limits.to_column())
        .bind(addon.row_version)
        .bind(self.tag(&addon)?)
        .bind(addon.handle.as_str())
        .bind(addon.kind.as_str())
        .bind(addon.provider.clone())
        .bind(organization.to_string())
        .bind(id.to_string())
        .execute(changing.connection())
        .await
        .map_err(|error| taken(error.into(), &addon.handle))?;

        let action = match (was_disabled, addon.disabled) {
            (false, true) => Action::AddOnDisabled,
            (true, false) => Action::AddOnEnabled,
            _ => Action::AddOnUpdated,
        };
        match addon.disabled && !was_disabled {
            true => changing.cut(&id),
            false => changing.forget(&id),
        }
        let event = Event::new(actor, action, &id);
        changing
            .commit(event.within(organization).version(addon.row_version))
            .await?;
        Ok(addon)
    }

    /// Removes an AddOn and ends its running streams.
    pub async fn remove_addon(
        &self,
        actor: Actor,
        organization: OrganizationId,
        id: AddOnId,
    ) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        let gone = sqlx::query("DELETE FROM addons WHERE organization_id = $1 AND id = $2")
            .bind(organization.to_string())
            .bind(id.to_string())
            .execute(changing.connection())
            .await?;
        if gone.rows_affected() == 0 {
            return Err(StoreError::not_found("addon", &id));
        }
        changing.cut(&id);
        changing
            .commit(
                Event::new(actor, Action::AddOnRemoved, &id)
                    .within(organization)
                    .gone(),
            )
            .await
    }

    async fn addon_now(
        &self,
        changing: &mut Changing,
        organization: OrganizationId,
        id: AddOnId,
    ) -> Result<AddOn, StoreError> {
        let row = sqlx::query(row::select::<AddOn>(BY_ID))
            .bind(organization.to_string())
            .bind(id.to_string())
            .fetch_optional(changing.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("addon", &id))?;
        self.checked(&row)
    }

    /// The provider that an AddOn's users bring keys for, if they do: its key's, or the one that is named
    /// where it has none. The key must be of the same application.
    async fn provider_of(
        &self,
        changing: &mut Changing,
        (organization, application): (OrganizationId, ApplicationId),
        key: Option<KeyId>,
        (source, named): (KeySource, Option<String>),
    ) -> Result<Option<String>, StoreError> {
        let key = match key {
            Some(key) => Some(self.key_now(changing, organization, key).await?),
            None => None,
        };
        if let Some(key) = key
            .as_ref()
            .filter(|key| key.owner.application() != Some(application))
        {
            return Err(StoreError::Conflict {
                code: "key_of_other_application",
                reason: format!("key `{}` belongs to another application", key.id),
            });
        }
        let of_key = key.map(|key| key.provider);
        match (source, named, of_key) {
            (KeySource::Application, ..) => Ok(None),
            (_, Some(named), Some(of_key)) if named != of_key => Err(StoreError::Conflict {
                code: "provider_differs",
                reason: format!("the AddOn's key is for `{of_key}`, so users bring keys for it"),
            }),
            (_, Some(named), _) => Ok(Some(named)),
            (_, None, Some(of_key)) => Ok(Some(of_key)),
            (_, None, None) => Err(StoreError::Conflict {
                code: "provider_needed",
                reason: "name the provider that users bring keys for".to_owned(),
            }),
        }
    }

    async fn insert_addon(
        &self,
        connection: &mut AnyConnection,
        addon: &AddOn,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO addons (id, organization_id, application_id, handle, kind, key_id,
                 key_source, models, operations, allow, strict, disabled, created_at, limits,
                 provider, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        )
        .bind(addon.id.to_string())
        .bind(addon.organization.to_string())
        .bind(addon.application.to_string())
        .bind(addon.handle.as_str())
        .bind(addon.kind.as_str())
        .bind(addon.key.map(|key| key.to_string()))
        .bind(addon.key_source.word())
        .bind(json_list(&addon.models))
        .bind(addon.operations.to_string())
        .bind(json_list(&addon.allow))
        .bind(i64::from(addon.strict))
        .bind(i64::from(addon.disabled))
        .bind(addon.created_at.as_micros())
        .bind(addon.limits.to_column())
        .bind(addon.provider.clone())
        .bind(addon.row_version)
        .bind(self.tag(addon)?)
        .execute(connection)
        .await?;
        Ok(())
    }
}

fn taken(error: StoreError, handle: &Handle) -> StoreError {
    if !error.is_duplicate() {
        return error;
    }
    StoreError::Conflict {
        code: "handle_taken",
        reason: format!("the application has an AddOn `{handle}` already"),
    }
}
