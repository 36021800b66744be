//! What a backup says of itself and of its tables: JSON, in frames of its own.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use crate::{
    ids::BackupId,
    store::{Column, ColumnKind, Table},
};

/// The format that this program writes, and the newest that it reads.
pub(super) const FORMAT: i64 = 1;

/// The first frame.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Header {
    /// The version of this format.
    pub(super) format: i64,
    /// Which Keystead made it.
    pub(super) keystead: String,
    /// The schema of its tables.
    pub(super) schema: i64,
    /// What the backup is called in the audit log.
    pub(super) id: BackupId,
    /// When it was made, in microseconds since 1970.
    pub(super) made_at: i64,
    /// What opens under the store's root key alone, in base64.
    pub(super) key_check: String,
}

/// A table, before its rows.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct TableHead {
    pub(super) table: String,
    /// Names and kinds, in the order of each row's values.
    pub(super) columns: Vec<(String, String)>,
}

/// The last frame.
#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct End {
    /// How many frames stand before it.
    pub(super) frames: u64,
    /// How many rows there are in all.
    pub(super) rows: u64,
    /// SHA-256 of every byte before this frame, in hex.
    pub(super) sha256: String,
}

impl Header {
    pub(super) fn key_check(&self) -> Option<Vec<u8>> {
        BASE64_STANDARD.decode(&self.key_check).ok()
    }
}

impl TableHead {
    pub(super) fn of(table: &Table) -> Self {
        let column = |column: &Column| (column.name.clone(), column.kind.word().to_owned());
        Self {
            table: table.name.clone(),
            columns: table.columns.iter().map(column).collect(),
        }
    }

    /// The columns, if each is of a kind that there is.
    pub(super) fn columns(&self) -> Option<Vec<Column>> {
        let kinds = [ColumnKind::Number, ColumnKind::Text, ColumnKind::Bytes];
        let column = |(name, word): &(String, String)| {
            Some(Column {
                name: name.clone(),
                kind: kinds.into_iter().find(|kind| kind.word() == word)?,
            })
        };
        self.columns.iter().map(column).collect()
    }
}

/// Bytes as a header has them.
pub(super) fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// A checksum as text.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
