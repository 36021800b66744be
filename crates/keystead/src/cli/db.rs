//! `keystead db status|migrate`: the Data Store's schema.

use clap::Subcommand;
use serde_json::json;

use super::{answer::*, failure::Failure, local::Local};
use crate::store::{Access, StoreError};

#[derive(Debug, Subcommand)]
pub(super) enum Db {
    /// Say whether the schema is this program's; runs beside a server
    Status,
    /// Bring the schema up to date; a start of the server does the same
    Migrate,
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
        }
    }
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
