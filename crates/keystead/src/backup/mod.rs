//! Backups: the whole store in one file, and a fresh store made of one.
//!
//! ```text
//! store ──tables, rows──> frames ──> FILE          beside a server that writes
//! FILE  ──checked──> root key ──> rows ──> tokens end, secrets wait, what was erased goes ──> store
//! ```
//!
//! A backup holds what the store holds: ciphertext, keyed hashes and ids. It is made without the root
//! key, and restored with it alone. The file's bytes are in `docs/reference/backup-format.md`; nothing
//! in it depends on the database that it came from, so a store moves from SQLite to PostgreSQL by it.
//!
//! | file | what it answers |
//! |---|---|
//! | `frames` | the bytes of the file: frames, their checksums, values |
//! | `header` | what a backup says of itself, and of its tables |
//! | `make` | a file from a store |
//! | `inspect` | is this file whole, whose is it, and can this program read it |
//! | `restore` | a store from a file |
//! | `afterwards` | what happens to each table's rows when they come back |

mod afterwards;
mod error;
mod frames;
mod header;
mod inspect;
mod make;
mod restore;

pub use self::{
    error::BackupError,
    make::{Made, make},
    restore::{Restored, restore},
};
