//! That people agreed: to which version of an application's text, in which language, and the hash of
//! what they read. A row is written once and never changed; the newest counts.

use keystead_vault::{Canonical, SubjectHash};

use super::{Application, AuthorityRow, Columns, Store, StoreError, Unfit, row};
use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    ids::{AccountId, ApplicationId, ConsentId, OrganizationId},
};

/// A yes.
#[derive(Clone, Debug)]
pub struct Consent {
    /// Its id.
    pub id: ConsentId,
    /// The tenant that the application belongs to.
    pub organization: OrganizationId,
    /// The application whose text it was.
    pub application: ApplicationId,
    /// Who agreed; `None` for someone whom the application alone knows.
    pub account: Option<AccountId>,
    /// Who they are to the application.
    pub subject: SubjectHash,
    /// The version that they agreed to; 0 is the text that Keystead brings along.
    pub version: u32,
    /// The tag of the language that they read it in.
    pub language: String,
    /// SHA-256 of the text as they read it, in Markdown.
    pub hash: [u8; 32],
    /// When.
    pub given_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

/// A yes to be noted.
#[derive(Clone, Debug)]
pub struct NewConsent {
    /// Who agrees, if it is an account.
    pub account: Option<AccountId>,
    /// Who they are to the application.
    pub subject: SubjectHash,
    /// The version that they agree to.
    pub version: u32,
    /// The tag of its language.
    pub language: String,
    /// SHA-256 of the text.
    pub hash: [u8; 32],
}

impl AuthorityRow for Consent {
    const TABLE: &'static str = "consents";
    const COLUMNS: &'static str = "id, organization_id, application_id, account_id, subject, \
        version, language, hash, given_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            application: columns.parsed()?,
            account: columns.optional_parsed()?,
            subject: SubjectHash::from_bytes(columns.hash()?),
            version: columns.count()?,
            language: columns.text()?,
            hash: columns.hash()?,
            given_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let row = row::covered(Self::TABLE, &self.organization, &self.id, self.row_version)
            .text(&self.application.to_string());
        let row = match self.account {
            Some(account) => row.text(&account.to_string()),
            None => row.none(),
        };
        row.bytes(self.subject.as_bytes())
            .number(i64::from(self.version))
            .text(&self.language)
            .bytes(&self.hash)
            .number(self.given_at.as_micros())
    }
}

impl Store {
    /// What someone last agreed to for an application.
    pub async fn newest_consent(
        &self,
        application: ApplicationId,
        subject: &SubjectHash,
    ) -> Result<Option<Consent>, StoreError> {
        let mut all = self.consents(application, subject).await?;
        Ok((!all.is_empty()).then(|| all.swap_remove(0)))
    }

    /// All that someone agreed to for an application, the newest first.
    pub async fn consents(
        &self,
        application: ApplicationId,
        subject: &SubjectHash,
    ) -> Result<Vec<Consent>, StoreError> {
        let rows = sqlx::query(row::select::<Consent>(
            "WHERE application_id = $1 AND subject = $2
                 ORDER BY given_at DESC, version DESC, id DESC LIMIT 100",
        ))
        .bind(application.to_string())
        .bind(subject.as_bytes().to_vec())
        .fetch_all(&self.0.read)
        .await?;
        rows.iter().map(|row| self.checked(row)).collect()
    }

    /// All that an account agreed to, each with its application, the newest first.
    pub async fn consents_of(
        &self,
        account: AccountId,
    ) -> Result<Vec<(Consent, Application)>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {}, {} FROM consents c JOIN applications a ON a.id = c.application_id
             WHERE c.account_id = $1 ORDER BY c.given_at DESC, c.version DESC, c.id DESC LIMIT 100",
            row::qualified::<Consent>("c"),
            row::qualified::<Application>("a"),
        )))
        .bind(account.to_string())
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

    /// Notes that somebody agreed.
    pub async fn add_consent(
        &self,
        actor: Actor,
        application: &Application,
        new: NewConsent,
    ) -> Result<Consent, StoreError> {
        let mut changing = self.change().await?;
        let consent = Consent {
            id: ConsentId::new(&self.0.clock),
            organization: application.organization,
            application: application.id,
            account: new.account,
            subject: new.subject,
            version: new.version,
            language: new.language,
            hash: new.hash,
            given_at: self.0.clock.now(),
            row_version: 1,
        };
        sqlx::query(
            "INSERT INTO consents (id, organization_id, application_id, account_id, subject,
                 version, language, hash, given_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(consent.id.to_string())
        .bind(consent.organization.to_string())
        .bind(consent.application.to_string())
        .bind(consent.account.map(|account| account.to_string()))
        .bind(consent.subject.as_bytes().to_vec())
        .bind(i64::from(consent.version))
        .bind(&consent.language)
        .bind(consent.hash.to_vec())
        .bind(consent.given_at.as_micros())
        .bind(consent.row_version)
        .bind(self.tag(&consent)?)
        .execute(changing.connection())
        .await?;
        let event = Event::new(actor, Action::ConsentGiven, &consent.id)
            .within(consent.organization)
            .version(consent.row_version)
            .with(Field::Application, &consent.application)
            .with(Field::Version, &consent.version);
        changing.commit(event).await?;
        Ok(consent)
    }
}
