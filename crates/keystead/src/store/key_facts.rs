//! What people are shown beside a key and its row does not say: how old it is, when it was last
//! used, and by how many AddOns.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::{Columns, Store, StoreError, Unfit};
use crate::{
    clock::Timestamp,
    ids::{KeyId, OrganizationId},
};

/// What is told about one key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyFacts {
    /// When the version in use was entered.
    pub entered_at: Timestamp,
    /// On which day it was last used (UTC, counted from 1970-01-01), if it ever was.
    pub last_used: Option<i64>,
    /// How many AddOns name it.
    pub addons: u64,
}

impl Store {
    /// What is told about each of these keys, in one question.
    pub async fn key_facts(
        &self,
        organization: OrganizationId,
        keys: &[KeyId],
    ) -> Result<HashMap<KeyId, KeyFacts>, StoreError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let places: Vec<_> = (2..keys.len() + 2)
            .map(|place| format!("${place}"))
            .collect();
        let text = format!(
            "SELECT id,
                 COALESCE((SELECT v.created_at FROM key_versions v
                     WHERE v.key_id = keys.id AND v.n = keys.version), created_at),
                 (SELECT MAX(u.day) FROM usage_days u
                     WHERE u.organization_id = $1 AND u.key_id = keys.id),
                 (SELECT COUNT(*) FROM addons a
                     WHERE a.organization_id = $1 AND a.key_id = keys.id)
             FROM keys WHERE organization_id = $1 AND id IN ({})",
            places.join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(text)).bind(organization.to_string());
        for key in keys {
            query = query.bind(key.to_string());
        }
        let rows = query.fetch_all(&self.0.read).await?;
        let read = |row| {
            let columns = &mut Columns::of(row);
            let mut read = || {
                let id: KeyId = columns.parsed()?;
                let facts = KeyFacts {
                    entered_at: columns.time()?,
                    last_used: columns.optional_number()?,
                    addons: columns.count()?,
                };
                Ok::<_, Unfit>((id, facts))
            };
            read().map_err(|_| self.tampered("keys", organization.to_string()))
        };
        rows.iter().map(read).collect()
    }

    /// How many keys an organization has with each provider.
    pub async fn keys_by_provider(
        &self,
        organization: OrganizationId,
    ) -> Result<HashMap<String, u64>, StoreError> {
        let rows = sqlx::query(
            "SELECT provider, COUNT(*) FROM keys WHERE organization_id = $1 GROUP BY provider",
        )
        .bind(organization.to_string())
        .fetch_all(&self.0.read)
        .await?;
        let read = |row| {
            let columns = &mut Columns::of(row);
            let mut read = || Ok::<_, Unfit>((columns.text()?, columns.count()?));
            read().map_err(|_| self.tampered("keys", organization.to_string()))
        };
        rows.iter().map(read).collect()
    }
}
