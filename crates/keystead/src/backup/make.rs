//! A file from a store, beside a server that goes on writing: all of it is read from the store of one
//! moment.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

use super::{
    BackupError,
    frames::{FULL, FrameWriter, Kind, write_row},
    header::{End, FORMAT, Header, TableHead, base64, hex},
};
use crate::{
    clock::Timestamp,
    ids::BackupId,
    store::{Store, StoreError, TableReader},
};

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// What it is called in the audit log of a store that is restored from it.
    pub id: BackupId,
    /// When it was begun: what was written later is not in it.
    pub made_at: Timestamp,
    /// The schema of its tables.
    pub schema: i64,
    /// How many tables it has.
    pub tables: usize,
    /// How many rows.
    pub rows: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// Writes a backup of `store` to `path`, which must be free. It has that name only once it is whole and
/// on the disk; a process that is killed leaves at most a file called `….partial`.
///
/// # Errors
///
/// [`BackupError`]; nothing has the name `path` then.
pub async fn make(store: &Store, path: &Path) -> Result<Made, BackupError> {
    if path.exists() {
        return Err(BackupError::Exists {
            path: path.to_owned(),
        });
    }
    let draft = Draft::begin(path).map_err(|source| failed(path, source))?;
    let made = write(store, &draft, path).await?;
    draft.keep(path).map_err(|source| failed(path, source))?;
    Ok(made)
}

async fn write(store: &Store, draft: &Draft, path: &Path) -> Result<Made, BackupError> {
    let in_file = |source| failed(path, source);
    let mut snapshot = store.snapshot_for_long().await?;
    let key_check: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT key_check FROM installation WHERE id = 1")
            .fetch_optional(&mut *snapshot)
            .await
            .map_err(StoreError::from)?;
    let key_check = key_check.ok_or(StoreError::NothingInstalled)?;
    let made_at = store.clock().now();
    let header = Header {
        format: FORMAT,
        keystead: env!("CARGO_PKG_VERSION").to_owned(),
        schema: store.schema_version(),
        id: BackupId::new(store.clock()),
        made_at: made_at.as_micros(),
        key_check: base64(&key_check),
    };
    let to = BufWriter::with_capacity(FULL, &draft.file);
    let mut writer = FrameWriter::new(to).map_err(in_file)?;
    writer
        .write(Kind::Header, &json(&header))
        .map_err(in_file)?;

    let tables = store.tables(&mut snapshot).await?;
    let mut count = 0;
    for table in &tables {
        writer
            .write(Kind::Table, &json(&TableHead::of(table)))
            .map_err(in_file)?;
        let mut reader = TableReader::new(table);
        let mut payload = Vec::new();
        loop {
            let rows = reader.next(&mut snapshot).await?;
            let is_over = rows.is_empty();
            for row in rows {
                write_row(&mut payload, &row);
                count += 1;
                if payload.len() >= FULL {
                    writer.write(Kind::Rows, &payload).map_err(in_file)?;
                    payload.clear();
                }
            }
            if is_over {
                break;
            }
        }
        if !payload.is_empty() {
            writer.write(Kind::Rows, &payload).map_err(in_file)?;
        }
    }
    let end = End {
        frames: writer.frames(),
        rows: count,
        sha256: hex(&writer.whole()),
    };
    writer.write(Kind::End, &json(&end)).map_err(in_file)?;
    writer.into_inner().flush().map_err(in_file)?;
    // What was read is read: how the transaction ends changes nothing.
    snapshot.rollback().await.map_err(StoreError::from)?;
    let bytes = draft.file.metadata().map_err(in_file)?.len();
    Ok(Made {
        id: header.id,
        made_at,
        schema: header.schema,
        tables: tables.len(),
        rows: count,
        bytes,
    })
}

/// A file on its way: closed to others, removed unless it is kept.
struct Draft {
    file: File,
    path: PathBuf,
    is_kept: bool,
}

impl Draft {
    fn begin(wanted: &Path) -> io::Result<Self> {
        let mut name = wanted.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        let path = wanted.with_file_name(name);
        // Of a process of the same number, which is no more.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok(Self {
            file,
            path,
            is_kept: false,
        })
    }

    /// Gives it its name, once it is on the disk.
    fn keep(mut self, wanted: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        match renameat_with(CWD, &self.path, CWD, wanted, RenameFlags::NOREPLACE) {
            // A file system that can't promise it: what lies there was looked for at the beginning.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => fs::rename(&self.path, wanted)?,
            renamed => renamed?,
        }
        self.is_kept = true;
        let folder = wanted
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_kept {
            _ = fs::remove_file(&self.path);
        }
    }
}

fn failed(path: &Path, source: io::Error) -> BackupError {
    match source.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists {
            path: path.to_owned(),
        },
        _ => BackupError::File {
            path: path.to_owned(),
            source,
        },
    }
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers are JSON")
}
