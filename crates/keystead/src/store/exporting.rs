//! What the store has about somebody, read from its own catalogue, so that a table which is new is not
//! forgotten. Left out is what says nothing to a person: MACs, keyed hashes, sealed records.

use serde_json::{Map, Value};
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::{
    Store, StoreError, Subject,
    catalogue::{ColumnKind, Table},
};
use crate::{clock::Timestamp, ids::AccountId, manage::time::rfc3339};

/// Texts that hold keyed hashes.
const HASHES: [&str; 1] = ["hashes"];

/// The vault in which someone's own keys lie.
const VAULTS_OF_ACCOUNT: &str = "SELECT id FROM vaults WHERE account_id = $1";

/// Who an account is to applications.
const SUBJECTS_OF_ACCOUNT: &str = "SELECT application_id, subject FROM grants WHERE account_id = $1
     UNION SELECT application_id, subject FROM key_grants
         WHERE vault_id IN (SELECT id FROM vaults WHERE account_id = $1)
     UNION SELECT application_id, subject FROM consents WHERE account_id = $1";

/// How many rows of one table are given at most.
const MOST: usize = 10_000;

impl Store {
    /// Everything about an account: rows of every table that names it.
    pub async fn rows_of_account(&self, account: AccountId) -> Result<Value, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let mut found = Map::new();
        for table in self.tables(&mut snapshot).await? {
            let has = |wanted| table.column_names().any(|name| name == wanted);
            let condition = match table.name.as_str() {
                "accounts" => "id = $1".to_owned(),
                "audit_events" => "actor = $1".to_owned(),
                _ if has("account_id") => "account_id = $1".to_owned(),
                _ if has("vault_id") => format!("vault_id IN ({VAULTS_OF_ACCOUNT})"),
                _ if has("made_by") => "made_by = $1".to_owned(),
                // What they are as end users of the applications that they let act for them.
                _ if has("subject") && has("application_id") => {
                    format!("(application_id, subject) IN ({SUBJECTS_OF_ACCOUNT})")
                }
                _ => continue,
            };
            let query = |text: String| sqlx::query(AssertSqlSafe(text)).bind(account.to_string());
            let rows = read(&mut snapshot, &table, &condition, query).await?;
            found.insert(table.name, rows);
        }
        snapshot.rollback().await?;
        Ok(Value::Object(found))
    }

    /// Everything about an end user: rows of every table that has them.
    pub(crate) async fn rows_of_subject(&self, subject: &Subject) -> Result<Value, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let mut found = Map::new();
        for table in self.tables(&mut snapshot).await? {
            let has = |wanted| table.column_names().any(|name| name == wanted);
            let condition = match has("subject") && has("application_id") {
                true => "application_id = $1 AND subject = $2",
                false if has("vault_id") => {
                    "vault_id IN (SELECT id FROM vaults WHERE application_id = $1 AND subject = $2)"
                }
                false => continue,
            };
            let query = |text: String| {
                sqlx::query(AssertSqlSafe(text))
                    .bind(subject.application.to_string())
                    .bind(subject.hash.as_bytes().to_vec())
            };
            let rows = read(&mut snapshot, &table, condition, query).await?;
            found.insert(table.name, rows);
        }
        snapshot.rollback().await?;
        Ok(Value::Object(found))
    }
}

type AnyQuery = sqlx::query::Query<'static, sqlx::Any, <sqlx::Any as sqlx::Database>::Arguments>;

async fn read(
    connection: &mut AnyConnection,
    table: &Table,
    condition: &str,
    query: impl Fn(String) -> AnyQuery,
) -> Result<Value, StoreError> {
    let is_told = |name: &str, kind| {
        kind != ColumnKind::Bytes && name != "row_version" && !HASHES.contains(&name)
    };
    let columns: Vec<_> = table
        .columns
        .iter()
        .filter(|column| is_told(&column.name, column.kind))
        .collect();
    let names: Vec<_> = columns
        .iter()
        .map(|column| format!("\"{}\"", column.name))
        .collect();
    let text = format!(
        "SELECT {} FROM \"{}\" WHERE {condition} LIMIT {MOST}",
        names.join(", "),
        table.name
    );
    let rows = query(text).fetch_all(connection).await?;
    let mut told = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut object = Map::new();
        for (place, column) in columns.iter().enumerate() {
            let is_time = column.name == "at" || column.name.ends_with("_at");
            let value = match column.kind {
                ColumnKind::Number => match row.try_get::<Option<i64>, _>(place)? {
                    Some(at) if is_time => rfc3339(Timestamp::from_micros(at)).into(),
                    number => number.into(),
                },
                _ => row.try_get::<Option<String>, _>(place)?.into(),
            };
            object.insert(column.name.clone(), value);
        }
        told.push(Value::Object(object));
    }
    Ok(Value::Array(told))
}
