//! One writing process a SQLite store.
//!
//! SQLite itself would let several processes write. But each would keep its own cache of who may
//! do what, and a revocation in one would not reach the other.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::fs::{FlockOperation, flock};

use super::StoreError;

/// The lock of a writing process; ends with the process, however that ends.
#[derive(Debug)]
pub(super) struct WriterLock {
    /// The kernel drops the lock when this is closed.
    _file: File,
}

impl WriterLock {
    /// Takes the lock of the store in `folder`, and leaves this process's number and name in it.
    pub(super) fn take(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join("keystead.lock");
        let file_error = |source| StoreError::File {
            path: path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(file_error)?;

        if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            return Err(match error {
                rustix::io::Errno::WOULDBLOCK => StoreError::Locked {
                    process: holder(&mut file),
                    lock: path,
                },
                other => file_error(other.into()),
            });
        }

        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{} {}", std::process::id(), command()))
            .map_err(file_error)?;
        Ok(Self { _file: file })
    }
}

/// Names the process that holds the lock, such as "`keystead serve` (process 4711)".
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    if file.read_to_string(&mut text).is_err() {
        return "another process".to_owned();
    }
    match text.trim().split_once(' ') {
        Some((number, command)) => format!("`{command}` (process {number})"),
        None => "another process".to_owned(),
    }
}

/// Program and subcommand of this process; the rest of its arguments may be paths of no concern.
fn command() -> String {
    let mut words = std::env::args();
    let program = words.next().unwrap_or_default();
    let program = Path::new(&program).file_name().unwrap_or_default();
    let program = program.to_string_lossy();
    let plain = |word: &String| word.bytes().all(|byte| byte.is_ascii_lowercase());
    match words.next().filter(plain) {
        Some(subcommand) => format!("{program} {subcommand}"),
        None => program.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_told_who_is_first() {
        let folder = std::env::temp_dir().join(format!("keystead-lock-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();

        let first = WriterLock::take(&folder).unwrap();
        let refused = WriterLock::take(&folder).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("(process {})", std::process::id())),
            "{refused}"
        );

        drop(first);
        WriterLock::take(&folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
