//! Budgets in the store: who may take how much of what is left.
//!
//! What was used is what the ledger's sums say; what may yet be used is leased to processes in
//! portions ([`limits`](crate::limits) has the sums of one process). A lease grows here, shrinks in
//! the transaction that adds its use to the ledger, and ends by itself.

use std::fmt;

use sqlx::{Any, AssertSqlSafe, Row as _, Transaction};

use super::{Backend, Store, StoreError};
use crate::{
    clock::Timestamp,
    limits::{CounterName, Holder, LeaseUse, Leased, Unit},
};

/// One process, for as long as it runs.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct ProcessId([u8; 16]);

impl ProcessId {
    /// A name that no other process has.
    #[must_use]
    pub fn random() -> Self {
        Self(keystead_vault::random())
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Store {
    /// Leases `need` more of a budget of `limit` until `until`, or an eighth of what is left where
    /// that is more, so that few calls have to ask. Nothing, when there is not as much.
    pub async fn lease_budget(
        &self,
        process: ProcessId,
        name: &CounterName,
        limit: i64,
        need: i64,
        until: Timestamp,
    ) -> Result<Leased, StoreError> {
        let mut transaction = self.begin().await?;
        lock(&mut transaction, name).await?;
        let leased = self.look(&mut transaction, process, name).await?;
        let (own, mut leased) = leased;
        let left = limit - leased.used - leased.elsewhere - own;
        if need <= left {
            leased.extra = need.max(left / 8);
            grow(&mut transaction, process, name, leased.extra, until).await?;
        }
        transaction.commit().await?;
        Ok(leased)
    }

    /// What was used of a budget, and what is leased of it to whomever.
    pub async fn budget_state(&self, name: &CounterName) -> Result<(i64, i64), StoreError> {
        let mut snapshot = self.snapshot().await?;
        let nobody = ProcessId([0; 16]);
        let (_, leased) = self.look(&mut snapshot, nobody, name).await?;
        snapshot.rollback().await?;
        Ok((leased.used, leased.elsewhere))
    }

    /// Lets the leases of a process live on until `until`; those of days and months that are over
    /// end.
    pub async fn renew_leases(
        &self,
        process: ProcessId,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let write = self.0.write.as_ref().ok_or(StoreError::ReadOnly)?;
        sqlx::query("UPDATE budget_leases SET expires_at = $1 WHERE process = $2")
            .bind(until.as_micros())
            .bind(process.to_string())
            .execute(write)
            .await?;
        Ok(())
    }

    /// Gives back what a process does not need.
    pub async fn shrink_leases(
        &self,
        process: ProcessId,
        idle: &[LeaseUse],
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for lease in idle {
            shrink(&mut transaction, process, lease).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Sets the leases of a process whose old ones have expired to what its running calls hold.
    pub async fn replace_leases(
        &self,
        process: ProcessId,
        held: &[LeaseUse],
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM budget_leases WHERE process = $1")
            .bind(process.to_string())
            .execute(&mut *transaction)
            .await?;
        for lease in held {
            grow(&mut transaction, process, &lease.name, lease.amount, until).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets leases of processes that are gone, and budgets of days that are over for long. Where
    /// one process writes, all leases but its own are of processes that are gone.
    pub async fn delete_old_leases(&self, process: ProcessId) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        let expired = match self.0.backend {
            Backend::Sqlite => i64::MAX,
            Backend::Postgres => now.as_micros(),
        };
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM budget_leases WHERE expires_at <= $1 AND process <> $2")
            .bind(expired)
            .bind(process.to_string())
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "DELETE FROM budgets WHERE end_day < $1 AND NOT EXISTS (
                 SELECT 1 FROM budget_leases l WHERE l.organization_id = budgets.organization_id
                     AND l.holder = budgets.holder AND l.unit = budgets.unit
                     AND l.period = budgets.period AND l.first_day = budgets.first_day)",
        )
        .bind(now.as_secs().div_euclid(86_400) - 1)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// What the ledger has, what others have leased, and what this process has; of one moment,
    /// since it is one statement.
    async fn look(
        &self,
        transaction: &mut Transaction<'static, Any>,
        process: ProcessId,
        name: &CounterName,
    ) -> Result<(i64, Leased), StoreError> {
        let own = "WHERE organization_id = $1 AND holder = $2 AND unit = $3 AND period = $4
                   AND first_day = $5";
        let (ledger, holder, object, subject) = ledger_of(name);
        let unit = sum_of(name.unit);
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT
                 (SELECT CAST(COALESCE(SUM({unit}), 0) AS BIGINT) FROM {ledger}
                  WHERE organization_id = $1 AND {holder}),
                 (SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM budget_leases
                  {own} AND process <> $7 AND expires_at > $8),
                 (SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM budget_leases
                  {own} AND process = $7)"
        )))
        .bind(name.organization.to_string())
        .bind(holder_text(&name.holder))
        .bind(name.unit.word())
        .bind(name.period.word())
        .bind(name.window.first)
        .bind(name.window.end)
        .bind(process.to_string())
        .bind(self.0.clock.now().as_micros())
        .bind(object)
        .bind(subject)
        .fetch_one(&mut **transaction)
        .await?;
        let leased = Leased {
            extra: 0,
            used: row.try_get(0)?,
            elsewhere: row.try_get(1)?,
        };
        Ok((row.try_get(2)?, leased))
    }
}

/// Takes what was used off a lease; in the transaction that adds it to the ledger.
pub(super) async fn shrink(
    transaction: &mut Transaction<'static, Any>,
    process: ProcessId,
    used: &LeaseUse,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE budget_leases SET amount = CASE WHEN amount > $1 THEN amount - $1 ELSE 0 END
         WHERE organization_id = $2 AND holder = $3 AND unit = $4 AND period = $5
             AND first_day = $6 AND process = $7",
    )
    .bind(used.amount)
    .bind(used.name.organization.to_string())
    .bind(holder_text(&used.name.holder))
    .bind(used.name.unit.word())
    .bind(used.name.period.word())
    .bind(used.name.window.first)
    .bind(process.to_string())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn grow(
    transaction: &mut Transaction<'static, Any>,
    process: ProcessId,
    name: &CounterName,
    extra: i64,
    until: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO budget_leases (organization_id, holder, unit, period, first_day, process,
             amount, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (organization_id, holder, unit, period, first_day, process)
         DO UPDATE SET amount = budget_leases.amount + excluded.amount,
             expires_at = excluded.expires_at",
    )
    .bind(name.organization.to_string())
    .bind(holder_text(&name.holder))
    .bind(name.unit.word())
    .bind(name.period.word())
    .bind(name.window.first)
    .bind(process.to_string())
    .bind(extra)
    .bind(until.as_micros())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Until the transaction ends, nobody else leases of this budget.
async fn lock(
    transaction: &mut Transaction<'static, Any>,
    name: &CounterName,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO budgets (organization_id, holder, unit, period, first_day, end_day, wishes)
         VALUES ($1, $2, $3, $4, $5, $6, 1)
         ON CONFLICT (organization_id, holder, unit, period, first_day)
         DO UPDATE SET wishes = budgets.wishes + 1",
    )
    .bind(name.organization.to_string())
    .bind(holder_text(&name.holder))
    .bind(name.unit.word())
    .bind(name.period.word())
    .bind(name.window.first)
    .bind(name.window.end)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// The sums that tell what was used, the condition that finds the holder in them, and what `$9`
/// and `$10` of it are.
fn ledger_of(name: &CounterName) -> (&'static str, String, String, Vec<u8>) {
    let of_subject = |condition: &str, id: String, subject: &[u8]| {
        let condition = format!("day >= $5 AND day < $6 AND {condition} = $9 AND subject = $10");
        ("usage_subjects", condition, id, subject.to_vec())
    };
    // Day by day a name is found at once; in a span of days only by reading all names.
    let days = name.window.first..name.window.end;
    let days: Vec<_> = days.map(|day| day.to_string()).collect();
    let alone = |kind: &str, name: &str, value: String| {
        let condition = format!(
            "kind = '{kind}' AND day IN ({}) AND {name} = $9 AND $6 = $6 AND $10 = $10",
            days.join(", ")
        );
        ("usage_shares", condition, value, Vec::new())
    };
    match &name.holder {
        // All providers together are everything.
        Holder::Organization => alone("provider", "''", String::new()),
        Holder::Application(id) => alone("application", "name", id.to_string()),
        Holder::AddOn(id) => alone("addon", "name", id.to_string()),
        Holder::Key(id) => alone("key", "name", id.to_string()),
        Holder::Subject(id, subject) => of_subject("application_id", id.to_string(), subject),
        Holder::AddOnSubject(id, subject) => of_subject("addon_id", id.to_string(), subject),
    }
}

/// How the ledger's sums tell a unit.
fn sum_of(unit: Unit) -> &'static str {
    match unit {
        Unit::Requests => "requests",
        Unit::Tokens => "input_tokens + output_tokens",
        Unit::Characters => "characters",
        Unit::Images => "images",
        Unit::Credits => "credits_milli",
        Unit::Money => "cost_micro_usd + unpriced_micro_usd",
    }
}

/// The holder as its column has it.
fn holder_text(holder: &Holder) -> String {
    let hex =
        |bytes: &[u8; 32]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    match holder {
        Holder::Organization => "organization".to_owned(),
        Holder::Application(id) => id.to_string(),
        Holder::AddOn(id) => id.to_string(),
        Holder::Key(id) => id.to_string(),
        Holder::Subject(id, subject) => format!("{id}/{}", hex(subject)),
        Holder::AddOnSubject(id, subject) => format!("{id}/{}", hex(subject)),
    }
}
