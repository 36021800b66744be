//! `keystead audit list|verify`.

use clap::Subcommand;
use serde_json::json;

use super::{Global, answer::*, client::Client, failure::Failure, local::Local};
use crate::store::Access;

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// List who did what, oldest first
    List,
    /// Recompute the whole log and hold every object against it; runs beside a server
    Verify,
}

impl Audit {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        match self {
            Self::List => list(global).await,
            Self::Verify => verify(global).await,
        }
    }
}

async fn list(global: &Global) -> Result<Answer, Failure> {
    let client = Client::with_api_token(global)?;
    let rows = client.list("/api/v1/audit", &[]).await?;
    let columns = [
        ("at", "at"),
        ("actor", "actor"),
        ("action", "action"),
        ("object", "object"),
        ("outcome", "outcome"),
    ];
    let text = table(
        rows.as_array().map_or(&[], Vec::as_slice),
        &columns,
        "Nothing happened yet",
    );
    Ok(Answer::new(rows, text))
}

async fn verify(global: &Global) -> Result<Answer, Failure> {
    let custody = Local::new(global)?.custody(Access::Read).await?;
    let outcome = custody.store().verify_audit().await;
    custody.store().close().await;
    let report = outcome?;

    let root: String = report
        .root
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let is_whole = report.faults.is_empty();
    let json = json!({
        "ok": is_whole,
        "size": report.size,
        "root": root,
        "faults": report.faults,
    });
    let found: String = report
        .faults
        .iter()
        .map(|fault| format!("  {} {}: {}\n", fault.table, fault.row, fault.fault))
        .collect();
    let text = match is_whole {
        true => format!(
            "The log is whole: {} entries, root {root}\nKeep size and root elsewhere: only they \
             show a whole store put back to an earlier day.",
            report.size
        ),
        false => format!("What is stored is not what Keystead wrote:\n{found}"),
    };
    Ok(Answer::new(json, text).exit(u8::from(!is_whole)))
}
