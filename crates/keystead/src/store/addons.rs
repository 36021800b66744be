//! AddOns: one AI capability each, activated for one application.

mod changing;

use std::collections::HashMap;

use std::str::FromStr;

use keystead_providers::AddOnType;
use keystead_vault::Canonical;

use super::{
    AuthorityRow, Columns, Listed, Page, Place, Placed, Store, StoreError, Unfit, page::ListRow,
    row, row::json_list,
};
use crate::{
    clock::Timestamp,
    ids::{AddOnId, ApplicationId, Handle, KeyId, OrganizationId},
    limits::RowLimits,
};

/// An AddOn: what an application's users may do with a key.
#[derive(Clone, Debug, Eq, PartialEq)]
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
    /// The provider that its users bring keys for; none where only the application's key is used.
    pub provider: Option<String>,
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
    /// The provider that its users bring keys for; left out, its key's.
    pub provider: Option<String>,
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
    /// Another provider that its users bring keys for.
    pub provider: Option<String>,
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
        provider, row_version";

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
            provider: columns.optional_text()?,
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
        let row = row::with_limits(row, &self.limits);
        match &self.provider {
            Some(provider) => row.text("provider").text(provider),
            None => row,
        }
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
}

const BY_ID: &str = "WHERE organization_id = $1 AND id = $2";

fn addon_type(word: &str) -> Result<AddOnType, Unfit> {
    let mut all = AddOnType::ALL.into_iter();
    all.find(|kind| kind.as_str() == word).ok_or(Unfit)
}
