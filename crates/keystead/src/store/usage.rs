//! The usage ledger: one row an attempt at a provider, appended and never changed.

use keystead_vault::SubjectHash;
use sqlx::AssertSqlSafe;

use super::{Columns, Store, StoreError, Unfit};
use crate::{
    clock::Timestamp,
    ids::{AddOnId, ApplicationId, KeyId, OrganizationId, RequestId, TokenId},
};

/// One attempt at a provider. What the provider did not report is `None`, which is not zero.
#[derive(Clone, Debug)]
pub struct UsageRow {
    /// The call.
    pub request: RequestId,
    /// Which attempt of it; the first is 1.
    pub attempt: u32,
    /// When it began.
    pub at: Timestamp,
    /// The tenant.
    pub organization: OrganizationId,
    /// The application.
    pub application: ApplicationId,
    /// The AddOn.
    pub addon: AddOnId,
    /// The key, once one was chosen.
    pub key: Option<KeyId>,
    /// Which version of the key.
    pub key_version: Option<u64>,
    /// The token.
    pub token: Option<TokenId>,
    /// The end user.
    pub subject: Option<SubjectHash>,
    /// The provider's name.
    pub provider: &'static str,
    /// The operation's name.
    pub operation: &'static str,
    /// The model, as the request named it.
    pub model: Option<String>,
    /// The provider's HTTP status, once it answered.
    pub status: Option<u16>,
    /// How it ended: a stable word.
    pub outcome: &'static str,
    /// From the attempt's begin to its end, in microseconds.
    pub duration_us: u64,
    /// From the attempt's begin to the answer's first byte, in microseconds.
    pub first_byte_us: Option<u64>,
    /// Tokens of input.
    pub input_tokens: Option<u64>,
    /// Of these, tokens read from a cache.
    pub cached_tokens: Option<u64>,
    /// Tokens written to a cache.
    pub cache_write_tokens: Option<u64>,
    /// Tokens of output.
    pub output_tokens: Option<u64>,
    /// Of these, tokens of reasoning.
    pub reasoning_tokens: Option<u64>,
    /// Characters.
    pub characters: Option<u64>,
    /// Images.
    pub images: Option<u64>,
    /// Seconds of audio or video.
    pub seconds: Option<u64>,
    /// Transactions.
    pub transactions: Option<u64>,
    /// Thousandths of a provider's credit.
    pub credits_milli: Option<u64>,
}

/// What was used of one key by one AddOn for one operation and model on one day (UTC).
#[derive(Clone, Debug)]
pub struct UsageTotal {
    /// Days since 1970-01-01.
    pub day: i64,
    /// The application.
    pub application: ApplicationId,
    /// The AddOn.
    pub addon: AddOnId,
    /// The key.
    pub key: Option<KeyId>,
    /// The provider's name.
    pub provider: String,
    /// The operation's name.
    pub operation: String,
    /// The model.
    pub model: Option<String>,
    /// Attempts.
    pub attempts: u64,
    /// Tokens of input, as far as reported; so with all that follow.
    pub input_tokens: u64,
    /// Tokens read from a cache.
    pub cached_tokens: u64,
    /// Tokens of output.
    pub output_tokens: u64,
    /// Characters.
    pub characters: u64,
    /// Images.
    pub images: u64,
    /// Transactions.
    pub transactions: u64,
    /// Thousandths of a provider's credit.
    pub credits_milli: u64,
}

impl Store {
    /// Appends attempts to the ledger. One that is there already (same call, same attempt) is left
    /// as it is, so a batch whose answer was lost can be sent again.
    pub async fn append_usage(&self, rows: &[UsageRow]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for batch in rows.chunks(BATCH) {
            let mut query =
                sqlx::query(AssertSqlSafe(insert(batch.len()))).persistent(batch.len() == BATCH);
            for row in batch {
                query = query
                    .bind(row.request.to_string())
                    .bind(i64::from(row.attempt))
                    .bind(row.at.as_micros())
                    .bind(row.organization.to_string())
                    .bind(row.application.to_string())
                    .bind(row.addon.to_string())
                    .bind(row.key.map(|key| key.to_string()))
                    .bind(number(row.key_version))
                    .bind(row.token.map(|token| token.to_string()))
                    .bind(row.subject.map(|subject| subject.as_bytes().to_vec()))
                    .bind(row.provider)
                    .bind(row.operation)
                    .bind(row.model.as_deref())
                    .bind(row.status.map(i64::from))
                    .bind(row.outcome)
                    .bind(number(Some(row.duration_us)))
                    .bind(number(row.first_byte_us))
                    .bind(number(row.input_tokens))
                    .bind(number(row.cached_tokens))
                    .bind(number(row.cache_write_tokens))
                    .bind(number(row.output_tokens))
                    .bind(number(row.reasoning_tokens))
                    .bind(number(row.characters))
                    .bind(number(row.images))
                    .bind(number(row.seconds))
                    .bind(number(row.transactions))
                    .bind(number(row.credits_milli));
            }
            query.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// What an organization used from `from` until before `until`, by day.
    pub async fn usage(
        &self,
        organization: OrganizationId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<UsageTotal>, StoreError> {
        // PostgreSQL sums BIGINT to NUMERIC, which is no type of ours.
        let rows = sqlx::query(
            "SELECT at / 86400000000 AS day, application_id, addon_id, key_id, provider, operation,
                 model, COUNT(*),
                 CAST(COALESCE(SUM(input_tokens), 0) AS BIGINT),
                 CAST(COALESCE(SUM(cached_tokens), 0) AS BIGINT),
                 CAST(COALESCE(SUM(output_tokens), 0) AS BIGINT),
                 CAST(COALESCE(SUM(characters), 0) AS BIGINT),
                 CAST(COALESCE(SUM(images), 0) AS BIGINT),
                 CAST(COALESCE(SUM(transactions), 0) AS BIGINT),
                 CAST(COALESCE(SUM(credits_milli), 0) AS BIGINT)
             FROM usage_events WHERE organization_id = $1 AND at >= $2 AND at < $3
             GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7",
        )
        .bind(organization.to_string())
        .bind(from.as_micros())
        .bind(until.as_micros())
        .fetch_all(&self.0.read)
        .await?;
        rows.iter()
            .map(|row| {
                total(&mut Columns::of(row))
                    .map_err(|_| self.tampered("usage_events", "?".to_owned()))
            })
            .collect()
    }
}

/// Rows an insert: 64 times 27 values stays far below what SQLite (32,766) and PostgreSQL (65,535)
/// take in one statement.
const BATCH: usize = 64;

const COLUMNS: &str = "request_id, attempt, at, organization_id, application_id, addon_id, key_id, \
    key_version, token_id, subject, provider, operation, model, status, outcome, duration_us, \
    first_byte_us, input_tokens, cached_tokens, cache_write_tokens, output_tokens, \
    reasoning_tokens, characters, images, seconds, transactions, credits_milli";

fn insert(rows: usize) -> String {
    let width = COLUMNS.split(',').count();
    let values: Vec<String> = (0..rows)
        .map(|row| {
            let first = row * width + 1;
            let places: Vec<String> = (first..first + width)
                .map(|place| format!("${place}"))
                .collect();
            format!("({})", places.join(", "))
        })
        .collect();
    format!(
        "INSERT INTO usage_events ({COLUMNS}) VALUES {} ON CONFLICT (request_id, attempt) DO NOTHING",
        values.join(", ")
    )
}

/// Counts are clamped by whoever read them; one beyond BIGINT can't be a count.
fn number(count: Option<u64>) -> Option<i64> {
    count.map(|count| i64::try_from(count).unwrap_or(i64::MAX))
}

fn total(columns: &mut Columns<'_>) -> Result<UsageTotal, Unfit> {
    Ok(UsageTotal {
        day: columns.number()?,
        application: columns.parsed()?,
        addon: columns.parsed()?,
        key: columns.optional_parsed()?,
        provider: columns.text()?,
        operation: columns.text()?,
        model: columns.optional_text()?,
        attempts: columns.count()?,
        input_tokens: columns.count()?,
        cached_tokens: columns.count()?,
        output_tokens: columns.count()?,
        characters: columns.count()?,
        images: columns.count()?,
        transactions: columns.count()?,
        credits_milli: columns.count()?,
    })
}
