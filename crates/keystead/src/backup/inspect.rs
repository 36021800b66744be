//! A file, read from its first byte to its last before anything is done with it: whether it is whole,
//! whose it is, and whether this program can read it.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use super::{
    BackupError,
    frames::{Frame, FrameReader, Kind, Unread, read_rows},
    header::{End, FORMAT, Header, TableHead, hex},
};
use crate::{
    custody::{Custody, ForeignRecords},
    store::{Cell, Column, Installation, PassphraseParameters},
};

/// What stands in a backup after its header, one by one.
#[derive(Debug)]
pub(super) enum Part {
    /// The rows after it are this table's.
    Table(TableHead, Vec<Column>),
    /// Rows of the table before it.
    Rows(Vec<Vec<Cell>>),
    /// All was read, and fits together.
    End(End),
}

/// Reads a backup part by part.
pub(super) struct Parts {
    path: PathBuf,
    frames: FrameReader<BufReader<File>>,
    header: Header,
    columns: usize,
    rows: u64,
}

impl Parts {
    pub(super) fn open(path: &Path, schema: i64) -> Result<Self, BackupError> {
        let failed = |error| refused(path, error);
        let file = File::open(path).map_err(|error| failed(error.into()))?;
        let mut frames = FrameReader::new(BufReader::new(file)).map_err(failed)?;
        let first = frames.read().map_err(failed)?;
        let header = header_of(&first, schema)?;
        Ok(Self {
            path: path.to_owned(),
            frames,
            header,
            columns: 0,
            rows: 0,
        })
    }

    pub(super) fn next(&mut self) -> Result<Part, BackupError> {
        let frame = self
            .frames
            .read()
            .map_err(|error| refused(&self.path, error))?;
        let damaged = |reason| BackupError::Damaged {
            frame: self.frames.place(),
            reason,
        };
        match frame.kind {
            Kind::Header => Err(damaged("a header stands in its midst")),
            Kind::Table => {
                let head: Option<TableHead> = serde_json::from_slice(&frame.payload).ok();
                let read = head.and_then(|head| head.columns().map(|columns| (head, columns)));
                let (head, columns) = read.ok_or_else(|| damaged("it describes no table"))?;
                self.columns = columns.len();
                Ok(Part::Table(head, columns))
            }
            Kind::Rows => {
                let rows = read_rows(&frame.payload, self.columns);
                let rows = rows.ok_or_else(|| damaged("it holds no rows"))?;
                self.rows += rows.len() as u64;
                Ok(Part::Rows(rows))
            }
            Kind::End => {
                let found: Option<End> = serde_json::from_slice(&frame.payload).ok();
                let counted = End {
                    frames: self.frames.place(),
                    rows: self.rows,
                    sha256: hex(&self.frames.whole()),
                };
                if found.as_ref() != Some(&counted) {
                    return Err(damaged("what it adds up to is not what was written"));
                }
                let over = self.frames.is_over();
                over.map_err(|error| refused(&self.path, error))?;
                Ok(Part::End(counted))
            }
        }
    }
}

fn header_of(frame: &Frame, schema: i64) -> Result<Header, BackupError> {
    let damaged = |reason| BackupError::Damaged { frame: 0, reason };
    if frame.kind != Kind::Header {
        return Err(damaged("it is no header"));
    }
    // First the format alone: what else a newer one says is not for this program to read.
    let json: serde_json::Value =
        serde_json::from_slice(&frame.payload).map_err(|_| damaged("it is no header"))?;
    let newer = |what, found: i64, known| BackupError::Newer { what, found, known };
    match json["format"].as_i64() {
        Some(FORMAT) => {}
        Some(found) if found > FORMAT => return Err(newer("format", found, FORMAT)),
        _ => return Err(damaged("it is no header")),
    }
    let header: Header = serde_json::from_value(json).map_err(|_| damaged("it is no header"))?;
    if header.schema > schema {
        return Err(newer("schema", header.schema, schema));
    }
    Ok(header)
}

/// What a whole backup says of the installation that it is of.
#[derive(Debug)]
pub(super) struct Inspected {
    pub(super) header: Header,
    pub(super) end: End,
    pub(super) installation: Installation,
    /// The sealed keys that rows and tombstones are checked by.
    pub(super) records: ForeignRecords,
}

/// Reads a file to its end.
pub(super) fn inspect(path: &Path, schema: i64) -> Result<Inspected, BackupError> {
    let mut parts = Parts::open(path, schema)?;
    let (mut table, mut columns) = (String::new(), Vec::new());
    let (mut installation, mut records) = (None, [None, None]);
    let end = loop {
        match parts.next()? {
            Part::Table(head, its) => (table, columns) = (head.table, its),
            Part::Rows(rows) => {
                for row in &rows {
                    match table.as_str() {
                        "installation" => installation = read_installation(&columns, row),
                        "system_keys" => {
                            for (record, name) in records.iter_mut().zip(Custody::FOREIGN) {
                                *record = record.take().or(read_key(&columns, row, name));
                            }
                        }
                        _ => {}
                    }
                }
            }
            Part::End(end) => break end,
        }
    };
    let header = parts.header;
    let incomplete = || BackupError::Damaged {
        frame: end.frames,
        reason: "it is of no installation",
    };
    let installation = installation
        .filter(|found: &Installation| header.key_check().as_ref() == Some(&found.key_check))
        .ok_or_else(incomplete)?;
    let [Some(row_mac), Some(signing)] = records else {
        return Err(incomplete());
    };
    Ok(Inspected {
        records: ForeignRecords { row_mac, signing },
        installation,
        header,
        end,
    })
}

fn cell<'r>(columns: &[Column], row: &'r [Cell], name: &str) -> Option<&'r Cell> {
    let place = columns.iter().position(|column| column.name == name)?;
    row.get(place)
}

fn bytes(columns: &[Column], row: &[Cell], name: &str) -> Option<Vec<u8>> {
    match cell(columns, row, name)? {
        Cell::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    }
}

fn count(columns: &[Column], row: &[Cell], name: &str) -> Option<u32> {
    match cell(columns, row, name)? {
        Cell::Number(number) => u32::try_from(*number).ok(),
        _ => None,
    }
}

fn read_installation(columns: &[Column], row: &[Cell]) -> Option<Installation> {
    let passphrase = match cell(columns, row, "argon2_memory_kib")? {
        Cell::Null => None,
        _ => Some(PassphraseParameters {
            memory_kib: count(columns, row, "argon2_memory_kib")?,
            passes: count(columns, row, "argon2_passes")?,
            lanes: count(columns, row, "argon2_lanes")?,
            salt: bytes(columns, row, "argon2_salt")?,
        }),
    };
    Some(Installation {
        key_check: bytes(columns, row, "key_check")?,
        passphrase,
    })
}

/// The record of the system key called `name`, if this is its row.
fn read_key(columns: &[Column], row: &[Cell], name: &str) -> Option<Vec<u8>> {
    let name = Cell::Text(name.to_owned());
    match cell(columns, row, "name") {
        Some(found) if *found == name => bytes(columns, row, "record"),
        _ => None,
    }
}

fn refused(path: &Path, error: Unread) -> BackupError {
    match error {
        Unread::Io(source) => BackupError::File {
            path: path.to_owned(),
            source,
        },
        Unread::NotOne => BackupError::NotOne,
        Unread::Damaged(frame, reason) => BackupError::Damaged { frame, reason },
    }
}
