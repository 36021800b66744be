//! AddOns: one AI capability each, activated for one application.

use std::collections::HashMap;

use std::str::FromStr;

use keystead_providers::AddOnType;
use keystead_vault::Canonical;
use sqlx::AnyConnection;

use super::{
    AuthorityRow, Changing, Columns, Listed, Page, Place, Placed, Store, StoreError, Unfit,
    page::ListRow, row, row::json_list,
};
use crate::{
    audit::{Actor, Event},
    clock::Timestamp,
    ids::{AddOnId, ApplicationId, Handle, KeyId, OrganizationId},
    limits::RowLimits,
};

/// An AddOn: what an application's users may do with a key.
#[derive(Clone, Debug)]
pub struct AddOn {
    /// Its id.
    pub id: AddOnId,
    /// The tenant.
    pub organization: OrganizationId,
    /// The application it is installed for.
    pub application: ApplicationId,
    /// What it is called in URLs, unique within the application.
    pub handle: Handle,
    /// What it is for; narrows the operations.
    pub kind: AddOnType,
    /// The application's key that it uses.
    pub key: Option<KeyId>,
    /// Whose key it uses.
    pub key_source: KeySource,
    /// Models it may use; empty means any.
    pub models: Vec<String>,
    /// Operations it may use.
    pub operations: Operations,
    /// Gated features that are open to it.
    pub allow: Vec<String>,
    /// Whether fields and betas that Keystead does not know are refused.
    pub strict: bool,
    /// Whether it is refused everything.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// The rules that hold for it, each of its end users and each client address.
    pub limits: RowLimits,
    /// Version of the row.
    pub row_version: i64,
}

/// Whose key an AddOn uses.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum KeySource {
    /// The application's.
    Application,
    /// The end user's own.
    User,
    /// The end user's own where there is one, else the application's.
    UserThenApplication,
}

/// Which operations an AddOn may use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Operations {
    /// Those that its type and provider offer by default.
    Default,
    /// Every one that is not administrative.
    All,
    /// These.
    Named(Vec<String>),
}

impl KeySource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Application, Self::User, Self::UserThenApplication];

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::User => "user",
            Self::UserThenApplication => "user-then-application",
        }
    }
}

impl FromStr for KeySource {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|source| source.word() == text)
            .ok_or(())
    }
}

/// `default`, `all`, or a JSON list.
impl std::fmt::Display for Operations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::All => f.write_str("all"),
            Self::Named(names) => f.write_str(&json_list(names)),
        }
    }
}

impl FromStr for Operations {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "default" => Ok(Self::Default),
            "all" => Ok(Self::All),
            list => serde_json::from_str(list).map(Self::Named).map_err(|_| ()),
        }
    }
}

/// An AddOn to be installed.
#[derive(Clone, Debug)]
pub struct NewAddOn {
    /// The application it is installed for.
    pub application: ApplicationId,
    /// What it is called in URLs.
    pub handle: Handle,
    /// What it is for.
    pub kind: AddOnType,
    /// The key it uses, which must be the application's.
    pub key: Option<KeyId>,
    /// Whose key it uses.
    pub key_source: KeySource,
    /// Models it may use; empty means any.
    pub models: Vec<String>,
    /// Operations it may use.
    pub operations: Operations,
    /// Gated features that are open to it.
    pub allow: Vec<String>,
    /// Whether unknown fields and betas are refused.
    pub strict: bool,
    /// The rules that hold for it.
    pub limits: RowLimits,
}

/// What is to become different about an AddOn; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct AddOnChange {
    /// Another handle: clients that call the old one find nothing from then on.
    pub handle: Option<Handle>,
    /// Another type.
    pub kind: Option<AddOnType>,
    /// Another key.
    pub key: Option<KeyId>,
    /// Another source of keys.
    pub key_source: Option<KeySource>,
    /// Other models.
    pub models: Option<Vec<String>>,
    /// Other operations.
    pub operations: Option<Operations>,
    /// Other gated features.
    pub allow: Option<Vec<String>>,
    /// Strict or not.
    pub strict: Option<bool>,
    /// Other rules.
    pub limits: Option<RowLimits>,
    /// Disabled or enabled.
    pub disabled: Option<bool>,
}

impl AuthorityRow for AddOn {
    const TABLE: &'static str = "addons";
    const COLUMNS: &'static str = "id, organization_id, application_id, handle, kind, key_id, \
        key_source, models, operations, allow, strict, disabled, created_at, limits, \
        row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            application: columns.parsed()?,
            handle: columns.parsed()?,
            kind: addon_type(&columns.text()?)?,
            key: columns.optional_parsed()?,
            key_source: columns.parsed()?,
            models: columns.list()?,
            operations: columns.parsed()?,
            allow: columns.list()?,
            strict: columns.flag()?,
            disabled: columns.flag()?,
            created_at: columns.time()?,
            limits: columns.limits()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let row = row::covered(Self::TABLE, &self.organization, &self.id, self.row_version)
            .text(&self.application.to_string())
            .text(self.handle.as_str())
            .text(self.kind.as_str());
        let row = match self.key {
            Some(key) => row.text(&key.to_string()),
            None => row.none(),
        };
        let row = row
            .text(self.key_source.word())
            .list(self.models.iter().map(String::as_str))
            .text(&self.operations.to_string())
            .list(self.allow.iter().map(String::as_str))
            .flag(self.strict)
            .flag(self.disabled)
            .number(self.created_at.as_micros());
        row::with_limits(row, &self.limits)
    }
}

impl Placed for AddOn {
    fn place(&self) -> Place {
        Place {
            name: self.handle.to_string(),
            id: self.id.to_string(),
        }
    }
}

impl ListRow for AddOn {
    const NAME: &'static str = "handle";
    const SEARCHED: &'static [&'static str] = &["handle", "kind"];
}

impl Store {
    /// An AddOn of an organization.
    pub async fn addon(
        &self,
        organization: OrganizationId,
        id: AddOnId,
    ) -> Result<AddOn, StoreError> {
        let row = sqlx::query(row::select::<AddOn>(BY_ID))
            .bind(organization.to_string())
            .bind(id.to_string())
            .fetch_optional(&self.0.read)
            .await?
            .ok_or_else(|| StoreError::not_found("addon", &id))?;
        self.checked(&row)
    }

    /// Those of these AddOns that the organization has, in no order.
    pub async fn addons_with_ids(
        &self,
        organization: OrganizationId,
        ids: &[AddOnId],
    ) -> Result<Vec<AddOn>, StoreError> {
        self.with_ids(organization, ids).await
    }

    /// An organization's AddOns, or those of one of its applications.
    pub async fn addons(
        &self,
        organization: OrganizationId,
        application: Option<ApplicationId>,
        page: &Page,
    ) -> Result<Listed<AddOn>, StoreError> {
        let application = application.map(|id| ("application_id", id.to_string()));
        let organization = [("organization_id", organization.to_string())];
        let scope: Vec<_> = organization.into_iter().chain(application).collect();
        self.list(&scope, page).await
    }

    /// How many AddOns each application of an organization has; one that has none is left out.
    pub async fn addon_counts(
        &self,
        organization: OrganizationId,
    ) -> Result<HashMap<ApplicationId, u64>, StoreError> {
        let rows = sqlx::query(
            "SELECT application_id, COUNT(*) FROM addons WHERE organization_id = $1
             GROUP BY application_id",
        )
        .bind(organization.to_string())
        .fetch_all(&self.0.read)
        .await?;
        let read = |row| {
            let mut columns = Columns::of(row);
            let counted = columns.parsed().and_then(|id| Ok((id, columns.count()?)));
            counted.map_err(|_| self.tampered("addons", organization.to_string()))
        };
        rows.iter().map(read).collect()
    }

    /// The AddOns that name a key, newest first, so many at most.
    pub async fn addons_of_key(
        &self,
        organization: OrganizationId,
        key: KeyId,
        limit: u16,
    ) -> Result<Vec<AddOn>, StoreError> {
        let scope = [
            ("organization_id", organization.to_string()),
            ("key_id", key.to_string()),
        ];
        Ok(self.list(&scope, &Page::first(limit)).await?.rows)
    }

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
        if let Some(key) = new.key {
            self.require_own_key(&mut changing, organization, new.application, key)
                .await?;
        }
        let addon = AddOn {
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
        let event = Event::new(actor, "addon.installed", &addon.id)
            .within(organization)
            .version(addon.row_version)
            .with("application", &addon.application);
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
        if let Some(key) = change.key {
            self.require_own_key(&mut changing, organization, addon.application, key)
                .await?;
            addon.key = Some(key);
        }
        addon.handle = change.handle.unwrap_or(addon.handle);
        addon.kind = change.kind.unwrap_or(addon.kind);
        addon.key_source = change.key_source.unwrap_or(addon.key_source);
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
                 handle = $11, kind = $12
             WHERE organization_id = $13 AND id = $14",
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
        .bind(organization.to_string())
        .bind(id.to_string())
        .execute(changing.connection())
        .await
        .map_err(|error| taken(error.into(), &addon.handle))?;

        let action = match (was_disabled, addon.disabled) {
            (false, true) => "addon.disabled",
            (true, false) => "addon.enabled",
            _ => "addon.updated",
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
                Event::new(actor, "addon.removed", &id)
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

    async fn require_own_key(
        &self,
        changing: &mut Changing,
        organization: OrganizationId,
        application: ApplicationId,
        key: KeyId,
    ) -> Result<(), StoreError> {
        let key = self.key_now(changing, organization, key).await?;
        if key.application == application {
            return Ok(());
        }
        Err(StoreError::Conflict {
            code: "key_of_other_application",
            reason: format!("key `{}` belongs to another application", key.id),
        })
    }

    async fn insert_addon(
        &self,
        connection: &mut AnyConnection,
        addon: &AddOn,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO addons (id, organization_id, application_id, handle, kind, key_id,
                 key_source, models, operations, allow, strict, disabled, created_at, limits,
                 row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
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
        .bind(addon.row_version)
        .bind(self.tag(addon)?)
        .execute(connection)
        .await?;
        Ok(())
    }
}

const BY_ID: &str = "WHERE organization_id = $1 AND id = $2";

fn taken(error: StoreError, handle: &Handle) -> StoreError {
    if !error.is_duplicate() {
        return error;
    }
    StoreError::Conflict {
        code: "handle_taken",
        reason: format!("the application has an AddOn `{handle}` already"),
    }
}

fn addon_type(word: &str) -> Result<AddOnType, Unfit> {
    let mut all = AddOnType::ALL.into_iter();
    all.find(|kind| kind.as_str() == word).ok_or(Unfit)
}
