//! Key grants: the permission of one application to use one key of a vault, for one subject.
//!
//! One row an application, subject and provider. Models, budgets, the end, a pause and that it was taken
//! back are fields of it: deleting rows gives nobody a key.

mod changing;

use keystead_vault::{Canonical, SubjectHash};

use super::{
    Application, AuthorityRow, Columns, Store, StoreError, Unfit, row,
    suspension::{Suspendable, SuspendedKind},
};
use crate::{
    audit::Action,
    clock::Timestamp,
    ids::{ApplicationId, KeyGrantId, KeyId, OrganizationId, VaultId},
    limits::{Budget, RowLimits, Rules},
};

/// A key grant.
#[derive(Clone, Debug)]
pub struct KeyGrant {
    /// Its id.
    pub id: KeyGrantId,
    /// The tenant that the application belongs to.
    pub organization: OrganizationId,
    /// Who may use the key.
    pub application: ApplicationId,
    /// For whom.
    pub subject: SubjectHash,
    /// The key's provider.
    pub provider: String,
    /// Where the key lies.
    pub vault: VaultId,
    /// The key.
    pub key: KeyId,
    /// How far it goes.
    pub terms: GrantTerms,
    /// Whether it rests: what would use the key is refused.
    pub paused: bool,
    /// Whether it is not in force: it was taken back, or is suspended.
    pub withdrawn: bool,
    /// Whether it is not in force only until someone enables it again, after a restore.
    pub suspended: bool,
    /// When it was first given.
    pub created_at: Timestamp,
    /// When it was last given.
    pub given_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

/// How far a key grant goes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GrantTerms {
    /// Models that may be used; empty means any that the AddOn allows.
    pub models: Vec<String>,
    /// How much may be used in a day or month, by all of the application's AddOns together.
    pub budgets: Vec<Budget>,
    /// When it ends.
    pub ends_at: Option<Timestamp>,
}

/// A key grant to be given.
#[derive(Clone, Debug)]
pub struct NewKeyGrant {
    /// The tenant that the application belongs to.
    pub organization: OrganizationId,
    /// Who may use the key.
    pub application: ApplicationId,
    /// For whom.
    pub subject: SubjectHash,
    /// Where the key lies.
    pub vault: VaultId,
    /// The key.
    pub key: KeyId,
    /// How far it goes.
    pub terms: GrantTerms,
}

/// What is to become different about a key grant; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct KeyGrantChange {
    /// Other terms.
    pub terms: Option<GrantTerms>,
    /// Paused, or going on.
    pub paused: Option<bool>,
}

impl KeyGrant {
    /// Whether it was taken back for good: one that is suspended still stands in every other key's way.
    pub fn is_over(&self) -> bool {
        self.withdrawn && !self.suspended
    }

    /// What the books know its key by: the grant, so that no two applications can tell that they use the
    /// same key.
    pub fn booked_as(&self) -> KeyId {
        KeyId::from_bytes(self.id.as_bytes())
    }

    /// The rules that it sets for calls.
    pub fn limits(&self) -> RowLimits {
        let own = Rules {
            budgets: self.terms.budgets.clone(),
            ..Rules::default()
        };
        RowLimits {
            own,
            ..RowLimits::default()
        }
    }
}

impl GrantTerms {
    pub(super) fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            models: columns.list()?,
            budgets: columns.list()?,
            ends_at: columns.optional_time()?,
        })
    }

    pub(super) fn covered(&self, row: Canonical) -> Canonical {
        let budgets: Vec<String> = self.budgets.iter().map(Budget::to_string).collect();
        let row = row
            .list(self.models.iter().map(String::as_str))
            .list(budgets.iter().map(String::as_str));
        match self.ends_at {
            Some(end) => row.number(end.as_micros()),
            None => row.none(),
        }
    }
}

impl AuthorityRow for KeyGrant {
    const TABLE: &'static str = "key_grants";
    const COLUMNS: &'static str = "id, organization_id, application_id, subject, provider, vault_id, \
        key_id, models, budgets, ends_at, paused, withdrawn, created_at, given_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            application: columns.parsed()?,
            subject: SubjectHash::from_bytes(columns.hash()?),
            provider: columns.text()?,
            vault: columns.parsed()?,
            key: columns.parsed()?,
            terms: GrantTerms::read(columns)?,
            paused: columns.flag()?,
            suspended: columns.is_suspended()?,
            withdrawn: columns.ended()?,
            created_at: columns.time()?,
            given_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let row = row::covered(Self::TABLE, &self.organization, &self.id, self.row_version)
            .text(&self.application.to_string())
            .bytes(self.subject.as_bytes())
            .text(&self.provider)
            .text(&self.vault.to_string())
            .text(&self.key.to_string());
        let row = self
            .terms
            .covered(row)
            .flag(self.paused)
            .flag(self.withdrawn)
            .number(self.created_at.as_micros())
            .number(self.given_at.as_micros());
        row::with_suspension(row, self.suspended)
    }
}

impl Suspendable for KeyGrant {
    const KIND: SuspendedKind = SuspendedKind::Grant;
    const STATE: &'static str = "withdrawn";
    const SUSPENDED: Action = Action::KeyGrantSuspended;
    const ENABLED: Action = Action::KeyGrantEnabled;

    fn name(&self) -> (OrganizationId, String) {
        (self.organization, self.id.to_string())
    }

    fn state(&mut self) -> (&mut bool, &mut bool, &mut i64) {
        (
            &mut self.withdrawn,
            &mut self.suspended,
            &mut self.row_version,
        )
    }
}

impl Store {
    /// What a subject lets an application use of a provider, in force or taken back.
    pub async fn key_grant_of(
        &self,
        application: ApplicationId,
        subject: &SubjectHash,
        provider: &str,
    ) -> Result<Option<KeyGrant>, StoreError> {
        let row = sqlx::query(row::select::<KeyGrant>(OF_SUBJECT))
            .bind(application.to_string())
            .bind(subject.as_bytes().to_vec())
            .bind(provider.to_owned())
            .fetch_optional(&self.0.read)
            .await?;
        row.map(|row| self.checked(&row)).transpose()
    }

    /// What may be used of a vault, each with the application that may, oldest first; what was taken back
    /// is left out.
    pub async fn key_grants(
        &self,
        vault: VaultId,
    ) -> Result<Vec<(KeyGrant, Application)>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {}, {} FROM key_grants g JOIN applications a ON a.id = g.application_id
             WHERE g.vault_id = $1 AND g.withdrawn <> 1 ORDER BY g.id",
            row::qualified::<KeyGrant>("g"),
            row::qualified::<Application>("a"),
        )))
        .bind(vault.to_string())
        .fetch_all(&self.0.read)
        .await?;
        let read = |row| {
            let mut columns = Columns::of(row);
            Ok((
                self.checked_next(&mut columns)?,
                self.checked_next(&mut columns)?,
            ))
        };
        rows.iter().map(read).collect()
    }

    /// A key grant that rests on a vault, in force or taken back.
    pub async fn key_grant(&self, vault: VaultId, id: KeyGrantId) -> Result<KeyGrant, StoreError> {
        let row = sqlx::query(row::select::<KeyGrant>(IN_VAULT))
            .bind(vault.to_string())
            .bind(id.to_string())
            .fetch_optional(&self.0.read)
            .await?
            .ok_or_else(|| StoreError::not_found("key grant", &id))?;
        self.checked(&row)
    }
}

const OF_SUBJECT: &str = "WHERE application_id = $1 AND subject = $2 AND provider = $3";
const IN_VAULT: &str = "WHERE vault_id = $1 AND id = $2";
