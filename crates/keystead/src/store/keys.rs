//! Provider keys: everything about them but the secret, which stays sealed.

use std::str::FromStr;

use keystead_providers::Destination;
use keystead_vault::Canonical;
use sqlx::AnyConnection;

use super::{
    AuthorityRow, Changing, Columns, KeyOwner, KeyTenant, Listed, Page, Place, Placed, Store,
    StoreError, Unfit, destination, page::ListRow, row,
};
use crate::{
    audit::{Action, Actor, Event},
    clock::Timestamp,
    ids::{ApplicationId, KeyId, OrganizationId, VaultId},
    limits::RowLimits,
};

/// A provider key. Where it may be sent is part of what its secret is sealed with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub owner: KeyOwner,
    /// The provider's name, such as `openai`.
    pub provider: String,
    /// What people call it.
    pub name: String,
    /// The one place it may be sent to.
    pub destination: Destination,
    /// Whether that place was given with the key, and not taken from the provider's defaults.
    pub explicit_endpoint: bool,
    /// Its last four characters, as entered.
    pub last4: String,
    /// Whether it is refused to every call.
    pub disabled: bool,
    /// The version in use.
    pub version: u64,
    /// The highest version there ever was.
    pub max_version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// The rules that hold for it.
    pub limits: RowLimits,
    /// Version of the row.
    pub row_version: i64,
    /// What the provider last said of it. Informs; the row's MAC does not cover it.
    pub status: KeyStatus,
    /// When the provider last said so.
    pub checked_at: Option<Timestamp>,
}

/// What a provider last said of a key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum KeyStatus {
    /// It works.
    Valid,
    /// It was never checked, or the provider could not be asked.
    Unchecked,
    /// The provider does not know it.
    Wrong,
    /// It may not do what it was asked.
    NoPermission,
    /// It works, but nobody pays for it.
    NoCredit,
    /// The provider does not take it from this address.
    AddressNotAllowed,
}

impl KeyStatus {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Valid,
        Self::Unchecked,
        Self::Wrong,
        Self::NoPermission,
        Self::NoCredit,
        Self::AddressNotAllowed,
    ];

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Unchecked => "unchecked",
            Self::Wrong => "wrong",
            Self::NoPermission => "no_permission",
            Self::NoCredit => "no_credit",
            Self::AddressNotAllowed => "address_not_allowed",
        }
    }
}

impl FromStr for KeyStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|status| status.word() == text)
            .ok_or(())
    }
}

/// Which keys are wanted; what is `None` narrows nothing.
#[derive(Clone, Debug, Default)]
pub struct KeyFilter {
    /// Those of this application.
    pub application: Option<ApplicationId>,
    /// Those of this provider.
    pub provider: Option<String>,
    /// Those that are so.
    pub state: Option<KeyState>,
}

/// How a key is, to those who look for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyState {
    /// It is refused to every call.
    Disabled,
    /// It is not, and the provider last said this of it.
    Live(KeyStatus),
}

/// What is to become different about a key; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct KeyChange {
    /// Another name.
    pub name: Option<String>,
    /// Other rules.
    pub limits: Option<RowLimits>,
}

impl AuthorityRow for Key {
    const TABLE: &'static str = "keys";
    const COLUMNS: &'static str = "id, organization_id, application_id, vault_id, provider, name, \
        scheme, host, port, path_prefix, explicit_endpoint, last4, disabled, version, max_version, \
        created_at, limits, row_version, status, checked_at";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            owner: KeyOwner::read(columns)?,
            provider: columns.text()?,
            name: columns.text()?,
            destination: destination::read(columns)?,
            explicit_endpoint: columns.flag()?,
            last4: columns.text()?,
            disabled: columns.flag()?,
            version: columns.count()?,
            max_version: columns.count()?,
            created_at: columns.time()?,
            limits: columns.limits()?,
            row_version: columns.number()?,
            status: columns.parsed()?,
            checked_at: columns.optional_time()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let tenant = self.owner.tenant();
        let row = row::covered(Self::TABLE, &tenant, &self.id, self.row_version);
        let row = self
            .owner
            .covered(row)
            .text(&self.provider)
            .text(&self.name)
            .text(self.destination.scheme.as_str())
            .text(&self.destination.host)
            .number(i64::from(self.destination.port))
            .text(&self.destination.prefix)
            .flag(self.explicit_endpoint)
            .text(&self.last4)
            .flag(self.disabled)
            .number(self.version.cast_signed())
            .number(self.max_version.cast_signed())
            .number(self.created_at.as_micros());
        row::with_limits(row, &self.limits)
    }
}

impl Placed for Key {
    fn place(&self) -> Place {
        Place {
            name: self.name.clone(),
            id: self.id.to_string(),
        }
    }
}

impl ListRow for Key {
    const NAME: &'static str = "name";
    const SEARCHED: &'static [&'static str] = &["name", "provider", "last4"];
}

impl Store {
    /// A key of an organization.
    pub async fn key(&self, organization: OrganizationId, id: KeyId) -> Result<Key, StoreError> {
        let row = sqlx::query(row::select::<Key>(BY_ID))
            .bind(organization.to_string())
            .bind(id.to_string())
            .fetch_optional(&self.0.read)
            .await?
            .ok_or_else(|| StoreError::not_found("key", &id))?;
        self.checked(&row)
    }

    /// Those of these keys that the organization has, in no order.
    pub async fn keys_with_ids(
        &self,
        organization: OrganizationId,
        ids: &[KeyId],
    ) -> Result<Vec<Key>, StoreError> {
        self.with_ids(organization, ids).await
    }

    /// The keys that lie in a vault, oldest first.
    pub async fn own_keys(&self, vault: VaultId) -> Result<Vec<Key>, StoreError> {
        let rows = sqlx::query(row::select::<Key>("WHERE vault_id = $1 ORDER BY id"))
            .bind(vault.to_string())
            .fetch_all(&self.0.read)
            .await?;
        rows.iter().map(|row| self.checked(row)).collect()
    }

    /// A key that lies in a vault.
    pub async fn own_key(&self, vault: VaultId, id: KeyId) -> Result<Key, StoreError> {
        let row = sqlx::query(row::select::<Key>("WHERE vault_id = $1 AND id = $2"))
            .bind(vault.to_string())
            .bind(id.to_string())
            .fetch_optional(&self.0.read)
            .await?
            .ok_or_else(|| StoreError::not_found("key", &id))?;
        self.checked(&row)
    }

    /// An organization's keys, or some of them.
    pub async fn keys(
        &self,
        organization: OrganizationId,
        filter: &KeyFilter,
        page: &Page,
    ) -> Result<Listed<Key>, StoreError> {
        let mut scope = vec![("organization_id", organization.to_string())];
        let application = filter.application.map(|id| id.to_string());
        scope.extend(application.map(|id| ("application_id", id)));
        let provider = filter.provider.clone();
        scope.extend(provider.map(|name| ("provider", name)));
        // Every value is bound as a text.
        let disabled = |flag: &str| ("CAST(disabled AS TEXT)", flag.to_owned());
        match filter.state {
            None => {}
            Some(KeyState::Disabled) => scope.push(disabled("1")),
            Some(KeyState::Live(status)) => {
                scope.push(disabled("0"));
                scope.push(("status", status.word().to_owned()));
            }
        }
        self.list(&scope, page).await
    }

    /// Disables a key, which ends its running streams, or enables it again.
    pub async fn set_key_disabled(
        &self,
        actor: Actor,
        tenant: impl Into<KeyTenant>,
        id: KeyId,
        disabled: bool,
    ) -> Result<Key, StoreError> {
        let tenant = tenant.into();
        let mut changing = self.change().await?;
        let mut key = self.key_now(&mut changing, tenant, id).await?;
        if key.disabled == disabled {
            return Ok(key);
        }
        key.disabled = disabled;
        key.row_version += 1;
        self.update_key(changing.connection(), &key).await?;
        let action = match disabled {
            true => {
                changing.cut(&id);
                Action::KeyDisabled
            }
            false => {
                changing.forget(&id);
                Action::KeyEnabled
            }
        };
        let event = tenant.event(Event::new(actor, action, &id));
        changing.commit(event.version(key.row_version)).await?;
        Ok(key)
    }

    /// Changes what people call a key, and the rules that hold for it.
    pub async fn change_key(
        &self,
        actor: Actor,
        tenant: impl Into<KeyTenant>,
        id: KeyId,
        change: KeyChange,
    ) -> Result<Key, StoreError> {
        let tenant = tenant.into();
        let mut changing = self.change().await?;
        let mut key = self.key_now(&mut changing, tenant, id).await?;
        let action = match change.name {
            Some(_) => Action::KeyUpdated,
            None => Action::KeyLimited,
        };
        key.name = change.name.unwrap_or(key.name);
        key.limits = change.limits.unwrap_or(key.limits);
        key.row_version += 1;
        self.update_key(changing.connection(), &key).await?;
        changing.forget(&id);
        let event = tenant.event(Event::new(actor, action, &id));
        changing.commit(event.version(key.row_version)).await?;
        Ok(key)
    }

    /// Destroys a key with all its versions. AddOns that named it have no key from now on.
    pub async fn delete_key(
        &self,
        actor: Actor,
        organization: OrganizationId,
        id: KeyId,
    ) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        let event = self
            .delete_key_within(&mut changing, actor, organization.into(), id)
            .await?;
        changing.commit(event).await
    }

    /// As [`delete_key`](Self::delete_key), of whomever, within a change that does more.
    pub(crate) async fn delete_key_within(
        &self,
        changing: &mut Changing,
        actor: Actor,
        tenant: KeyTenant,
        id: KeyId,
    ) -> Result<Event, StoreError> {
        let gone = sqlx::query(
            "DELETE FROM keys WHERE COALESCE(organization_id, vault_id) = $1 AND id = $2",
        )
        .bind(tenant.to_string())
        .bind(id.to_string())
        .execute(changing.connection())
        .await?;
        if gone.rows_affected() == 0 {
            return Err(StoreError::not_found("key", &id));
        }
        changing.cut(&id);
        Ok(tenant
            .event(Event::new(actor, Action::KeyDeleted, &id))
            .gone())
    }

    /// Notes what the provider says of a key. Changes nothing about who may use it.
    pub async fn set_key_status(
        &self,
        tenant: impl Into<KeyTenant>,
        id: KeyId,
        status: KeyStatus,
    ) -> Result<(), StoreError> {
        let write = self.0.write.as_ref().ok_or(StoreError::ReadOnly)?;
        let noted = sqlx::query(
            "UPDATE keys SET status = $1, checked_at = $2
             WHERE COALESCE(organization_id, vault_id) = $3 AND id = $4",
        )
        .bind(status.word())
        .bind(self.0.clock.now().as_micros())
        .bind(tenant.into().to_string())
        .bind(id.to_string())
        .execute(write)
        .await?;
        match noted.rows_affected() {
            0 => Err(StoreError::not_found("key", &id)),
            _ => Ok(()),
        }
    }

    /// A key as it is at this point of a change.
    pub(crate) async fn key_now(
        &self,
        changing: &mut Changing,
        tenant: impl Into<KeyTenant>,
        id: KeyId,
    ) -> Result<Key, StoreError> {
        let row = sqlx::query(row::select::<Key>(OF_TENANT))
            .bind(tenant.into().to_string())
            .bind(id.to_string())
            .fetch_optional(changing.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("key", &id))?;
        self.checked(&row)
    }

    pub(crate) async fn insert_key(
        &self,
        connection: &mut AnyConnection,
        key: &Key,
        group_record: &[u8],
    ) -> Result<(), StoreError> {
        let [organization, application, vault] = key.owner.columns();
        sqlx::query(
            "INSERT INTO keys (id, organization_id, application_id, vault_id, provider, name,
                 scheme, host, port, path_prefix, explicit_endpoint, last4, disabled, version,
                 max_version, created_at, limits, row_version, status, checked_at, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                 $18, $19, $20, $21)",
        )
        .bind(key.id.to_string())
        .bind(organization)
        .bind(application)
        .bind(vault)
        .bind(&key.provider)
        .bind(&key.name)
        .bind(key.destination.scheme.as_str())
        .bind(&key.destination.host)
        .bind(i64::from(key.destination.port))
        .bind(&key.destination.prefix)
        .bind(i64::from(key.explicit_endpoint))
        .bind(&key.last4)
        .bind(i64::from(key.disabled))
        .bind(key.version.cast_signed())
        .bind(key.max_version.cast_signed())
        .bind(key.created_at.as_micros())
        .bind(key.limits.to_column())
        .bind(key.row_version)
        .bind(key.status.word())
        .bind(key.checked_at.map(Timestamp::as_micros))
        .bind(self.tag(key)?)
        .execute(&mut *connection)
        .await?;
        let tenant = key.owner.tenant();
        sqlx::query(
            "INSERT INTO key_slots (key_id, owner_id, kind, opener_id, record)
             VALUES ($1, $2, $3, $2, $4)",
        )
        .bind(key.id.to_string())
        .bind(tenant.to_string())
        .bind(tenant.opener())
        .bind(group_record)
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Writes what can change of a key: name, version, last four, disabled, limits, status.
    pub(crate) async fn update_key(
        &self,
        connection: &mut AnyConnection,
        key: &Key,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE keys SET name = $1, last4 = $2, disabled = $3, version = $4, max_version = $5,
                 limits = $6, row_version = $7, status = $8, checked_at = $9, mac = $10
             WHERE COALESCE(organization_id, vault_id) = $11 AND id = $12",
        )
        .bind(&key.name)
        .bind(&key.last4)
        .bind(i64::from(key.disabled))
        .bind(key.version.cast_signed())
        .bind(key.max_version.cast_signed())
        .bind(key.limits.to_column())
        .bind(key.row_version)
        .bind(key.status.word())
        .bind(key.checked_at.map(Timestamp::as_micros))
        .bind(self.tag(key)?)
        .bind(key.owner.tenant().to_string())
        .bind(key.id.to_string())
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// An organization's: what management asks.
const BY_ID: &str = "WHERE organization_id = $1 AND id = $2";
/// An organization's or a vault's, whose ids are never alike.
const OF_TENANT: &str = "WHERE COALESCE(organization_id, vault_id) = $1 AND id = $2";
