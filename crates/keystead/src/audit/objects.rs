//! The other half of verification: the rows of authority, held against what the log says of them.

use std::collections::HashMap;

use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::{AuditFault, event::GONE};
use crate::{
    ids::{FamilyId, LinkId, SessionId, TokenId},
    store::{
        AccessToken, Account, AddOn, ApiToken, Application, AuthorityRow, ClientSecret, Code,
        ConnectLink, Consent, ConsentText, Decoy, Family, Grant, Identity, Key, KeyGrant, Link,
        Member, Organization, Passkey, PasswordRow, RecoveryCodes, RefreshToken, Session, Store,
        StoreError, Totp, Vault, Webhook, select,
    },
};

impl Store {
    /// Holds every row of authority against the version that the log last gave it.
    pub(super) async fn compare_objects(
        &self,
        snapshot: &mut AnyConnection,
        versions: &HashMap<String, i64>,
    ) -> Result<Vec<AuditFault>, StoreError> {
        let mut faults = Vec::new();
        let mut unseen = versions.clone();
        self.compare::<Organization>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Account>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Member>(snapshot, &mut unseen, &mut faults, Member::audit_name)
            .await?;
        self.compare::<ApiToken>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Application>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<ClientSecret>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Key>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<AddOn>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<PasswordRow>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Totp>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<RecoveryCodes>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Passkey>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Identity>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Grant>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<ConsentText>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Consent>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Vault>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<KeyGrant>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Webhook>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Decoy>(snapshot, &mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare_passing(snapshot, &mut unseen, &mut faults)
            .await?;
        self.compare_minted::<AccessToken>(snapshot, &mut unseen, &mut faults)
            .await?;
        self.compare_minted::<Family>(snapshot, &mut unseen, &mut faults)
            .await?;
        unseen.retain(|object, _| !MINTED.iter().any(|prefix| object.starts_with(prefix)));
        self.check_all::<Code>(snapshot, &mut faults).await?;
        self.check_all::<ConnectLink>(snapshot, &mut faults).await?;
        self.check_all::<RefreshToken>(snapshot, &mut faults)
            .await?;

        let mut missing: Vec<_> = unseen
            .into_iter()
            .filter(|(_, version)| *version != GONE)
            .collect();
        missing.sort();
        faults.extend(missing.into_iter().map(|(object, _)| AuditFault {
            table: table_of(&object),
            row: object,
            fault: "missing",
        }));
        Ok(faults)
    }

    async fn compare<T: AuthorityRow>(
        &self,
        snapshot: &mut AnyConnection,
        unseen: &mut HashMap<String, i64>,
        faults: &mut Vec<AuditFault>,
        name: impl Fn(&T) -> String,
    ) -> Result<(), StoreError> {
        for row in sqlx::query(select::<T>(""))
            .fetch_all(&mut *snapshot)
            .await?
        {
            faults.extend(self.compare_row(&row, unseen, &name)?);
        }
        Ok(())
    }

    /// Sessions and single-use links are deleted, unlogged, some time after they ended.
    async fn compare_passing(
        &self,
        snapshot: &mut AnyConnection,
        unseen: &mut HashMap<String, i64>,
        faults: &mut Vec<AuditFault>,
    ) -> Result<(), StoreError> {
        self.compare::<Session>(snapshot, unseen, faults, |row| row.id.to_string())
            .await?;
        self.compare::<Link>(snapshot, unseen, faults, |row| row.id.to_string())
            .await?;
        let passing = [SessionId::PREFIX, LinkId::PREFIX];
        unseen.retain(|object, _| !passing.iter().any(|prefix| object.starts_with(prefix)));
        Ok(())
    }

    /// Tokens and their families are logged when they are revoked, not when they are minted; and
    /// deleted, unlogged, some time after they ended. There can be many, so they are read a stretch at a time.
    async fn compare_minted<T: AuthorityRow>(
        &self,
        snapshot: &mut AnyConnection,
        unseen: &mut HashMap<String, i64>,
        faults: &mut Vec<AuditFault>,
    ) -> Result<(), StoreError> {
        let mut last = String::new();
        loop {
            let rows = stretch::<T>(snapshot, &last).await?;
            for row in &rows {
                last = row.try_get(0)?;
                // Its first version is the one that was minted.
                unseen.entry(last.clone()).or_insert(1);
                let name = last.clone();
                faults.extend(self.compare_row(row, unseen, &|_: &T| name.clone())?);
            }
            if rows.len() < STRETCH {
                return Ok(());
            }
        }
    }

    /// Codes, connect links and refresh tokens are logged as what comes of them: only their MACs are looked at.
    async fn check_all<T: AuthorityRow>(
        &self,
        snapshot: &mut AnyConnection,
        faults: &mut Vec<AuditFault>,
    ) -> Result<(), StoreError> {
        let mut last = String::new();
        loop {
            let rows = stretch::<T>(snapshot, &last).await?;
            for row in &rows {
                last = row.try_get(0)?;
                match self.checked::<T>(row) {
                    Ok(_) => {}
                    Err(StoreError::Tampered { table, id }) => faults.push(AuditFault {
                        table,
                        row: id,
                        fault: "altered",
                    }),
                    Err(error) => return Err(error),
                }
            }
            if rows.len() < STRETCH {
                return Ok(());
            }
        }
    }

    fn compare_row<T: AuthorityRow>(
        &self,
        row: &AnyRow,
        unseen: &mut HashMap<String, i64>,
        name: &impl Fn(&T) -> String,
    ) -> Result<Option<AuditFault>, StoreError> {
        let (table, row, fault) = match self.checked::<T>(row) {
            Ok(value) => {
                let name = name(&value);
                let fault = fault_of_version(unseen.remove(&name), value.row_version());
                (T::TABLE, name, fault)
            }
            Err(StoreError::Tampered { table, id }) => {
                // A membership is logged under the organization's id as well.
                unseen.retain(|object, _| !object.ends_with(&id));
                (table, id, Some("altered"))
            }
            Err(error) => return Err(error),
        };
        Ok(fault.map(|fault| AuditFault { table, row, fault }))
    }
}

/// The next rows of a table that can be long.
async fn stretch<T: AuthorityRow>(
    snapshot: &mut AnyConnection,
    last: &str,
) -> Result<Vec<AnyRow>, StoreError> {
    let rows = sqlx::query(select::<T>("WHERE id > $1 ORDER BY id LIMIT 1000"))
        .bind(last.to_owned())
        .fetch_all(snapshot)
        .await?;
    Ok(rows)
}

const STRETCH: usize = 1_000;

/// What is logged from its second version on.
const MINTED: [&str; 2] = [TokenId::PREFIX, FamilyId::PREFIX];

/// Compares the version of a row with the one that was logged.
fn fault_of_version(logged: Option<i64>, found: i64) -> Option<&'static str> {
    match logged {
        None => Some("never_logged"),
        Some(GONE) => Some("put_back"),
        Some(logged) if found < logged => Some("older_version"),
        Some(logged) if found > logged => Some("unlogged_version"),
        Some(_) => None,
    }
}

fn table_of(object: &str) -> &'static str {
    match object.split_once('_').map(|(prefix, _)| prefix) {
        Some("org") if object.contains('/') => Member::TABLE,
        Some("org") => Organization::TABLE,
        Some("acc") => Account::TABLE,
        Some("apt") => ApiToken::TABLE,
        Some("pwd") => PasswordRow::TABLE,
        Some("otp") => Totp::TABLE,
        Some("rec") => RecoveryCodes::TABLE,
        Some("psk") => Passkey::TABLE,
        Some("idn") => Identity::TABLE,
        Some("app") => Application::TABLE,
        Some("sec") => ClientSecret::TABLE,
        Some("grn") => Grant::TABLE,
        Some("ctx") => ConsentText::TABLE,
        Some("cns") => Consent::TABLE,
        Some("key") => Key::TABLE,
        Some("vlt") => Vault::TABLE,
        Some("kgr") => KeyGrant::TABLE,
        Some("add") => AddOn::TABLE,
        Some("dec") => Decoy::TABLE,
        Some("whk") => Webhook::TABLE,
        _ => "?",
    }
}
