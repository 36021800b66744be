//! A store from a file: all of it, or nothing.

use std::{collections::BTreeMap, path::Path};

use super::{
    BackupError,
    afterwards::{ended, is_of_people},
    inspect::{Inspected, Part, Parts, inspect},
};
use crate::{
    audit::{Action, Actor, Event, Field},
    clock::{Clock, Timestamp},
    custody::Custody,
    erasure::{Tombstone, read_tombstones},
    ids::BackupId,
    root::RootKeySource,
    store::{AuthorityRow as _, Column, ConnectLink, Restoring, Store, StoreUrl, Suspended, Table},
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
    /// What has ended for good, by table: how many rows of those that have any.
    pub ended: BTreeMap<String, u64>,
    /// How many tombstones were replayed.
    pub tombstones: usize,
}

/// Makes the store at `url`, which must be a fresh one, what the backup at `path` says, and erases anew
/// what `tombstones` name, the text of the place where they are kept; `None` leaves it as it was then.
///
/// # Errors
///
/// [`BackupError`]; the store is empty then, as it was.
pub async fn restore(
    path: &Path,
    url: &StoreUrl,
    source: &RootKeySource,
    tombstones: Option<&str>,
    clock: Clock,
) -> Result<Restored, BackupError> {
    let inspected = inspect(path, Store::newest_schema(url))?;
    let keys = Custody::foreign(source, &inspected.installation, &inspected.records).await?;
    let tombstones = match tombstones {
        Some(text) => read_tombstones(text, &keys.verifier)?,
        None => Vec::new(),
    };

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
        store.unseal(keys.row_mac);
        finish(&store, restoring, &inspected, &tombstones).await
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
    tombstones: &[Tombstone],
) -> Result<Restored, BackupError> {
    let tables = restoring.tables().await?;
    let mut gone = BTreeMap::new();
    for table in ended(tables.iter().map(|table| table.name.as_str())) {
        gone.insert(table.to_owned(), restoring.empty(table).await?);
    }
    let mut changing = restoring.into_change().await?;
    let links = store.end_open_connect_links(&mut changing, Actor::Operator);
    gone.insert(ConnectLink::TABLE.to_owned(), links.await?);
    gone.retain(|table, count| *count > 0 && is_of_people(table));
    let suspended = store.suspend_all(&mut changing).await?;
    for tombstone in tombstones {
        let erased = store.erase_now(&mut changing, Actor::Operator, &tombstone.erasing);
        for subject in erased.await?.subjects {
            store
                .forget_subject_now(&subject, changing.connection())
                .await?;
        }
    }
    // What was erased is not there to be enabled.
    let suspended = store.still_there(&mut changing, suspended).await?;
    let Inspected { header, end, .. } = inspected;
    let event = Event::new(Actor::Operator, Action::StoreRestored, &header.id)
        .with(Field::MadeAt, &header.made_at)
        .with(Field::Rows, &end.rows)
        .with(Field::Suspended, &suspended.len())
        .with(Field::Tombstones, &tombstones.len());
    changing.commit(event).await?;
    Ok(Restored {
        backup: header.id,
        made_at: Timestamp::from_micros(header.made_at),
        rows: end.rows,
        suspended,
        ended: gone,
        tombstones: tombstones.len(),
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::{
        backup::{
            frames::{FrameReader, FrameWriter, Kind},
            header::{End, hex},
            make,
        },
        store::Access,
    };

    /// A schema that is older than this program's.
    const OLDER: i64 = 4;

    /// A backup is of the newest schema; this makes it say that it is of an older one.
    fn dated_back(file: &Path, schema: i64) -> Vec<u8> {
        let bytes = fs::read(file).unwrap();
        let mut reader = FrameReader::new(&bytes[..]).unwrap();
        let mut writer = FrameWriter::new(Vec::new()).unwrap();
        loop {
            let frame = reader.read().unwrap();
            let mut payload = frame.payload;
            match frame.kind {
                Kind::Header => {
                    let mut header: serde_json::Value = serde_json::from_slice(&payload).unwrap();
                    header["schema"] = schema.into();
                    payload = header.to_string().into_bytes();
                }
                Kind::End => {
                    let end: End = serde_json::from_slice(&payload).unwrap();
                    let sha256 = hex(&writer.whole());
                    payload = serde_json::to_vec(&End { sha256, ..end }).unwrap();
                }
                _ => {}
            }
            writer.write(frame.kind, &payload).unwrap();
            if frame.kind == Kind::End {
                return writer.into_inner();
            }
        }
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("keystead-{name}-{}", std::process::id()));
        _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[tokio::test]
    async fn an_older_backup_is_migrated_while_it_is_restored() {
        let folder = folder("older");
        let clock = Clock::system();
        let source = RootKeySource::File(folder.join("root.key"));
        let old = StoreUrl::Sqlite(folder.join("old/keystead.db"));
        let store = Store::open_for_restore(&old, OLDER, clock.clone())
            .await
            .unwrap();
        Custody::open(store.clone(), &source).await.unwrap();
        let file = folder.join("newest");
        make(&store, &file).await.unwrap();
        let older = folder.join("older");
        fs::write(&older, dated_back(&file, OLDER)).unwrap();

        let url = StoreUrl::Sqlite(folder.join("new/keystead.db"));
        restore(&older, &url, &source, None, clock.clone())
            .await
            .unwrap();
        let found = Store::schema(&url).await.unwrap();
        assert_eq!(found.found, found.known);
        let store = Store::open(&url, Access::Write, clock.clone())
            .await
            .unwrap();
        let custody = Custody::open(store.clone(), &source).await.unwrap();
        assert_eq!(custody.store().verify_audit().await.unwrap().faults, []);
        store.close().await;

        // What has tables of a newer schema already can't go back to it, and stays empty.
        let there = StoreUrl::Sqlite(folder.join("there/keystead.db"));
        let store = Store::open(&there, Access::Write, clock.clone())
            .await
            .unwrap();
        store.close().await;
        drop(store);
        let refused = restore(&older, &there, &source, None, clock.clone()).await;
        assert_eq!(refused.unwrap_err().code(), Some("backup_schema_there"));
        // And what a newer program made is not for this one.
        fs::write(&older, dated_back(&file, 1_000)).unwrap();
        let refused = restore(&older, &there, &source, None, clock).await;
        assert_eq!(refused.unwrap_err().code(), Some("backup_newer"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
