//! A store from a file: all of it, or nothing.

use std::path::Path;

use super::{
    BackupError,
    afterwards::ended,
    inspect::{Inspected, Part, Parts, inspect},
};
use crate::{
    audit::{Actor, Event},
    clock::{Clock, Timestamp},
    custody::Custody,
    ids::BackupId,
    root::RootKeySource,
    store::{Column, Restoring, Store, StoreUrl, Suspended, Table},
};

/// A store that was restored.
#[derive(Debug)]
pub struct Restored {
    /// The backup that it is of.
    pub backup: BackupId,
    /// When that was made.
    pub made_at: Timestamp,
    /// How many rows came back.
    pub rows: u64,
    /// What is refused until somebody enables it again.
    pub suspended: Vec<Suspended>,
}

/// Makes the store at `url`, which must be a fresh one, what the backup at `path` says.
///
/// # Errors
///
/// [`BackupError`]; the store is empty then, as it was.
pub async fn restore(
    path: &Path,
    url: &StoreUrl,
    source: &RootKeySource,
    clock: Clock,
) -> Result<Restored, BackupError> {
    let inspected = inspect(path, Store::newest_schema(url))?;
    let row_mac = Custody::row_mac_of(source, &inspected.installation, &inspected.row_mac).await?;

    let schema = inspected.header.schema;
    let store = Store::open_for_restore(url, schema, clock).await?;
    let outcome = async {
        let found = Store::schema(url).await?.found;
        let mut restoring = store.begin_restoring().await?;
        if found > schema {
            let wanted = schema;
            return Err(BackupError::SchemaThere { found, wanted });
        }
        fill(&mut restoring, path, &inspected).await?;
        restoring.migrate().await?;
        store.unseal(row_mac);
        finish(&store, restoring, &inspected).await
    };
    let outcome = outcome.await;
    store.close().await;
    outcome
}

/// Writes the rows of the file, which must be the one that was inspected.
async fn fill(
    restoring: &mut Restoring,
    path: &Path,
    inspected: &Inspected,
) -> Result<(), BackupError> {
    let schema = inspected.header.schema;
    let mut waiting = restoring.tables().await?;
    let mut parts = Parts::open(path, schema)?;
    let mut now: Option<Table> = None;
    loop {
        match parts.next()? {
            Part::Table(head, columns) => {
                let place = waiting.iter().position(|table| table.name == head.table);
                let table = place.map(|place| waiting.remove(place));
                let table = table.filter(|table| has(table, &columns));
                let table = table.map(|table| Table { columns, ..table });
                now = Some(table.ok_or(BackupError::OtherTables {
                    table: head.table,
                    schema,
                })?);
            }
            Part::Rows(rows) => match &now {
                Some(table) => restoring.insert(table, rows).await?,
                None => {
                    return Err(BackupError::Damaged {
                        frame: 1,
                        reason: "its rows belong to no table",
                    });
                }
            },
            Part::End(end) if end == inspected.end => break,
            Part::End(end) => {
                return Err(BackupError::Damaged {
                    frame: end.frames,
                    reason: "it changed while it was read",
                });
            }
        }
    }
    match waiting.pop() {
        None => Ok(()),
        Some(table) => Err(BackupError::OtherTables {
            table: table.name,
            schema,
        }),
    }
}

/// Whether a table has these columns, in whatever order.
fn has(table: &Table, columns: &[Column]) -> bool {
    let is_there = |column: &Column| columns.contains(column);
    table.columns.len() == columns.len() && table.columns.iter().all(is_there)
}

/// Ends what passes, suspends what lets somebody in, and writes down that it happened.
async fn finish(
    store: &Store,
    mut restoring: Restoring,
    inspected: &Inspected,
) -> Result<Restored, BackupError> {
    let tables = restoring.tables().await?;
    for table in ended(tables.iter().map(|table| table.name.as_str())) {
        restoring.empty(table).await?;
    }
    let mut changing = restoring.into_change().await?;
    let suspended = store.suspend_all(&mut changing).await?;
    let Inspected { header, end, .. } = inspected;
    let event = Event::new(Actor::Operator, "store.restored", &header.id)
        .with("made_at", &header.made_at)
        .with("rows", &end.rows)
        .with("suspended", &suspended.len());
    changing.commit(event).await?;
    Ok(Restored {
        backup: header.id,
        made_at: Timestamp::from_micros(header.made_at),
        rows: end.rows,
        suspended,
    })
}
