//! Verification: is the log whole, and are the rows of authority those it last spoke of?
//!
//! Found are: an edited, missing or added row of the log; an edited head; a row of authority that
//! was edited, added, removed, or replaced by an older one of its own. Not found is the whole
//! store put back to an earlier day: it agrees with itself, and only a size and root that were
//! kept elsewhere tell.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    log::{AuditEvent, Head},
    merkle::{Frontier, Hash, leaf_hash},
};
use crate::store::{
    Account, AddOn, ApiToken, Application, AuthorityRow, ClientSecret, Columns, Key, Member,
    Organization, Store, StoreError, select,
};

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
    /// The table.
    pub table: &'static str,
    /// The row: its place in the log, or its id.
    pub row: String,
    /// What is wrong with it: a stable word.
    pub fault: &'static str,
}

impl Store {
    /// Reads the whole log and every row of authority, and tells what does not fit. Runs beside a
    /// server that writes.
    ///
    /// # Errors
    ///
    /// The database must answer; what it answers may be as wrong as it likes.
    pub async fn verify_audit(&self) -> Result<AuditReport, StoreError> {
        let mut log = LogReader::default();
        // What the log says and what the tables hold are of one moment when nothing changed
        // between the two readings.
        for _ in 0..ATTEMPTS {
            let before = self.current_seq().await?;
            let head = self.audit_head().await?;
            log.read_on(self, head.as_ref().map(|head| head.frontier.size()))
                .await?;
            let objects = self.compare_objects(&log.versions).await?;
            if self.current_seq().await? != before {
                continue;
            }
            let mut faults = log.faults;
            faults.extend(head_faults(head.as_ref(), &log.frontier));
            faults.extend(objects);
            let (size, root) = (log.frontier.size(), log.frontier.root());
            return Ok(AuditReport { size, root, faults });
        }
        Err(StoreError::Conflict {
            code: "store_busy",
            reason: "the store changed at every attempt to verify it: try again".to_owned(),
        })
    }

    /// The head, if it is as Keystead wrote it.
    async fn audit_head(&self) -> Result<Option<Head>, StoreError> {
        let row = sqlx::query(select::<Head>("WHERE id = 1"))
            .fetch_optional(self.reader())
            .await?;
        match row.map(|row| self.checked(&row)).transpose() {
            Err(StoreError::Tampered { .. }) => Ok(None),
            other => other,
        }
    }

    /// Holds every row of authority against the version that the log last gave it.
    async fn compare_objects(
        &self,
        versions: &HashMap<String, i64>,
    ) -> Result<Vec<AuditFault>, StoreError> {
        let mut faults = Vec::new();
        let mut unseen = versions.clone();
        self.compare::<Organization>(&mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Account>(&mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Member>(&mut unseen, &mut faults, Member::audit_name)
            .await?;
        self.compare::<ApiToken>(&mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Application>(&mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<ClientSecret>(&mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<Key>(&mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare::<AddOn>(&mut unseen, &mut faults, |row| row.id.to_string())
            .await?;
        self.compare_revoked_tokens(&mut unseen, &mut faults)
            .await?;

        let mut missing: Vec<_> = unseen
            .into_iter()
            .filter(|(_, version)| *version != GONE)
            .collect();
        missing.sort();
        faults.extend(missing.into_iter().map(|(object, _)| AuditFault {
            table: table_of(&object),
            row: object,
            fault: "missing",
        }));
        Ok(faults)
    }

    async fn compare<T: AuthorityRow>(
        &self,
        unseen: &mut HashMap<String, i64>,
        faults: &mut Vec<AuditFault>,
        name: impl Fn(&T) -> String,
    ) -> Result<(), StoreError> {
        for row in sqlx::query(select::<T>(""))
            .fetch_all(self.reader())
            .await?
        {
            let checked: Result<T, _> = self.checked(&row);
            let fault = match checked {
                Ok(value) => {
                    let name = name(&value);
                    fault_of_version(unseen.remove(&name), value.row_version()).map(|fault| {
                        AuditFault {
                            table: T::TABLE,
                            row: name,
                            fault,
                        }
                    })
                }
                Err(StoreError::Tampered { table, id }) => {
                    unseen.remove(&id);
                    Some(AuditFault {
                        table,
                        row: id,
                        fault: "altered",
                    })
                }
                Err(error) => return Err(error),
            };
            faults.extend(fault);
        }
        Ok(())
    }

    /// Tokens are logged when they are revoked, not when they are minted; and deleted, unlogged,
    /// some time after they ended.
    async fn compare_revoked_tokens(
        &self,
        unseen: &mut HashMap<String, i64>,
        faults: &mut Vec<AuditFault>,
    ) -> Result<(), StoreError> {
        let mut revoked: Vec<String> = unseen
            .keys()
            .filter(|object| object.starts_with("tok_"))
            .cloned()
            .collect();
        revoked.sort();
        for id in revoked {
            let logged = unseen.remove(&id);
            let row = sqlx::query("SELECT row_version FROM tokens WHERE id = $1")
                .bind(&id)
                .fetch_optional(self.reader())
                .await?;
            let version = row.and_then(|row| row.try_get(0).ok());
            let fault = version.and_then(|version| fault_of_version(logged, version));
            faults.extend(fault.map(|fault| AuditFault {
                table: "tokens",
                row: id,
                fault,
            }));
        }
        Ok(())
    }
}

/// Reads the log from its beginning, a stretch at a time.
#[derive(Default)]
struct LogReader {
    frontier: Frontier,
    /// The last row version that the log gives each object.
    versions: HashMap<String, i64>,
    faults: Vec<AuditFault>,
}

impl LogReader {
    /// Reads what was added since; up to `size`, where the head tells it.
    async fn read_on(&mut self, store: &Store, size: Option<u64>) -> Result<(), StoreError> {
        let end = size.map_or(i64::MAX, u64::cast_signed);
        loop {
            let rows = sqlx::query(AssertSqlSafe(format!(
                "SELECT {}, canonical, leaf_hash, mac FROM audit_events
                 WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT 1000",
                AuditEvent::COLUMNS
            )))
            .bind(self.frontier.size().cast_signed())
            .bind(end)
            .fetch_all(store.reader())
            .await?;
            for row in &rows {
                self.read(store, &mut Columns::of(row))?;
            }
            if rows.len() < 1000 {
                return Ok(());
            }
        }
    }

    fn read(&mut self, store: &Store, columns: &mut Columns<'_>) -> Result<(), StoreError> {
        let expected = self.frontier.size() + 1;
        let place = columns.id();
        let Ok(event) = AuditEvent::read(columns) else {
            self.fault(&place, "altered", None);
            return Ok(());
        };
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
            true => self.frontier.append(leaf),
            false => self.fault(&place, "altered", Some(leaf)),
        }
        if let Some(version) = event.object_version {
            self.versions.insert(event.object, version);
        }
        Ok(())
    }

    /// Notes a fault, and goes on as if the row were there.
    fn fault(&mut self, place: &str, fault: &'static str, leaf: Option<Hash>) {
        self.frontier.append(leaf.unwrap_or_default());
        self.faults.push(AuditFault {
            table: "audit_events",
            row: place.to_owned(),
            fault,
        });
    }
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

/// Compares the version of a row with the one that was logged.
fn fault_of_version(logged: Option<i64>, found: i64) -> Option<&'static str> {
    match logged {
        None => Some("never_logged"),
        Some(GONE) => Some("put_back"),
        Some(logged) if found < logged => Some("older_version"),
        Some(logged) if found > logged => Some("unlogged_version"),
        Some(_) => None,
    }
}

fn table_of(object: &str) -> &'static str {
    match object.split_once('_').map(|(prefix, _)| prefix) {
        Some("org") if object.contains('/') => Member::TABLE,
        Some("org") => Organization::TABLE,
        Some("acc") => Account::TABLE,
        Some("apt") => ApiToken::TABLE,
        Some("app") => Application::TABLE,
        Some("sec") => ClientSecret::TABLE,
        Some("key") => Key::TABLE,
        Some("add") => AddOn::TABLE,
        _ => "?",
    }
}

/// In place of a row's version: the row was removed. Versions begin at 1.
pub(super) const GONE: i64 = 0;
const ATTEMPTS: usize = 10;
