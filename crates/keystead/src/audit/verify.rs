//! Verification: is the log whole, and are the rows of authority those it last spoke of?
//!
//! Found are: an edited, missing or added row of the log; an edited head; a row of authority that
//! was edited, added, removed, or replaced by an older one of its own. Not found is the whole
//! store put back to an earlier day: it agrees with itself, and only a size and root that were
//! kept elsewhere tell.

use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
};

use serde::Serialize;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{
    log::{AuditEvent, Head},
    merkle::{Frontier, Hash, leaf_hash},
    note::TreeHead,
};
use crate::store::{AuthorityRow as _, Columns, Store, StoreError, select};

/// What verification found.
#[derive(Clone, Debug)]
pub struct AuditReport {
    /// How many rows the log has.
    pub size: u64,
    /// The root of its tree: worth keeping elsewhere, with the size.
    pub root: Hash,
    /// What is wrong, the first rows of the log first; empty when nothing is.
    pub faults: Vec<AuditFault>,
}

/// Something that is not as Keystead wrote it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct AuditFault {
    /// The table; `checkpoints` for what was kept elsewhere.
    pub table: &'static str,
    /// The row: its place in the log, its id, or the size that a checkpoint names.
    pub row: String,
    /// What is wrong with it: a stable word.
    pub fault: &'static str,
}

impl Store {
    /// Reads the whole log and every row of authority, as they were at one moment, and tells what
    /// does not fit. Runs beside a server that writes.
    ///
    /// # Errors
    ///
    /// The database must answer; what it answers may be as wrong as it likes.
    pub async fn verify_audit(&self) -> Result<AuditReport, StoreError> {
        self.verify_audit_against(&[]).await
    }

    /// As [`verify_audit`](Self::verify_audit), and whether the log still begins with what each of
    /// these heads, which were kept elsewhere, said that it was.
    ///
    /// # Errors
    ///
    /// As [`verify_audit`](Self::verify_audit).
    pub async fn verify_audit_against(&self, kept: &[TreeHead]) -> Result<AuditReport, StoreError> {
        let mut log = LogReader::default();
        for head in kept {
            log.kept.entry(head.size).or_default().push(head.root);
        }
        let mut snapshot = self.snapshot().await?;
        let head = self.audit_head(&mut snapshot).await?;
        log.compare();
        log.read_all(
            self,
            &mut snapshot,
            head.as_ref().map(|head| head.frontier.size()),
        )
        .await?;
        log.finish();
        let mut faults = log.faults;
        faults.extend(head_faults(head.as_ref(), &log.frontier));
        if head.is_some() {
            faults.extend(added_rows(&mut snapshot).await?);
        }
        faults.extend(self.compare_objects(&mut snapshot, &log.versions).await?);
        snapshot.rollback().await?;
        let (size, root) = (log.frontier.size(), log.frontier.root());
        Ok(AuditReport { size, root, faults })
    }

    /// The head, if it is as Keystead wrote it.
    async fn audit_head(&self, store: &mut AnyConnection) -> Result<Option<Head>, StoreError> {
        let row = sqlx::query(select::<Head>("WHERE id = 1"))
            .fetch_optional(store)
            .await?;
        match row.map(|row| self.checked(&row)).transpose() {
            Err(StoreError::Tampered { .. }) => Ok(None),
            other => other,
        }
    }
}

/// Rows that are told one by one where they are missing; beyond it, whoever forges one row would have
/// as many told as there are numbers.
const WIDEST_GAP: u64 = 1_000;

/// Reads the log from its beginning, a stretch at a time.
#[derive(Default)]
struct LogReader {
    frontier: Frontier,
    /// The last row version that the log gives each object.
    versions: HashMap<String, i64>,
    /// What is known from elsewhere: roots, by the size that the log had; what was passed is gone.
    kept: BTreeMap<u64, Vec<Hash>>,
    faults: Vec<AuditFault>,
}

impl LogReader {
    /// Reads all of it; up to `size`, where the head tells it.
    async fn read_all(
        &mut self,
        store: &Store,
        snapshot: &mut AnyConnection,
        size: Option<u64>,
    ) -> Result<(), StoreError> {
        let end = size.map_or(i64::MAX, u64::cast_signed);
        loop {
            let rows = sqlx::query(AssertSqlSafe(format!(
                "SELECT {}, canonical, leaf_hash, mac FROM audit_events
                 WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT 1000",
                AuditEvent::COLUMNS
            )))
            .bind(self.frontier.size().cast_signed())
            .bind(end)
            .fetch_all(&mut *snapshot)
            .await?;
            for row in &rows {
                if self.read(store, &mut Columns::of(row))?.is_break() {
                    return Ok(());
                }
            }
            if rows.len() < 1000 {
                return Ok(());
            }
        }
    }

    /// Reads a row; breaks off where so many are missing that no root can fit any more.
    fn read(
        &mut self,
        store: &Store,
        columns: &mut Columns<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let expected = self.frontier.size() + 1;
        let place = columns.id();
        let Ok(event) = AuditEvent::read(columns) else {
            self.fault(&place, "altered", None);
            return Ok(ControlFlow::Continue(()));
        };
        if event.seq.saturating_sub(expected) > WIDEST_GAP {
            self.faults.push(AuditFault {
                table: "audit_events",
                row: format!("{expected}-{}", event.seq - 1),
                fault: "missing",
            });
            return Ok(ControlFlow::Break(()));
        }
        // A gap: the rows in it are gone, and the tree can't be what it was.
        for missing in expected..event.seq {
            self.fault(&missing.to_string(), "missing", None);
        }
        let canonical = event.canonical();
        let leaf = leaf_hash(canonical.as_bytes());
        let fits = columns
            .bytes()
            .is_ok_and(|stored| stored == canonical.as_bytes())
            && columns.hash().is_ok_and(|stored| stored == leaf)
            && match columns.bytes() {
                Ok(tag) => store.row_fits(&AuditEvent::tagged(event.seq, &leaf), &tag)?,
                Err(_) => false,
            };
        match fits {
            true => self.append(leaf),
            false => self.fault(&place, "altered", Some(leaf)),
        }
        if let Some(version) = event.object_version {
            self.versions.insert(event.object, version);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Notes a fault, and goes on as if the row were there.
    fn fault(&mut self, place: &str, fault: &'static str, leaf: Option<Hash>) {
        self.faults.push(AuditFault {
            table: "audit_events",
            row: place.to_owned(),
            fault,
        });
        self.append(leaf.unwrap_or_default());
    }

    fn append(&mut self, leaf: Hash) {
        self.frontier.append(leaf);
        self.compare();
    }

    /// Holds the tree as it is now against what is known of that size.
    fn compare(&mut self) {
        let size = self.frontier.size();
        let Some(roots) = self.kept.remove(&size) else {
            return;
        };
        let root = self.frontier.root();
        if roots.iter().any(|kept| *kept != root) {
            self.faults.push(kept_fault(size, "rewritten"));
        }
    }

    /// What is known of sizes that the log never came to.
    fn finish(&mut self) {
        let longer = std::mem::take(&mut self.kept);
        let faults = longer.keys().map(|size| kept_fault(*size, "truncated"));
        self.faults.extend(faults);
    }
}

/// A checkpoint that was kept elsewhere and does not fit, by the size that it names.
fn kept_fault(size: u64, fault: &'static str) -> AuditFault {
    AuditFault {
        table: "checkpoints",
        row: size.to_string(),
        fault,
    }
}

/// Rows before the log's first place or after its last, which no append wrote: the next one could
/// not take its place.
async fn added_rows(snapshot: &mut AnyConnection) -> Result<Vec<AuditFault>, StoreError> {
    let places: Vec<i64> = sqlx::query_scalar(
        "SELECT seq FROM audit_events
         WHERE seq < 1 OR seq > (SELECT size FROM audit_head WHERE id = 1)
         ORDER BY seq LIMIT 1000",
    )
    .fetch_all(snapshot)
    .await?;
    let fault = |place: i64| AuditFault {
        table: "audit_events",
        row: place.to_string(),
        fault: "added",
    };
    Ok(places.into_iter().map(fault).collect())
}

/// What is wrong with the head, given the tree that the rows make.
fn head_faults(head: Option<&Head>, rows: &Frontier) -> Option<AuditFault> {
    let fault = match head {
        None => "altered",
        Some(head) if head.frontier.size() > rows.size() => "rows_missing",
        Some(head) if head.root != rows.root() => "other_root",
        Some(_) => return None,
    };
    Some(AuditFault {
        table: Head::TABLE,
        row: "1".to_owned(),
        fault,
    })
}
