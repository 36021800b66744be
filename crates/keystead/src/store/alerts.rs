//! Alerts: what was found that someone must look at, until they said that they did.

use std::{collections::HashMap, fmt, sync::OnceLock, time::Duration};

use parking_lot::Mutex;
use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};
use tokio::sync::{mpsc, oneshot};

use super::{Columns, Store, StoreError, Unfit};
use crate::{
    alerts::{AlertKind, Finding, Level},
    audit::{Action, Actor, Event, Field, Outcome},
    clock::Timestamp,
    ids::{AlertId, OrganizationId},
};

/// A finding, however often it was made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// In which organization; `None` for what is the whole installation's.
    pub organization: Option<OrganizationId>,
    /// What was found.
    pub kind: AlertKind,
    /// Where: a table, or a part of Keystead.
    pub place: String,
    /// On which object: an id or a stable word.
    pub object: String,
    /// When it was first found.
    pub first_at: Timestamp,
    /// When it was last found.
    pub last_at: Timestamp,
    /// How often.
    pub count: u64,
    /// Since when nobody has said that they saw it.
    pub opened_at: Timestamp,
    /// When somebody said so, if they did since.
    pub acknowledged_at: Option<Timestamp>,
    /// Who.
    pub acknowledged_by: Option<String>,
    /// What was frozen for it: an id.
    pub froze: Option<String>,
}

/// Which alerts are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlertFilter {
    /// Those of the whole installation as well.
    pub with_installation: bool,
    /// Only those that nobody has acknowledged.
    pub only_open: bool,
}

/// Findings on their way into the table. They are found in the midst of transactions, on any
/// thread, so a task of its own writes them down.
pub(super) struct AlertQueue {
    sender: mpsc::Sender<Raised>,
    counter: OnceLock<Box<dyn Fn(AlertKind) + Send + Sync>>,
    /// When what was last told in the log, and when it was last counted.
    told: Mutex<HashMap<Name, (Timestamp, Timestamp)>>,
}

type Name = (AlertKind, &'static str, String);

pub(super) enum Raised {
    Finding(Finding),
    /// Answered when all before it are written.
    Flush(oneshot::Sender<()>),
}

impl AlertQueue {
    /// How many may wait; what is found beyond that will be found again.
    const LENGTH: usize = 256;

    pub(super) fn new() -> (Self, mpsc::Receiver<Raised>) {
        let (sender, receiver) = mpsc::channel(Self::LENGTH);
        let queue = Self {
            sender,
            counter: OnceLock::new(),
            told: Mutex::default(),
        };
        (queue, receiver)
    }

    /// Whether a line in the log is due, one a minute of each finding, and whether it is to be counted:
    /// what strangers can bring about must not keep the store busy.
    fn is_due(&self, finding: &Finding, now: Timestamp) -> (bool, bool) {
        let pause = match finding.kind.level() {
            _ if finding.episode.is_some() => MINUTE,
            Level::Critical => Duration::ZERO,
            Level::Warning | Level::Notice => SECOND,
        };
        let mut told = self.told.lock();
        if told.len() >= Self::LENGTH {
            told.retain(|_, (at, _)| now.since(*at) < MINUTE);
        }
        let name = (finding.kind, finding.place, finding.object.clone());
        let Some((said, counted)) = told.get_mut(&name) else {
            if told.len() < Self::LENGTH {
                told.insert(name, (now, now));
            }
            return (true, true);
        };
        let is_news = now.since(*said) >= MINUTE;
        let counts = now.since(*counted) >= pause;
        if is_news {
            *said = now;
        }
        if counts {
            *counted = now;
        }
        (is_news, counts)
    }
}

impl fmt::Debug for AlertQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AlertQueue(..)")
    }
}

impl Store {
    /// Raises an alert. It is in the log at once and in the table very soon. Callable on any thread.
    pub fn raise(&self, finding: Finding) {
        let queue = &self.0.alerts;
        let (is_news, counts) = queue.is_due(&finding, self.0.clock.now());
        if is_news {
            let (kind, place, object) = (finding.kind, finding.place, &finding.object);
            match kind.level() {
                Level::Critical => {
                    tracing::error!(%kind, place, object, "alert: {kind} in {place}");
                }
                Level::Warning => {
                    tracing::warn!(%kind, place, object, "alert: {kind} in {place}");
                }
                Level::Notice => {
                    tracing::info!(%kind, place, object, "alert: {kind} in {place}");
                }
            }
        }
        if let Some(count) = queue.counter.get() {
            count(finding.kind);
        }
        if counts {
            let _ = queue.sender.try_send(Raised::Finding(finding));
        }
    }

    /// Has every alert from now on counted by its kind. The first counter stays.
    pub fn count_alerts(&self, count: impl Fn(AlertKind) + Send + Sync + 'static) {
        let _ = self.0.alerts.counter.set(Box::new(count));
    }

    /// The error for a row that failed its check, with its alert raised.
    pub(crate) fn tampered(&self, table: &'static str, id: String) -> StoreError {
        self.raise(Finding::new(AlertKind::Tampered, table, &id));
        StoreError::Tampered { table, id }
    }

    /// Every alert there is, those just raised included, the latest first.
    pub async fn alerts(&self) -> Result<Vec<Alert>, StoreError> {
        let (sender, written) = oneshot::channel();
        let flush = Raised::Flush(sender);
        if self.0.alerts.sender.send(flush).await.is_ok() {
            let _ = written.await;
        }
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM alerts ORDER BY last_at DESC, id DESC"
        )))
        .fetch_all(&self.0.read)
        .await?;
        rows.iter().map(|row| self.alert(row)).collect()
    }

    /// An organization's alerts, the latest made first, those before `before`, `limit` at most.
    pub async fn alerts_of(
        &self,
        organization: OrganizationId,
        filter: AlertFilter,
        before: Option<AlertId>,
        limit: u16,
    ) -> Result<Vec<Alert>, StoreError> {
        let before = before.map_or_else(|| "b".to_owned(), |id| id.to_string());
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM alerts
             WHERE (organization_id = $1 OR ($2 = 1 AND organization_id = ''))
                 AND (acknowledged_at IS NULL OR $3 = 0) AND id < $4
             ORDER BY id DESC LIMIT $5"
        )))
        .bind(organization.to_string())
        .bind(i64::from(filter.with_installation))
        .bind(i64::from(filter.only_open))
        .bind(before)
        .bind(i64::from(limit))
        .fetch_all(&self.0.read)
        .await?;
        rows.iter().map(|row| self.alert(row)).collect()
    }

    /// How many of an organization's alerts nobody has acknowledged, by what the filter lets through.
    pub async fn open_alerts(
        &self,
        organization: OrganizationId,
        with_installation: bool,
    ) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM alerts WHERE acknowledged_at IS NULL
                 AND (organization_id = $1 OR ($2 = 1 AND organization_id = ''))",
        )
        .bind(organization.to_string())
        .bind(i64::from(with_installation))
        .fetch_one(&self.0.read)
        .await?;
        Ok(count.unsigned_abs())
    }

    /// Says that somebody saw an alert. It opens again when the same is found again.
    pub async fn acknowledge_alert(
        &self,
        actor: Actor,
        organization: OrganizationId,
        with_installation: bool,
        id: AlertId,
    ) -> Result<Alert, StoreError> {
        let mut transaction = self.begin().await?;
        let row = sqlx::query(AssertSqlSafe(format!(
            "UPDATE alerts SET acknowledged_at = COALESCE(acknowledged_at, $1),
                 acknowledged_by = COALESCE(acknowledged_by, $2)
             WHERE id = $3 AND (organization_id = $4 OR ($5 = 1 AND organization_id = ''))
             RETURNING {COLUMNS}"
        )))
        .bind(self.0.clock.now().as_micros())
        .bind(actor.to_string())
        .bind(id.to_string())
        .bind(organization.to_string())
        .bind(i64::from(with_installation))
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or_else(|| StoreError::not_found("alert", &id))?;
        let alert = self.alert(&row)?;
        let event = Event::new(actor, Action::AlertAcknowledged, &id)
            .within(organization)
            .with(Field::Kind, &alert.kind);
        self.append_audit(&mut transaction, event).await?;
        transaction.commit().await?;
        Ok(alert)
    }

    /// Deletes alerts that somebody acknowledged and that were last found before `before`, and says how
    /// many. An open one stays, however old it is.
    pub async fn delete_old_alerts(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let gone =
            sqlx::query("DELETE FROM alerts WHERE last_at < $1 AND acknowledged_at IS NOT NULL")
                .bind(before.as_micros())
                .execute(&mut *transaction)
                .await?;
        transaction.commit().await?;
        Ok(gone.rows_affected())
    }

    /// Writes a finding down, and into the audit log when it opens an alert. Whether it did.
    async fn record_alert(&self, finding: &Finding) -> Result<bool, StoreError> {
        let now = self.0.clock.now();
        let organization = match finding.organization {
            Some(organization) => organization.to_string(),
            None => self.owner_of(finding).await?,
        };
        let mut transaction = self.begin().await?;
        if let Some(episode) = &finding.episode
            && !mark(&mut transaction, finding, episode).await?
        {
            return Ok(false);
        }
        let is_open: Option<i64> = sqlx::query_scalar(
            "SELECT CASE WHEN acknowledged_at IS NULL AND last_at > $1 THEN 1 ELSE 0 END
             FROM alerts WHERE kind = $2 AND place = $3 AND object = $4",
        )
        .bind((now - QUIET).as_micros())
        .bind(finding.kind.word())
        .bind(finding.place)
        .bind(&finding.object)
        .fetch_optional(&mut *transaction)
        .await?;
        // What was acknowledged is open again, and so is what was quiet for a day.
        let id: String = sqlx::query_scalar(
            "INSERT INTO alerts (id, organization_id, kind, place, object, first_at, last_at, count,
                 opened_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6, 1, $6)
             ON CONFLICT (kind, place, object) DO UPDATE SET
                 count = alerts.count + 1, last_at = excluded.last_at,
                 opened_at = CASE WHEN alerts.acknowledged_at IS NULL AND alerts.last_at > $7
                     THEN alerts.opened_at ELSE excluded.last_at END,
                 acknowledged_at = NULL, acknowledged_by = NULL
             RETURNING id",
        )
        .bind(AlertId::new(&self.0.clock).to_string())
        .bind(&organization)
        .bind(finding.kind.word())
        .bind(finding.place)
        .bind(&finding.object)
        .bind(now.as_micros())
        .bind((now - QUIET).as_micros())
        .fetch_one(&mut *transaction)
        .await?;
        // Apart from the audit row: the audit log may be the very thing that was tampered with.
        transaction.commit().await?;
        let has_opened = is_open != Some(1);
        if has_opened {
            let event = Event::new(Actor::Keystead, Action::AlertRaised, &id)
                .outcome(Outcome::Failed)
                .with(Field::Kind, &finding.kind)
                .with(Field::Place, &finding.place);
            let event = match organization.parse() {
                Ok(organization) => event.within(organization),
                Err(_) => event,
            };
            self.audit(event).await?;
            if let Ok(organization) = organization.parse() {
                self.tell_webhooks(organization, finding, &id).await?;
            }
        }
        // Last: what can't be frozen is told all the same.
        if let Ok(organization) = organization.parse() {
            self.freeze_if_asked(organization, finding, &id).await?;
        }
        Ok(has_opened)
    }

    /// Whose row it is that a finding is about, if the row says so; empty if not. Whoever edited the row
    /// may have edited that too, and then the wrong people see an id.
    async fn owner_of(&self, finding: &Finding) -> Result<String, StoreError> {
        let object = finding.object.as_str();
        if object.parse::<OrganizationId>().is_ok() {
            return Ok(object.to_owned());
        }
        let Some((_, table)) = OWNED.iter().find(|(start, _)| object.starts_with(start)) else {
            return Ok(String::new());
        };
        let found: Option<String> = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT organization_id FROM {table} WHERE id = $1"
        )))
        .bind(object)
        .fetch_optional(&self.0.read)
        .await?;
        let known = found.filter(|text| text.parse::<OrganizationId>().is_ok());
        Ok(known.unwrap_or_default())
    }

    fn alert(&self, row: &AnyRow) -> Result<Alert, StoreError> {
        let columns = &mut Columns::of(row);
        let id = columns.id();
        let mut read = || {
            Ok(Alert {
                id: columns.parsed()?,
                organization: match columns.text()? {
                    none if none.is_empty() => None,
                    text => Some(text.parse().map_err(|_| Unfit)?),
                },
                kind: columns.parsed()?,
                place: columns.text()?,
                object: columns.text()?,
                first_at: columns.time()?,
                last_at: columns.time()?,
                count: columns.count()?,
                opened_at: columns.time()?,
                acknowledged_at: columns.optional_time()?,
                acknowledged_by: columns.optional_text()?,
                froze: columns.optional_text()?,
            })
        };
        read().map_err(|_: Unfit| self.tampered("alerts", id))
    }
}

/// Notes that a finding was made in this episode; whether it is the first time.
async fn mark(
    connection: &mut AnyConnection,
    finding: &Finding,
    episode: &str,
) -> Result<bool, StoreError> {
    let first = sqlx::query(
        "INSERT INTO watch_marks (rule, object, mark) VALUES ($1, $2, $3)
         ON CONFLICT (rule, object) DO UPDATE SET mark = excluded.mark
             WHERE watch_marks.mark <> excluded.mark
         RETURNING mark",
    )
    .bind(finding.kind.word())
    .bind(format!("{}/{}", finding.place, finding.object))
    .bind(episode)
    .fetch_optional(connection)
    .await?;
    Ok(first.is_some())
}

/// Writes down what is raised, for as long as the store lives.
pub(super) fn spawn_writer(store: &Store, mut raised: mpsc::Receiver<Raised>) {
    let store = store.weak();
    tokio::spawn(async move {
        while let Some(raised) = raised.recv().await {
            match raised {
                Raised::Flush(written) => {
                    let _ = written.send(());
                }
                Raised::Finding(finding) => {
                    let Some(store) = store.upgrade() else { return };
                    // One that only reads has said so in the log.
                    if store.0.write.is_some()
                        && let Err(error) = store.record_alert(&finding).await
                    {
                        let (kind, place) = (finding.kind, finding.place);
                        tracing::error!(%error, %kind, place, "alert could not be written down");
                    }
                }
            }
        }
    });
}

const COLUMNS: &str =
    "id, organization_id, kind, place, object, first_at, last_at, count, opened_at,
    acknowledged_at, acknowledged_by, froze";

/// How ids begin, and the tables whose rows they name and whose they are.
const OWNED: [(&str, &str); 10] = [
    ("add_", "addons"),
    ("apt_", "api_tokens"),
    ("app_", "applications"),
    ("cod_", "authorization_codes"),
    ("sec_", "client_secrets"),
    ("grn_", "grants"),
    ("key_", "keys"),
    ("rft_", "refresh_tokens"),
    ("fam_", "token_families"),
    ("tok_", "tokens"),
];

/// After so long a silence the same finding is news again.
const QUIET: Duration = Duration::from_secs(24 * 3_600);
const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);
