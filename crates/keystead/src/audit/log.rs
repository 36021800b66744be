//! Writing the audit log, and reading it.

use keystead_vault::{Canonical, MacKey};
use sqlx::AnyConnection;

use super::{
    Event, Field, Outcome,
    merkle::{Frontier, Hash, leaf_hash},
};
use crate::{
    clock::Timestamp,
    ids::{EventId, OrganizationId},
    store::{AuthorityRow, Columns, Store, StoreError, Unfit, covered, select},
};

/// A row of the audit log.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// Its place in the log; the first is 1.
    pub seq: u64,
    /// Its id.
    pub id: EventId,
    /// When it was written.
    pub at: Timestamp,
    /// In which organization, if in one.
    pub organization: Option<OrganizationId>,
    /// Who did it: an id, `operator` or `keystead`.
    pub actor: String,
    /// What was done: a stable word.
    pub action: String,
    /// What it was done to: an id.
    pub object: String,
    /// The version of the object's row afterwards.
    pub object_version: Option<i64>,
    /// How it ended.
    pub outcome: Outcome,
    /// Further facts, as a JSON object of texts.
    pub detail: String,
}

impl AuditEvent {
    pub(super) const COLUMNS: &str = "seq, id, at, organization_id, actor, action, object, \
        object_version, outcome, detail";

    pub(super) fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            seq: columns.count()?,
            id: columns.parsed()?,
            at: columns.time()?,
            organization: columns.optional_parsed()?,
            actor: columns.text()?,
            action: columns.text()?,
            object: columns.text()?,
            object_version: columns.optional_number()?,
            outcome: columns.parsed()?,
            detail: columns.text()?,
        })
    }

    /// What the row's own MAC covers. The head's root says that some row was altered, this says
    /// which, even when whoever altered it made a fitting leaf.
    pub(super) fn tagged(seq: u64, leaf: &Hash) -> Canonical {
        covered("audit_events", &"", &seq, 1).bytes(leaf)
    }

    /// The leaf's bytes: every column, so that none can be edited.
    pub(super) fn canonical(&self) -> Canonical {
        let leaf = Canonical::new("keystead/audit/v1")
            .number(self.seq.cast_signed())
            .text(&self.id.to_string())
            .number(self.at.as_micros());
        let leaf = match self.organization {
            Some(organization) => leaf.text(&organization.to_string()),
            None => leaf.none(),
        };
        let leaf = leaf.text(&self.actor).text(&self.action).text(&self.object);
        let leaf = match self.object_version {
            Some(version) => leaf.number(version),
            None => leaf.none(),
        };
        leaf.text(self.outcome.word()).text(&self.detail)
    }
}

/// The one row that says how long the log is and what its root is.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) frontier: Frontier,
    pub(super) root: Hash,
}

impl AuthorityRow for Head {
    const TABLE: &'static str = "audit_head";
    const COLUMNS: &'static str = "size, frontier, root";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        let size = columns.count()?;
        let frontier = Frontier::from_bytes(size, &columns.bytes()?).ok_or(Unfit)?;
        Ok(Self {
            frontier,
            root: columns.hash()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.frontier.size().cast_signed()
    }

    fn covered(&self) -> Canonical {
        covered(Self::TABLE, &"", &1, self.row_version())
            .bytes(&self.frontier.to_bytes())
            .bytes(&self.root)
    }
}

impl Store {
    /// Writes one row of the log and makes it durable, in one commit with others that come at once.
    pub async fn audit(&self, event: Event) -> Result<(), StoreError> {
        self.audit_queue().write(event).await
    }

    /// Writes some rows in one commit: all, or none.
    pub(super) async fn append_together(&self, events: Vec<Event>) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for event in events {
            self.append_audit(&mut transaction, event).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Writes a row of the log as part of a transaction. The head stays locked until that ends.
    pub(crate) async fn append_audit(
        &self,
        connection: &mut AnyConnection,
        event: Event,
    ) -> Result<(), StoreError> {
        // An update that changes nothing locks the row on either database.
        let row = sqlx::query(
            "UPDATE audit_head SET size = size WHERE id = 1 RETURNING size, frontier, root, mac",
        )
        .fetch_optional(&mut *connection)
        .await?
        .ok_or_else(|| self.tampered(Head::TABLE, "1".to_owned()))?;
        let mut head: Head = self.checked(&row)?;

        let event = AuditEvent {
            seq: head.frontier.size() + 1,
            id: EventId::new(self.clock()),
            at: self.clock().now(),
            organization: event.organization,
            actor: event.actor.to_string(),
            action: event.action.word().to_owned(),
            object: event.object,
            object_version: event.object_version,
            outcome: event.outcome,
            detail: json_object(&event.detail),
        };
        let canonical = event.canonical();
        let leaf = leaf_hash(canonical.as_bytes());
        sqlx::query(
            "INSERT INTO audit_events (seq, id, at, organization_id, actor, action, object,
                 object_version, outcome, detail, canonical, leaf_hash, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(event.seq.cast_signed())
        .bind(event.id.to_string())
        .bind(event.at.as_micros())
        .bind(event.organization.map(|id| id.to_string()))
        .bind(event.actor)
        .bind(event.action)
        .bind(event.object)
        .bind(event.object_version)
        .bind(event.outcome.word())
        .bind(event.detail)
        .bind(canonical.as_bytes().to_vec())
        .bind(leaf.to_vec())
        .bind(self.row_tag(&AuditEvent::tagged(event.seq, &leaf))?)
        .execute(&mut *connection)
        .await?;

        head.frontier.append(leaf);
        head.root = head.frontier.root();
        sqlx::query(
            "UPDATE audit_head SET size = $1, frontier = $2, root = $3, mac = $4 WHERE id = 1",
        )
        .bind(head.frontier.size().cast_signed())
        .bind(head.frontier.to_bytes())
        .bind(head.root.to_vec())
        .bind(self.tag(&head)?)
        .execute(connection)
        .await?;
        Ok(())
    }

    /// How long the log is, and the root of its tree.
    pub(crate) async fn audit_size_and_root(&self) -> Result<(u64, Hash), StoreError> {
        let row = sqlx::query(select::<Head>("WHERE id = 1"))
            .fetch_optional(self.reader())
            .await?
            .ok_or_else(|| self.tampered(Head::TABLE, "1".to_owned()))?;
        let head: Head = self.checked(&row)?;
        Ok((head.frontier.size(), head.root))
    }

    /// Writes the head of an empty log, once in an installation's life.
    pub(crate) async fn begin_audit(
        &self,
        connection: &mut AnyConnection,
        row_mac: &MacKey,
    ) -> Result<(), StoreError> {
        let frontier = Frontier::default();
        let head = Head {
            root: frontier.root(),
            frontier,
        };
        sqlx::query(
            "INSERT INTO audit_head (id, size, frontier, root, mac) VALUES (1, 0, $1, $2, $3)",
        )
        .bind(head.frontier.to_bytes())
        .bind(head.root.to_vec())
        .bind(row_mac.tag(&head.covered()).to_vec())
        .execute(connection)
        .await?;
        Ok(())
    }

    /// An organization's rows of the log after `seq`, oldest first, `limit` at most.
    pub async fn audit_events(
        &self,
        organization: OrganizationId,
        seq: u64,
        limit: u16,
    ) -> Result<Vec<AuditEvent>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {} FROM audit_events WHERE organization_id = $1 AND seq > $2
             ORDER BY seq LIMIT $3",
            AuditEvent::COLUMNS
        )))
        .bind(organization.to_string())
        .bind(seq.cast_signed())
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await?;
        rows.iter()
            .map(|row| {
                AuditEvent::read(&mut Columns::of(row))
                    .map_err(|_| self.tampered("audit_events", Columns::of(row).id()))
            })
            .collect()
    }
}

fn json_object(detail: &[(Field, String)]) -> String {
    let object: serde_json::Map<String, serde_json::Value> = detail
        .iter()
        .map(|(field, value)| (field.word().to_owned(), value.as_str().into()))
        .collect();
    serde_json::Value::Object(object).to_string()
}
