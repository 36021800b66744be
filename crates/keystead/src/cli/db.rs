//! `keystead db`: the Data Store's schema, and its sums of the ledger.

use clap::Subcommand;
use serde_json::json;

use super::{answer::*, failure::Failure, local::Local};
use crate::{
    manage::time::date,
    store::{Access, Rebuilt, StoreError},
};

#[derive(Debug, Subcommand)]
pub(super) enum Db {
    /// Say whether the schema is this program's; runs beside a server
    Status,
    /// Bring the schema up to date; a start of the server does the same
    Migrate,
    /// Make the sums of the usage ledger anew, for every day that it still holds whole; usage of
    /// running servers waits while a day is added up
    RebuildUsage,
}

impl Db {
    pub(super) async fn run(self, local: &Local) -> Result<Answer, Failure> {
        match self {
            Self::Status => status(local).await,
            Self::Migrate => {
                local.store(Access::Write).await?.close().await;
                let json =
                    json!({ "store": local.config.store.url.to_string(), "state": "current" });
                Ok(Answer::new(json, "The schema is up to date"))
            }
            Self::RebuildUsage => {
                let store = local.store(Access::Write).await?;
                let rebuilt = store.rebuild_usage().await;
                store.close().await;
                Ok(told(&rebuilt?))
            }
        }
    }
}

fn told(rebuilt: &Rebuilt) -> Answer {
    let Rebuilt {
        days,
        attempts,
        unreadable,
    } = rebuilt;
    let left: Vec<_> = unreadable
        .iter()
        .map(|(organization, day)| json!({ "organization_id": organization, "day": date(*day) }))
        .collect();
    let mut text = format!("{days} days were added up, {attempts} attempts in all");
    for (organization, day) in unreadable {
        let day = date(*day);
        text +=
            &format!("\n{organization} {day}: a page can't be read; the sums stay as they were");
    }
    let json = json!({ "days": days, "attempts": attempts, "unreadable": left });
    Answer::new(json, text).exit(u8::from(!unreadable.is_empty()))
}

async fn status(local: &Local) -> Result<Answer, Failure> {
    let url = &local.config.store.url;
    let (state, text, exit) =
        match crate::store::Store::open(url, Access::Read, crate::clock::Clock::system()).await {
            Ok(store) => {
                store.close().await;
                ("current", "the schema is up to date".to_owned(), 0)
            }
            Err(error @ StoreError::OlderSchema { .. }) => ("older", error.to_string(), 1),
            Err(error @ StoreError::NewerSchema { .. }) => ("newer", error.to_string(), 1),
            Err(error @ StoreError::Absent { .. }) => ("absent", error.to_string(), 1),
            Err(error) => return Err(error.into()),
        };
    let json = json!({ "store": url.to_string(), "state": state });
    Ok(Answer::new(json, format!("{url}: {text}")).exit(exit))
}
