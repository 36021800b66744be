//! `keystead backup`: the whole store in one file, beside a server that goes on.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{answer::Answer, failure::Failure, local::Local};
use crate::{
    backup::{self, BackupError},
    store::{Access, LastBackup, Store},
};

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// Where the backup goes; nothing may be there yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Backup {
    pub(super) async fn run(self, local: &Local) -> Result<Answer, Failure> {
        let store = local.store(Access::Read).await?;
        let made = backup::make(&store, &self.out).await;
        store.close().await;
        let made = made?;
        let noted = LastBackup {
            id: made.id,
            made_at: made.made_at,
        };
        // Whoever makes backups may be let to read alone: the backup is as good.
        let noted = Store::note_backup(&local.config.store.url, noted)
            .await
            .is_ok();
        let json = json!({
            "backup_id": made.id,
            "file": self.out,
            "schema": made.schema,
            "tables": made.tables,
            "rows": made.rows,
            "bytes": made.bytes,
            "noted": noted,
        });
        let mut text = format!(
            "{}: {} rows of {} tables, {} bytes\n\
             It holds no key in plaintext, and opens with this installation's root key alone: keep \
             the two apart.\n",
            self.out.display(),
            made.rows,
            made.tables,
            made.bytes
        );
        if !noted {
            text += "The store could not be told of it: the security report will not know.\n";
        }
        Ok(Answer::new(json, text))
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let code = error.code();
        let failure = match error {
            BackupError::Custody(error) => error.into(),
            BackupError::Store(error) => error.into(),
            error => Self::caused(&error),
        };
        match code {
            Some(code) => failure.coded(code),
            None => failure,
        }
    }
}
