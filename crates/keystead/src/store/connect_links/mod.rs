//! Connect links: what a host's backend asks for, so that one user of its can enter a key.
//!
//! Until the host confirms who came back, nothing rests on a link: what was entered with it lies in a vault
//! that no key grant names, and is deleted when the link ends.

mod following;

use std::str::FromStr;

use keystead_vault::{Canonical, SubjectHash, TokenHash};

use super::{AuthorityRow, Columns, GrantTerms, Store, StoreError, Unfit, row, row::json_list};
use crate::{
    clock::Timestamp,
    ids::{AddOnId, ApplicationId, ConnectLinkId, KeyId, OrganizationId},
};

/// A connect link, known by its hash.
#[derive(Clone, Debug)]
pub struct ConnectLink {
    /// Its id.
    pub id: ConnectLinkId,
    /// The tenant.
    pub organization: OrganizationId,
    /// The application that asked for it.
    pub application: ApplicationId,
    /// The AddOn that a key is wanted for.
    pub addon: AddOnId,
    /// Whom the host vouches for.
    pub subject: SubjectHash,
    /// The provider that the key is to be of.
    pub provider: String,
    /// Where the browser goes in the end: an address that the application has registered.
    pub return_to: String,
    /// What the host wants to hear there again.
    pub state: Option<String>,
    /// What it is looked up by: the link, and once it was opened what the browser has in its place.
    pub hash: TokenHash,
    /// How far it has come.
    pub step: ConnectStep,
    /// How often a provider may yet be asked about a key.
    pub checks_left: u8,
    /// The key that the host is to confirm.
    pub key: Option<KeyId>,
    /// How far it may be used.
    pub terms: GrantTerms,
    /// What the host shows to confirm, once the browser was sent back.
    pub code: Option<TokenHash>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, however far it has come.
    pub expires_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

/// How far a connect link has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConnectStep {
    /// Nobody has opened it.
    Made,
    /// A browser has it.
    Opened,
    /// The browser was sent back with a code.
    Finished,
    /// The host said that it was its user who came back.
    Confirmed,
    /// It is over.
    Ended,
}

impl ConnectStep {
    const ALL: [Self; 5] = [
        Self::Made,
        Self::Opened,
        Self::Finished,
        Self::Confirmed,
        Self::Ended,
    ];

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Opened => "opened",
            Self::Finished => "finished",
            Self::Confirmed => "confirmed",
            Self::Ended => "ended",
        }
    }
}

impl FromStr for ConnectStep {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut all = Self::ALL.into_iter();
        all.find(|step| step.word() == text).ok_or(())
    }
}

impl AuthorityRow for ConnectLink {
    const TABLE: &'static str = "connect_links";
    const COLUMNS: &'static str = "id, organization_id, application_id, addon_id, subject, \
        provider, return_to, state, hash, step, checks_left, key_id, models, budgets, ends_at, \
        code_hash, created_at, expires_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            application: columns.parsed()?,
            addon: columns.parsed()?,
            subject: SubjectHash::from_bytes(columns.hash()?),
            provider: columns.text()?,
            return_to: columns.text()?,
            state: columns.optional_text()?,
            hash: TokenHash::from_bytes(columns.hash()?),
            step: columns.parsed()?,
            checks_left: columns.count()?,
            key: columns.optional_parsed()?,
            terms: GrantTerms::read(columns)?,
            code: columns.optional_hash()?.map(TokenHash::from_bytes),
            created_at: columns.time()?,
            expires_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let row = row::covered(Self::TABLE, &self.organization, &self.id, self.row_version)
            .text(&self.application.to_string())
            .text(&self.addon.to_string())
            .bytes(self.subject.as_bytes())
            .text(&self.provider)
            .text(&self.return_to);
        let row = match &self.state {
            Some(state) => row.text(state),
            None => row.none(),
        };
        let row = row
            .bytes(self.hash.as_bytes())
            .text(self.step.word())
            .number(i64::from(self.checks_left));
        let row = match self.key {
            Some(key) => row.text(&key.to_string()),
            None => row.none(),
        };
        let row = self.terms.covered(row);
        let row = match &self.code {
            Some(code) => row.bytes(code.as_bytes()),
            None => row.none(),
        };
        row.number(self.created_at.as_micros())
            .number(self.expires_at.as_micros())
    }
}

impl ConnectLink {
    /// Whether something may yet come of it.
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.expires_at && !matches!(self.step, ConnectStep::Confirmed | ConnectStep::Ended)
    }
}

impl Store {
    /// Keeps a new link. What may come of it is logged when it comes.
    pub async fn insert_connect_link(&self, link: &ConnectLink) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "INSERT INTO connect_links ({}, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                 $18, $19, $20)",
            ConnectLink::COLUMNS
        )))
        .bind(link.id.to_string())
        .bind(link.organization.to_string())
        .bind(link.application.to_string())
        .bind(link.addon.to_string())
        .bind(link.subject.as_bytes().to_vec())
        .bind(&link.provider)
        .bind(&link.return_to)
        .bind(link.state.clone())
        .bind(link.hash.as_bytes().to_vec())
        .bind(link.step.word())
        .bind(i64::from(link.checks_left))
        .bind(link.key.map(|key| key.to_string()))
        .bind(json_list(&link.terms.models))
        .bind(json_list(&link.terms.budgets))
        .bind(link.terms.ends_at.map(Timestamp::as_micros))
        .bind(link.code.as_ref().map(|code| code.as_bytes().to_vec()))
        .bind(link.created_at.as_micros())
        .bind(link.expires_at.as_micros())
        .bind(link.row_version)
        .bind(self.tag(link)?)
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// The link that is found by this hash, over though it may be.
    pub async fn connect_link(&self, hash: &TokenHash) -> Result<Option<ConnectLink>, StoreError> {
        let row = sqlx::query(row::select::<ConnectLink>("WHERE hash = $1"))
            .bind(hash.as_bytes().to_vec())
            .fetch_optional(&self.0.read)
            .await?;
        row.map(|row| self.checked(&row)).transpose()
    }

    /// The link whose code has this hash, over though it may be.
    pub async fn connect_link_by_code(
        &self,
        hash: &TokenHash,
    ) -> Result<Option<ConnectLink>, StoreError> {
        let row = sqlx::query(row::select::<ConnectLink>("WHERE code_hash = $1"))
            .bind(hash.as_bytes().to_vec())
            .fetch_optional(&self.0.read)
            .await?;
        row.map(|row| self.checked(&row)).transpose()
    }

    /// The links that ended with nobody having confirmed them, and have yet to be cleaned up; so many at
    /// most.
    pub async fn overdue_connect_links(&self) -> Result<Vec<ConnectLink>, StoreError> {
        let rows = sqlx::query(row::select::<ConnectLink>(
            "WHERE expires_at <= $1 AND step IN ('made', 'opened', 'finished')
             ORDER BY expires_at LIMIT 200",
        ))
        .bind(self.0.clock.now().as_micros())
        .fetch_all(&self.0.read)
        .await?;
        rows.iter().map(|row| self.checked(row)).collect()
    }

    /// Deletes links that ended before `before`, and says how many.
    pub async fn delete_ended_connect_links(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let gone = sqlx::query(
            "DELETE FROM connect_links WHERE expires_at < $1 AND step IN ('confirmed', 'ended')",
        )
        .bind(before.as_micros())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(gone.rows_affected())
    }
}
