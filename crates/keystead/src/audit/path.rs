//! The way of one row of the log to the root, read in one pass.

use sqlx::AssertSqlSafe;

use super::{
    log::{AuditEvent, Head},
    merkle::{Frontier, Hash, leaf_hash},
    proof::PathMaker,
};
use crate::{
    ids::EventId,
    store::{AuthorityRow as _, Columns, Store, StoreError, select},
};

/// A row of the log, and what leads from it to the root.
#[derive(Debug)]
pub(crate) struct AuditPath {
    /// The row's bytes, as they were hashed.
    pub(crate) row: Vec<u8>,
    /// How many rows stand before it.
    pub(crate) index: u64,
    /// The roots beside its way, the nearest first.
    pub(crate) path: Vec<Hash>,
    /// How many rows the log has.
    pub(crate) size: u64,
    /// The root.
    pub(crate) root: Hash,
}

impl Store {
    /// Reads the path of a row. Runs beside a server that writes.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when the log has no such row, [`StoreError::Tampered`] when the log is
    /// not what Keystead wrote: there is nothing to prove then.
    pub(crate) async fn audit_path(&self, id: EventId) -> Result<AuditPath, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let row = sqlx::query(select::<Head>("WHERE id = 1"))
            .fetch_optional(&mut *snapshot)
            .await?
            .ok_or_else(|| self.tampered(Head::TABLE, "1".to_owned()))?;
        let head: Head = self.checked(&row)?;
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT {} FROM audit_events WHERE id = $1",
            AuditEvent::COLUMNS
        )))
        .bind(id.to_string())
        .fetch_optional(&mut *snapshot)
        .await?
        .ok_or_else(|| StoreError::not_found("audit event", &id))?;
        let altered = || self.tampered("audit_events", id.to_string());
        let event = AuditEvent::read(&mut Columns::of(&row)).map_err(|_| altered())?;
        let (index, size) = (event.seq.saturating_sub(1), head.frontier.size());
        let mut path = PathMaker::new(index, size).ok_or_else(altered)?;
        let mut tree = Frontier::default();
        loop {
            let leaves = sqlx::query(
                "SELECT leaf_hash FROM audit_events WHERE seq > $1 AND seq <= $2
                 ORDER BY seq LIMIT 10000",
            )
            .bind(tree.size().cast_signed())
            .bind(size.cast_signed())
            .fetch_all(&mut *snapshot)
            .await?;
            for leaf in &leaves {
                let leaf = Columns::of(leaf).hash().map_err(|_| altered())?;
                path.take(tree.size(), leaf);
                tree.append(leaf);
            }
            if leaves.is_empty() || tree.size() >= size {
                break;
            }
        }
        snapshot.rollback().await?;
        if tree.size() != size || tree.root() != head.root {
            return Err(self.tampered(Head::TABLE, "1".to_owned()));
        }
        let row = event.canonical().as_bytes().to_vec();
        // A row whose leaf is another's would be proven to be what it is not.
        let found = AuditPath {
            path: path.finish(),
            root: head.root,
            row,
            index,
            size,
        };
        match found.leads(leaf_hash(&found.row)) {
            true => Ok(found),
            false => Err(altered()),
        }
    }
}

impl AuditPath {
    fn leads(&self, leaf: Hash) -> bool {
        super::proof::root_from(leaf, self.index, self.size, &self.path) == Some(self.root)
    }
}
