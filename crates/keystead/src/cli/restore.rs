//! `keystead restore`: a fresh store made what a backup says; and `keystead restored`: what waits for
//! somebody's word afterwards.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{
    answer::{Answer, table},
    failure::Failure,
    local::Local,
};
use crate::{
    audit::AuditReport,
    backup::{self, Restored},
    clock::Clock,
    custody::Custody,
    erasure::{Place, PlaceError},
    manage::time::rfc3339,
    store::{Access, Suspended, SuspendedKind},
};

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Restore what was erased since as well: only where nothing can have been
    #[arg(long)]
    without_tombstones: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Waiting {
    /// List what is disabled since the restore
    List,
    /// Enable it again
    Enable(Enable),
}

#[derive(Debug, Args)]
pub(super) struct Enable {
    /// Only these; may be repeated [default: all]
    #[arg(long, value_name = "KIND")]
    only: Vec<Kind>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    ApiTokens,
    ClientSecrets,
    Grants,
}

impl Restore {
    pub(super) async fn run(self, local: &Local) -> Result<Answer, Failure> {
        let source = local.config.root_key.load()?;
        let url = &local.config.store.url;
        let tombstones = match self.without_tombstones {
            true => None,
            false => Some(Place::of(&local.config).read().await?),
        };
        let tombstones = tombstones.as_deref();
        let restored =
            backup::restore(&self.file, url, &source, tombstones, Clock::system()).await?;
        let custody = local.custody(Access::Read).await?;
        let verified = custody.store().verify_audit().await;
        custody.store().close().await;
        Ok(told(&restored, &verified?))
    }
}

fn told(restored: &Restored, verified: &AuditReport) -> Answer {
    let json = json!({
        "backup_id": restored.backup,
        "made_at": rfc3339(restored.made_at),
        "rows": restored.rows,
        "tombstones": restored.tombstones,
        "disabled": rows(&restored.suspended),
        "ended": restored.ended,
        "audit": { "size": verified.size, "faults": verified.faults },
    });
    let ended = restored.ended.iter();
    let ended: Vec<_> = ended
        .map(|(table, count)| format!("{count} {}", table.replace('_', " ")))
        .collect();
    let ended = match ended.is_empty() {
        true => "Nothing was on its way that had to end.".to_owned(),
        false => format!("Ended for good: {}.", ended.join(", ")),
    };
    let mut text = format!(
        "Restored from {} of {}: {} rows.\n\
         {} tombstones were replayed: what they name is erased again.\n\
         {ended}\n\
         {} API tokens, client secrets and grants are disabled:\n  keystead restored list\n  \
         keystead restored enable\n",
        restored.backup,
        rfc3339(restored.made_at),
        restored.rows,
        restored.tombstones,
        restored.suspended.len()
    );
    for fault in &verified.faults {
        text += &format!("audit: {} {}: {}\n", fault.table, fault.row, fault.fault);
    }
    Answer::new(json, text).exit(u8::from(!verified.faults.is_empty()))
}

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Self {
        let code = match &error {
            PlaceError::Missing { .. } => "tombstones_missing",
            PlaceError::Sink(_) => "tombstones_unreadable",
        };
        Self::caused(&error).coded(code).hint(
            "`erasure.tombstones` says where they are kept; `--without-tombstones` restores what was \
             erased since as well",
        )
    }
}

impl Waiting {
    pub(super) async fn run(self, local: &Local) -> Result<Answer, Failure> {
        match self {
            Self::List => {
                let custody = local.custody(Access::Read).await?;
                let waiting = custody.store().suspended().await;
                custody.store().close().await;
                let rows = rows(&waiting?);
                let text = table(&rows, COLUMNS, "Nothing is disabled since a restore");
                Ok(Answer::new(Value::from(rows), text))
            }
            Self::Enable(command) => {
                let custody = local.custody(Access::Write).await?;
                let enabled = command.enable(&custody).await;
                custody.store().close().await;
                let enabled = enabled?;
                let text = format!("{} are enabled again", enabled.len());
                Ok(Answer::new(json!({ "enabled": rows(&enabled) }), text))
            }
        }
    }
}

impl Enable {
    async fn enable(self, custody: &Custody) -> Result<Vec<Suspended>, Failure> {
        let kinds: Vec<_> = self.only.into_iter().map(SuspendedKind::from).collect();
        let kinds = match kinds.is_empty() {
            true => SuspendedKind::ALL.to_vec(),
            false => kinds,
        };
        Ok(custody.store().enable_suspended(&kinds).await?)
    }
}

impl From<Kind> for SuspendedKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::ApiTokens => Self::ApiToken,
            Kind::ClientSecrets => Self::ClientSecret,
            Kind::Grants => Self::Grant,
        }
    }
}

fn rows(suspended: &[Suspended]) -> Vec<Value> {
    let row = |one: &Suspended| {
        json!({
            "kind": one.kind.word(),
            "id": one.id,
            "organization_id": one.organization,
        })
    };
    suspended.iter().map(row).collect()
}

const COLUMNS: &[(&str, &str)] = &[
    ("kind", "kind"),
    ("id", "id"),
    ("organization", "organization_id"),
];
