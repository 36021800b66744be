//! Records that change their wrapping and nothing else: when the root key changes, and when an owner
//! gets another key. What is wrapped stays what it was, so nobody notices but the log.

use keystead_vault::OpenerKind;
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    Account, Application, AuthorityRow, Backend, Changing, Link, Organization, Passkey,
    PassphraseParameters, Store, StoreError, Totp, Vault, Webhook, row::select,
};
use crate::{
    audit::{Action, Actor, Event},
    ids::{AccountId, OrganizationId},
};

/// The columns whose records the root key wraps, and a change of it wraps anew.
const UNDER_ROOT: [(&str, &str); 5] = [
    ("system_keys", "record"),
    ("organizations", "key_record"),
    ("organizations", "next_key_record"),
    ("accounts", "key_record"),
    ("vaults", "key_record"),
];

/// A row that holds a record, and whose MAC covers it.
pub(crate) trait Wrapped: AuthorityRow {
    /// The record's column.
    const RECORD: &'static str;
    /// What the log calls it.
    const REWRAPPED: Action;

    fn text_id(&self) -> String;
    fn tenant(&self) -> Option<OrganizationId>;
    fn set_record(&mut self, record: Vec<u8>);
    fn set_row_version(&mut self, version: i64);
}

macro_rules! wrapped {
    ($($row:ident, $column:literal, $action:path, $tenant:expr, $set:expr;)*) => {$(
        impl Wrapped for $row {
            const RECORD: &'static str = $column;
            const REWRAPPED: Action = $action;

            fn text_id(&self) -> String {
                self.id.to_string()
            }

            fn tenant(&self) -> Option<OrganizationId> {
                let tenant: fn(&Self) -> Option<OrganizationId> = $tenant;
                tenant(self)
            }

            fn set_record(&mut self, record: Vec<u8>) {
                let set: fn(&mut Self, Vec<u8>) = $set;
                set(self, record);
            }

            fn set_row_version(&mut self, version: i64) {
                self.row_version = version;
            }
        }
    )*};
}

wrapped! {
    Account, "key_record", Action::AccountRewrapped, |_| None, |row, record| row.key_record = record;
    Vault, "key_record", Action::VaultRewrapped, |_| None, |row, record| row.key_record = record;
    Application, "pepper_record", Action::ApplicationRewrapped, |row| Some(row.organization), |row, record| row.pepper_record = record;
    Totp, "record", Action::TotpRewrapped, |_| None, |row, record| row.record = record;
    Passkey, "record", Action::PasskeyRewrapped, |_| None, |row, record| row.record = record;
    Webhook, "record", Action::WebhookRewrapped, |row| Some(row.organization), |row, record| row.record = record;
    Link, "email_record", Action::LinkRewrapped, |row| row.invitation().map(|one| one.organization), |row, record| row.set_email_record(record);
}

impl Store {
    /// Refuses unless this is the one process that has the store open, and keeps others from opening
    /// it until the change is over. On SQLite the writer's lock has seen to it.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`].
    pub(crate) async fn require_alone(&self, changing: &mut Changing) -> Result<(), StoreError> {
        if self.0.backend == Backend::Sqlite {
            return Ok(());
        }
        sqlx::query("LOCK TABLE installation IN ACCESS EXCLUSIVE MODE")
            .execute(changing.connection())
            .await?;
        let others: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name LIKE 'keystead %'
                 AND application_name <> current_setting('application_name')",
        )
        .fetch_one(changing.connection())
        .await?;
        match others {
            0 => Ok(()),
            _ => Err(StoreError::InUse),
        }
    }

    /// Puts another root key's check value in place, and how that key is derived, if it is.
    pub(crate) async fn write_key_check(
        &self,
        changing: &mut Changing,
        key_check: &[u8],
        passphrase: Option<&PassphraseParameters>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE installation SET key_check = $1, argon2_memory_kib = $2, argon2_passes = $3,
                 argon2_lanes = $4, argon2_salt = $5 WHERE id = 1",
        )
        .bind(key_check)
        .bind(passphrase.map(|parameters| i64::from(parameters.memory_kib)))
        .bind(passphrase.map(|parameters| i64::from(parameters.passes)))
        .bind(passphrase.map(|parameters| i64::from(parameters.lanes)))
        .bind(passphrase.map(|parameters| parameters.salt.clone()))
        .execute(changing.connection())
        .await?;
        Ok(())
    }

    /// The sealed system keys, each with its name.
    pub(crate) async fn system_keys_now(
        &self,
        changing: &mut Changing,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let rows = sqlx::query("SELECT name, record FROM system_keys ORDER BY name")
            .fetch_all(changing.connection())
            .await?;
        let read = rows
            .iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        read.collect()
    }

    /// Puts a system key's other wrapping in place.
    pub(crate) async fn write_system_key(
        &self,
        changing: &mut Changing,
        name: &str,
        record: &[u8],
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE system_keys SET record = $1 WHERE name = $2")
            .bind(record)
            .bind(name)
            .execute(changing.connection())
            .await?;
        Ok(())
    }

    /// Every organization.
    pub(crate) async fn organizations_now(
        &self,
        changing: &mut Changing,
    ) -> Result<Vec<Organization>, StoreError> {
        self.all_now(changing, "ORDER BY id", &[]).await
    }

    /// Every account.
    pub(crate) async fn accounts_now(
        &self,
        changing: &mut Changing,
    ) -> Result<Vec<Account>, StoreError> {
        self.all_now(changing, "ORDER BY id", &[]).await
    }

    /// The applications of an organization.
    pub(crate) async fn applications_now(
        &self,
        changing: &mut Changing,
        organization: OrganizationId,
    ) -> Result<Vec<Application>, StoreError> {
        let rest = "WHERE organization_id = $1 ORDER BY id";
        self.all_now(changing, rest, &[organization.to_string()])
            .await
    }

    /// The invitations of an organization, ended ones included.
    pub(crate) async fn invitations_now(
        &self,
        changing: &mut Changing,
        organization: OrganizationId,
    ) -> Result<Vec<Link>, StoreError> {
        let rest = "WHERE organization_id = $1 AND email_record IS NOT NULL ORDER BY id";
        self.all_now(changing, rest, &[organization.to_string()])
            .await
    }

    /// The webhooks of an organization.
    pub(crate) async fn webhooks_now(
        &self,
        changing: &mut Changing,
        organization: OrganizationId,
    ) -> Result<Vec<Webhook>, StoreError> {
        let rest = "WHERE organization_id = $1 ORDER BY id";
        self.all_now(changing, rest, &[organization.to_string()])
            .await
    }

    /// What an account makes one-time codes with.
    pub(crate) async fn totps_now(
        &self,
        changing: &mut Changing,
        account: AccountId,
    ) -> Result<Vec<Totp>, StoreError> {
        let rest = "WHERE account_id = $1 ORDER BY id";
        self.all_now(changing, rest, &[account.to_string()]).await
    }

    /// The passkeys of an account.
    pub(crate) async fn passkeys_now(
        &self,
        changing: &mut Changing,
        account: AccountId,
    ) -> Result<Vec<Passkey>, StoreError> {
        let rest = "WHERE account_id = $1 ORDER BY id";
        self.all_now(changing, rest, &[account.to_string()]).await
    }

    /// Refuses a change of the root key that would leave records behind: every column of sealed records
    /// is looked through for what the root key wraps, but for those that were wrapped anew.
    ///
    /// # Errors
    ///
    /// [`StoreError::RecordsLeft`].
    pub(crate) async fn require_nothing_left(
        &self,
        changing: &mut Changing,
    ) -> Result<(), StoreError> {
        for table in self.tables(changing.connection()).await? {
            for column in table.column_names() {
                let is_sealed = column == "record" || column.ends_with("_record");
                if !is_sealed || UNDER_ROOT.contains(&(table.name.as_str(), column)) {
                    continue;
                }
                // Where a record names what opens it: SPEC.md of the vault, part 2.
                let left: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
                    "SELECT COUNT(*) FROM \"{}\" WHERE substr(\"{column}\", 5, 1) = $1",
                    table.name
                )))
                .bind(vec![OpenerKind::Root as u8])
                .fetch_one(changing.connection())
                .await?;
                if left > 0 {
                    return Err(StoreError::RecordsLeft {
                        table: table.name.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    async fn all_now<T: AuthorityRow>(
        &self,
        changing: &mut Changing,
        rest: &'static str,
        values: &[String],
    ) -> Result<Vec<T>, StoreError> {
        let mut query = sqlx::query(select::<T>(rest));
        for value in values {
            query = query.bind(value.clone());
        }
        let rows = query.fetch_all(changing.connection()).await?;
        rows.iter().map(|row| self.checked(row)).collect()
    }

    /// Puts a row's other wrapping in place, with a MAC and a row of the log.
    pub(crate) async fn rewrap<T: Wrapped>(
        &self,
        changing: &mut Changing,
        actor: Actor,
        mut row: T,
        record: Vec<u8>,
    ) -> Result<(), StoreError> {
        let version = row.row_version() + 1;
        row.set_record(record.clone());
        row.set_row_version(version);
        let id = row.text_id();
        sqlx::query(AssertSqlSafe(format!(
            "UPDATE {} SET {} = $1, row_version = $2, mac = $3 WHERE id = $4",
            T::TABLE,
            T::RECORD
        )))
        .bind(record)
        .bind(version)
        .bind(self.tag(&row)?)
        .bind(&id)
        .execute(changing.connection())
        .await?;
        changing.forget(&id);
        let event = Event::new(actor, T::REWRAPPED, &id).version(version);
        let event = match row.tenant() {
            Some(tenant) => event.within(tenant),
            None => event,
        };
        changing.audit(event).await
    }
}
