//! `keystead alerts …`: what was found that someone must look at.

use clap::Subcommand;

use super::{Global, answer::*, client::Client, failure::Failure};

#[derive(Debug, Subcommand)]
pub(super) enum Alerts {
    /// List alerts, the latest made first
    List {
        /// Those that were acknowledged as well
        #[arg(long)]
        all: bool,
    },
    /// Say that you saw an alert; it opens again when the same is found again
    Acknowledge {
        /// The alert's id
        #[arg(value_name = "ALERT_ID")]
        id: String,
    },
}

impl Alerts {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let client = Client::with_api_token(global)?;
        match self {
            Self::List { all } => {
                let filter: &[_] = if all { &[] } else { &[("state", "open")] };
                let rows = client.list(PATH, filter).await?;
                let columns = [
                    ("alert", "alert_id"),
                    ("level", "level"),
                    ("kind", "kind"),
                    ("on", "object"),
                    ("times", "count"),
                    ("last", "last_at"),
                    ("acknowledged", "acknowledged_at"),
                ];
                let text = table(rows.as_array().map_or(&[], Vec::as_slice), &columns, EMPTY);
                Ok(Answer::new(rows, text))
            }
            Self::Acknowledge { id } => {
                let path = format!("{PATH}/{}/acknowledge", segment(&id));
                let seen = client.post(&path, &serde_json::json!({})).await?;
                Ok(Answer::new(seen, "Acknowledged"))
            }
        }
    }
}

const PATH: &str = "/api/v1/alerts";
const EMPTY: &str = "No alerts";
